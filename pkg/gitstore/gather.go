package gitstore

import (
	"context"
	"slices"

	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// gathering is what goes into a base: which objects, in which order, and which of
// them is a newer version of which. It holds no content.
type gathering struct {
	r       *Repo
	bases   []*base // what they hold need not be gathered
	number  map[OID]int32
	items   []item
	brought []int32        // trees and blobs that no base has, newest first
	order   [3][]int32     // of each section: the numbers of its items
	step    func(done int) // is told how many are written
}

// item is an object that was come across.
type item struct {
	id      OID
	newer   int32 // the next version of the same file or folder; -1 for none
	section int8
	brought bool
	whole   bool // a tree of which everything was noted, whatever was there before
	placed  bool // goes into the base
	tip     bool // is in the tree of the tip
}

func newGathering(r *Repo, bases []*base) *gathering {
	return &gathering{r: r, bases: bases, number: map[OID]int32{}, step: func(int) {}}
}

func (g *gathering) count() int { return len(g.order[0]) + len(g.order[1]) + len(g.order[2]) }

func (g *gathering) intern(id OID, section int8) int32 {
	n, ok := g.number[id]
	if !ok {
		n = int32(len(g.items))
		g.number[id] = n
		g.items = append(g.items, item{id: id, section: section, newer: -1})
	}
	return n
}

// held reports whether bases have an object.
func held(bases []*base, id OID) bool {
	for _, b := range bases {
		if _, ok := b.pack.index.find(id); ok {
			return true
		}
	}
	return false
}

// gather goes through commits, newest first, and notes what each brought.
func (g *gathering) gather(ctx context.Context, commits []commitNode) error {
	for _, c := range commits {
		if err := ctx.Err(); err != nil {
			return err
		}
		before := make([]OID, 0, len(c.parents))
		for _, p := range c.parents {
			pc, err := g.r.node(ctx, p)
			if err != nil {
				return err
			}
			before = append(before, pc.tree)
		}
		if err := g.tree(ctx, c.tree, before, 0); err != nil {
			return err
		}
		g.place(g.intern(c.id, 0))
	}
	return nil
}

// bring notes an object that a commit brought. It is false for one that a base has.
func (g *gathering) bring(id OID, section int8) (n int32, ok bool) {
	if held(g.bases, id) {
		return 0, false
	}
	n = g.intern(id, section)
	if !g.items[n].brought {
		g.items[n].brought = true
		g.brought = append(g.brought, n)
	}
	return n, true
}

// tree notes what is in a tree and not at the same place in one of before.
func (g *gathering) tree(ctx context.Context, id OID, before []OID, depth int) error {
	if slices.Contains(before, id) {
		return nil
	}
	n, ok := g.bring(id, 1)
	if !ok || g.items[n].whole {
		return nil
	}
	// It may be known already, but not all that is in it: a tree that came back is
	// met as a change of the one between first.
	g.items[n].whole = len(before) == 0
	if depth > maxTreeDepth {
		return g.r.explain(errDamaged, "tree", id)
	}
	t, err := g.r.Tree(ctx, id)
	if err != nil {
		return err
	}
	old := make([]*Tree, 0, len(before))
	for _, b := range before {
		g.pair(b, n)
		bt, err := g.r.Tree(ctx, b)
		if err != nil {
			return err
		}
		old = append(old, bt)
	}
	for _, e := range t.Entries {
		if e.Mode == filemode.Submodule {
			continue
		}
		was, same := versions(old, e)
		switch {
		case same:
		case e.Mode == filemode.Dir:
			if err := g.tree(ctx, e.ID, was, depth+1); err != nil {
				return err
			}
		default:
			if n, ok := g.bring(e.ID, 2); ok {
				for _, b := range was {
					g.pair(b, n)
				}
			}
		}
	}
	return nil
}

// versions are what trees have under the name of an entry, if it is of the same
// kind; same says that one has the very entry.
func versions(trees []*Tree, e Entry) (was []OID, same bool) {
	for _, t := range trees {
		o, ok := t.Entry(e.Name)
		if !ok || o.Mode == filemode.Submodule || (o.Mode == filemode.Dir) != (e.Mode == filemode.Dir) {
			continue
		}
		if o.ID == e.ID {
			return nil, true
		}
		was = append(was, o.ID)
	}
	return was, false
}

// pair notes that the n-th item came in place of another object. Since commits
// are gone through newest first, the first that is said of an object is the newest.
func (g *gathering) pair(old OID, n int32) {
	o := g.intern(old, g.items[n].section)
	if g.items[o].newer < 0 && o != n {
		g.items[o].newer = n
	}
}

func (g *gathering) place(n int32) {
	if it := &g.items[n]; !it.placed {
		it.placed = true
		g.order[it.section] = append(g.order[it.section], n)
	}
}

// arrange decides what goes into the base and where: the tree of the tip, as far
// as it is not in the bases below, what commits brought, what merged bases hold,
// highest first.
func (g *gathering) arrange(ctx context.Context, tip commitNode, below, merged []*base) error {
	if err := g.arrangeTip(ctx, tip.tree, below, 0); err != nil {
		return err
	}
	for _, n := range g.brought {
		g.place(n)
	}
	for _, b := range slices.Backward(merged) {
		spans, err := b.pack.layout()
		if err != nil {
			return err
		}
		section := int8(0)
		for _, s := range spans {
			for s.start >= b.ends[section].end {
				section++
			}
			g.place(g.intern(s.id, section))
		}
	}
	return nil
}

func (g *gathering) arrangeTip(ctx context.Context, id OID, below []*base, depth int) error {
	if held(below, id) {
		return nil // with all that is in it
	}
	n := g.intern(id, 1)
	if g.items[n].placed {
		return nil
	}
	g.items[n].tip = true
	g.place(n)
	if depth > maxTreeDepth {
		return g.r.explain(errDamaged, "tree", id)
	}
	t, err := g.r.Tree(ctx, id)
	if err != nil {
		return err
	}
	for _, e := range t.Entries {
		switch {
		case e.Mode == filemode.Submodule:
		case e.Mode == filemode.Dir:
			err = g.arrangeTip(ctx, e.ID, below, depth+1)
		case !held(below, e.ID):
			n := g.intern(e.ID, 2)
			g.items[n].tip = true
			g.place(n)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
