package wiki_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"wikibot.io/contracts/events"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/pagepath"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/wiki"
	"wikibot.io/pkg/wiki/wikitest"
)

func rename(t *testing.T, h *wikitest.House, w records.Wiki, from, to string) wiki.Result {
	t.Helper()
	res, err := h.Engine.Rename(t.Context(), h.Now(t, w.ID), wiki.Rename{From: from, To: to, Author: wikitest.Ada})
	if err != nil {
		t.Fatalf("rename %q to %q: %v", from, to, err)
	}
	return res
}

func TestRenameRewritesLinksInOneCommit(t *testing.T) {
	h := wikitest.New(t)
	w := h.Wiki(t, "ada")
	save(t, h, w, "Old name", "See [[Old name]] and [[Other]].\n", "")
	save(t, h, w, "Other", "[[Old name]], [[shown|old name#Part]], [text](/Old%20name#a), `[[Old name]]`\n", "")
	save(t, h, w, "Old name/Sub", "a sub-page stays: [[Old name/Sub]]\n", "")
	before := h.Now(t, w.ID).Sequence
	res := rename(t, h, w, "old name", "New/Name")
	if after := h.Now(t, w.ID).Sequence; after != before+1 {
		t.Errorf("the rename took %d commits", after-before)
	}
	if diff := cmp.Diff([]string{"Other"}, res.Relinked); diff != "" {
		t.Errorf("relinked (-want +got):\n%s", diff)
	}
	if got := read(t, h, w, "New/Name"); got != "See [[New/Name]] and [[Other]].\n" {
		t.Errorf("the page's own link: %q", got)
	}
	want := "[[New/Name]], [[shown|New/Name#Part]], [text](/New/Name#a), `[[Old name]]`\n"
	if diff := cmp.Diff(want, read(t, h, w, "Other")); diff != "" {
		t.Errorf("the linking page (-want +got):\n%s", diff)
	}
	read(t, h, w, "Old name/Sub")
	if _, err := h.Engine.Read(t.Context(), h.Now(t, w.ID), "Old name"); !fault.Is(err, fault.NotFound) {
		t.Errorf("the old path still answers: %v", err)
	}
}

func TestRenameRefuses(t *testing.T) {
	h := wikitest.New(t)
	w := h.Wiki(t, "ada")
	save(t, h, w, "A", "a", "")
	save(t, h, w, "B", "b", "")
	for _, c := range []struct {
		why, from, to string
		want          fault.Kind
	}{
		{"onto another page", "A", "b", fault.Exists},
		{"onto itself", "A", "A", fault.Invalid},
		{"of nothing", "Nothing", "C", fault.NotFound},
		{"out of the wiki", "A", "../A", fault.Invalid},
	} {
		if _, err := h.Engine.Rename(t.Context(), w, wiki.Rename{From: c.from, To: c.to, Author: wikitest.Ada}); !fault.Is(err, c.want) {
			t.Errorf("%s: got %v, want %s", c.why, err, c.want)
		}
	}
	// A change of case alone is a rename like any other.
	rename(t, h, w, "A", "a")
	if p, err := h.Engine.Read(t.Context(), h.Now(t, w.ID), "A"); err != nil || p.Path != "a" {
		t.Errorf("after a change of case: %q, %v", p.Path, err)
	}
}

// adopt makes a wiki of a repository with attachments, as an import would.
func adopt(t *testing.T, h *wikitest.House, slug string, files map[string]string) records.Wiki {
	t.Helper()
	src := t.TempDir()
	wikitest.Git(t, src, "init", "-q", "-b", "main")
	for name, text := range files {
		path := filepath.Join(src, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	wikitest.Git(t, src, "add", ".")
	wikitest.Git(t, src, "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-q", "-m", "begin")
	id := events.NewID(h.Owner.CreatedAt)
	in, err := h.Git.Import(t.Context(), id, src, nil)
	head := in.Head
	if err != nil {
		t.Fatal(err)
	}
	sum, err := h.Engine.Survey(t.Context(), id, head.String())
	if err != nil {
		t.Fatal(err)
	}
	w, err := h.Records.CreateWiki(t.Context(), records.NewWiki{
		ID: id, Slug: slug, Name: slug, OwnerID: h.Owner.ID, MaxWikis: 100, CreatedAt: h.Owner.CreatedAt,
		Token: records.Token{ID: events.NewID(h.Owner.CreatedAt), Hash: "hash-" + id, WikiID: id, UserID: h.Owner.ID, Name: "default", Role: records.Editor},
		Head:  head.String(), PageCount: sum.Pages, FileBytes: sum.FileBytes, Actor: &events.Actor{},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Check(t, id) })
	return w
}

func TestAttachmentsMoveWithTheirPage(t *testing.T) {
	h := wikitest.New(t)
	w := adopt(t, h, "files", map[string]string{
		"Page.md": "![](/Page/pic.png)\n", "Page/pic.png": "PNG", "Page/img/deep.png": "PNG2",
		"Page/Sub.md": "sub", "Page/Sub/own.txt": "belongs to Sub", "Links.md": "[pic](/Page/pic.png)\n",
	})
	files, err := h.Engine.Files(t.Context(), w, "page")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Path)
	}
	if diff := cmp.Diff([]string{"Page/pic.png"}, names); diff != "" {
		t.Errorf("attachments (-want +got):\n%s", diff)
	}
	rename(t, h, w, "Page", "Moved/Here")
	w = h.Now(t, w.ID)
	if f, err := h.Engine.File(t.Context(), w, "Moved/Here/pic.png"); err != nil || string(f.Content) != "PNG" {
		t.Errorf("the attachment did not move: %v", err)
	}
	if f, err := h.Engine.File(t.Context(), w, "Page/Sub/own.txt"); err != nil || string(f.Content) != "belongs to Sub" {
		t.Errorf("a sub-page's attachment moved: %v", err)
	}
	if f, err := h.Engine.File(t.Context(), w, "Page/img/deep.png"); err != nil || string(f.Content) != "PNG2" {
		t.Errorf("a file in a folder of its own moved: %v", err)
	}
	if got := read(t, h, w, "Links"); got != "[pic](/Moved/Here/pic.png)\n" {
		t.Errorf("a link to the attachment: %q", got)
	}
	if _, err := h.Engine.Delete(t.Context(), w, wiki.Delete{Path: "Moved/Here", Author: wikitest.Ada}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Engine.File(t.Context(), h.Now(t, w.ID), "Moved/Here/pic.png"); !fault.Is(err, fault.NotFound) {
		t.Errorf("the attachment outlived its page: %v", err)
	}
}

// A symbolic link in an adopted repository is neither followed nor served.
func TestSymbolicLinksAreNotServed(t *testing.T) {
	h := wikitest.New(t)
	src := t.TempDir()
	wikitest.Git(t, src, "init", "-q", "-b", "main")
	for name, target := range map[string]string{"passwd.md": "/etc/passwd", "up.txt": "../../.."} {
		if err := os.Symlink(target, filepath.Join(src, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(src, "Home.md"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	wikitest.Git(t, src, "add", ".")
	wikitest.Git(t, src, "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-q", "-m", "begin")
	id := events.NewID(h.Owner.CreatedAt)
	in, err := h.Git.Import(t.Context(), id, src, nil)
	head := in.Head
	if err != nil {
		t.Fatal(err)
	}
	w := records.Wiki{ID: id, Head: head.String()}
	if _, err := h.Engine.Read(t.Context(), w, "passwd"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a link is read as a page: %v", err)
	}
	if _, err := h.Engine.File(t.Context(), w, "up.txt"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a link is read as a file: %v", err)
	}
}

// model is what a wiki should hold: text by path, and keys taken.
type model map[string]string

func (m model) find(path string) (string, bool) {
	for p := range m {
		if pagepath.Key(p) == pagepath.Key(path) {
			return p, true
		}
	}
	return "", false
}

// TestModel drives the engine and a map with the same random writes; after each
// the two hold the same, and at the end repository, record and mirror agree.
func TestModel(t *testing.T) {
	h := wikitest.New(t)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		w := h.Make(rt, fmt.Sprintf("model-%d", n))
		m := model{}
		for _, p := range []string{"Home", "Meta/Wiki Usage Guide", "Meta/Page Template"} {
			m[p] = read(t, h, w, p)
		}
		path := rapid.SampledFrom([]string{"A", "a", "B", "A/Sub", "b/Sub", "É", "E\u0301", "Dir/Deep/Page"})
		text := rapid.SampledFrom([]string{"", "one\n", "one\ntwo\n", "[[A]]\n", "no newline"})
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			step(rt, h, w.ID, m, path, text)
		}
		compare(rt, h, w.ID, m)
		if n%10 == 0 { // git's own check of everything is slow
			h.Check(t, w.ID)
		}
		if err := h.Records.DeleteWiki(t.Context(), w.ID, &events.Actor{}); err != nil {
			rt.Fatal(err)
		}
	})
}

func step(rt *rapid.T, h *wikitest.House, id string, m model, path, text *rapid.Generator[string]) {
	ctx := rt.Context()
	w := h.Now(rt, id)
	p := path.Draw(rt, "path")
	stored, exists := m.find(p)
	switch rapid.SampledFrom([]string{"create", "save", "rename", "delete"}).Draw(rt, "op") {
	case "create":
		res, err := h.Engine.Save(ctx, w, wiki.Save{Path: p, Content: []byte(text.Draw(rt, "text")), Author: wikitest.Ada})
		if exists != fault.Is(err, fault.Exists) || !exists && err != nil {
			rt.Fatalf("create %q (exists: %v): %v", p, exists, err)
		}
		if err == nil {
			got, err := h.Engine.Read(ctx, h.Now(rt, id), res.Path)
			if err != nil {
				rt.Fatalf("read back %q: %v", res.Path, err)
			}
			m[res.Path] = string(got.Content)
		}
	case "save":
		body := text.Draw(rt, "text")
		_, err := h.Engine.Save(ctx, w, wiki.Save{Path: p, Content: []byte(body), Base: w.Head, Author: wikitest.Ada})
		if exists != (err == nil) || !exists && !fault.Is(err, fault.NotFound) {
			rt.Fatalf("save %q (exists: %v): %v", p, exists, err)
		}
		if exists {
			m[stored] = body
		}
	case "delete":
		_, err := h.Engine.Delete(ctx, w, wiki.Delete{Path: p, Author: wikitest.Ada})
		if exists != (err == nil) {
			rt.Fatalf("delete %q (exists: %v): %v", p, exists, err)
		}
		delete(m, stored)
	case "rename":
		to := path.Draw(rt, "to")
		_, taken := m.find(to)
		free := !taken || pagepath.Key(to) == pagepath.Key(p)
		res, err := h.Engine.Rename(ctx, w, wiki.Rename{From: p, To: to, Author: wikitest.Ada})
		if !exists || !free || res.Path == "" {
			if err == nil || exists && free && !fault.Is(err, fault.Invalid) {
				rt.Fatalf("rename %q to %q (exists: %v, free: %v): %v", p, to, exists, free, err)
			}
			return
		}
		delete(m, stored)
		for _, q := range append(res.Relinked, res.Path) {
			got, err := h.Engine.Read(ctx, h.Now(rt, id), q)
			if err != nil {
				rt.Fatalf("read %q after a rename: %v", q, err)
			}
			m[q] = string(got.Content)
		}
	}
}

func compare(rt *rapid.T, h *wikitest.House, id string, m model) {
	w := h.Now(rt, id)
	var want []string
	for p, text := range m {
		want = append(want, p)
		got, err := h.Engine.Read(rt.Context(), w, p)
		if err != nil || string(got.Content) != text || got.Path != p {
			rt.Fatalf("read %q: %q (%q), %v; want %q", p, got.Content, got.Path, err, text)
		}
	}
	repo := h.Git.Dir(id) + "/repo.git"
	out, err := exec.Command("git", "-C", repo, "-c", "core.quotePath=false", "ls-tree", "-r", "--name-only", "-z", w.Head).Output()
	if err != nil {
		rt.Fatal(err)
	}
	var got []string
	for f := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		got = append(got, strings.TrimSuffix(f, ".md"))
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		rt.Fatalf("files (-model +git):\n%s", diff)
	}
}
