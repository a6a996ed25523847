package gitstore

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/gitstore/gitstoretest"
)

// importedDAG makes a history with git fast-import, which is quick and writes what
// no Batch does: many parents, odd clocks. Commit i has the parents that shape
// gives it; its time is seconds after some start. It returns the commits in their
// order, in a repository of the store that has them in one pack.
func importedDAG(t testing.TB, n int, shape func(i int) (parents []int, seconds int64)) (*Store, *Repo, []OID) {
	t.Helper()
	s, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Create(context.Background(), wikiID)
	if err != nil {
		t.Fatal(err)
	}
	var in bytes.Buffer
	tips := map[int]bool{}
	for i := range n {
		parents, when := shape(i)
		message := fmt.Sprint("commit ", i)
		// A parent that is named twice is not an ancestor twice: git drops it.
		fmt.Fprintf(&in, "commit refs/heads/c%d\nmark :%d\ncommitter Ada <ada@example.org> %d +0000\ndata %d\n%s\n", i, i+1, when, len(message), message)
		for k, p := range parents {
			fmt.Fprintf(&in, "%s :%d\n", map[bool]string{true: "from", false: "merge"}[k == 0], p+1)
			delete(tips, p)
		}
		tips[i] = true
		fmt.Fprintf(&in, "M 100644 inline d%d/f%d\ndata %d\n%s\n", i%3, i%7, len(message), message)
	}
	repo := filepath.Join(s.Dir(wikiID), repoFolder)
	marks := filepath.Join(t.TempDir(), "marks")
	runGit(t, repo, &in, "-c", "fastimport.unpackLimit=0", "fast-import", "--quiet", "--export-marks="+marks)
	b, err := os.ReadFile(marks)
	if err != nil {
		t.Fatal(err)
	}
	made := make([]OID, n)
	for line := range strings.Lines(string(b)) {
		var mark int
		var hex string
		if _, err := fmt.Sscanf(line, ":%d %s", &mark, &hex); err != nil {
			t.Fatal(err)
		}
		if err := parseID(&made[mark-1], []byte(hex)); err != nil {
			t.Fatal(err)
		}
	}
	return s, r, made
}

func runGit(t testing.TB, dir string, in *bytes.Buffer, args ...string) []byte {
	t.Helper()
	return gitWith(t, dir, in, nil, args...)
}

// merges shapes a random history: mostly a line, with branches, merges of two and
// of more, and clocks that now and then go backwards by up to skew seconds.
func merges(rng *rand.Rand, skew int64) func(int) ([]int, int64) {
	return func(i int) ([]int, int64) {
		when := 1_600_000_000 + int64(i)*60
		if skew > 0 && rng.IntN(4) == 0 {
			when -= rng.Int64N(skew)
		}
		if i == 0 || rng.IntN(40) == 0 {
			return nil, when // another root
		}
		parents := []int{max(0, i-1-rng.IntN(3))}
		for rng.IntN(4) == 0 {
			if p := rng.IntN(i); !contains(parents, p) {
				parents = append(parents, p)
			}
		}
		return parents, when
	}
}

func contains(s []int, v int) bool {
	for _, x := range s {
		if x == v {
			return true
		}
	}
	return false
}

// headOver makes one commit upon all of several, so that one head reaches them.
func headOver(t testing.TB, repo string, ids []OID) OID {
	t.Helper()
	args := []string{"commit-tree", "-m", "head", ids[0].String() + "^{tree}"}
	for _, id := range ids {
		args = append(args, "-p", id.String())
	}
	var head OID
	out := gitWith(t, repo, nil, []string{"GIT_COMMITTER_DATE=1700000000 +0000", "GIT_AUTHOR_DATE=1700000000 +0000"}, args...)
	if err := parseID(&head, bytes.TrimSpace(out)); err != nil {
		t.Fatal(err)
	}
	return head
}

func TestCommitGraphIsWhatGitAcceptsAndWrites(t *testing.T) {
	for _, c := range []struct {
		why   string
		n     int
		shape func(int) ([]int, int64)
	}{
		{"one commit", 1, merges(rand.New(rand.NewPCG(1, 1)), 0)},
		{"a history without merges has no list of further parents", 30, func(i int) ([]int, int64) {
			if i == 0 {
				return nil, 0
			}
			return []int{i - 1}, int64(i)
		}},
		{"merges of many", 200, merges(rand.New(rand.NewPCG(1, 2)), 0)},
		{"clocks that went backwards, times at both ends of what the format can say", 200, func(i int) ([]int, int64) {
			parents, _ := merges(rand.New(rand.NewPCG(1, uint64(i))), 0)(i)
			return parents, []int64{0, 1 << 31, 1 << 33, maxWhen}[i%4]
		}},
	} {
		s, r, made := importedDAG(t, c.n, c.shape)
		repo := filepath.Join(s.Dir(wikiID), repoFolder)
		head := headOver(t, repo, made)
		if err := r.Mirror(t.Context(), head, 1); err != nil {
			t.Fatal(err)
		}
		if err := r.writeGraph(t.Context(), head); err != nil {
			t.Fatal(err)
		}
		gitstoretest.Git(t, repo, "commit-graph", "verify")
		read := func() *commitGraph {
			b, err := os.ReadFile(graphPath(repo))
			if err != nil {
				t.Fatal(err)
			}
			g, err := parseGraph(b)
			if err != nil {
				t.Fatalf("%s: %v", c.why, err)
			}
			return g
		}
		ours := read()
		if ours.len() != c.n+1 {
			t.Errorf("%s: %d commits of %d", c.why, ours.len(), c.n+1)
		}
		with := gitstoretest.Git(t, repo, "-c", "core.commitGraph=true", "log", "--graph", "--format=%H %T %P %ct", "main")
		without := gitstoretest.Git(t, repo, "-c", "core.commitGraph=false", "log", "--graph", "--format=%H %T %P %ct", "main")
		if with != without {
			t.Errorf("%s: git reads another history from the graph", c.why)
		}
		for i := range ours.len() {
			if commit, err := fresh(t, s).Commit(t.Context(), OID(ours.rawID(i))); err != nil {
				t.Error(err)
			} else if d := cmp.Diff(nodeOf(commit), withoutGeneration(ours.at(i)), cmp.AllowUnexported(commitNode{})); d != "" {
				t.Errorf("%s: %s", c.why, d)
			}
		}
		gitstoretest.Git(t, repo, "commit-graph", "write", "--reachable")
		gits := read()
		for i := range gits.len() {
			n, ok := ours.node(OID(gits.rawID(i)))
			if d := cmp.Diff(gits.at(i), n, cmp.AllowUnexported(commitNode{})); ok && d != "" {
				t.Errorf("%s: git writes\n%s", c.why, d)
			}
		}
	}
}

func withoutGeneration(n commitNode) commitNode {
	n.gen = 0
	return n
}

// Git itself writes a graph of such a history that it does not accept afterwards.
func TestNoCommitGraphOfTimesThatItCannotSay(t *testing.T) {
	s, r, made := importedDAG(t, 3, func(i int) ([]int, int64) { return nil, maxWhen + int64(i) })
	for i, id := range made {
		if err := r.writeGraph(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(graphPath(filepath.Join(s.Dir(wikiID), repoFolder)))
		if err != nil || len(b) == 0 {
			t.Fatal(err)
		}
		if g, err := parseGraph(b); err != nil || g.len() != 1 || OID(g.rawID(0)) != made[0] {
			t.Errorf("commit %d: graph of %d %v", i, g.len(), err)
		}
	}
	if encodeGraph([]commitNode{{id: OID{1}, parents: []OID{{2}}}}) != nil {
		t.Error("a graph with a hole was written")
	}
	if encodeGraph([]commitNode{{id: OID{1}, parents: []OID{{2}}}, {id: OID{2}, parents: []OID{{1}}}}) != nil {
		t.Error("a graph with a circle was written")
	}
}

// The commit graph of a history that grew reads the commits that are new, and one
// that is as it was is not written again.
func TestCommitGraphGrows(t *testing.T) {
	s, r, _ := newTestDisk(t)
	commits := line(t, r, OID{}, "page", 20)
	if err := r.writeGraph(t.Context(), commits[14]); err != nil {
		t.Fatal(err)
	}
	d := &testDisk{left: -1}
	cold, err := newStore(s.dir, Options{}, d).Repo(t.Context(), wikiID)
	if err != nil {
		t.Fatal(err)
	}
	if err := cold.writeGraph(t.Context(), commits[19]); err != nil {
		t.Fatal(err)
	}
	if packs := strings.Count(strings.Join(d.log, " "), ".pack"); packs != 5 {
		t.Errorf("%d packs were read for 5 new commits", packs)
	}
	d.reset(-1, false)
	if err := cold.writeGraph(t.Context(), commits[19]); err != nil {
		t.Fatal(err)
	}
	if len(d.log) != 0 {
		t.Errorf("the same graph again: %v", d.log)
	}
	if n, err := r.node(t.Context(), commits[3]); err != nil || n.gen != 4 {
		t.Errorf("commit 4 is of generation %d: %v", n.gen, err)
	}
	for i := range 12 { // a full disk leaves the old graph, or the new one
		left := save(t, cold, commits[19], fmt.Sprint(i), map[string]string{"x.md": fmt.Sprint(i)})
		d.reset(i, true)
		err := cold.writeGraph(t.Context(), left)
		d.reset(-1, false)
		b, rerr := os.ReadFile(graphPath(cold.dir))
		if rerr != nil {
			t.Fatal(rerr)
		}
		g, perr := parseGraph(b)
		if _, is := g.find(left); perr != nil || err == nil && !is {
			t.Errorf("failing at change %d: %v, %v", i, err, perr)
		}
		if temp, _ := filepath.Glob(filepath.Join(cold.dir, "objects", "*", "tmp_*")); len(temp) > 1 { // a broken disk keeps it
			t.Errorf("%d temporary files are left", len(temp))
		}
	}
}

// Without the graph, or with one that is damaged, everything goes by commits.
func TestDamagedCommitGraphIsNoGraph(t *testing.T) {
	s, r := newTestRepo(t)
	commits := line(t, r, OID{}, "page", 5)
	if err := r.writeGraph(t.Context(), commits[4]); err != nil {
		t.Fatal(err)
	}
	file := graphPath(filepath.Join(s.Dir(wikiID), repoFolder))
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i, damage := range []func(b []byte) []byte{
		func(b []byte) []byte { return nil },
		func(b []byte) []byte { return b[:len(b)/2] },
		func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
	} {
		if err := os.WriteFile(file, damage(bytes.Clone(whole)), 0o644); err != nil {
			t.Fatal(err)
		}
		r := fresh(t, s)
		if n, err := r.node(t.Context(), commits[4]); err != nil || n.gen != 0 || n.parents[0] != commits[3] {
			t.Errorf("damage %d: %v %v", i, n, err)
		}
		h, err := r.History(t.Context(), commits[4], nil)
		if err != nil || len(h.recent) != 5 || h.recent[0].gen != 5 {
			t.Errorf("damage %d: %v %v", i, h, err)
		}
	}
}

// resum gives a changed graph the checksum that makes it pass.
func resum(b []byte) []byte {
	sum := sha1.Sum(b[:len(b)-20])
	return append(b[:len(b)-20:len(b)-20], sum[:]...)
}

// Each of these has the right checksum, as what a hostile program writes has.
func TestHostileCommitGraphsAreRefused(t *testing.T) {
	node := func(i byte, parents ...byte) commitNode {
		n := commitNode{id: OID{i, i}, tree: OID{9}, when: int64(i)}
		for _, p := range parents {
			n.parents = append(n.parents, OID{p, p})
		}
		return n
	}
	whole := encodeGraph([]commitNode{node(1), node(2), node(3), node(4, 1, 2, 3), node(5, 1, 2, 3), node(6, 5)})
	if g, err := parseGraph(whole); err != nil || g.len() != 6 || len(g.edges) != 16 {
		t.Fatal(err)
	}
	const table, ids = graphHead, graphHead + 5*graphRow + 1024
	const rows = ids + 6*20
	const edges = rows + 6*graphCommit
	put := binary.BigEndian.PutUint32
	for _, c := range []struct {
		why    string
		change func(b []byte) []byte
	}{
		{"SHA-256", func(b []byte) []byte { b[5] = 2; return b }},
		{"one of a chain", func(b []byte) []byte { b[7] = 1; return b }},
		{"more chunks than there is room for", func(b []byte) []byte { b[6] = 255; return b }},
		{"fewer chunks", func(b []byte) []byte { b[6] = 2; return b }},
		{"a chunk beyond the end", func(b []byte) []byte { put(b[table+graphRow+4:], 1<<31); return b }},
		{"chunks in the wrong order", func(b []byte) []byte { put(b[table+2*graphRow+8:], 20); return b }},
		{"the same chunk twice", func(b []byte) []byte { copy(b[table:], "OIDL"); return b }},
		{"no ids", func(b []byte) []byte { copy(b[table+graphRow:], "XXXX"); return b }},
		{"ids out of order", func(b []byte) []byte { b[ids] = 7; return b }},
		{"the same id twice", func(b []byte) []byte { copy(b[ids+20:], b[ids:ids+20]); return b }},
		{"a fanout that leads outside", func(b []byte) []byte { put(b[ids-4:], 1000); return b }},
		{"a fanout that misses some", func(b []byte) []byte { put(b[ids-1024+4:], 0); return b }},
		{"a parent outside", func(b []byte) []byte { put(b[rows+5*graphCommit+20:], 6); return b }},
		{"a second parent outside", func(b []byte) []byte { put(b[rows+5*graphCommit+24:], 100); return b }},
		{"a second parent without a first", func(b []byte) []byte {
			put(b[rows+5*graphCommit+20:], noParent)
			put(b[rows+5*graphCommit+24:], 1)
			return b
		}},
		{"its own parent", func(b []byte) []byte { put(b[rows+5*graphCommit+20:], 5); return b }},
		{"a child as parent", func(b []byte) []byte { put(b[rows+4*graphCommit+20:], 5); return b }},
		{"no generation", func(b []byte) []byte { put(b[rows+28:], 0); return b }},
		{"a list of parents outside", func(b []byte) []byte { put(b[rows+5*graphCommit+24:], manyMask|4); return b }},
		{"a list of parents without end", func(b []byte) []byte { b[edges+12] = 0; return b }},
		{"one list of parents for two", func(b []byte) []byte { put(b[rows+4*graphCommit+24:], manyMask); return b }},
		{"a parent outside, in a list", func(b []byte) []byte { put(b[edges:], 77); return b }},
	} {
		if _, err := parseGraph(resum(c.change(bytes.Clone(whole)))); err == nil {
			t.Errorf("%s is accepted", c.why)
		}
	}
	if _, err := parseGraph(append(whole[:len(whole)-1:len(whole)-1], whole[len(whole)-1]^1)); err == nil {
		t.Error("a wrong checksum is accepted")
	}
}

// Whatever the bytes: no panic, no endless loop, and what is accepted can be
// walked and is the same when it is written again.
func FuzzCommitGraph(f *testing.F) {
	f.Add(encodeGraph(nil))
	f.Add(encodeGraph([]commitNode{{id: OID{1}, when: 5}}))
	f.Add(encodeGraph([]commitNode{{id: OID{1}}, {id: OID{2}, parents: []OID{{1}}}, {id: OID{3}, parents: []OID{{1}, {2}, {1}, {2}}, when: maxWhen}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 20 {
			b = make([]byte, 20)
		}
		g, err := parseGraph(resum(b)) // else the checksum keeps everything out
		if err != nil {
			return
		}
		var nodes []commitNode
		for i := range g.len() {
			n := g.at(i)
			if at, ok := g.find(n.id); !ok || at != i {
				t.Fatalf("commit %d is found at %d", i, at)
			}
			for _, p := range n.parents {
				if _, ok := g.node(p); !ok {
					t.Fatalf("parent %s is not there", p)
				}
			}
			nodes = append(nodes, n)
		}
		again, err := parseGraph(encodeGraph(nodes))
		if err != nil || again.len() != g.len() {
			t.Fatalf("written again: %v", err)
		}
		for i, n := range nodes {
			n.gen = again.at(i).gen
			if d := cmp.Diff(n, again.at(i), cmp.AllowUnexported(commitNode{})); d != "" {
				t.Fatal(d)
			}
		}
	})
}
