package rehearsal_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"

	"wikibot.io/pkg/upkeep"
	"wikibot.io/services/rehearsal/slowfiles"
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
	bases, err := filepath.Glob(filepath.Join(r.Data(), "files", "*", "*", "wikis", "*", "repo.git", "objects", "pack", "*.keep"))
	if err != nil || len(bases) == 0 || len(bases) > 2 {
		t.Errorf("bases: %v, %v; want one, or two where a fold met a later head", bases, err)
	}
	holds(t, r, v, &b)
	r.Reset() // and to processes that have just come
	holds(t, r, v, &b)
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
