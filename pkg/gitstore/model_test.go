package gitstore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/gitstore/gitstoretest"
)

// model is a tree as a map from path to file.
type model map[string]Edit

// apply is what Apply promises, said in the plainest way: removals first, then
// additions, each refused where a file and a folder would meet.
func (m model) apply(edits []Edit) (model, bool) {
	out := maps.Clone(m)
	last := map[string]Edit{}
	for _, e := range edits {
		last[e.Path] = e
	}
	for path, e := range last {
		if e.ID.IsZero() {
			delete(out, path)
		}
	}
	for path, e := range last {
		if e.ID.IsZero() {
			continue
		}
		if e.Mode == filemode.Empty {
			e.Mode = filemode.Regular
			if m[path].Mode == filemode.Executable {
				e.Mode = filemode.Executable
			}
		}
		out[path] = e
	}
	for path := range out {
		for other := range out {
			if strings.HasPrefix(other, path+"/") {
				return nil, false
			}
		}
	}
	return out, true
}

func (m model) diff(n model) []Change {
	var out []Change
	paths := slices.Collect(maps.Keys(m))
	paths = slices.AppendSeq(paths, maps.Keys(n))
	slices.Sort(paths)
	for _, p := range slices.Compact(paths) {
		c := Change{Path: p, Old: m[p].ID, New: n[p].ID, OldMode: m[p].Mode, NewMode: n[p].Mode}
		if c.Old != c.New || c.OldMode != c.NewMode {
			out = append(out, c)
		}
	}
	return out
}

func TestApplyDiffAndWalkAgreeWithAMap(t *testing.T) {
	s, r := newTestRepo(t)
	ctx := context.Background()
	var head OID
	segment := rapid.SampledFrom([]string{"a", "a-b", "a.md", "a0", "b", "B", "é"})
	modes := rapid.SampledFrom([]filemode.FileMode{0, filemode.Regular, filemode.Executable, filemode.Symlink})
	rapid.Check(t, func(t *rapid.T) {
		state := model{}
		var tree, parent OID
		for range rapid.IntRange(1, 6).Draw(t, "saves") {
			b := r.NewBatch()
			var edits []Edit
			for range rapid.IntRange(1, 6).Draw(t, "edits") {
				path := strings.Join(rapid.SliceOfN(segment, 1, 3).Draw(t, "path"), "/")
				if len(state) > 0 && rapid.Bool().Draw(t, "known") {
					path = rapid.SampledFrom(slices.Sorted(maps.Keys(state))).Draw(t, "old path")
				}
				e := Edit{Path: path}
				if rapid.Bool().Draw(t, "write") {
					e.Mode = modes.Draw(t, "mode")
					e.ID = b.Blob([]byte(rapid.StringN(0, 3, 9).Draw(t, "content")))
				}
				edits = append(edits, e)
			}
			want, ok := state.apply(edits)
			next, err := b.Apply(ctx, tree, edits)
			if !ok {
				if !fault.Is(err, fault.Invalid) {
					t.Fatalf("a file meets a folder in %v: %v", edits, err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			c := Commit{Tree: next, Author: someone, Committer: someone, Message: "m"}
			if !parent.IsZero() {
				c.Parents = []OID{parent}
			}
			parent = b.Commit(c)
			if err := b.Flush(ctx); err != nil {
				t.Fatal(err)
			}
			compare(t, r, tree, next, state, want)
			state, tree, head = want, next, parent
		}
		if len(state) > 0 {
			compareWithGit(t, s, tree, state)
		}
	})
	if err := r.Mirror(ctx, head, 1); err != nil {
		t.Fatal(err)
	}
	gitstoretest.Check(t, s.dir, wikiID, head.String())
}

func compare(t *rapid.T, r *Repo, old, new OID, before, after model) {
	t.Helper()
	got := model{}
	var order []string
	err := r.Walk(context.Background(), new, func(path string, e Entry) error {
		got[path] = Edit{Path: path, Mode: e.Mode, ID: e.ID}
		order = append(order, path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(after, got); d != "" {
		t.Fatalf("walk: %s", d)
	}
	if !slices.IsSorted(order) {
		t.Fatalf("walk is not in path order: %q", order)
	}
	changes, err := r.Diff(context.Background(), old, new)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(before.diff(after), changes); d != "" {
		t.Fatalf("diff: %s", d)
	}
}

func compareWithGit(t *rapid.T, s *Store, tree OID, m model) {
	var want strings.Builder
	for _, path := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(&want, "%06o blob %s\t%s\n", uint32(m[path].Mode), m[path].ID, path)
	}
	got := gitstoretest.Git(t, s.Dir(wikiID)+"/repo.git", "-c", "core.quotePath=false", "ls-tree", "-r", tree.String())
	if d := cmp.Diff(want.String(), got); d != "" {
		t.Fatalf("git ls-tree -r: %s", d)
	}
}

// What an import brought stays as it is when something beside it is edited.
func TestApplyKeepsWhatItDoesNotName(t *testing.T) {
	s, r := newTestRepo(t)
	ctx := t.Context()
	b := r.NewBatch()
	blob := b.Blob([]byte("target"))
	entries := []Entry{
		{"link", filemode.Symlink, blob},
		{"module", filemode.Submodule, OID{7}},
		{"old", filemode.Deprecated, blob},
		{"run", filemode.Executable, blob},
	}
	base := b.add(raw{plumbing.TreeObject, encodeTree(entries)})
	tree, err := b.Apply(ctx, base, []Edit{{Path: "Home.md", ID: blob}, {Path: "run", ID: b.Blob([]byte("new"))}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.tree(ctx, tree)
	if err != nil {
		t.Fatal(err)
	}
	entries[3].ID = b.Blob([]byte("new"))
	want := append([]Entry{{"Home.md", filemode.Regular, blob}}, entries...)
	if d := cmp.Diff(want, got.Entries); d != "" {
		t.Error(d)
	}
	head := b.Commit(Commit{Tree: tree, Author: someone, Committer: someone})
	if err := b.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	err = r.Walk(ctx, tree, func(path string, e Entry) error {
		if path == "module" {
			t.Error("walked into a submodule")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Mirror(ctx, head, 1); err != nil {
		t.Fatal(err)
	}
	gitstoretest.Check(t, s.dir, wikiID, head.String(), gitstoretest.Imported)

	for _, bad := range []Edit{
		{Path: "module", ID: blob},                         // would drop the submodule
		{Path: "module/x", ID: blob},                       // a submodule is no folder of ours
		{Path: "run/x", ID: blob},                          // nor is a file
		{Path: "x", ID: blob, Mode: filemode.Dir},          // only files
		{Path: "", ID: blob},                               // no name
		{Path: "a//b", ID: blob},                           // no name
		{Path: "../x", ID: blob},                           // leaves the repository
		{Path: "a/.git/config", ID: blob},                  // git's own folder
		{Path: "a/.GIT/config", ID: blob},                  // on a case-insensitive file system
		{Path: "git~1/config", ID: blob},                   // its short name on Windows
		{Path: ".g\u200cit/config", ID: blob},              // as macOS reads it
		{Path: "a\x00b", ID: blob},                         // ends a name in a tree
		{Path: strings.Repeat("a/", 2000) + "b", ID: blob}, // endless recursion
		{Path: ".git::$INDEX_ALLOCATION/config", ID: blob}, // an NTFS stream
		{Path: `docs\.git\config`, ID: blob},               // a path on Windows
	} {
		if _, err := b.Apply(ctx, tree, []Edit{bad}); !fault.Is(err, fault.Invalid) {
			t.Errorf("edit of %.40q: %v", bad.Path, err)
		}
	}
}

func TestTreeLookups(t *testing.T) {
	tree := newTree(OID{}, []Entry{
		{"HOME.md", filemode.Regular, OID{1}}, {"a-b", filemode.Dir, OID{2}}, {"a.md", filemode.Regular, OID{3}},
		{"a", filemode.Dir, OID{4}}, {"home.md", filemode.Regular, OID{5}},
	})
	for _, e := range tree.Entries {
		if got, ok := tree.Entry(e.Name); !ok || got != e {
			t.Errorf("entry %s: %v %v", e.Name, got, ok)
		}
	}
	if _, ok := tree.Entry("a-"); ok {
		t.Error("found a name that is not there")
	}
	if got := tree.Fold("home.md"); len(got) != 2 {
		t.Errorf("names that fold to home.md: %v", got)
	}
	if (&Tree{}).Fold("x") != nil {
		t.Error("an empty tree has entries")
	}
}
