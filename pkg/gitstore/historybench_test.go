package gitstore

import (
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// long is a history of n commits, a merge among every ten, of which all but the
// last ten are in a base and in the commit graph.
func long(b *testing.B, n int) (s *Store, h *History, made []OID) {
	b.Helper()
	s, r, made := importedDAG(b, n, func(i int) ([]int, int64) {
		switch {
		case i == 0:
			return nil, 0
		case i%10 == 9:
			return []int{i - 1, i - 3}, int64(i)
		}
		return []int{i - 1}, int64(i)
	})
	if err := r.writeGraph(b.Context(), made[n-11]); err != nil {
		b.Fatal(err)
	}
	h, err := r.History(b.Context(), made[n-1], longBase(r, made[:n-10]))
	if err != nil || len(h.recent) != 10 {
		b.Fatal(err, len(h.recent))
	}
	return s, h, made
}

// longBase has a repository's table say that commits are a base.
func longBase(r *Repo, commits []OID) []string {
	x := &packIndex{ids: slices.Clone(commits), offsets: make([]int64, len(commits)), crcs: make([]uint32, len(commits))}
	x.sort()
	tip := commits[len(commits)-1]
	name := "pack-" + tip.String()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.table == nil {
		r.table = newTable()
	}
	r.table.bases[name] = &base{pack: r.newPack(name, x), tip: tip, ends: [3]section{{len(commits), 50}, {0, 50}, {0, 50}}}
	return []string{name}
}

func BenchmarkHistory(b *testing.B) {
	const n = 10_000
	s, h, made := long(b, n)
	ask := func(b *testing.B, f Fetch, want int) {
		b.Helper()
		for b.Loop() {
			edge, err := h.Boundary(b.Context(), f)
			if err != nil {
				b.Fatal(err)
			}
			out, err := h.outgoing(b.Context(), f, edge)
			if err != nil || len(out.commits) != want {
				b.Fatal(err, len(out.commits))
			}
		}
	}
	head := made[n-1 : n]
	b.Run("one commit", func(b *testing.B) { ask(b, Fetch{Wants: head, Haves: made[n-2 : n-1]}, 1) })
	b.Run("one commit, 256 haves", func(b *testing.B) { ask(b, Fetch{Wants: head, Haves: made[n-257 : n-1]}, 1) })
	b.Run("nothing new, 10,000 haves", func(b *testing.B) { ask(b, Fetch{Wants: head, Haves: made}, 0) })
	b.Run("half of it", func(b *testing.B) { ask(b, Fetch{Wants: head, Haves: made[n/2-1 : n/2]}, n/2) })
	b.Run("depth 1", func(b *testing.B) { ask(b, Fetch{Wants: head, Deepen: Deepen{Depth: 1}}, 1) })
	b.Run("the newer half, by date", func(b *testing.B) { ask(b, Fetch{Wants: head, Deepen: Deepen{Since: time.Unix(n/2, 0)}}, n/2) })
	b.Run("unshallow", func(b *testing.B) {
		ask(b, Fetch{Wants: head, Haves: head, Shallow: head, Deepen: Deepen{Depth: wholeHistory}}, n-1)
	})
	b.Run("enough, from the first", func(b *testing.B) {
		for b.Loop() {
			if ok, err := h.Enough(b.Context(), head, made[:1]); !ok || err != nil {
				b.Fatal(ok, err)
			}
		}
	})
	b.Run("the next head", func(b *testing.B) {
		for b.Loop() {
			next := &History{r: h.r, head: head[0], given: h.given, bases: h.bases, graph: h.graph, recent: h.recent[1:], sets: nil}
			node := h.recent[0]
			next.add(map[OID]*commitNode{node.id: &node})
		}
	})
	b.Run("cold, from graph and base", func(b *testing.B) {
		for b.Loop() {
			cold := newRepo(s, wikiID, filepath.Join(s.Dir(wikiID), repoFolder), h.r.key) // commits are in the cache
			c, err := cold.History(b.Context(), head[0], longBase(cold, made[:n-10]))
			if err != nil || len(c.recent) != 10 {
				b.Fatal(err, len(c.recent))
			}
		}
	})
	b.Run("parse the graph", func(b *testing.B) {
		for b.Loop() {
			if _, err := parseGraph(h.graph.file); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encode the graph", func(b *testing.B) {
		nodes, err := h.r.allNodes(b.Context(), made[n-11])
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if encodeGraph(nodes) == nil {
				b.Fatal("nothing")
			}
		}
	})
}
