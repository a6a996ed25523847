package gitstore

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/gitstore/gitstoretest"
)

// distances are how many commits lie between some and all that they lead to.
func (m *dagModel) distances(from []OID) map[OID]int {
	far := map[OID]int{}
	level := from
	for d := 0; len(level) > 0; d++ {
		var next []OID
		for _, id := range level {
			if _, ok := far[id]; !ok {
				far[id] = d
				next = append(next, m.nodes[id].parents...)
			}
		}
		level = next
	}
	return far
}

// divide says by git's rules what a deepened clone has: all commits and, of these,
// those without their parents.
func (m *dagModel) divide(wants, shallow []OID, d Deepen) (all, border oids) {
	all, border = oids{}, oids{}
	if d.Depth > 0 {
		depth := d.Depth
		if d.Relative {
			wants, depth = shallow, d.Depth+1
		}
		for id, far := range m.distances(wants) {
			if far < depth {
				all[id] = true
				border[id] = far == depth-1
			}
		}
	} else {
		old := slices.Clone(d.Not)
		for _, id := range m.made {
			if !d.Since.IsZero() && m.nodes[id].when < d.Since.Unix() && m.reach(wants, nil)[id] {
				old = append(old, id)
			}
		}
		all = m.reach(wants, nil)
		without := m.reach(old, nil)
		maps.DeleteFunc(all, func(id OID, _ bool) bool { return without[id] })
		for id := range all {
			border[id] = slices.ContainsFunc(m.nodes[id].parents, func(p OID) bool { return !all[p] })
		}
	}
	maps.DeleteFunc(border, func(_ OID, is bool) bool { return !is })
	return all, border
}

func drawDeepen(t *rapid.T, m *dagModel) Deepen {
	switch rapid.IntRange(0, 3).Draw(t, "deepen") {
	case 0:
		return Deepen{Depth: rapid.IntRange(1, 8).Draw(t, "depth")}
	case 1:
		return Deepen{Depth: rapid.IntRange(1, 8).Draw(t, "depth"), Relative: true}
	case 2:
		return Deepen{Since: time.Unix(int64(rapid.IntRange(1, 300).Draw(t, "since")), 0)}
	default:
		return Deepen{Since: time.Unix(int64(rapid.SampledFrom([]int{1, 50}).Draw(t, "since")), 0), Not: m.some(t, "not", 2)}
	}
}

func TestBoundaryAgreesWithItsDefinition(t *testing.T) {
	modelled(t, func(t *rapid.T, m *dagModel, h *History, exact bool) {
		in := m.reach([]OID{h.head}, nil)
		within := func(ids []OID) []OID {
			return slices.DeleteFunc(slices.Clone(ids), func(id OID) bool { return !in[id] })
		}
		f := Fetch{Wants: m.some(t, "wants", 3), Shallow: m.some(t, "shallow", 4), Deepen: drawDeepen(t, m)}
		d := f.Deepen
		d.Not = within(d.Not)
		all, border := m.divide(within(f.Wants), within(f.Shallow), d)
		b, err := h.Boundary(t.Context(), f)
		if d.Depth == 0 && !exact {
			return // by date, as git does it
		}
		if d.Depth == 0 && len(all) == 0 {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("nothing is left, and the error is %v", err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		shallow, unshallow := oids{}, oids{}
		for id := range border {
			if !slices.Contains(f.Shallow, id) {
				shallow[id] = true
			}
		}
		for _, id := range f.Shallow {
			if all[id] && !border[id] {
				unshallow[id] = true
			}
		}
		if d := cmp.Diff(shallow, setOf(b.Shallow)); d != "" {
			t.Fatalf("shallow %s", d)
		}
		if d := cmp.Diff(unshallow, setOf(b.Unshallow)); d != "" {
			t.Fatalf("unshallow %s", d)
		}
	})
}

func setOf(ids []OID) oids {
	set := oids{}
	for _, id := range ids {
		set[id] = true
	}
	return set
}

func TestBoundaryWithoutLimits(t *testing.T) {
	_, r := newTestRepo(t)
	commits := line(t, r, OID{}, "page", 6)
	h, err := r.History(t.Context(), commits[4], nil)
	if err != nil {
		t.Fatal(err)
	}
	edge := []OID{commits[2], {9}, commits[2], commits[5]}
	for _, c := range []struct {
		why  string
		f    Fetch
		want Boundary
	}{
		{"nothing is to change", Fetch{Wants: commits[4:5], Shallow: edge}, Boundary{}},
		{"--unshallow uncovers what is ours, each once", Fetch{Wants: commits[4:5], Shallow: edge, Deepen: Deepen{Depth: wholeHistory}}, Boundary{Unshallow: commits[2:3]}},
		{"--unshallow of what has nothing to do with the want", Fetch{Wants: commits[:1], Shallow: edge, Deepen: Deepen{Depth: wholeHistory}}, Boundary{Unshallow: commits[2:3]}},
		{"the deepest that is no --unshallow", Fetch{Wants: commits[4:5], Deepen: Deepen{Depth: wholeHistory - 1}}, Boundary{}},
		{"as deep as there are commits, where git names the root", Fetch{Wants: commits[4:5], Deepen: Deepen{Depth: 5}}, Boundary{Shallow: commits[:1]}},
		{"a want that is no commit", Fetch{Wants: []OID{{9}}, Deepen: Deepen{Depth: 1}}, Boundary{}},
		{"what is left out is not ours", Fetch{Wants: commits[4:5], Deepen: Deepen{Not: commits[5:]}}, Boundary{}},
	} {
		got, err := h.Boundary(t.Context(), c.f)
		if d := cmp.Diff(c.want, got); d != "" || err != nil {
			t.Errorf("%s: %v %s", c.why, err, d)
		}
	}
	for why, d := range map[string]Deepen{
		"a negative depth": {Depth: -1}, "younger than all": {Since: time.Now().AddDate(100, 0, 0)}, "all left out": {Not: commits[4:5]},
	} {
		if _, err := h.Boundary(t.Context(), Fetch{Wants: commits[4:5], Deepen: d}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", why, err)
		}
	}
}

// uploadPack asks the real git what it would send: over protocol version 2, as
// git http-backend does.
func uploadPack(t *testing.T, repo string, f Fetch, refs map[OID]string) (b Boundary, sent oids, complaint string) {
	t.Helper()
	var in bytes.Buffer
	say := func(format string, args ...any) {
		line := fmt.Sprintf(format, args...)
		fmt.Fprintf(&in, "%04x%s", len(line)+4, line)
	}
	say("command=fetch")
	in.WriteString("0001")
	say("ofs-delta")
	for what, ids := range map[string][]OID{"want": f.Wants, "have": f.Haves, "shallow": f.Shallow} {
		for _, id := range ids {
			say("%s %s", what, id)
		}
	}
	if f.Deepen.Depth > 0 {
		say("deepen %d", f.Deepen.Depth)
	}
	if f.Deepen.Relative {
		say("deepen-relative")
	}
	if !f.Deepen.Since.IsZero() {
		say("deepen-since %d", f.Deepen.Since.Unix())
	}
	for _, id := range f.Deepen.Not {
		say("deepen-not %s", refs[id])
	}
	say("done")
	in.WriteString("0000")
	out, complaint := gitAnswer(t, repo, &in, []string{"GIT_PROTOCOL=version=2"}, "upload-pack", "--stateless-rpc", ".")
	if complaint != "" {
		return b, nil, complaint
	}
	var pack bytes.Buffer
	section := ""
	for from := bufio.NewReader(bytes.NewReader(out)); ; {
		head := make([]byte, 4)
		if _, err := io.ReadFull(from, head); err != nil {
			break
		}
		n, err := strconv.ParseUint(string(head), 16, 16)
		if err != nil {
			t.Fatalf("git says %q", head)
		}
		if n <= 4 {
			continue
		}
		line := make([]byte, n-4)
		if _, err := io.ReadFull(from, line); err != nil {
			t.Fatal(err)
		}
		verb, hex, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
		var id OID
		switch {
		case verb == "shallow-info" || verb == "packfile":
			section = verb
		case section == "packfile" && line[0] == 1:
			pack.Write(line[1:])
		case section == "packfile" && line[0] == 3:
			t.Fatalf("git says %s", line)
		case verb == "shallow" && parseID(&id, []byte(hex)) == nil:
			b.Shallow = append(b.Shallow, id)
		case verb == "unshallow" && parseID(&id, []byte(hex)) == nil:
			b.Unshallow = append(b.Unshallow, id)
		}
	}
	file := filepath.Join(t.TempDir(), "sent.pack")
	if err := os.WriteFile(file, pack.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	gitWith(t, repo, nil, nil, "index-pack", file)
	x, err := os.ReadFile(strings.TrimSuffix(file, ".pack") + ".idx")
	if err != nil {
		t.Fatal(err)
	}
	index, err := parseIndex(x)
	if err != nil {
		t.Fatal(err)
	}
	return b, setOf(index.ids), ""
}

// shallowClient is a client that throws away what it cannot reach any more, and so
// never has more than its shallow file promises.
type shallowClient struct {
	m       *dagModel
	tips    []OID
	shallow oids
}

func (c *shallowClient) has() oids { return c.m.reach(c.tips, c.shallow) }

// take is what a client does with an answer: it must have become whole.
func (c *shallowClient) take(t *testing.T, why string, wants []OID, b Boundary, sent oids) {
	t.Helper()
	had := c.has()
	for _, id := range b.Shallow {
		c.shallow[id] = true
	}
	for _, id := range b.Unshallow {
		delete(c.shallow, id)
	}
	c.tips = append(c.tips, wants...)
	for id := range c.has() {
		if !had[id] && !sent[id] {
			t.Fatalf("%s: the client lacks %s", why, id)
		}
	}
	maps.DeleteFunc(c.shallow, func(id OID, _ bool) bool { return !c.has()[id] })
}

// askSomething makes up a fetch of what such a client may ask for.
func (c *shallowClient) ask(rng *rand.Rand) Fetch {
	some := func(from []OID, most int) (ids []OID) {
		for range rng.IntN(most + 1) {
			if len(from) > 0 {
				ids = append(ids, from[rng.IntN(len(from))])
			}
		}
		slices.SortFunc(ids, compareIDs)
		return slices.Compact(ids)
	}
	had := slices.SortedFunc(maps.Keys(c.has()), compareIDs)
	made := c.m.made
	f := Fetch{Wants: append(some(made, 1), made[rng.IntN(len(made))]), Haves: some(had, 3), Shallow: slices.SortedFunc(maps.Keys(c.shallow), compareIDs)}
	slices.SortFunc(f.Wants, compareIDs)
	f.Wants = slices.Compact(f.Wants)
	if rng.IntN(2) == 0 {
		f.Haves = append(f.Haves, some(c.tips, 3)...)
		slices.SortFunc(f.Haves, compareIDs)
		f.Haves = slices.Compact(f.Haves)
	}
	oldest, newest := c.m.nodes[made[0]].when, c.m.nodes[made[len(made)-1]].when
	switch rng.IntN(8) {
	case 0, 1:
		f.Deepen.Depth = 1 + rng.IntN(8)
	case 2, 3:
		f.Deepen.Depth, f.Deepen.Relative = 1+rng.IntN(5), true
	case 4:
		f.Deepen.Since = time.Unix(oldest+rng.Int64N(newest-oldest), 0)
	case 5:
		f.Deepen.Not = some(made, 2)
	case 6:
		if len(c.shallow) > 0 {
			f.Deepen.Depth = wholeHistory
		}
	}
	return f
}

// A client that clones and fetches this way and that is told the same edges, and
// sent the same commits, as by git.
func TestShallowFetchesAreAnsweredAsByGit(t *testing.T) {
	for seed, skew := range []int64{0, 150, 0} {
		rng := rand.New(rand.NewPCG(7, uint64(seed)))
		s, r, made := importedDAG(t, 60, merges(rng, skew))
		repo := filepath.Join(s.Dir(wikiID), repoFolder)
		head := headOver(t, repo, made)
		gitstoretest.Git(t, repo, "update-ref", mainRef, head.String())
		m := &dagModel{r: r, made: append(made, head), nodes: map[OID]commitNode{}}
		refs := map[OID]string{head: mainRef}
		for i, id := range m.made {
			c, err := r.Commit(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			m.nodes[id] = nodeOf(c)
			if id != head {
				refs[id] = fmt.Sprint("refs/heads/c", i)
			}
		}
		h, err := r.History(t.Context(), head, nil)
		if err != nil {
			t.Fatal(err)
		}
		asked := 0
		for asked < 45 {
			c := &shallowClient{m: m, shallow: oids{}}
			for range 5 {
				f := c.ask(rng)
				if asked++; !c.compare(t, h, repo, f, refs) {
					break
				}
			}
		}
	}
}

// compare asks both and has the client take our answer.
func (c *shallowClient) compare(t *testing.T, h *History, repo string, f Fetch, refs map[OID]string) bool {
	t.Helper()
	why := fmt.Sprintf("%+v", f)
	gits, sent, complaint := uploadPack(t, repo, f, refs)
	b, err := h.Boundary(t.Context(), f)
	if complaint != "" || err != nil {
		if !fault.Is(err, fault.Invalid) || !strings.Contains(complaint, "no commits selected for shallow requests") {
			t.Fatalf("%s: %v, and git says %q", why, err, complaint)
		}
		return false
	}
	if d := cmp.Diff([]oids{setOf(gits.Shallow), setOf(gits.Unshallow)}, []oids{setOf(b.Shallow), setOf(b.Unshallow)}); d != "" {
		t.Fatalf("%s: git has another edge: %s", why, d)
	}
	out, err := h.outgoing(t.Context(), f, b)
	if err != nil {
		t.Fatal(err)
	}
	ours := oids{}
	for _, n := range out.commits {
		ours[n.id] = true
	}
	if out.all {
		ours = setOf(c.m.made)
	}
	had := c.has()
	for _, id := range c.m.made {
		switch {
		case ours[id] == sent[id]:
		case sent[id] && had[id]: // git goes by date
		case ours[id] && slices.Contains(b.Unshallow, id): // git trusts that it is there
		default:
			t.Fatalf("%s: commit %s is sent: %v, by git: %v", why, id, ours[id], sent[id])
		}
	}
	c.take(t, why, f.Wants, b, ours)
	return true
}
