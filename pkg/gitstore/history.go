package gitstore

import (
	"context"
	"math"
	"slices"
)

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
