package gitstore

import (
	"container/heap"
	"context"
	"slices"
	"sync"
)

// history is the set of commits known to be reachable from some head. A wiki's
// head only ever moves to a descendant, so the set only grows.
type history struct {
	mu     sync.Mutex
	newest OID // the head of which seen is just the history
	seen   map[OID]bool
}

// reached returns the commits reachable from head. Only those are read that no
// head before had.
func (r *Repo) reached(ctx context.Context, head OID) (map[OID]bool, error) {
	h := &r.history
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.seen[head] {
		return h.seen, nil
	}
	fresh, behind, err := r.ancestors(ctx, head, h.seen)
	if err != nil {
		return nil, err
	}
	newest := head
	if len(h.seen) > 0 && !slices.Contains(behind, h.newest) {
		newest = OID{} // no descendant of the last one; the set is of both
	}
	// Readers hold the old map, so it is replaced and never changed.
	for id := range h.seen {
		fresh[id] = true
	}
	h.newest, h.seen = newest, fresh
	return fresh, nil
}

// historyOf returns the commits reachable from want and no others, whatever
// later heads have added.
func (r *Repo) historyOf(ctx context.Context, want OID) (map[OID]bool, error) {
	seen, err := r.reached(ctx, want)
	if err != nil {
		return nil, err
	}
	r.history.mu.Lock()
	newest := r.history.newest
	r.history.mu.Unlock()
	if newest == want {
		return seen, nil
	}
	exact, _, err := r.ancestors(ctx, want, nil)
	return exact, err
}

// ancestors returns the commits reachable from one, itself included, except
// known ones and what lies behind them. behind are the known ones it came to.
func (r *Repo) ancestors(ctx context.Context, from OID, known map[OID]bool) (fresh map[OID]bool, behind []OID, err error) {
	fresh = map[OID]bool{from: true}
	queue := []OID{from}
	for len(queue) > 0 {
		id := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		c, err := r.Commit(ctx, id)
		if err != nil {
			return nil, nil, err
		}
		for _, p := range c.Parents {
			switch {
			case known[p]:
				behind = append(behind, p)
			case !fresh[p]:
				fresh[p] = true
				queue = append(queue, p)
			}
		}
	}
	return fresh, behind, nil
}

// Reaches returns which of the commits are reachable from head: what a client
// may ask for, and what counts as common to it and us. Unknown ids are not.
// The first call for a repository reads its whole history, later ones what is new.
func (r *Repo) Reaches(ctx context.Context, head OID, ids []OID) (map[OID]bool, error) {
	seen, err := r.reached(ctx, head)
	if err != nil {
		return nil, err
	}
	out := make(map[OID]bool, len(ids))
	for _, id := range ids {
		if seen[id] {
			out[id] = true
		}
	}
	return out, nil
}

// missing returns the commits that are reachable from want but not from have,
// newest first. Like git it goes back by date; where clocks went backwards it
// may return a few commits too many, never too few.
func (r *Repo) missing(ctx context.Context, want OID, have []OID) ([]*Commit, error) {
	w := walker{r: r, ctx: ctx, theirs: map[OID]bool{}, queued: map[OID]bool{}}
	for _, id := range have {
		if err := w.push(id, true); err != nil {
			return nil, err
		}
	}
	if err := w.push(want, false); err != nil {
		return nil, err
	}
	var found []*Commit
	for w.ours > 0 {
		c := w.pop()
		if !w.theirs[c.ID] {
			found = append(found, c)
		}
		for _, p := range c.Parents {
			if err := w.push(p, w.theirs[c.ID]); err != nil {
				return nil, err
			}
		}
	}
	// What turned out to be theirs only after it was found is dropped.
	out := found[:0]
	for _, c := range found {
		if !w.theirs[c.ID] {
			out = append(out, c)
		}
	}
	return out, nil
}

// walker goes back through the history from several commits at once, by date.
type walker struct {
	r      *Repo
	ctx    context.Context // of the one call that the walker lives for
	heap   commitHeap
	queued map[OID]bool // true while in the heap, false when it has been taken out
	theirs map[OID]bool
	ours   int // commits in the heap that are not theirs
}

func (w *walker) push(id OID, theirs bool) error {
	in, before := w.queued[id]
	if before && (!theirs || w.theirs[id]) {
		return nil
	}
	if theirs {
		w.theirs[id] = true
	}
	if in { // waits as ours, and is theirs as it turns out
		w.ours--
		return nil
	}
	c, err := w.r.Commit(w.ctx, id)
	if err != nil {
		return err
	}
	w.queued[id] = true
	if !theirs {
		w.ours++
	}
	heap.Push(&w.heap, c)
	return nil
}

func (w *walker) pop() *Commit {
	c := heap.Pop(&w.heap).(*Commit)
	w.queued[c.ID] = false
	if !w.theirs[c.ID] {
		w.ours--
	}
	return c
}

// commitHeap has the newest commit at the top.
type commitHeap []*Commit

func (h commitHeap) Len() int           { return len(h) }
func (h commitHeap) Less(i, j int) bool { return h[i].Committer.When.After(h[j].Committer.When) }
func (h commitHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *commitHeap) Push(c any)        { *h = append(*h, c.(*Commit)) }
func (h *commitHeap) Pop() any {
	old := *h
	c := old[len(old)-1]
	*h = old[:len(old)-1]
	return c
}

// History is what is reachable from one head: what a client may be given.
// Immutable, safe for concurrent use, good for as long as its packs are there.
type History struct {
	r     *Repo
	head  OID
	bases []*base // a chain from the lowest, the tips of all of which are in the history
	// recent are the commits of the history that are in none of bases, newest first.
	recent []commitNode
}

// commitNode is what walking the history needs of a commit.
type commitNode struct {
	id, tree OID
	parents  []OID
	when     int64 // Unix seconds of the committer
}

// History returns the history of head. bases is what the wiki's record lists as
// consolidated packs. It reads the commits that were made since the newest of
// them, and no others; the last few results are kept.
func (r *Repo) History(ctx context.Context, head OID, bases []string) (*History, error) {
	panic("unwritten")
}

// node reads what walking needs of a commit, from the commit graph if it is there.
func (r *Repo) node(ctx context.Context, id OID) (commitNode, error) {
	panic("unwritten")
}

// Head is the commit that the history is of.
func (h *History) Head() OID { return h.head }

// Has reports whether a commit is in the history. It reads nothing.
func (h *History) Has(commit OID) bool { panic("unwritten") }

// Common returns those of ids that are commits of the history, in their order.
func (h *History) Common(ids []OID) []OID { panic("unwritten") }

// Enough reports whether a client that has the commits of common needs to offer
// no more: each want, if it is a commit, has one of them in its history.
func (h *History) Enough(ctx context.Context, wants, common []OID) (bool, error) {
	panic("unwritten")
}

// Boundary computes the edge of the shallow clone that a fetch asks for. Without
// a Deepen it is empty.
func (h *History) Boundary(ctx context.Context, f Fetch) (Boundary, error) { panic("unwritten") }

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

// outgoing computes which commits a client lacks: those reachable from its wants
// within the boundary, but for those reachable from its haves within the edge of
// its own shallow clone, and those that an unshallowed commit uncovers. Wants that
// are no commits are passed over.
func (h *History) outgoing(ctx context.Context, f Fetch, b Boundary) (outgoing, error) {
	panic("unwritten")
}
