package gitstore

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/gitstore/gitstoretest"
)

func foldAll(t testing.TB, r *Repo, head OID, bases []string) []string {
	t.Helper()
	bases, err := r.Fold(context.Background(), head, bases)
	if err != nil {
		t.Fatal(err)
	}
	return bases
}

// sound fails the test unless Check and the real git find a repository whole, and
// its bases hold just what git says is reachable.
func sound(t gitstoretest.T, s *Store, r *Repo, head OID, bases []string, opts ...gitstoretest.Option) {
	t.Helper()
	report, err := r.Check(context.Background(), head, bases)
	if err != nil || len(report.Problems) > 0 {
		t.Fatalf("check: %v, %v", report.Problems, err)
	}
	if err := r.MirrorBack(context.Background(), head, 1); err != nil {
		t.Fatalf("mirror: %v", err)
	}
	gitstoretest.Check(t, s.dir, wikiID, head.String(), opts...)
	dir := filepath.Join(s.Dir(wikiID), repoFolder)
	chain, err := r.bases(context.Background(), bases)
	if err != nil || len(chain) != len(bases) {
		t.Fatalf("%d of %d bases, %v", len(chain), len(bases), err)
	}
	if len(chain) == 0 {
		return
	}
	listed := strings.Fields(gitstoretest.Git(t, dir, "rev-list", "--objects", "--no-object-names", chain[len(chain)-1].tip.String()))
	var held []string
	for _, b := range chain {
		for _, id := range b.pack.index.ids {
			held = append(held, id.String())
		}
	}
	slices.Sort(listed)
	slices.Sort(held)
	if !slices.Equal(listed, held) {
		t.Fatalf("the bases hold %d objects, git lists %d", len(held), len(listed))
	}
}

// noise is text that no compression makes much smaller.
func noise(seed, n int) string {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(b)
	return base64.StdEncoding.EncodeToString(b)
}

func TestFoldKeepsOnlyTheHistory(t *testing.T) {
	s, r := newTestRepo(t)
	main := line(t, r, OID{}, "main", 30)
	lost := line(t, r, main[3], "lost", 2)
	head := main[29]
	bases := foldAll(t, r, head, nil)
	if len(bases) != 1 {
		t.Fatalf("bases %v", bases)
	}
	sound(t, s, r, head, bases)
	chain, _ := r.bases(t.Context(), bases)
	if chain[0].hasCommit(lost[0]) || chain[0].tip != head || chain[0].ends[0].objects != 30 {
		t.Errorf("base of %s with %v", chain[0].tip, chain[0].ends)
	}
	if again := foldAll(t, r, head, bases); !slices.Equal(again, bases) {
		t.Errorf("nothing to do, but %v became %v", bases, again)
	}
	if got := content(t, fresh(t, s), lost[1]); got["lost.md"] != "1" {
		t.Errorf("the lost save reads %v", got)
	}
	// A head that an operator moved back, and saves upon that.
	for _, c := range []struct {
		why  string
		head OID
		want int // bases
	}{
		{"behind the tip", main[10], 1},
		{"another way", lost[1], 1},
		{"to the first", main[0], 1},
	} {
		now := foldAll(t, r, c.head, bases)
		if len(now) != c.want || slices.Equal(now, bases) {
			t.Errorf("%s: %v", c.why, now)
		}
		sound(t, s, r, c.head, now)
	}
}

// Small bases are merged, large ones left alone, and there are few of them.
func TestFoldsAreGeometric(t *testing.T) {
	s, r := newTestRepo(t)
	files := map[string]string{}
	for i := range 400 {
		files[fmt.Sprintf("folder %d/page %d.md", i%20, i)] = noise(i, 600)
	}
	head := save(t, r, OID{}, "first", files)
	bases := foldAll(t, r, head, nil)
	lowest := bases[0]
	for i := range 60 {
		for j := range 3 {
			head = save(t, r, head, "more", map[string]string{fmt.Sprintf("folder %d/page %d.md", j, j): fmt.Sprint(i, j)})
		}
		bases = foldAll(t, r, head, bases)
		if len(bases) > maxBases || len(bases) > 1 && bases[0] != lowest && i < 20 {
			t.Fatalf("after %d folds: %v, the first was %s", i+1, bases, lowest)
		}
		if i%20 == 19 {
			sound(t, s, r, head, bases)
		}
	}
	if got := content(t, fresh(t, s), head); got["folder 2/page 2.md"] != "59 2" || len(got) != 400 {
		t.Errorf("%d pages, one of which is %q", len(got), got["folder 2/page 2.md"])
	}
}

// Versions of a page take little more than what differs, and none is far from one
// that is whole.
func TestVersionsBecomeDeltas(t *testing.T) {
	s, r := newTestRepo(t)
	page := strings.Split(strings.Repeat("a line of a page that is rather long\n", 100), "\n")
	var head OID
	for i := range 400 {
		page[(i*37)%100] = fmt.Sprintf("line %d is new at %d", i, i*7919)
		head = save(t, r, head, fmt.Sprint(i), map[string]string{"page.md": strings.Join(page, "\n"), "other.md": "x"})
	}
	small := int64(0)
	for _, p := range r.packs() {
		spans, err := p.layout()
		if err != nil {
			t.Fatal(err)
		}
		small += spans[len(spans)-1].end
	}
	bases := foldAll(t, r, head, nil)
	sound(t, s, r, head, bases)
	chain, _ := r.bases(t.Context(), bases)
	if got := chain[0].ends[2].end; got*3 > small {
		t.Errorf("%d bytes of small packs became %d", small, got)
	}
	out := gitstoretest.Git(t, filepath.Join(s.Dir(wikiID), repoFolder), "verify-pack", "-v", filepath.Join("objects", "pack", bases[0]+".idx"))
	deepest := 0
	for line := range strings.Lines(out) {
		var depth, n int
		if _, err := fmt.Sscanf(line, "chain length = %d: %d", &depth, &n); err == nil {
			deepest = max(deepest, depth)
		}
	}
	if deepest == 0 || deepest > maxChain {
		t.Errorf("the longest chain has %d deltas", deepest)
	}
}

func TestKilledOrFailedFoldChangesNothing(t *testing.T) {
	for _, broken := range []bool{false, true} {
		for n, failed := 0, true; failed; n++ {
			s, r, d := newTestDisk(t)
			commits := line(t, r, OID{}, "page", 6)
			bases := foldAll(t, r, commits[2], nil)
			d.reset(n, broken)
			got, err := r.Fold(t.Context(), commits[5], bases)
			failed = err != nil
			d.reset(-1, false)
			if failed {
				if !fault.Is(err, fault.Unavailable) {
					t.Fatalf("operation %d fails: %v", n, err)
				}
				sound(t, s, fresh(t, s), commits[5], bases, gitstoretest.Unindexed)
				got = foldAll(t, r, commits[5], bases)
			}
			sound(t, s, fresh(t, s), commits[5], got, gitstoretest.Unindexed)
			if got := content(t, fresh(t, s), commits[5]); got["page.md"] != "5" {
				t.Errorf("after operation %d failed: %v", n, got)
			}
			if !failed && n < 12 {
				t.Errorf("only %d operations were made to fail", n)
			}
		}
	}
}

func TestFoldEndsWithItsContext(t *testing.T) {
	s, r := newTestRepo(t)
	commits := line(t, r, OID{}, "page", 3)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Fold(ctx, commits[2], nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := r.Fold(t.Context(), OID{9}, nil); !fault.Is(err, fault.Internal) {
		t.Errorf("a head that is not there: %v", err)
	}
	if err := r.Mirror(t.Context(), commits[2], 1); err != nil {
		t.Fatal(err)
	}
	gitstoretest.Check(t, s.dir, wikiID, commits[2].String())
}

// flip changes one byte of a file.
func flip(t *testing.T, path string, at int64) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if at < 0 {
		at += int64(len(b))
	}
	b[at] ^= 0x5a
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestFoldNeverSpreadsDamage(t *testing.T) {
	s, r := newTestRepo(t)
	commits := line(t, r, OID{}, "page", 4)
	// Another process has the same content in a pack of its own.
	twin := save(t, r, commits[0], "twin", map[string]string{"page.md": "2"})
	pack := func(id OID) string { return r.packFile("pack-" + id.String() + ".pack") }
	blob := func(id OID) int64 {
		c, _ := r.Commit(t.Context(), id)
		tree, _ := r.Tree(t.Context(), c.Tree)
		e, _ := tree.Entry("page.md")
		for _, p := range r.packs() {
			if off, ok := p.index.find(e.ID); ok && p.name == "pack-"+id.String() {
				return off + 4
			}
		}
		t.Fatal("no such page")
		return 0
	}
	flip(t, pack(commits[2]), blob(commits[2]))
	bases := foldAll(t, fresh(t, s), commits[3], nil)
	cold := fresh(t, s)
	chain, err := cold.bases(t.Context(), bases)
	if err != nil || len(chain) != 1 {
		t.Fatalf("bases: %v, %v", chain, err)
	}
	if got := content(t, cold, commits[2]); got["page.md"] != "2" {
		t.Errorf("the page that is whole elsewhere reads %q", got["page.md"])
	}

	// Now it is nowhere whole.
	flip(t, pack(twin), blob(twin))
	for _, ext := range []string{".pack", ".idx", ".keep"} {
		if err := os.Remove(r.packFile(bases[0] + ext)); err != nil {
			t.Fatal(err)
		}
	}
	before, _ := filepath.Glob(r.packFile("*"))
	if _, err := fresh(t, s).Fold(t.Context(), commits[3], nil); !fault.Is(err, fault.Internal) {
		t.Errorf("a page that is nowhere whole: %v", err)
	}
	if after, _ := filepath.Glob(r.packFile("*")); !slices.Equal(before, after) {
		t.Errorf("a failed fold left %v of %v", after, before)
	}
}

// The index was made of what is damaged, so that no checksum tells.
func TestFoldFindsDamageThatAnIndexCoversUp(t *testing.T) {
	s, r := newTestRepo(t)
	commits := line(t, r, OID{}, "page", 3)
	name := "pack-" + commits[1].String()
	i := slices.IndexFunc(r.packs(), func(p *pack) bool { return p.name == name })
	victim, x := r.packFile(name), r.packs()[i].index
	forged := &Batch{r: r, objects: map[OID]raw{}, last: commits[1]}
	for _, id := range x.ids {
		o, err := r.object(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if string(o.data) == "1" {
			o.data = []byte("forged")
		}
		forged.objects[id] = o
	}
	file, index := forged.encode()
	for ext, b := range map[string][]byte{".pack": file, ".idx": index.encode()} {
		if err := os.Remove(victim + ext); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(victim+ext, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := fresh(t, s).Fold(t.Context(), commits[2], nil); !fault.Is(err, fault.Internal) || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("folding a forged page: %v", err)
	}
	save(t, r, commits[0], "twin", map[string]string{"page.md": "1"})
	bases := foldAll(t, fresh(t, s), commits[2], nil)
	cold := fresh(t, s)
	if chain, err := cold.bases(t.Context(), bases); err != nil || len(chain) != 1 {
		t.Fatalf("bases: %v, %v", chain, err)
	}
	if got := content(t, cold, commits[1]); got["page.md"] != "1" {
		t.Errorf("the page reads %q", got["page.md"])
	}
}

func TestBasesAreWhatTheirDescriptionSays(t *testing.T) {
	s, r := newTestRepo(t)
	files := map[string]string{}
	for i := range 100 {
		files[fmt.Sprint("page ", i, ".md")] = noise(i, 600)
	}
	first := save(t, r, OID{}, "first", files)
	bases := foldAll(t, r, first, nil)
	head := save(t, r, first, "second", map[string]string{"a.md": "1"})
	bases = foldAll(t, r, head, bases)
	if len(bases) != 2 {
		t.Fatalf("bases %v", bases)
	}
	keep := func(i int) string { return r.packFile(bases[i] + ".keep") }
	sizes := func() (n []int) {
		for _, list := range [][]string{bases, {bases[1]}, {bases[1], bases[0]}, {"../../../HEAD"}, {"pack-" + strings.Repeat("0", 40)}} {
			chain, err := fresh(t, s).bases(t.Context(), list)
			if err != nil {
				t.Fatal(err)
			}
			n = append(n, len(chain))
		}
		return n
	}
	if got := sizes(); !slices.Equal(got, []int{2, 0, 0, 0, 0}) {
		t.Errorf("chains of %v bases", got)
	}
	old, err := os.ReadFile(keep(1))
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(keep(0))
	if err != nil {
		t.Fatal(err)
	}
	text := string(old)
	for why, forged := range map[string]string{
		"empty, as git repack makes it": "", "another's": string(other), "cut off": text[:len(text)-1], "longer": text + "\n",
		"another version": strings.Replace(text, "base 1", "base 2", 1), "another tip": strings.Replace(text, "tip "+head.String()[:4], "tip 0000", 1),
		"the tip of a tree": strings.Replace(text, head.String(), first.String(), 1), "spaces": strings.Replace(text, "trees ", "trees  ", 1),
		"a count": strings.Replace(text, "commits 1 ", "commits 2 ", 1), "a sign": strings.Replace(text, "commits 1 ", "commits +1 ", 1),
		"lines in another order": strings.Replace(strings.Replace(text, "commits", "x", 1), "trees", "commits", 1),
	} {
		if err := os.WriteFile(keep(1), []byte(forged), 0o644); err != nil {
			t.Fatal(err)
		}
		cold := fresh(t, s)
		chain, err := cold.bases(t.Context(), bases)
		if err != nil || len(chain) != 1 {
			t.Errorf("%s: %d bases, %v", why, len(chain), err)
		}
		if got := content(t, cold, head); got["a.md"] != "1" {
			t.Errorf("%s: read %q", why, got["a.md"])
		}
		if report, err := cold.Check(t.Context(), head, bases); err != nil || len(report.Problems) == 0 {
			t.Errorf("%s: Check says %+v, %v", why, report, err)
		}
	}
}

func FuzzKeep(f *testing.F) {
	b := &base{tip: OID{1}, onto: OID{2}, ends: [3]section{{1, 40}, {1, 80}, {0, 80}}}
	f.Add(b.encodeKeep())
	b.onto = OID{}
	f.Add(b.encodeKeep())
	f.Add([]byte(keepMagic))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := parseKeep(data)
		if err != nil {
			if !errors.Is(err, errDamaged) {
				t.Fatalf("%v", err)
			}
			return
		}
		if !bytes.Equal(b.encodeKeep(), data) || b.tip.IsZero() || b.ends[0].objects < 1 || b.ends[2].end > maxPackSize {
			t.Fatalf("took %q for %+v", data, b)
		}
	})
}

// A process that has just come opens the bases and what came after them.
func TestAColdReadOpensBasesAndLittleElse(t *testing.T) {
	s, r := newTestRepo(t)
	commits := line(t, r, OID{}, "page", 60)
	count := func(head OID) string {
		d := &testDisk{left: -1}
		cold, err := newStore(s.dir, Options{}, d).Repo(t.Context(), wikiID)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cold.Commit(t.Context(), commits[20]); err != nil {
			t.Fatal(err)
		}
		if _, err := cold.loadAll(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		content(t, cold, head)
		return strings.Join(d.log, ", ")
	}
	before := strings.Count(count(commits[57]), "read ")
	foldAll(t, r, commits[57], nil)
	log := count(commits[57])
	if after := strings.Count(log, "read "); before < 60 || after > 6 || strings.Count(log, "open ") > 3 {
		t.Errorf("%d files were read before folding, %d after: %s", before, after, log)
	}
	// What came later is found too.
	if got := content(t, fresh(t, s), commits[59]); got["page.md"] != "59" {
		t.Errorf("read %v", got)
	}
}

func TestDescendantsAreFoundInBases(t *testing.T) {
	s, r := newTestRepo(t)
	main := line(t, r, OID{}, "main", 8)
	lost := line(t, r, main[2], "lost", 1)
	var want [][]Descendant
	froms := []OID{{}, main[0], main[2], main[5], main[7], lost[0]}
	for _, from := range froms {
		d, err := fresh(t, s).Descendants(t.Context(), from)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, d)
	}
	bases := foldAll(t, r, main[5], nil)
	p := Pruning{Now: time.Now().Add(time.Hour), Young: 2 * time.Hour}
	if done, err := r.Prune(t.Context(), main[7], bases, p); err != nil || done.Packs != 6 {
		t.Fatalf("pruned %+v, %v", done, err)
	}
	for i, from := range froms {
		got, err := fresh(t, s).Descendants(t.Context(), from)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want[i]) {
			t.Errorf("from %s: %v, %v; want %v", from, got, err, want[i])
		}
	}
}
