package gitstore

import (
	"context"

	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// Change is one file that differs between two trees. A zero OID on one side
// means the file is only on the other.
type Change struct {
	Path             string // of the file, with its extension
	Old, New         OID
	OldMode, NewMode filemode.FileMode
}

// maxTreeDepth bounds recursion; a page path of 1,000 bytes has at most 500 folders.
const maxTreeDepth = 1024

// Diff lists the files that differ between two trees (the zero OID is the empty
// tree), sorted by path. It reads only trees that differ. Submodules are left out.
func (r *Repo) Diff(ctx context.Context, old, new OID) ([]Change, error) {
	d := differ{r: r, ctx: ctx}
	if err := d.trees("", old, new, 0); err != nil {
		return nil, err
	}
	return d.changes, nil
}

type differ struct {
	r       *Repo
	ctx     context.Context // of the one call that the differ lives for
	changes []Change
}

// trees merges the entries of both trees. Git's order makes this come out
// sorted by full path, a file before the folder of the same name.
func (d *differ) trees(prefix string, oldID, newID OID, depth int) error {
	if oldID == newID {
		return nil
	}
	if depth > maxTreeDepth {
		return d.r.explain(errDamaged, "tree", newID)
	}
	oldTree, err := d.r.Tree(d.ctx, oldID)
	if err != nil {
		return err
	}
	newTree, err := d.r.Tree(d.ctx, newID)
	if err != nil {
		return err
	}
	a, b := oldTree.Entries, newTree.Entries
	for len(a) > 0 || len(b) > 0 {
		var o, n Entry
		switch c := compareHeads(a, b); {
		case c < 0:
			o, a = a[0], a[1:]
		case c > 0:
			n, b = b[0], b[1:]
		default:
			o, n, a, b = a[0], b[0], a[1:], b[1:]
		}
		if err := d.entry(prefix, o, n, depth); err != nil {
			return err
		}
	}
	return nil
}

func compareHeads(a, b []Entry) int {
	switch {
	case len(b) == 0:
		return -1
	case len(a) == 0:
		return 1
	default:
		return compareEntries(a[0], b[0])
	}
}

// entry compares two entries of one name, one of which may be absent. They are
// both folders or both not.
func (d *differ) entry(prefix string, o, n Entry, depth int) error {
	if o.ID == n.ID && o.Mode == n.Mode {
		return nil
	}
	if o.Mode == filemode.Dir || n.Mode == filemode.Dir {
		return d.trees(prefix+o.Name+nameIfNew(o, n)+"/", o.ID, n.ID, depth+1)
	}
	c := Change{Path: prefix + o.Name + nameIfNew(o, n), Old: o.ID, New: n.ID, OldMode: o.Mode, NewMode: n.Mode}
	if o.Mode == filemode.Submodule {
		c.Old, c.OldMode = OID{}, filemode.Empty
	}
	if n.Mode == filemode.Submodule {
		c.New, c.NewMode = OID{}, filemode.Empty
	}
	if c.Old != c.New || c.OldMode != c.NewMode {
		d.changes = append(d.changes, c)
	}
	return nil
}

func nameIfNew(o, n Entry) string {
	if o.Name == "" {
		return n.Name
	}
	return ""
}

// Walk calls f for every file below a tree in path order; submodules are left out.
func (r *Repo) Walk(ctx context.Context, tree OID, f func(path string, e Entry) error) error {
	return r.walk(ctx, "", tree, 0, f)
}

func (r *Repo) walk(ctx context.Context, prefix string, id OID, depth int, f func(string, Entry) error) error {
	if depth > maxTreeDepth {
		return r.explain(errDamaged, "tree", id)
	}
	t, err := r.Tree(ctx, id)
	if err != nil {
		return err
	}
	for _, e := range t.Entries {
		switch {
		case e.Mode == filemode.Dir:
			err = r.walk(ctx, prefix+e.Name+"/", e.ID, depth+1, f)
		case isFile(e.Mode):
			err = f(prefix+e.Name, e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
