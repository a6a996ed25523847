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
	bulk     chan struct{}    // where a place is taken once many objects are found; nil for none
	took     bool             // it was
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

// wait takes a place among the large answers if the walk has become one.
func (w *walk) wait() error {
	if err := w.ctx.Err(); err != nil || w.took || w.bulk == nil || len(w.found) < w.h.r.store.answers.bulky {
		return err
	}
	select {
	case w.bulk <- struct{}{}:
		w.took = true
		return nil
	case <-w.ctx.Done():
		return w.ctx.Err()
	}
}

// done gives the place back.
func (w *walk) done() {
	if w.took {
		<-w.bulk
	}
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
	list := out.commits
	var whole []*base
	if out.all {
		whole = w.h.bases
		list = w.h.recentOnes()
	} else if !partly && w.filter.Kind != TreeDepth {
		whole = w.lacked(list)
	}
	for _, b := range whole {
		if err := w.base(b, &list); err != nil {
			return err
		}
	}
	if out.all {
		if err := w.besideParents(list); err != nil {
			return err
		}
	}
	for _, c := range parentsFirst(list) {
		if !out.all && inBases(whole, c.id) {
			continue
		}
		if len(c.beside) == 0 {
			c.beside = out.theirs
		}
		if err := w.commit(c); err != nil {
			return err
		}
	}
	return nil
}

// recent collects what the commits brought that are in no base.
func (w *walk) recent() error {
	return w.commits(outgoing{all: true}, false)
}

func (h *History) recentOnes() []outgoingCommit {
	list := make([]outgoingCommit, len(h.recent))
	for i, c := range h.recent {
		list[i].commitNode = c
	}
	return list
}

// besideParents has each commit compared with its parents.
func (w *walk) besideParents(list []outgoingCommit) error {
	for i := range list {
		for _, p := range list[i].parents {
			n, err := w.h.node(w.ctx, p)
			if err != nil {
				return err
			}
			list[i].beside = append(list[i].beside, n.tree)
		}
	}
	return nil
}

// parentsFirst puts commits behind those of their parents that are among them.
// What a tree has in common with one beside it is not looked at: that must be in
// the answer before the same tree is met again, or it would be left out for good.
// Dates do not do for it, since clocks go backwards.
func parentsFirst(list []outgoingCommit) []outgoingCommit {
	at := make(map[OID]int, len(list))
	for i, c := range list {
		at[c.id] = i
	}
	done := make([]bool, len(list))
	next := make([]int, len(list)) // the parent to be looked at
	out := make([]outgoingCommit, 0, len(list))
	var stack []int
	for i := len(list) - 1; i >= 0; i-- {
		if done[i] {
			continue
		}
		done[i] = true
		stack = append(stack, i)
		for len(stack) > 0 {
			n := stack[len(stack)-1]
			if next[n] == len(list[n].parents) {
				out = append(out, list[n])
				stack = stack[:len(stack)-1]
				continue
			}
			p, ok := at[list[n].parents[next[n]]]
			if next[n]++; ok && !done[p] {
				done[p] = true
				stack = append(stack, p)
			}
		}
	}
	return out
}

// base sends all that a base holds, but for what is filtered out. Where that can
// only be seen by walking, its commits are added to the list of those to walk.
func (w *walk) base(b *base, list *[]outgoingCommit) error {
	w.sendSection(b, w.filter.whole())
	switch {
	case w.filter.Kind == SmallBlobs:
		return w.inSection(b, 2, func(id OID) error {
			w.add(id, plumbing.BlobObject, 0)
			return w.wait()
		})
	case w.filter.Kind == TreeDepth && w.filter.depth() > 0:
		return w.inSection(b, 0, func(id OID) error {
			n, err := w.h.node(w.ctx, id)
			*list = append(*list, outgoingCommit{commitNode: n})
			return err
		})
	}
	return nil
}

// lacked are the bases of which a client lacks every commit: they go out as they
// lie. It may not be asked for a client that has commits without their parents:
// they may bring back what a lower base holds.
func (w *walk) lacked(list []outgoingCommit) []*base {
	var whole []*base
	for _, b := range w.h.bases {
		if b.ends[0].objects > len(list) {
			continue
		}
		n := 0
		for _, c := range list {
			if b.hasCommit(c.id) {
				n++
			}
		}
		if n == b.ends[0].objects {
			whole = append(whole, b)
		}
	}
	return whole
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

func (w *walk) commit(c outgoingCommit) error {
	if err := w.wait(); err != nil {
		return err
	}
	w.add(c.id, plumbing.CommitObject, 0)
	return w.tree(c.tree, c.beside, 0)
}

// wants collects the trees and blobs that a client names. Commits are left to
// History.outgoing.
func (w *walk) wants(ids []OID) error {
	k := kinds{h: w.h}
	for _, id := range ids {
		kind, err := k.of(w.ctx, id)
		if err != nil {
			return err
		}
		switch kind {
		case plumbing.CommitObject:
			continue
		case plumbing.TreeObject, plumbing.BlobObject:
			w.given[id] = true
			w.add(id, kind, 0)
			err = w.wait()
		default:
			return fault.New(fault.NotFound, "select objects of wiki %s: its history has no object %s", w.h.r.wiki, id)
		}
		if kind == plumbing.TreeObject && err == nil {
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
	if err := w.wait(); err != nil {
		return err
	}
	data, err := w.treeData(id)
	if err != nil {
		return err
	}
	old := make([]treeCursor, len(beside))
	for i, b := range beside {
		if old[i].rest, err = w.treeData(b); err != nil {
			return err
		}
		w.note(b)
	}
	for len(data) > 0 {
		e, n, ok := parseTreeEntry(data)
		if !ok {
			return w.h.r.explain(errDamaged, "tree", id)
		}
		if err := w.entry(e, data[:n], old, depth); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

// entry adds what an entry names, unless one of the same name in old trees does.
// encoded is the entry as it is in its tree.
func (w *walk) entry(e treeEntry, encoded []byte, old []treeCursor, depth int) error {
	if e.mode == filemode.Submodule {
		return nil
	}
	var below []OID
	for i := range old {
		if old[i].skip(encoded) {
			return nil
		}
		o, ok := old[i].next(e)
		switch {
		case !ok:
		case o.id == e.id:
			return nil
		case e.mode == filemode.Dir:
			below = append(below, o.id)
		case o.mode != filemode.Submodule:
			w.note(o.id)
		}
	}
	if e.mode == filemode.Dir {
		return w.tree(e.id, below, depth)
	}
	if !w.filter.hides(plumbing.BlobObject, depth) {
		w.add(e.id, plumbing.BlobObject, depth)
	}
	return nil
}

// note remembers an object that the client has.
func (w *walk) note(id OID) {
	if w.theirs != nil {
		w.theirs[id] = struct{}{}
	}
}
