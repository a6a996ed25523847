package gitstore

import (
	"cmp"
	"container/heap"
	"context"
	"math"
	"slices"
)

// outgoing is what of the history a client lacks.
type outgoing struct {
	// all says that it lacks all commits of the history: commits is not filled in.
	all bool
	// commits are those that it lacks, newest first; each with the trees that it
	// has, or gets with this very answer, for a commit next to it (its parents, but
	// for those beyond the boundary).
	commits []outgoingCommit
	// theirs are trees that it has whole, for what has nothing next to it.
	theirs []OID
}

type outgoingCommit struct {
	commitNode
	beside []OID // trees
}

// maxTheirs bounds outgoing.theirs: comparing with more trees costs more than
// what they would save.
const maxTheirs = 16

// outgoing computes which commits a client lacks: those reachable from its wants
// within the boundary, but for those reachable from its haves within the edge of
// its own shallow clone, and those that an unshallowed commit uncovers. Wants that
// are no commits are passed over.
//
// What lies beyond the edge of the client's clone is never taken for had, so it
// gets all it needs; where neither the commit graph nor the history knows how far
// commits are from their roots, clocks that went backwards can make it get some
// that it has, as with git.
func (h *History) outgoing(ctx context.Context, f Fetch, b Boundary) (outgoing, error) {
	p := newPainter(ctx, h)
	p.cut, p.theirCut = h.edges(f.Shallow, b)
	haves := h.Common(f.Haves)
	if len(haves) == 0 && len(p.cut) == 0 && len(b.Unshallow) == 0 && slices.Contains(f.Wants, h.head) {
		return outgoing{all: true}, nil
	}
	for _, id := range haves {
		if err := p.push(id, true); err != nil {
			return outgoing{}, err
		}
	}
	wants := h.Common(f.Wants)
	for _, id := range b.Unshallow {
		n, err := h.node(ctx, id)
		if err != nil {
			return outgoing{}, err
		}
		wants = append(wants, n.parents...)
	}
	for _, id := range wants {
		if err := p.push(id, false); err != nil {
			return outgoing{}, err
		}
	}
	found, err := p.run()
	if err != nil {
		return outgoing{}, err
	}
	out := outgoing{theirs: p.trees(b.Unshallow, haves)}
	for _, c := range found {
		o := outgoingCommit{commitNode: c.commitNode}
		if !p.cut[c.id] {
			for _, id := range c.parents {
				o.beside = append(o.beside, p.seen[id].tree)
			}
		}
		out.commits = append(out.commits, o)
	}
	return out, nil
}

// edges are the commits whose parents are not sent, and those whose parents are
// not taken for had. An unshallowed one is of the latter: the client has it, and
// not yet what it uncovers.
func (h *History) edges(shallow []OID, b Boundary) (ours, theirs map[OID]bool) {
	ours, theirs = map[OID]bool{}, map[OID]bool{}
	for _, id := range shallow {
		if h.Has(id) {
			ours[id], theirs[id] = true, true
		}
	}
	for _, id := range b.Unshallow {
		delete(ours, id)
		theirs[id] = true
	}
	for _, id := range b.Shallow {
		ours[id], theirs[id] = true, true
	}
	return ours, theirs
}

// painter goes back through the history from several commits of two sides at
// once, the farthest from the roots first, and finds what is reachable from ours
// and not from theirs.
type painter struct {
	ctx   context.Context
	h     *History
	seen  map[OID]*painted
	heap  paintHeap
	ours  int // in the heap and not theirs
	found []*painted
	steps int

	cut, theirCut map[OID]bool // commits whose parents the one or the other side does not lead to
	since         int64        // what is older is theirs, with all that it leads to
}

type painted struct {
	commitNode
	theirs bool
	queued bool
}

func newPainter(ctx context.Context, h *History) *painter {
	return &painter{ctx: ctx, h: h, seen: map[OID]*painted{}, since: math.MinInt64}
}

// push has a commit looked at, and once more if it turns out to be theirs.
func (p *painter) push(id OID, theirs bool) error {
	c := p.seen[id]
	switch {
	case c == nil:
		if p.steps++; p.steps%1024 == 0 && p.ctx.Err() != nil {
			return p.ctx.Err()
		}
		n, err := p.h.node(p.ctx, id)
		if err != nil {
			return err
		}
		c = &painted{commitNode: n, theirs: theirs || n.when < p.since}
		p.seen[id] = c
	case !theirs || c.theirs:
		return nil
	default:
		c.theirs = true
		if c.queued {
			p.ours--
			return nil
		}
	}
	if !c.theirs {
		p.ours++
	}
	c.queued = true
	heap.Push(&p.heap, c)
	return nil
}

// run returns the commits that are ours alone, none before one that was made upon
// it.
func (p *painter) run() ([]*painted, error) {
	for p.ours > 0 {
		c := heap.Pop(&p.heap).(*painted)
		c.queued = false
		cut := p.theirCut
		if !c.theirs {
			p.ours--
			p.found = append(p.found, c)
			cut = p.cut
		}
		if cut[c.id] {
			continue
		}
		for _, id := range c.parents {
			if err := p.push(id, c.theirs); err != nil {
				return nil, err
			}
		}
	}
	// What turned out to be theirs only after it was found is dropped.
	return slices.DeleteFunc(p.found, func(c *painted) bool { return c.theirs }), nil
}

// trees are those of the newest of the commits that the client has. The first
// ones, if they are its own, are preferred: they lie next to what it gets.
func (p *painter) trees(first, haves []OID) []OID {
	var near, far []*painted
	for _, id := range first {
		if c := p.seen[id]; c != nil && c.theirs {
			near = append(near, c)
		}
	}
	for _, id := range haves {
		far = append(far, p.seen[id])
	}
	order := func(a, b *painted) int {
		return cmp.Or(cmp.Compare(b.when, a.when), compareIDs(a.id, b.id))
	}
	slices.SortFunc(near, order)
	slices.SortFunc(far, order)
	var trees []OID
	for _, c := range append(near[:min(len(near), maxTheirs/2)], far...) {
		if len(trees) == maxTheirs {
			break
		}
		if !slices.Contains(trees, c.tree) {
			trees = append(trees, c.tree)
		}
	}
	return trees
}

// paintHeap has the commit at the top that is farthest from the roots, of equal
// ones the newest. Where the distance is not known it is more than any known: what
// leads to known ones is known.
type paintHeap []*painted

func (h paintHeap) Len() int { return len(h) }
func (h paintHeap) Less(i, j int) bool {
	a, b := h[i], h[j]
	switch {
	case a.gen != b.gen:
		return a.gen-1 > b.gen-1 // 0 becomes the highest
	case a.when != b.when:
		return a.when > b.when
	}
	return compareIDs(a.id, b.id) < 0
}
func (h paintHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *paintHeap) Push(c any)   { *h = append(*h, c.(*painted)) }
func (h *paintHeap) Pop() any {
	old := *h
	c := old[len(old)-1]
	*h = old[:len(old)-1]
	return c
}
