package rehearsal_test

import (
	"net/http"
	"path/filepath"
	"testing"

	"wikibot.io/pkg/event/eventbridge/eventbridgetest"
	"wikibot.io/services/rehearsal"
	"wikibot.io/services/rehearsal/slowfiles"
)

// The function that serves git may not write to the files, and does well without:
// even if it is the first to be called, and the wiki's files are not there yet.
func TestGitOnlyReads(t *testing.T) {
	r := start(t)
	// The wiki exists, and what makes its files does not learn of it.
	if err := r.SetWeather(rehearsal.Weather{Events: eventbridgetest.Chaos{Unreachable: 1}}); err != nil {
		t.Fatal(err)
	}
	v := signUp(t, r, "ada", true)
	for range 2 { // cold and warm
		a, err := v.Get(t.Context(), v.Wiki("/repo.git/info/refs?service=git-upload-pack"), true)
		if err != nil || a.Status != http.StatusOK {
			t.Errorf("refs of a wiki without files: status %d, %v: %s", a.Status, err, a.Body)
		}
	}
	if made, err := filepath.Glob(filepath.Join(r.Data(), "files", "*", "*", "*")); err != nil || len(made) != 0 {
		t.Errorf("there is %v, %v; want nothing", made, err)
	}
	if err := r.SetWeather(rehearsal.Weather{}); err != nil {
		t.Fatal(err)
	}
	settle(t, r)
	git(t, "", "clone", "-q", v.GitURL(), filepath.Join(t.TempDir(), "clone"))
	ops := r.Function("githttp").FileOperations()
	if ops["read"] == 0 || ops[slowfiles.Refused] != 0 {
		t.Errorf("file operations of githttp: %v; want reads, and nothing refused", ops)
	}
}

// A function that writes, and whose role lacks the right to, is found out: it
// does not even start.
func TestRightToWriteFilesIsNeeded(t *testing.T) {
	o := broken(t, func(rs map[string]resource) {
		each(rs, "AWS::IAM::Role", func(id string, p map[string]any) {
			if id == "WikiRole" {
				without(p, "elasticfilesystem:ClientWrite")
			}
		})
	})
	r := start(t, func(opts *rehearsal.Options) { opts.Templates = o })
	if r.Function("wiki").MayWrite || !r.Function("mcp").MayWrite {
		t.Fatal("the templates were not changed as meant")
	}
	v := signUp(t, r, "ada", false)
	if a, err := v.Save(t.Context(), "Page", "text"); err != nil || a.Status != http.StatusBadGateway {
		t.Errorf("save: status %d, %v: %s; want 502", a.Status, err, a.Body)
	}
	if n := r.Function("wiki").FileOperations()[slowfiles.Refused]; n == 0 {
		t.Error("nothing was refused")
	}
}

// without removes an action from a policy, wherever it is.
func without(v any, action string) {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			if list, ok := inner.([]any); ok {
				kept := list[:0]
				for _, item := range list {
					if item != action {
						kept = append(kept, item)
					}
				}
				v[key] = kept
			}
			without(inner, action)
		}
	case []any:
		for _, inner := range v {
			without(inner, action)
		}
	}
}
