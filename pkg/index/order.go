package index

import (
	"bytes"
	"container/heap"
	"context"

	"wikibot.io/pkg/gitstore"
)

// node is a commit as ordering sees it.
type node struct {
	id      gitstore.OID
	parents []gitstore.OID // without duplicates
	time    int64
	waits   int   // new parents not yet ordered
	childs  []int // new commits that wait for this one
}

// latest is the last second of the year 9999, beyond which a time has no JSON.
const latest = 253402300799

// clock is the time by which a commit is ordered and shown: the committer's,
// because it says when the change came to be in this history, where a rebased
// commit's author date may be years older. Absurd times, which anyone can write
// into a commit, are bent into the range that can be shown.
func clock(c *gitstore.Commit) int64 {
	return min(max(c.Committer.When.Unix(), 0), latest)
}

// ahead collects the commits that can be reached from head but not from
// known ones.
func ahead(ctx context.Context, repo *gitstore.Repo, head gitstore.OID, known func(gitstore.OID) (bool, error)) ([]node, error) {
	var nodes []node
	seen := map[gitstore.OID]bool{head: true}
	todo := []gitstore.OID{head}
	for len(todo) > 0 {
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		c, err := repo.Commit(ctx, id)
		if err != nil {
			return nil, err
		}
		n := node{id: id, time: clock(c), parents: distinct(c.Parents)}
		nodes = append(nodes, n)
		for _, p := range n.parents {
			if seen[p] {
				continue
			}
			seen[p] = true
			old, err := known(p)
			if err != nil {
				return nil, err
			}
			if !old {
				todo = append(todo, p)
			}
		}
	}
	return nodes, nil
}

func distinct(ids []gitstore.OID) []gitstore.OID {
	var out []gitstore.OID
next:
	for _, id := range ids {
		for _, o := range out {
			if o == id {
				continue next
			}
		}
		out = append(out, id)
	}
	return out
}

// order sorts commits oldest first: parents before children, and among those
// that are free to come next the earliest, then the lowest id. The result
// depends on the graph alone.
func order(nodes []node) []node {
	at := make(map[gitstore.OID]int, len(nodes))
	for i, n := range nodes {
		at[n.id] = i
	}
	for i := range nodes {
		for _, p := range nodes[i].parents {
			if j, ok := at[p]; ok {
				nodes[i].waits++
				nodes[j].childs = append(nodes[j].childs, i)
			}
		}
	}
	ready := &byTime{nodes: nodes}
	for i := range nodes {
		if nodes[i].waits == 0 {
			heap.Push(ready, i)
		}
	}
	out := make([]node, 0, len(nodes))
	for ready.Len() > 0 {
		i := heap.Pop(ready).(int)
		out = append(out, nodes[i])
		for _, k := range nodes[i].childs {
			if nodes[k].waits--; nodes[k].waits == 0 {
				heap.Push(ready, k)
			}
		}
	}
	return out
}

type byTime struct {
	nodes []node
	at    []int
}

func (h *byTime) Len() int      { return len(h.at) }
func (h *byTime) Swap(i, j int) { h.at[i], h.at[j] = h.at[j], h.at[i] }
func (h *byTime) Push(x any)    { h.at = append(h.at, x.(int)) }
func (h *byTime) Pop() any {
	last := h.at[len(h.at)-1]
	h.at = h.at[:len(h.at)-1]
	return last
}

func (h *byTime) Less(i, j int) bool {
	a, b := &h.nodes[h.at[i]], &h.nodes[h.at[j]]
	if a.time != b.time {
		return a.time < b.time
	}
	return bytes.Compare(a.id[:], b.id[:]) < 0
}

// appends reports whether ordering the whole graph anew would leave the old
// commits where they are and put the new ones behind them: when every new commit
// descends from the old head, or all are later than all old ones. Otherwise the
// numbers of old commits would depend on how often one caught up.
func appends(nodes []node, oldHead gitstore.OID, newestOld func() (int64, error)) (bool, error) {
	fresh := make(map[gitstore.OID]bool, len(nodes))
	for _, n := range nodes {
		fresh[n.id] = true
	}
	reached, descend, earliest := false, true, int64(latest)
	for _, n := range nodes {
		earliest = min(earliest, n.time)
		descend = descend && len(n.parents) > 0
		for _, p := range n.parents {
			reached = reached || p == oldHead
			descend = descend && (p == oldHead || fresh[p])
		}
	}
	if !reached || descend {
		return reached, nil
	}
	newest, err := newestOld()
	return err == nil && earliest > newest, err
}
