package gitstore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"wikibot.io/pkg/fault"
)

type oids = map[OID]bool

// dagModel is a random history, and what follows from it by going through
// everything. The commits are in the repository's cache alone.
type dagModel struct {
	r     *Repo
	made  []OID // parents before children
	nodes map[OID]commitNode
}

func drawDAG(t *rapid.T, r *Repo) *dagModel {
	m := &dagModel{r: r, nodes: map[OID]commitNode{}}
	n := rapid.IntRange(1, 30).Draw(t, "commits")
	skew := rapid.Bool().Draw(t, "skew")
	for i := range n {
		c := Commit{Tree: OID{1, byte(i)}, Message: fmt.Sprint(i), Author: someone, Committer: someone}
		seconds := i * 10
		if skew {
			seconds = rapid.IntRange(0, 10*n).Draw(t, "seconds")
		}
		c.Committer.When = time.Unix(int64(seconds), 0)
		for range rapid.SampledFrom([]int{0, 1, 1, 1, 1, 1, 2, 2, 3}).Draw(t, "parents") {
			if i > 0 {
				back := rapid.SampledFrom([]int{1, 1, 1, 2, 3, i}).Draw(t, "back")
				if p := m.made[max(0, i-back)]; !slices.Contains(c.Parents, p) {
					c.Parents = append(c.Parents, p)
				}
			}
		}
		o := raw{plumbing.CommitObject, encodeCommit(c)}
		if _, err := r.keep(o.id(), o); err != nil {
			t.Fatal(err)
		}
		c.ID = o.id()
		m.made = append(m.made, c.ID)
		node := nodeOf(&c)
		for _, p := range c.Parents {
			node.gen = max(node.gen, m.nodes[p].gen)
		}
		node.gen++
		m.nodes[c.ID] = node
	}
	return m
}

// reach is all that some commits lead to, ending at those of cut.
func (m *dagModel) reach(from []OID, cut oids) oids {
	found := oids{}
	for queue := slices.Clone(from); len(queue) > 0; {
		id := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if n, ok := m.nodes[id]; ok && !found[id] {
			found[id] = true
			if !cut[id] {
				queue = append(queue, n.parents...)
			}
		}
	}
	return found
}

func (m *dagModel) some(t *rapid.T, what string, most int) []OID {
	return rapid.SliceOfN(rapid.SampledFrom(m.made), 0, most).Draw(t, what)
}

// fold makes bases of some tips that follow upon one another, as far as lookups
// can tell: the packs hold no bytes.
func (m *dagModel) fold(t *rapid.T) (names []string, tips []OID) {
	below := oids{}
	var onto OID
	for _, tip := range m.made {
		in := m.reach([]OID{tip}, nil)
		if rapid.IntRange(0, 3).Draw(t, "fold") > 0 || !onto.IsZero() && !in[onto] {
			continue
		}
		x := &packIndex{}
		for id := range in {
			if !below[id] {
				x.ids, x.offsets, x.crcs = append(x.ids, id), append(x.offsets, packHead), append(x.crcs, 0)
			}
		}
		// A tree of that base, which is no commit.
		x.ids, x.offsets, x.crcs = append(x.ids, OID{0xff, byte(len(names))}), append(x.offsets, 100), append(x.crcs, 0)
		x.sort()
		name := "pack-" + tip.String()
		b := &base{pack: m.r.newPack(name, x), tip: tip, onto: onto, ends: [3]section{{len(in), 50}, {1, 150}, {0, 150}}}
		if m.r.table == nil {
			m.r.table = newTable()
		}
		m.r.table.bases[name] = b
		names, tips, onto, below = append(names, name), append(tips, tip), tip, in
	}
	return names, tips
}

// graphed gives the repository the commit graph of what some commits lead to.
func (m *dagModel) graphed(from []OID) {
	var nodes []commitNode
	for id := range m.reach(from, nil) {
		nodes = append(nodes, m.nodes[id])
	}
	g, err := parseGraph(encodeGraph(nodes))
	if err != nil {
		panic(err)
	}
	m.r.graph.read, m.r.graph.graph = true, g
	m.r.graph.base = OID{}
}

// modelled runs a test on random histories with bases, commit graph and head.
func modelled(t *testing.T, check func(t *rapid.T, m *dagModel, h *History, exact bool)) {
	s, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(t.Context(), wikiID); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		r := newRepo(s, wikiID, s.Dir(wikiID)+"/"+repoFolder, rapid.Uint64().Draw(t, "key"))
		m := drawDAG(t, r)
		names, _ := m.fold(t)
		var tips []OID
		if rapid.Bool().Draw(t, "graph") {
			tips = m.some(t, "graph of", 3)
		}
		m.graphed(tips)
		h, err := r.History(context.Background(), rapid.SampledFrom(m.made).Draw(t, "head"), names)
		if err != nil {
			t.Fatal(err)
		}
		exact := len(h.bases) == 0 || len(m.reach(tips, nil)) == len(m.made)
		check(t, m, h, exact)
	})
}

func TestHistoryIsWhatTheHeadLeadsTo(t *testing.T) {
	s, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		r := newRepo(s, wikiID, s.Dir(wikiID), rapid.Uint64().Draw(t, "key"))
		m := drawDAG(t, r)
		names, tips := m.fold(t)
		if rapid.Bool().Draw(t, "graph") {
			m.graphed(m.some(t, "graph of", 3))
		} else {
			m.graphed(nil)
		}
		// One head after the other, of which some follow upon the last and some do not.
		for _, head := range rapid.SliceOfN(rapid.SampledFrom(m.made), 1, 8).Draw(t, "heads") {
			h, err := r.History(context.Background(), head, names)
			if err != nil {
				t.Fatal(err)
			}
			want := m.reach([]OID{head}, nil)
			for _, id := range m.made {
				if h.Has(id) != want[id] {
					t.Fatalf("commit %s is in the history: %v", id, h.Has(id))
				}
			}
			if h.Has(OID{0xff, 0}) {
				t.Fatal("a tree passes for a commit")
			}
			used := 0
			for used < len(tips) && want[tips[used]] {
				used++
			}
			if len(h.bases) > used {
				t.Fatalf("%d bases, of which %d are in the history", len(h.bases), used)
			}
			checkRecent(t, m, h, want)
		}
	})
}

// checkRecent checks that recent is what the bases lack, none before its children,
// and that generations, where they are known, are right.
func checkRecent(t *rapid.T, m *dagModel, h *History, want oids) {
	t.Helper()
	got := oids{}
	for _, n := range h.recent {
		for _, p := range n.parents {
			if got[p] {
				t.Fatalf("%s comes after its parent %s", n.id, p)
			}
		}
		got[n.id] = true
		if model := m.nodes[n.id]; n.gen != 0 && n.gen != model.gen {
			t.Fatalf("%s has generation %d, not %d", n.id, n.gen, model.gen)
		} else if n.tree != model.tree || n.when != model.when || !slices.Equal(n.parents, model.parents) {
			t.Fatalf("%v is not %v", n, model)
		}
		if h.recently(n.id) == nil {
			t.Fatalf("%s is recent and not found", n.id)
		}
	}
	maps.DeleteFunc(want, func(id OID, _ bool) bool { return inBases(h.bases, id) })
	if d := cmp.Diff(want, got); d != "" || len(got) != len(h.recent) {
		t.Fatalf("recent: %s", d)
	}
}

func TestOutgoingIsWhatTheClientLacks(t *testing.T) {
	modelled(t, func(t *rapid.T, m *dagModel, h *History, exact bool) {
		in := m.reach([]OID{h.head}, nil)
		within := func(ids []OID) []OID {
			return slices.DeleteFunc(slices.Clone(ids), func(id OID) bool { return !in[id] })
		}
		f := Fetch{Wants: m.some(t, "wants", 3), Haves: m.some(t, "haves", 3), Shallow: m.some(t, "shallow", 3)}
		if rapid.Bool().Draw(t, "head wanted") {
			f.Wants = append(f.Wants, h.head, OID{0xff, 0})
		}
		b := Boundary{Shallow: within(m.some(t, "new shallow", 2))}
		if len(f.Shallow) > 0 && rapid.Bool().Draw(t, "unshallow") {
			b.Unshallow = within(f.Shallow[:1])
			b.Shallow = slices.DeleteFunc(b.Shallow, func(id OID) bool { return slices.Contains(b.Unshallow, id) })
		}
		out, err := h.outgoing(t.Context(), f, b)
		if err != nil {
			t.Fatal(err)
		}
		cut, theirCut := oids{}, oids{}
		for _, id := range append(within(f.Shallow), b.Shallow...) {
			cut[id], theirCut[id] = true, true
		}
		wants := within(f.Wants)
		for _, id := range b.Unshallow {
			delete(cut, id)
			wants = append(wants, m.nodes[id].parents...)
		}
		ours, theirs := m.reach(wants, cut), m.reach(within(f.Haves), theirCut)
		want := maps.Clone(ours)
		maps.DeleteFunc(want, func(id OID, _ bool) bool { return theirs[id] })
		if out.all {
			if len(want) != len(in) || len(cut) > 0 {
				t.Fatal("not all are lacking")
			}
			return
		}
		got := oids{}
		trees := oids{} // that the client has, or gets
		for _, c := range out.commits {
			got[c.id], trees[c.tree] = true, true
		}
		for id := range theirs {
			trees[m.nodes[id].tree] = true
		}
		for id := range want {
			if !got[id] {
				t.Fatalf("%s is not sent", id)
			}
		}
		for _, c := range out.commits {
			if !ours[c.id] || exact && !want[c.id] {
				t.Fatalf("%s is sent and was not asked for, or was there", c.id)
			}
			if cut[c.id] && len(c.beside) > 0 || !cut[c.id] && len(c.beside) != len(c.parents) {
				t.Fatalf("%s has %d parents and %d trees beside it", c.id, len(c.parents), len(c.beside))
			}
			for i, tree := range c.beside {
				if tree != m.nodes[c.parents[i]].tree || !trees[tree] {
					t.Fatalf("tree %s is taken to be there", tree)
				}
			}
		}
		if len(out.theirs) > maxTheirs {
			t.Fatalf("%d trees", len(out.theirs))
		}
		for _, tree := range out.theirs {
			if !slices.ContainsFunc(slices.Collect(maps.Keys(theirs)), func(id OID) bool { return m.nodes[id].tree == tree }) {
				t.Fatalf("tree %s is taken for had", tree)
			}
		}
	})
}

func TestEnoughIsWhenEachWantLeadsToSomethingCommon(t *testing.T) {
	modelled(t, func(t *rapid.T, m *dagModel, h *History, _ bool) {
		in := m.reach([]OID{h.head}, nil)
		wants, common := m.some(t, "wants", 4), h.Common(m.some(t, "common", 4))
		got, err := h.Enough(t.Context(), append(wants, OID{0xff, 0}), common)
		if err != nil {
			t.Fatal(err)
		}
		want := true
		for _, id := range wants {
			reached := m.reach([]OID{id}, nil)
			want = want && (!in[id] || slices.ContainsFunc(common, func(id OID) bool { return reached[id] }))
		}
		if got != want {
			t.Fatalf("enough: %v", got)
		}
	})
}

// Answering a fetch of the last commits reads those and no others, also after the
// next save.
func TestAHistoryThatGrowsReadsWhatIsNew(t *testing.T) {
	s, r := newTestRepo(t)
	commits := line(t, r, OID{}, "page", 30)
	if err := r.writeGraph(t.Context(), commits[19]); err != nil {
		t.Fatal(err)
	}
	d := &testDisk{left: -1}
	cold, err := newStore(s.dir, Options{}, d).Repo(t.Context(), wikiID)
	if err != nil {
		t.Fatal(err)
	}
	opened := func() int { return strings.Count(strings.Join(d.log, " "), ".pack") }
	ask := func(head, have int) {
		t.Helper()
		h, err := cold.History(t.Context(), commits[head], nil)
		if err != nil {
			t.Fatal(err)
		}
		out, err := h.outgoing(t.Context(), Fetch{Wants: commits[head : head+1], Haves: commits[have : have+1]}, Boundary{})
		if err != nil || len(out.commits) != head-have || len(h.recent) != head+1 {
			t.Fatalf("%d commits, %d recent: %v", len(out.commits), len(h.recent), err)
		}
	}
	ask(22, 20)
	if got := opened(); got != 3 {
		t.Errorf("%d packs were read for three commits that the graph has not", got)
	}
	d.reset(-1, false)
	ask(22, 10)
	if len(d.log) != 0 {
		t.Errorf("the same history again: %v", d.log)
	}
	for head := 23; head < 30; head++ {
		d.reset(-1, false)
		ask(head, head-1)
		if got := opened(); got != 1 {
			t.Errorf("%d packs were read for one save", got)
		}
	}
	h, err := cold.History(t.Context(), commits[29], nil)
	if err != nil || len(h.sets) > 6 {
		t.Errorf("%d sets for 30 commits: %v", len(h.sets), err)
	}
}

func TestHistoryOfWhatIsNotThere(t *testing.T) {
	_, r := newTestRepo(t)
	one := save(t, r, OID{}, "one", map[string]string{"a.md": "1"})
	if _, err := r.History(t.Context(), OID{7}, nil); !fault.Is(err, fault.NotFound) {
		t.Errorf("an unknown head: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.History(ctx, OID{8}, nil); err == nil {
		t.Error("nobody waits, and it goes on")
	}
	h, err := r.History(t.Context(), one, []string{"pack-" + strings.Repeat("0", 40), "../../x"})
	if err != nil || !h.Has(one) || len(h.bases) != 0 {
		t.Errorf("bases that are gone: %v %v", h, err)
	}
}

// From folded packs a process that has just come reads what was saved since, and
// of the rest what the bases and the commit graph say in one file each.
func TestHistoryOverBasesReadsWhatWasSavedSince(t *testing.T) {
	s, r := newTestRepo(t)
	commits := line(t, r, OID{}, "page", 40)
	bases, err := r.Fold(t.Context(), commits[29], nil)
	if err != nil {
		t.Fatal(err)
	}
	d := &testDisk{left: -1}
	cold, err := newStore(s.dir, Options{}, d).Repo(t.Context(), wikiID)
	if err != nil {
		t.Fatal(err)
	}
	last := func(head int, bases []string, recent, sent int, have OID) *History {
		t.Helper()
		h, err := cold.History(t.Context(), commits[head], bases)
		if err != nil {
			t.Fatal(err)
		}
		out, err := h.outgoing(t.Context(), Fetch{Wants: commits[head : head+1], Haves: []OID{have}}, Boundary{})
		if err != nil || len(h.recent) != recent || len(out.commits) != sent {
			t.Fatalf("%d recent commits, %d outgoing: %v", len(h.recent), len(out.commits), err)
		}
		for _, c := range out.commits {
			if c.gen == 0 {
				t.Errorf("the generation of %s is not known", c.id)
			}
		}
		return h
	}
	d.reset(-1, false)
	last(32, bases, 3, 13, commits[19])
	all := strings.Join(d.log, "\n")
	if packs := strings.Count(all, ".pack"); packs != 3 {
		t.Errorf("%d packs were read for three saves:\n%s", packs, all)
	}
	if strings.Contains(all, bases[0]+".pack") || strings.Count(all, "commit-graph") != 1 || strings.Contains(all, "list ") {
		t.Errorf("for the history of three saves upon a base:\n%s", all)
	}

	// The record lists newer bases: so there is a newer graph.
	newer, err := r.Fold(t.Context(), commits[39], bases)
	if err != nil {
		t.Fatal(err)
	}
	d.reset(-1, false)
	last(39, newer, 0, 10, commits[29])
	if all := strings.Join(d.log, "\n"); strings.Count(all, "commit-graph") != 1 || strings.Contains(all, ".pack ") {
		t.Errorf("after a fold:\n%s", all)
	}
	// And the head is moved back behind all that was folded last.
	if h := last(20, newer, 21, 1, commits[19]); len(h.bases) != 0 || h.Has(commits[21]) {
		t.Errorf("a head moved back has %d bases", len(h.bases))
	}
}
