package gitstore

import (
	"context"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"

	"wikibot.io/pkg/fault"
)

// walk collects the objects of an answer: sections of bases that go out as they
// lie, and single ones, found by comparing trees with those beside them.
type walk struct {
	ctx    context.Context // of the one answer that the walk is for
	h      *History
	filter Filter

	sections []stretch
	found    []wanted         // each once
	seen     map[OID]int      // at which depth, the least one; 0 where depth does not matter
	given    map[OID]bool     // those that the client named: no filter applies
	theirs   map[OID]struct{} // met in trees that the client has; nil if it takes no thin pack
}

// stretch is a part of a pack that is sent from its first entry to its last.
type stretch struct {
	pack     *pack
	from, to int64
	objects  int
}

// wanted is an object that is sent by itself.
type wanted struct {
	id   OID
	kind plumbing.ObjectType
}

func newWalk(ctx context.Context, h *History, f Fetch) *walk {
	w := &walk{ctx: ctx, h: h, filter: f.Filter, seen: map[OID]int{}, given: map[OID]bool{}}
	// A partial clone need not have what is in its trees.
	if f.Thin && f.Filter.Kind == Everything {
		w.theirs = map[OID]struct{}{}
	}
	return w
}

// sendSection sends the first n sections of a base as they lie.
func (w *walk) sendSection(b *base, n int) {
	s := stretch{pack: b.pack, from: packHead, to: b.ends[n-1].end}
	for _, e := range b.ends[:n] {
		s.objects += e.objects
	}
	if s.objects > 0 {
		w.sections = append(w.sections, s)
	}
}

// sent reports whether an object is in a section that is sent as it lies.
func (w *walk) sent(id OID) bool {
	for _, s := range w.sections {
		if off, ok := s.pack.index.find(id); ok && off < s.to {
			return true
		}
	}
	return false
}

// commits collects what a client lacks. partly says that it has, or will have,
// commits without their parents.
func (w *walk) commits(out outgoing, partly bool) error {
	if out.all {
		for _, b := range w.h.bases {
			if err := w.base(b); err != nil {
				return err
			}
		}
		return w.recent()
	}
	whole, err := w.wholeBases(out, partly)
	if err != nil {
		return err
	}
	for _, c := range out.commits {
		if w.in(whole, c.id) {
			continue
		}
		beside := c.beside
		if len(beside) == 0 {
			beside = out.theirs
		}
		if err := w.commit(c.commitNode, beside); err != nil {
			return err
		}
	}
	return nil
}

// base sends all that a base holds, but for what is filtered out.
func (w *walk) base(b *base) error {
	w.sendSection(b, w.filter.whole())
	switch {
	case w.filter.Kind == SmallBlobs:
		return w.inSection(b, 2, func(id OID) error {
			w.add(id, plumbing.BlobObject, 0)
			return nil
		})
	case w.filter.Kind == TreeDepth && w.filter.depth() > 0:
		return w.inSection(b, 0, func(id OID) error {
			c, err := w.h.r.node(w.ctx, id)
			if err != nil {
				return err
			}
			return w.afterParents(c, nil)
		})
	}
	return nil
}

// inSection calls f with each object of a section of a base.
func (w *walk) inSection(b *base, n int, f func(OID) error) error {
	spans, err := b.pack.layout()
	if err != nil {
		return readError{err}
	}
	from := 0
	for _, s := range b.ends[:n] {
		from += s.objects
	}
	if from+b.ends[n].objects > len(spans) {
		return errDamaged
	}
	for _, s := range spans[from : from+b.ends[n].objects] {
		if err := f(s.id); err != nil {
			return err
		}
	}
	return nil
}

// wholeBases sends those bases as they lie of which a client lacks every commit,
// and returns them. It may not be done for one that has commits without their
// parents: a commit may bring back what a lower base holds.
func (w *walk) wholeBases(out outgoing, partly bool) ([]*base, error) {
	if partly || w.filter.Kind == TreeDepth {
		return nil, nil
	}
	var whole []*base
	for _, b := range w.h.bases {
		if b.ends[0].objects > len(out.commits) {
			continue
		}
		n := 0
		for _, c := range out.commits {
			if w.in([]*base{b}, c.id) {
				n++
			}
		}
		if n > 0 && n == b.ends[0].objects {
			whole = append(whole, b)
			if err := w.base(b); err != nil {
				return nil, err
			}
		}
	}
	return whole, nil
}

func (w *walk) in(bases []*base, commit OID) bool {
	for _, b := range bases {
		if off, ok := b.pack.index.find(commit); ok && off < b.ends[0].end {
			return true
		}
	}
	return false
}

// recent collects what the commits brought that are in no base.
func (w *walk) recent() error {
	trees := make(map[OID]OID, len(w.h.recent))
	for _, c := range w.h.recent {
		trees[c.id] = c.tree
	}
	for _, c := range w.h.recent {
		if err := w.afterParents(c, trees); err != nil {
			return err
		}
	}
	return nil
}

// afterParents collects what a commit brought that its parents lack. trees are
// those of commits that are known.
func (w *walk) afterParents(c commitNode, trees map[OID]OID) error {
	beside := make([]OID, 0, len(c.parents))
	for _, p := range c.parents {
		t, ok := trees[p]
		if !ok {
			n, err := w.h.r.node(w.ctx, p)
			if err != nil {
				return err
			}
			t = n.tree
		}
		beside = append(beside, t)
	}
	return w.commit(c, beside)
}

func (w *walk) commit(c commitNode, beside []OID) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	w.add(c.id, plumbing.CommitObject, 0)
	return w.tree(c.tree, beside, 0)
}

// wants collects the trees and blobs that a client names. Commits are left to
// History.outgoing.
func (w *walk) wants(ids []OID) error {
	for _, id := range ids {
		kind, err := w.h.kind(w.ctx, id)
		if err != nil {
			return err
		}
		switch kind {
		case plumbing.CommitObject:
			continue
		case plumbing.TreeObject, plumbing.BlobObject:
			w.given[id] = true
			w.add(id, kind, 0)
		default:
			return fault.New(fault.NotFound, "select objects of wiki %s: its history has no object %s", w.h.r.wiki, id)
		}
		if kind == plumbing.TreeObject {
			err = w.below(id, nil, 0)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// add takes an object into the answer. It is false if nothing below it can be
// missing any more.
func (w *walk) add(id OID, kind plumbing.ObjectType, depth int) bool {
	if w.filter.Kind != TreeDepth {
		depth = 0
	}
	before, seen := w.seen[id]
	if seen && before <= depth || !seen && w.sent(id) {
		return false
	}
	w.seen[id] = depth
	if !seen {
		w.found = append(w.found, wanted{id, kind})
	}
	return true
}

// tree adds a tree and what is in it, except what is at the same place in a tree
// of beside.
func (w *walk) tree(id OID, beside []OID, depth int) error {
	if w.filter.hides(plumbing.TreeObject, depth) || slices.Contains(beside, id) {
		return nil
	}
	if !w.add(id, plumbing.TreeObject, depth) {
		return nil
	}
	return w.below(id, beside, depth+1)
}

// below adds what is in a tree.
func (w *walk) below(id OID, beside []OID, depth int) error {
	if depth > maxTreeDepth {
		return w.h.r.explain(errDamaged, "tree", id)
	}
	if depth >= w.filter.depth() {
		return nil
	}
	t, err := w.h.r.Tree(w.ctx, id)
	if err != nil {
		return err
	}
	old := make([]cursor, len(beside))
	for i, b := range beside {
		bt, err := w.h.r.Tree(w.ctx, b)
		if err != nil {
			return err
		}
		old[i] = cursor{bt.Entries}
		w.note(b)
	}
	for _, e := range t.Entries {
		if err := w.entry(e, old, depth); err != nil {
			return err
		}
	}
	return nil
}

// entry adds what an entry names, unless one of the same name in old trees does.
func (w *walk) entry(e Entry, old []cursor, depth int) error {
	if e.Mode == filemode.Submodule {
		return nil
	}
	var below []OID
	for i := range old {
		o, ok := old[i].next(e)
		switch {
		case !ok:
		case o.ID == e.ID:
			return nil
		case e.Mode == filemode.Dir:
			below = append(below, o.ID)
		case o.Mode != filemode.Submodule:
			w.note(o.ID)
		}
	}
	if e.Mode == filemode.Dir {
		return w.tree(e.ID, below, depth)
	}
	if !w.filter.hides(plumbing.BlobObject, depth) {
		w.add(e.ID, plumbing.BlobObject, depth)
	}
	return nil
}

// note remembers an object that the client has.
func (w *walk) note(id OID) {
	if w.theirs != nil {
		w.theirs[id] = struct{}{}
	}
}

// cursor goes through the entries of a tree in step with those of another one.
type cursor struct{ rest []Entry }

// next finds the entry of the name and kind of e. Each e must come after the last.
func (c *cursor) next(e Entry) (Entry, bool) {
	for len(c.rest) > 0 {
		d := compareEntries(c.rest[0], e)
		if d > 0 {
			break
		}
		o := c.rest[0]
		c.rest = c.rest[1:]
		if d == 0 {
			return o, true
		}
	}
	return Entry{}, false
}
