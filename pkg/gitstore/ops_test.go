package gitstore

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

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

// readsDisk is a testDisk that notes reads of open files too: the first of each
// block of 128 KiB, since a host keeps what it has read.
type readsDisk struct {
	*testDisk
	blocks *sync.Map
}

type readsFile struct {
	readFile
	d    readsDisk
	name string
}

func (d readsDisk) open(name string) (readFile, error) {
	f, err := d.testDisk.open(name)
	if err != nil {
		return nil, err
	}
	return readsFile{f, d, name}, nil
}

func (f readsFile) ReadAt(b []byte, off int64) (int, error) {
	const block = 128 << 10
	for at := off / block; at <= (off+int64(len(b))-1)/block; at++ {
		if _, held := f.d.blocks.LoadOrStore(fmt.Sprint(at, f.name), true); !held {
			_ = f.d.note("read at", f.name)
		}
	}
	return f.readFile.ReadAt(b, off)
}

// aged is a wiki with one base and some saves since, each of a page three folders
// deep: those of the base in Old, the later ones in New.
type aged struct {
	dir    string
	head   OID
	bases  []string
	called map[string]string
}

func newAged(t *testing.T, since int) aged {
	t.Helper()
	s, r, _ := newTestDisk(t)
	a := aged{dir: s.dir, called: map[string]string{}}
	for i := range 20 {
		a.head = save(t, r, a.head, "old", map[string]string{fmt.Sprintf("Old/a/b/%d.md", i%7): fmt.Sprintf("old %d", i)})
	}
	var err error
	if a.bases, err = r.Fold(t.Context(), a.head, nil); err != nil {
		t.Fatal(err)
	}
	a.called[strings.TrimPrefix(a.bases[0], "pack-")] = "base"
	for i := range since {
		a.head = save(t, r, a.head, "new", map[string]string{fmt.Sprintf("New/a/b/%d.md", i): fmt.Sprintf("new %d", i)})
		a.called[a.head.String()] = fmt.Sprintf("save %d", i+1)
	}
	return a
}

// reopen is the wiki as a process on a host that has read nothing sees it.
func (a aged) reopen(t *testing.T) (*Repo, *testDisk) {
	t.Helper()
	d := &testDisk{left: -1}
	r, err := newStore(a.dir, Options{}, readsDisk{d, &sync.Map{}}).Repo(t.Context(), wikiID)
	if err != nil {
		t.Fatal(err)
	}
	return r, d
}

// answer sends what a client asks for, as the git remote does.
func (a aged) answer(t *testing.T, r *Repo, f Fetch) {
	t.Helper()
	ctx := t.Context()
	f.Wants = []OID{a.head}
	h, err := r.History(ctx, a.head, a.bases)
	if err != nil {
		t.Fatal(err)
	}
	f.Haves = h.Common(f.Haves)
	b, err := h.Boundary(ctx, f)
	if err != nil {
		t.Fatal(err)
	}
	selected, err := h.Select(ctx, f, b)
	if err != nil {
		t.Fatal(err)
	}
	if err := selected.WritePack(ctx, io.Discard); err != nil {
		t.Fatal(err)
	}
}

// What a small pack costs a reader who needs an object of it, and one who must
// only know what is in it.
func small(name string) []string {
	return []string{"read " + name + ".idx", "open " + name + ".pack", "read at " + name + ".pack"}
}
func index(name string) []string { return []string{"read " + name + ".idx"} }

func compareOperations(t *testing.T, what string, got []string, want ...[]string) {
	t.Helper()
	all := slices.Sorted(slices.Values(slices.Concat(want...))) // some are done side by side
	slices.Sort(got)
	if diff := cmp.Diff(all, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("file operations of %s (-want +got):\n%s", what, diff)
	}
}

// The 20 packs of which the base was made are still there, and not one of them is
// looked at.
func TestAColdViewOpensTheFewestFiles(t *testing.T) {
	a := newAged(t, 3)
	r, d := a.reopen(t)
	if got := view(t, r, a.head, "Old/a/b/3.md"); got != "old 17" {
		t.Errorf("the page is %q", got)
	}
	compareOperations(t, "a cold view of an old page", d.operations(a.called),
		[]string{"stat HEAD"}, small("save 3"), // the head is known by name
		[]string{"list pack", "read base.keep"}, small("base"), index("save 1"), index("save 2"))
	if got := view(t, r, a.head, "New/a/b/1.md"); got != "new 1" {
		t.Errorf("the page is %q", got)
	}
	compareOperations(t, "a view of a new page after that", d.operations(a.called), []string{"open save 2.pack", "read at save 2.pack"})
}

func TestClonesAndFetchesTakeTheFewestFileOperations(t *testing.T) {
	a := newAged(t, 3)
	recent := slices.Concat(small("save 1"), small("save 2"), small("save 3"))
	known := append(index("base"), "read base.keep", "read commit-graph", "stat HEAD")
	base := []string{"open base.pack", "read at base.pack"}
	parent := func(r *Repo) OID {
		c, err := r.Commit(t.Context(), a.head)
		if err != nil {
			t.Fatal(err)
		}
		return c.Parents[0]
	}
	for _, c := range []struct {
		what string
		ask  func(r *Repo) Fetch
		cold [][]string
	}{
		{"a clone", func(*Repo) Fetch { return Fetch{} }, [][]string{known, recent, base}},
		{"a clone of depth 1", func(*Repo) Fetch { return Fetch{Deepen: Deepen{Depth: 1}} }, [][]string{known, recent, base}},
		{"a clone without blobs", func(*Repo) Fetch { return Fetch{Filter: Filter{Kind: NoBlobs}} }, [][]string{known, recent, base}},
		// The packs of the saves say what the history is; only the last one is sent.
		{"a fetch of one new commit", func(r *Repo) Fetch { return Fetch{Haves: []OID{parent(r)}} }, [][]string{known, recent}},
	} {
		r, d := a.reopen(t)
		f := c.ask(r)
		a.answer(t, r, f)
		compareOperations(t, c.what+", cold", d.operations(a.called), c.cold...)
		a.answer(t, r, f)
		compareOperations(t, c.what+", warm", d.operations(a.called))
	}
}
