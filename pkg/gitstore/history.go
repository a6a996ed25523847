package gitstore

import (
	"container/heap"
	"context"
	"math"
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

	sets  []map[OID]*commitNode // recent by id: disjoint sets, each larger than the next
	graph *commitGraph          // as it was when the history was computed
	given []*base               // what bases was taken from
}

// commitNode is what walking the history needs of a commit.
type commitNode struct {
	id, tree OID
	parents  []OID
	when     int64  // Unix seconds of the committer
	gen      uint32 // one more than the highest of its parents, 1 for a root; 0 if not known
}

// Head is the commit that the history is of.
func (h *History) Head() OID { return h.head }

// Has reports whether a commit is in the history. It reads nothing.
func (h *History) Has(commit OID) bool {
	return h.recently(commit) != nil || inBases(h.bases, commit)
}

func (h *History) recently(commit OID) *commitNode {
	for _, s := range h.sets {
		if n := s[commit]; n != nil {
			return n
		}
	}
	return nil
}

// inBases reports whether a commit is in one of the bases. They hold all that
// leads to their tips, so all that leads to the commit is in them too.
func inBases(bases []*base, commit OID) bool {
	return slices.ContainsFunc(bases, func(b *base) bool { return b.hasCommit(commit) })
}

// node is Repo.node for a commit of the history.
func (h *History) node(ctx context.Context, commit OID) (commitNode, error) {
	if n := h.recently(commit); n != nil {
		return *n, nil
	}
	if n, ok := h.graph.node(commit); ok {
		return n, nil
	}
	return h.r.node(ctx, commit)
}

// Common returns those of ids that are commits of the history, in their order.
func (h *History) Common(ids []OID) []OID {
	var common []OID
	for _, id := range ids {
		if h.Has(id) {
			common = append(common, id)
		}
	}
	return common
}

// Enough reports whether a client that has the commits of common needs to offer
// no more: each want, if it is a commit, has one of them in its history.
func (h *History) Enough(ctx context.Context, wants, common []OID) (bool, error) {
	s := seeker{h: h, leads: make(map[OID]bool, len(common)), lowest: math.MaxUint32}
	for i, id := range common {
		if i%1024 == 0 && ctx.Err() != nil {
			return false, ctx.Err()
		}
		if !h.Has(id) {
			continue
		}
		n, err := h.node(ctx, id)
		if err != nil {
			return false, err
		}
		s.leads[id] = true
		s.lowest = min(s.lowest, n.gen) // 0, for all, if one is not known
	}
	for _, id := range wants {
		if !h.Has(id) {
			continue
		}
		if ok, err := s.seek(ctx, id); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// seeker finds out which commits lead to some that are sought. Each commit is
// looked at once, however many are asked about.
type seeker struct {
	h      *History
	leads  map[OID]bool // of those that were looked at
	lowest uint32       // no commit nearer to a root than this leads to one
}

func (s *seeker) seek(ctx context.Context, from OID) (bool, error) {
	type step struct {
		id      OID
		parents []OID // yet to be looked at
	}
	var path []step
	for next := from; ; {
		if len(s.leads)%1024 == 0 && ctx.Err() != nil {
			return false, ctx.Err()
		}
		leads, known := s.leads[next]
		if !known {
			n, err := s.h.node(ctx, next)
			if err != nil {
				return false, err
			}
			s.leads[next] = false // unless it turns out
			if n.gen == 0 || n.gen > s.lowest {
				path = append(path, step{next, n.parents})
			}
		}
		if leads {
			for _, p := range path {
				s.leads[p.id] = true
			}
			return true, nil
		}
		for len(path) > 0 && len(path[len(path)-1].parents) == 0 {
			path = path[:len(path)-1]
		}
		if len(path) == 0 {
			return false, nil
		}
		last := &path[len(path)-1]
		next, last.parents = last.parents[0], last.parents[1:]
	}
}
