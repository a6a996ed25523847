package gitstore

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/gitstore/gitstoretest"
)

// On a network file system each operation costs a round trip of 1 to 3 ms, so
// what each thing takes is a promise, held here operation by operation.

var (
	temporary = regexp.MustCompile(`tmp_(\w+)_[0-9A-Z]+$`)
	packFiles = regexp.MustCompile(`pack-([0-9a-f]{40})\.`)
)

// operations returns what was done since the last reset, with names that do not
// depend on chance: those of temporary files without their end, commits and packs
// by what the caller calls them.
func (d *testDisk) operations(called map[string]string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for _, op := range d.log {
		op = temporary.ReplaceAllString(op, "tmp_$1")
		op = packFiles.ReplaceAllStringFunc(op, func(s string) string {
			if name, ok := called[s[len("pack-"):len(s)-1]]; ok {
				return name + "."
			}
			return s
		})
		out = append(out, op)
	}
	d.log = nil
	return out
}

// view reads a page as the engine does: from the commit down the trees.
func view(t *testing.T, r *Repo, commit OID, page string) string {
	t.Helper()
	ctx := t.Context()
	c, err := r.Commit(ctx, commit)
	if err != nil {
		t.Fatal(err)
	}
	id := c.Tree
	for name := range strings.SplitSeq(page, "/") {
		tree, err := r.Tree(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		e, ok := tree.Entry(name)
		if !ok {
			t.Fatalf("commit %s has no %s of %s", commit, name, page)
		}
		id = e.ID
	}
	data, err := r.Blob(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// reopened is the same folder as a process that has just started sees it.
func reopened(t *testing.T, dir string) (*Repo, *testDisk) {
	t.Helper()
	d := &testDisk{left: -1}
	r, err := newStore(dir, Options{}, d).Repo(t.Context(), wikiID)
	if err != nil {
		t.Fatal(err)
	}
	return r, d
}

func TestAWarmViewTouchesNoDisk(t *testing.T) {
	s, r, _ := newTestDisk(t)
	head := save(t, r, OID{}, "first", map[string]string{"a/b/c.md": "1", "a/b/d.md": "2"})
	cold, d := reopened(t, s.dir)
	view(t, cold, head, "a/b/c.md")
	view(t, cold, head, "a/b/d.md")
	d.reset(-1, false)
	for _, page := range []string{"a/b/c.md", "a/b/d.md"} {
		view(t, cold, head, page)
	}
	if ops := d.operations(nil); len(ops) > 0 {
		t.Errorf("views of pages that were viewed before: %v", ops)
	}
	// Nor does a view of what this process has saved itself.
	head = save(t, cold, head, "second", map[string]string{"a/b/c.md": "3"})
	d.reset(-1, false)
	if got := view(t, cold, head, "a/b/c.md"); got != "3" {
		t.Errorf("read back %q", got)
	}
	if ops := d.operations(nil); len(ops) > 0 {
		t.Errorf("a view of what was just saved: %v", ops)
	}
}

// A save three folders deep: pack and index are each made, written, flushed,
// closed and renamed, and one flush of the folder makes both names last. The
// mirror's file is made, written, flushed, closed and renamed; its folder needs no
// flush. Every one of these is there for a power failure or for a reader who
// comes in between.
func TestASaveTakesTheFewestFileOperations(t *testing.T) {
	s, r, d := newTestDisk(t)
	head := save(t, r, OID{}, "first", map[string]string{"a/b/c/d.md": "1", "Home.md": "x"})
	if err := r.Mirror(t.Context(), head, 1); err != nil {
		t.Fatal(err)
	}
	d.reset(-1, false)
	head = save(t, r, head, "second", map[string]string{"a/b/c/d.md": "2"})
	got := d.operations(map[string]string{head.String(): "new"})
	slices.Sort(got[:8]) // pack and index are written side by side
	if diff := cmp.Diff([]string{
		"close tmp_idx", "close tmp_pack", "create tmp_idx", "create tmp_pack",
		"sync tmp_idx", "sync tmp_pack", "write tmp_idx", "write tmp_pack",
		"rename new.pack", "rename new.idx", "sync pack",
	}, got); diff != "" {
		t.Errorf("file operations of a save (-want +got):\n%s", diff)
	}
	if err := r.Mirror(t.Context(), head, 2); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"create tmp_main", "write tmp_main", "sync tmp_main", "close tmp_main", "rename main"}, d.operations(nil)); diff != "" {
		t.Errorf("file operations of the mirror (-want +got):\n%s", diff)
	}
	if err := r.Mirror(t.Context(), head, 3); err != nil {
		t.Fatal(err)
	}
	if ops := d.operations(nil); len(ops) > 0 {
		t.Errorf("mirroring what is mirrored: %v", ops)
	}
	gitstoretest.Check(t, s.dir, wikiID, head.String())
}
