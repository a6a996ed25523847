package gitstore

import (
	"container/heap"
	"context"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/singleflight"
)

// histories keeps the last few histories of a repository. A save moves the head
// by one commit, so the next history is mostly the last one.
type histories struct {
	building singleflight.Group
	mu       sync.Mutex
	epoch    int        // counts how often all were forgotten
	kept     []*History // the last used first
	keys     []string   // parallel to kept
}

const maxHistories = 4

// History returns the history of head. bases is what the wiki's record lists as
// consolidated packs. It reads the commits that were made since the newest of
// them, and no others; the last few results are kept.
func (r *Repo) History(ctx context.Context, head OID, bases []string) (*History, error) {
	key := string(head[:]) + strings.Join(bases, " ")
	h, epoch := r.histories.get(key)
	if h != nil {
		return h, nil
	}
	// Who comes while it is computed waits for it, so it does not end with the
	// context of whoever came first.
	built := r.histories.building.DoChan(key, func() (any, error) {
		h, err := r.buildHistory(context.WithoutCancel(ctx), head, bases)
		if err != nil {
			return nil, err
		}
		r.histories.put(key, h, epoch)
		return h, nil
	})
	select {
	case res := <-built:
		if res.Err != nil {
			return nil, res.Err
		}
		return res.Val.(*History), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (k *histories) get(key string) (*History, int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	i := slices.Index(k.keys, key)
	if i < 0 {
		return nil, k.epoch
	}
	h := k.kept[i]
	k.kept = slices.Insert(slices.Delete(k.kept, i, i+1), 0, h)
	k.keys = slices.Insert(slices.Delete(k.keys, i, i+1), 0, key)
	return h, k.epoch
}

func (k *histories) put(key string, h *History, epoch int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if epoch != k.epoch || slices.Contains(k.keys, key) {
		return
	}
	k.kept, k.keys = slices.Insert(k.kept, 0, h), slices.Insert(k.keys, 0, key)
	if len(k.kept) > maxHistories {
		k.kept, k.keys = slices.Delete(k.kept, maxHistories, len(k.kept)), k.keys[:maxHistories]
	}
}

func (k *histories) forget() {
	k.mu.Lock()
	k.epoch++
	k.kept, k.keys = nil, nil
	k.mu.Unlock()
}

// upon is the latest history that has the same bases.
func (k *histories) upon(given []*base) *History {
	k.mu.Lock()
	defer k.mu.Unlock()
	i := slices.IndexFunc(k.kept, func(h *History) bool {
		return slices.EqualFunc(h.given, given, func(a, b *base) bool { return a.pack.name == b.pack.name })
	})
	if i < 0 {
		return nil
	}
	return k.kept[i]
}

func (r *Repo) buildHistory(ctx context.Context, head OID, names []string) (*History, error) {
	h := &History{r: r, head: head}
	if len(names) > 0 {
		given, err := r.bases(ctx, names)
		if err != nil {
			return nil, err
		}
		h.given, h.bases = given, given
	}
	if n := len(h.given); n > 0 {
		h.graph = r.commitGraphFor(h.given[n-1].tip)
	} else {
		h.graph = r.commitGraph()
	}
	if last := r.histories.upon(h.given); last != nil {
		c := newClimb(ctx, h, head)
		c.edge = func(id OID) bool { return last.Has(id) }
		if err := c.run(); err != nil {
			return nil, err
		}
		if c.met[last.head] { // so all that was in the last one is in this one
			h.bases, h.sets, h.recent = last.bases, last.sets, last.recent
			h.add(c.fresh)
			return h, nil
		}
	}
	c := newClimb(ctx, h, head)
	c.edge = func(id OID) bool { return inBases(h.bases, id) }
	for {
		if err := c.run(); err != nil {
			return nil, err
		}
		// A way from the head into the bases that leads to the tip of the topmost
		// enters them there. If none does, the head was moved back behind it.
		n := len(h.bases)
		if n == 0 || c.met[h.bases[n-1].tip] {
			h.add(c.fresh)
			return h, nil
		}
		h.bases = h.bases[:n-1]
		c.goOn()
	}
}

// climb goes back from a head as far as an edge.
type climb struct {
	ctx   context.Context
	h     *History
	edge  func(OID) bool
	queue []OID
	fresh map[OID]*commitNode // those this side of the edge
	met   map[OID]bool        // those beyond it that it came to
	ahead bool                // what follows has been read ahead
}

func newClimb(ctx context.Context, h *History, head OID) *climb {
	return &climb{ctx: ctx, h: h, queue: []OID{head}, fresh: map[OID]*commitNode{}, met: map[OID]bool{}}
}

func (c *climb) run() error {
	for len(c.queue) > 0 {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		id := c.queue[len(c.queue)-1]
		c.queue = c.queue[:len(c.queue)-1]
		if c.fresh[id] != nil || c.met[id] {
			continue
		}
		if c.edge(id) {
			c.met[id] = true
			continue
		}
		c.mind(id)
		n, err := c.h.node(c.ctx, id)
		if err != nil {
			return err
		}
		c.fresh[id] = &n
		c.queue = append(c.queue, n.parents...)
	}
	return nil
}

// mind has what follows read ahead if this is to be a long way.
func (c *climb) mind(id OID) {
	if len(c.fresh) < patience || c.ahead {
		return
	}
	if _, ok := c.h.graph.node(id); !ok {
		c.ahead = true
		c.h.r.readAhead(c.ctx, c.h.bases)
	}
}

// goOn puts back what the edge, which has moved, does not keep out any more.
func (c *climb) goOn() {
	for id := range c.met {
		if !c.edge(id) {
			delete(c.met, id)
			c.queue = append(c.queue, id)
		}
	}
}

// add puts commits before the recent ones. Each of them is newer than all of
// those: none of those leads to it.
func (h *History) add(fresh map[OID]*commitNode) {
	if len(fresh) == 0 {
		return
	}
	ordered := newestFirst(fresh)
	for _, n := range slices.Backward(ordered) {
		n.gen = h.generation(n, fresh)
	}
	recent := make([]commitNode, 0, len(ordered)+len(h.recent))
	for _, n := range ordered {
		recent = append(recent, *n)
	}
	h.recent = append(recent, h.recent...)
	// Few sets, and each commit moves only a few times however often one is added.
	sets := append(slices.Clone(h.sets), fresh)
	for n := len(sets); n > 1 && len(sets[n-2]) < 2*len(sets[n-1]); n-- {
		both := make(map[OID]*commitNode, len(sets[n-2])+len(sets[n-1]))
		for _, s := range sets[n-2:] {
			for id, c := range s {
				both[id] = c
			}
		}
		sets = append(sets[:n-2], both)
	}
	h.sets = sets
}

// generation is that of a commit whose parents, as far as they are fresh, have theirs.
func (h *History) generation(n *commitNode, fresh map[OID]*commitNode) uint32 {
	gen := uint32(0)
	for _, id := range n.parents {
		p := fresh[id]
		if p == nil {
			p = h.recently(id)
		}
		if p == nil {
			known, ok := h.graph.node(id)
			if !ok {
				return 0
			}
			p = &known
		}
		if p.gen == 0 {
			return 0
		}
		gen = max(gen, p.gen)
	}
	return gen + 1
}

// newestFirst orders commits by time, but none before one that was made upon it.
func newestFirst(nodes map[OID]*commitNode) []*commitNode {
	children := make(map[OID]int, len(nodes)) // that are still to come
	for _, n := range nodes {
		for _, p := range n.parents {
			children[p]++
		}
	}
	var ready newest
	for id, n := range nodes {
		if children[id] == 0 {
			ready = append(ready, n)
		}
	}
	heap.Init(&ready)
	ordered := make([]*commitNode, 0, len(nodes))
	for len(ready) > 0 {
		n := heap.Pop(&ready).(*commitNode)
		ordered = append(ordered, n)
		for _, id := range n.parents {
			if children[id]--; children[id] == 0 && nodes[id] != nil {
				heap.Push(&ready, nodes[id])
			}
		}
	}
	return ordered
}

// newest is a heap with the newest commit at the top.
type newest []*commitNode

func (h newest) Len() int { return len(h) }
func (h newest) Less(i, j int) bool {
	if a, b := h[i].when, h[j].when; a != b {
		return a > b
	}
	return compareIDs(h[i].id, h[j].id) < 0
}
func (h newest) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *newest) Push(c any)   { *h = append(*h, c.(*commitNode)) }
func (h *newest) Pop() any {
	old := *h
	c := old[len(old)-1]
	*h = old[:len(old)-1]
	return c
}
