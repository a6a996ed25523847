package wiki_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/wiki"
	"wikibot.io/pkg/wiki/wikitest"
)

func save(t *testing.T, h *wikitest.House, w records.Wiki, path, text, base string) wiki.Result {
	t.Helper()
	res, err := h.Engine.Save(t.Context(), h.Now(t, w.ID), wiki.Save{Path: path, Content: []byte(text), Base: base, Author: wikitest.Ada})
	if err != nil {
		t.Fatalf("save %q: %v", path, err)
	}
	return res
}

func read(t *testing.T, h *wikitest.House, w records.Wiki, path string) string {
	t.Helper()
	p, err := h.Engine.Read(t.Context(), h.Now(t, w.ID), path)
	if err != nil {
		t.Fatalf("read %q: %v", path, err)
	}
	return string(p.Content)
}

func TestSaveCreatesAndOverwrites(t *testing.T) {
	h := wikitest.New(t)
	w := h.Wiki(t, "ada")
	created := save(t, h, w, "/Docs//First Page.md", "one\n", "")
	if diff := cmp.Diff(wiki.Result{Path: "Docs/First Page", Revision: h.Now(t, w.ID).Head, Created: true}, created); diff != "" {
		t.Errorf("create (-want +got):\n%s", diff)
	}
	if got := read(t, h, w, "docs/first page"); got != "one\n" {
		t.Errorf("another spelling reads %q", got)
	}
	save(t, h, w, "Docs/First Page", "two", created.Revision)
	if got := read(t, h, w, "Docs/First Page"); got != "two" {
		t.Errorf("content is not kept verbatim: %q", got)
	}
	again := save(t, h, w, "Docs/First Page", "two", h.Now(t, w.ID).Head)
	if !again.Unchanged || again.Revision != h.Now(t, w.ID).Head {
		t.Errorf("saving the same text: %+v, want no commit", again)
	}
	// A new page goes into the folder that exists, whatever case was typed.
	if res := save(t, h, w, "docs/Second", "x", ""); res.Path != "Docs/Second" {
		t.Errorf("a folder was made twice: %q", res.Path)
	}
}

func TestCommitSaysWhoAndThroughWhat(t *testing.T) {
	h := wikitest.New(t)
	w := h.Wiki(t, "ada")
	_, err := h.Engine.Save(t.Context(), w, wiki.Save{
		Path: "Page", Content: []byte("x"),
		// A writer must not be able to speak for another agent.
		Message: "Add a page\n\nBecause.\nWikibot-Agent: Somebody Else\nwikibot-via: web\n" +
			// Hidden behind what is stripped.
			"\x01Wikibot-Agent: Somebody Else\n\r\xffWikibot-Agent: Somebody Else\n \tWikibot-Agent: Somebody Else",
		Author: wiki.Author{UserID: "ada", Name: "Ada <root>\n", Email: "ada@users.wikibot.localhost", Agent: "Claude Code", Via: "mcp"},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := wikitest.Git(t, h.Git.Dir(w.ID)+"/repo.git", "log", "-1", "--format=%an <%ae>%n%B")
	want := "Ada root <ada@users.wikibot.localhost>\nAdd a page\n\nBecause.\n\nWikibot-Agent: Claude Code\nWikibot-Via: mcp\n\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("commit (-want +got):\n%s", diff)
	}
}

func TestDisjointEditsBothSurvive(t *testing.T) {
	h := wikitest.New(t)
	w := h.Wiki(t, "ada")
	base := save(t, h, w, "Page", "1\n2\n3\n4\n5\n", "").Revision
	save(t, h, w, "Page", "one\n2\n3\n4\n5\n", base)
	res := save(t, h, w, "Page", "1\n2\n3\n4\nfive\n", base)
	if !res.Merged {
		t.Errorf("result does not say that it merged: %+v", res)
	}
	if got := read(t, h, w, "Page"); got != "one\n2\n3\n4\nfive\n" {
		t.Errorf("merged to %q", got)
	}
}

func TestOverlapAnswersWithAllThreeTexts(t *testing.T) {
	h := wikitest.New(t)
	w := h.Wiki(t, "ada")
	base := save(t, h, w, "Page", "1\n2\n3\n", "").Revision
	theirs := save(t, h, w, "Page", "1\ntheirs\n3\n", base).Revision
	_, err := h.Engine.Save(t.Context(), h.Now(t, w.ID), wiki.Save{Path: "Page", Content: []byte("1\nyours\n3\n"), Base: base, Author: wikitest.Ada})
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Kind != fault.Conflict {
		t.Fatalf("got %v, want a conflict", err)
	}
	want := &fault.Merge{Base: "1\n2\n3\n", Theirs: "1\ntheirs\n3\n", Yours: "1\nyours\n3\n", CurrentRevision: theirs}
	if diff := cmp.Diff(want, e.Merge); diff != "" {
		t.Errorf("conflict (-want +got):\n%s", diff)
	}
	// Settled by hand, it saves.
	save(t, h, w, "Page", "1\nboth\n3\n", e.Merge.CurrentRevision)
}

func TestSaveRefuses(t *testing.T) {
	h := wikitest.New(t)
	w := h.Wiki(t, "ada")
	rev := save(t, h, w, "Page", "text\n", "").Revision
	big := strings.Repeat("x", wiki.MaxPage+1)
	for _, c := range []struct {
		why              string
		path, text, base string
		want             fault.Kind
	}{
		{"a page that exists, without saying from which revision", "PAGE", "x", "", fault.Exists},
		{"a page that is gone", "Gone", "x", rev, fault.NotFound},
		{"more than a megabyte", "Big", big, "", fault.TooLarge},
		{"text that is not UTF-8", "Latin", "caf\xe9", "", fault.Invalid},
		{"a NUL byte", "Nul", "a\x00b", "", fault.Invalid},
		{"a revision that is too short", "Page", "x", rev[:6], fault.Invalid},
		{"a revision that is an option", "Page", "x", "--output=/etc/passwd", fault.Invalid},
		{"a revision that is a name", "Page", "x", "HEAD~1xxx", fault.Invalid},
		{"a revision of nothing", "Page", "x", strings.Repeat("1", 40), fault.Invalid},
		{"a short revision of nothing", "Page", "x", "1111111", fault.Invalid},
		{"a tree where a commit should be", "Page", "x", strings.TrimSpace(wikitest.Git(t, h.Git.Dir(w.ID)+"/repo.git", "rev-parse", rev+"^{tree}")), fault.Invalid},
		{"an empty path", "", "x", "", fault.Invalid},
		{"a path that climbs", "../../etc/passwd", "x", "", fault.Invalid},
		{"git's own folder", ".git/config", "x", "", fault.Invalid},
		{"git's own folder, as a short name", "git~1/hooks", "x", "", fault.Invalid},
		{"a backslash", `a\..\b`, "x", "", fault.Invalid},
		{"the wiki's own paths", "-/edit", "x", "", fault.Invalid},
	} {
		_, err := h.Engine.Save(t.Context(), h.Now(t, w.ID), wiki.Save{Path: c.path, Content: []byte(c.text), Base: c.base, Author: wikitest.Ada})
		if !fault.Is(err, c.want) {
			t.Errorf("%s: got %v, want %s", c.why, err, c.want)
		}
	}
	if got := h.Now(t, w.ID); got.Head != rev {
		t.Errorf("a refused save moved the head to %s", got.Head)
	}
}

func TestEdit(t *testing.T) {
	h := wikitest.New(t)
	w := h.Wiki(t, "ada")
	base := save(t, h, w, "Page", "alpha\nbeta\nbeta\n", "").Revision
	for _, c := range []struct {
		why      string
		old, new string
		want     fault.Kind
		says     string
	}{
		{"found twice", "beta", "x", fault.Invalid, "2 times"},
		{"not found", "gamma", "x", fault.Invalid, "not found"},
		{"empty", "", "x", fault.Invalid, "empty"},
		{"no change", "alpha", "alpha", fault.Invalid, "same"},
	} {
		_, err := h.Engine.Edit(t.Context(), w, wiki.Edit{Path: "Page", Base: base, Old: c.old, New: c.new, Author: wikitest.Ada})
		if !fault.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v", c.why, err)
		}
	}
	edit := func(base, old, now string) (wiki.Result, error) {
		return h.Engine.Edit(t.Context(), h.Now(t, w.ID), wiki.Edit{Path: "page", Base: base, Old: old, New: now, Author: wikitest.Claude})
	}
	if _, err := edit(base, "alpha", "ALPHA"); err != nil {
		t.Fatal(err)
	}
	// Made from the old revision, but its text is still there: it applies.
	if res, err := edit(base, "beta\nbeta", "beta\ngamma"); err != nil || !res.Merged {
		t.Fatalf("got %+v, %v", res, err)
	}
	// Its text is gone: that is a conflict, with everything needed to settle it.
	_, err := edit(base, "alpha", "omega")
	if e, ok := errors.AsType[*fault.Error](err); !ok || e.Kind != fault.Conflict || e.Merge.Yours != "omega\nbeta\nbeta\n" {
		t.Errorf("got %v", err)
	}
	if got := read(t, h, w, "Page"); got != "ALPHA\nbeta\ngamma\n" {
		t.Errorf("page is %q", got)
	}
}

// Sixty-four writers on one wiki: every save lands, none is lost, in this
// process and against a second one that shares nothing but the disk.
func TestConcurrentWritersLoseNothing(t *testing.T) {
	h := wikitest.New(t)
	w := h.Wiki(t, "ada")
	second := wikitest.Open(t, h.Dir)
	t.Cleanup(func() { second.Index.Close(); second.Records.Close() })
	const writers, each = 16, 4
	var all sync.WaitGroup
	for i := range writers {
		engine := h.Engine
		if i%4 == 3 {
			engine = second.Engine
		}
		all.Go(func() {
			for j := range each {
				path := fmt.Sprintf("Writer %d/Page %d", i, j)
				if _, err := engine.Save(t.Context(), w, wiki.Save{Path: path, Content: []byte(path), Author: wikitest.Ada}); err != nil {
					t.Errorf("save %s: %v", path, err)
				}
			}
		})
	}
	all.Wait()
	for i := range writers {
		for j := range each {
			path := fmt.Sprintf("Writer %d/Page %d", i, j)
			if got := read(t, h, w, path); got != path {
				t.Errorf("%s holds %q", path, got)
			}
		}
	}
	if got := h.Now(t, w.ID).PageCount; got != 3+writers*each {
		t.Errorf("%d pages are counted, want %d", got, 3+writers*each)
	}
}

func TestWritersOfOnePageLoseNothing(t *testing.T) {
	h := wikitest.New(t)
	w := h.Wiki(t, "ada")
	var text strings.Builder
	for i := range 20 {
		fmt.Fprintf(&text, "line %d of many\n\n", i)
	}
	base := save(t, h, w, "Page", text.String(), "").Revision
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			_, err := h.Engine.Edit(t.Context(), w, wiki.Edit{Path: "Page", Base: base, Old: fmt.Sprintf("line %d of", i), New: fmt.Sprintf("LINE %d of", i), Author: wikitest.Claude})
			if err != nil {
				t.Errorf("edit %d: %v", i, err)
			}
		})
	}
	all.Wait()
	if got, want := read(t, h, w, "Page"), strings.ReplaceAll(text.String(), "line", "LINE"); got != want {
		t.Errorf("(-want +got):\n%s", cmp.Diff(want, got))
	}
}

func TestIdempotencyKey(t *testing.T) {
	h := wikitest.New(t)
	w := h.Wiki(t, "ada")
	s := wiki.Save{Path: "Page", Content: []byte("x"), Author: wikitest.Claude, IdempotencyKey: "k1"}
	var all sync.WaitGroup
	results := make([]wiki.Result, 8)
	for i := range results {
		all.Go(func() {
			res, err := h.Engine.Save(t.Context(), w, s)
			if err != nil {
				t.Errorf("repeat %d: %v", i, err)
			}
			results[i] = res
		})
	}
	all.Wait()
	for _, res := range results {
		if diff := cmp.Diff(results[0], res); diff != "" {
			t.Errorf("a repeated request answers differently:\n%s", diff)
		}
	}
	s.Content = []byte("y")
	if _, err := h.Engine.Save(t.Context(), w, s); !fault.Is(err, fault.Conflict) {
		t.Errorf("another request under the same key: %v, want a conflict", err)
	}
}

// Of copies that overlap, all but the first find that there is nothing to do:
// that is no answer, for the first copy did it.
func TestOverlappingRepeatsOfAnOverwriteAnswerAlike(t *testing.T) {
	h := wikitest.New(t)
	w := h.Wiki(t, "ada")
	base := save(t, h, w, "Page", "one\n", "").Revision
	s := wiki.Save{Path: "Page", Content: []byte("two\n"), Base: base, Author: wikitest.Claude, IdempotencyKey: "k1"}
	head := h.Now(t, w.ID)
	const copies = 3
	e := engineOn(t, h, &crowd{Heads: h.Records, n: copies, here: make(chan struct{})})
	var all sync.WaitGroup
	results := make([]wiki.Result, copies)
	for i := range results {
		all.Go(func() {
			res, err := e.Save(t.Context(), head, s)
			if err != nil {
				t.Errorf("copy %d: %v", i, err)
			}
			results[i] = res
		})
	}
	all.Wait()
	for _, res := range results {
		if diff := cmp.Diff(wiki.Result{Path: "Page", Revision: h.Now(t, w.ID).Head}, res); diff != "" {
			t.Errorf("a copy's answer (-want +got):\n%s", diff)
		}
	}
}

func TestFreeTierStopsCreatingNotEditing(t *testing.T) {
	h := wikitest.New(t)
	files := map[string]string{}
	for i := range 500 {
		files[fmt.Sprintf("P%d.md", i)] = "x"
	}
	w := adopt(t, h, "full", files)
	if err := h.Records.SetTier(t.Context(), h.Owner.ID, records.Free); err != nil {
		t.Fatal(err)
	}
	_, err := h.Engine.Save(t.Context(), h.Now(t, w.ID), wiki.Save{Path: "One too many", Content: []byte("x"), Author: wikitest.Ada})
	if !fault.Is(err, fault.Limit) {
		t.Errorf("page 501: %v, want the limit", err)
	}
	save(t, h, w, "P1", "still editable", w.Head)
	if _, err := h.Engine.Delete(t.Context(), h.Now(t, w.ID), wiki.Delete{Path: "P2", Author: wikitest.Ada}); err != nil {
		t.Errorf("delete at the limit: %v", err)
	}
	save(t, h, w, "In its place", "x", "")
}
