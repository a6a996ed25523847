package rehearsal_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wikibot.io/contracts/routes"
	"wikibot.io/pkg/upkeep"
	"wikibot.io/services/embedding"
	"wikibot.io/services/rehearsal"
	"wikibot.io/services/rehearsal/slowfiles"
	"wikibot.io/services/rehearsal/visitor"
)

// After enough saves the function that keeps what is derived folds the packs: its
// role allows what that takes, and the function that only reads files serves them.
func TestPacksAreFolded(t *testing.T) {
	r := start(t)
	v := signUp(t, r, "ada", true)
	var b book
	for n := range upkeep.Due + 8 {
		path, text := fmt.Sprint("Page ", n), fmt.Sprint("save ", n)
		if a, err := v.Save(t.Context(), path, text); err != nil || a.Status != http.StatusCreated {
			t.Fatalf("save %s: status %d, %v: %s", path, a.Status, err, a.Body)
		}
		b.note(path, text)
	}
	settle(t, r)
	if bases := basesOf(t, r); len(bases) == 0 || len(bases) > 2 {
		t.Errorf("bases: %v; want one, or two where a fold met a later head", bases)
	}
	holds(t, r, v, &b)
	r.Reset() // and to processes that have just come
	holds(t, r, v, &b)
	unrefused(t, r)
}

// An operator cannot reach the files of AWS, but tells the function that may write
// them to go through all wikis, in which too few saves were made to be folded.
func TestOperatorMaintainsAllWikis(t *testing.T) {
	r := start(t)
	books := map[*visitor.Visitor]*book{}
	for _, name := range []string{"ada", "bea"} {
		v, b := signUp(t, r, name, true), &book{}
		for n := range 3 {
			path, text := fmt.Sprint("Page ", n), fmt.Sprint("of ", name, n)
			if a, err := v.Save(t.Context(), path, text); err != nil || a.Status != http.StatusCreated {
				t.Fatalf("save %s: status %d, %v: %s", path, a.Status, err, a.Body)
			}
			b.note(path, text)
		}
		books[v] = b
	}
	settle(t, r)
	if bases := basesOf(t, r); len(bases) > 0 {
		t.Fatalf("there are bases already: %v", bases)
	}
	if got, want := tell(t, r, `{"schedule":"fsck"}`), (embedding.Round{Wikis: 2}); got != want {
		t.Errorf("before: %+v", got)
	}
	got := tell(t, r, `{"schedule":"maintain"}`)
	if want := (embedding.Round{Wikis: 2}); got != want {
		t.Errorf("maintained: %+v", got)
	}
	bases := basesOf(t, r)
	if len(bases) != 2 {
		t.Fatalf("bases: %v, want one of each wiki", bases)
	}
	r.Reset()
	for v, b := range books {
		holds(t, r, v, b)
	}
	if got, want := tell(t, r, `{"schedule":"fsck"}`), (embedding.Round{Wikis: 2}); got != want {
		t.Errorf("after: %+v", got)
	}
	// What is damaged is told; the second call begins behind the first wiki.
	first, _, _ := strings.Cut(strings.SplitAfter(bases[0], "/wikis/")[1], "/")
	if err := os.Truncate(strings.TrimSuffix(bases[0], ".keep")+".pack", 100); err != nil {
		t.Fatal(err)
	}
	if got, want := tell(t, r, `{"schedule":"fsck"}`), (embedding.Round{Wikis: 2, Wrong: 1}); got != want {
		t.Errorf("damaged: %+v", got)
	}
	if got, want := tell(t, r, `{"schedule":"fsck","after":"`+first+`"}`), (embedding.Round{Wikis: 1}); got != want {
		t.Errorf("behind the damaged one: %+v", got)
	}
	unrefused(t, r)
}

// tell invokes the function that keeps packs few, as an operator does.
func tell(t *testing.T, r *rehearsal.Rehearsal, payload string) (round embedding.Round) {
	t.Helper()
	said, err := r.Function(routes.Embedding).Invoke(t.Context(), []byte(payload))
	if err != nil {
		t.Fatalf("%s: %v", payload, err)
	}
	if err := json.Unmarshal(said, &round); err != nil {
		t.Fatalf("%s: %v: %s", payload, err, said)
	}
	return round
}

// basesOf returns the files that mark the bases of all wikis, sorted.
func basesOf(t *testing.T, r *rehearsal.Rehearsal) []string {
	t.Helper()
	bases, err := filepath.Glob(filepath.Join(r.Data(), "files", "*", "*", "wikis", "*", "repo.git", "objects", "pack", "*.keep"))
	if err != nil {
		t.Fatal(err)
	}
	return bases
}

// unrefused reports what roles or file systems did not allow, and what was given up.
func unrefused(t *testing.T, r *rehearsal.Rehearsal) {
	t.Helper()
	for _, f := range r.Functions() {
		if n := f.FileOperations()[slowfiles.Refused]; n > 0 {
			t.Errorf("%s was refused %d changes of files", f.Service, n)
		}
	}
	for _, refused := range r.Meter().Refused() {
		t.Errorf("the role of %s does not allow %s on %s", refused.Function, refused.Call.Action, refused.Call.Resource)
	}
	if letters := r.DeadLetters(); len(letters) > 0 {
		t.Errorf("dead letters: %v", letters)
	}
}
