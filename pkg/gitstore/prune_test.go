package gitstore

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/gitstore/gitstoretest"
)

// age makes the files of a pack older.
func age(t *testing.T, r *Repo, name string, by time.Duration) {
	t.Helper()
	files, err := filepath.Glob(r.packFile(name + ".*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files of %s: %v", name, err)
	}
	for _, f := range files {
		then := time.Now().Add(-by)
		if err := os.Chtimes(f, then, then); err != nil {
			t.Fatal(err)
		}
	}
}

func packNames(t *testing.T, r *Repo) []string {
	t.Helper()
	files, err := filepath.Glob(r.packFile("*.idx"))
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(filepath.Base(f), ".idx")
	}
	return files
}

func TestPruneRemovesWhatItIsSureOf(t *testing.T) {
	const grace, young = time.Hour, 14 * 24 * time.Hour
	s, r := newTestRepo(t)
	main := line(t, r, OID{}, "main", 6)
	lost := line(t, r, main[1], "lost", 2)
	late := line(t, r, main[1], "late", 1)
	head := main[4] // the record came from a backup: main[5] has landed once
	of := func(id OID) string { return "pack-" + id.String() }
	bases := foldAll(t, r, main[3], nil)
	gitstoretest.Git(t, filepath.Join(s.Dir(wikiID), repoFolder), "hash-object", "-w", "config") // a loose one of nobody

	prune := func(want ...string) {
		t.Helper()
		before := packNames(t, r)
		done, err := r.Prune(t.Context(), head, bases, Pruning{Now: time.Now(), Grace: grace, Young: young})
		if err != nil {
			t.Fatal(err)
		}
		after := packNames(t, r)
		var gone []string
		for _, name := range before {
			if !slices.Contains(after, name) {
				gone = append(gone, name)
			}
		}
		slices.Sort(want)
		if !slices.Equal(gone, want) || done.Packs != len(want) || (done.Bytes > 0) != (len(want) > 0) {
			t.Errorf("%+v, gone are %v; want %v", done, gone, want)
		}
		for _, pages := range []map[string]string{content(t, r, head), content(t, fresh(t, s), head)} {
			if pages["main.md"] != "4" {
				t.Errorf("read %v", pages)
			}
		}
	}
	prune() // the base is too new, and so is what never landed
	age(t, r, bases[0], 2*grace)
	for _, id := range []OID{main[5], lost[0], lost[1], main[4]} {
		age(t, r, of(id), 2*young)
	}
	if err := os.WriteFile(r.packFile(of(main[0])+".keep"), []byte("an operator's\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(r.packFile(of(main[1])+".idx"), 20); err != nil {
		t.Fatal(err)
	}
	// Neither the young one, nor what follows from the head, nor what somebody keeps,
	// nor what cannot be read.
	prune(of(main[2]), of(main[3]), of(lost[0]), of(lost[1]))
	for _, name := range []string{of(main[0]), of(main[1]), of(main[5]), of(late[0])} {
		if !slices.Contains(packNames(t, r), name) {
			t.Errorf("%s is gone", name)
		}
	}
	prune()
	// The history goes another way, so that nothing leads to what once was there.
	on := line(t, r, main[4], "on", 8)
	head = on[7]
	prune(of(main[5]))
	// A base that the record does not list any more.
	former := bases[0]
	if bases = foldAll(t, r, head, bases); slices.Contains(bases, former) {
		t.Fatal("nothing was merged")
	}
	prune()
	age(t, r, bases[0], 2*grace)
	want := []string{former, of(main[4])}
	for _, id := range on {
		want = append(want, of(id))
	}
	prune(want...)
	if report, err := r.Check(t.Context(), head, bases); err != nil || len(report.Problems) > 0 {
		for _, p := range report.Problems { // the index that was cut off above
			if !strings.HasPrefix(p, of(main[1])) {
				t.Errorf("check: %s, %v", p, err)
			}
		}
	}
}

// A base that is shorter than it says, or not there, replaces nothing.
func TestPruneTrustsNoBaseThatIsNotWhole(t *testing.T) {
	s, r := newTestRepo(t)
	main := line(t, r, OID{}, "main", 3)
	bases := foldAll(t, r, main[2], nil)
	p := Pruning{Now: time.Now().Add(time.Hour)}
	p.Young = 30 * 24 * time.Hour
	pack := r.packFile(bases[0] + ".pack")
	data, err := os.ReadFile(pack)
	if err != nil {
		t.Fatal(err)
	}
	for _, damage := range []func() error{
		func() error { return os.Truncate(pack, int64(len(data)-1)) },
		func() error { return os.Remove(pack) },
		func() error { return os.Remove(r.packFile(bases[0] + ".idx")) },
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		if done, err := fresh(t, s).Prune(t.Context(), main[2], bases, p); err != nil || done.Packs != 0 {
			t.Errorf("removed %+v, %v", done, err)
		}
	}
	if bases = foldAll(t, fresh(t, s), main[2], nil); len(bases) != 1 {
		t.Errorf("bases %v", bases)
	}
	sound(t, s, fresh(t, s), main[2], bases)
}

func TestPruneClearsWhatCrashesLeft(t *testing.T) {
	s, r := newTestRepo(t)
	main := line(t, r, OID{}, "main", 4)
	other := foldAll(t, r, main[1], nil)
	if err := os.Remove(r.packFile(other[0] + ".idx")); err != nil { // killed before its last name
		t.Fatal(err)
	}
	bases := foldAll(t, fresh(t, s), main[2], nil)
	if err := os.Remove(r.packFile("pack-" + main[0].String() + ".idx")); err != nil { // killed while pruning
		t.Fatal(err)
	}
	temp := r.packFile("tmp_pack_x")
	if err := os.WriteFile(temp, []byte("PACK"), 0o644); err != nil {
		t.Fatal(err)
	}
	left := func() (n int) {
		for _, f := range []string{temp, r.packFile(other[0] + ".pack"), r.packFile(other[0] + ".keep"), r.packFile("pack-" + main[0].String() + ".pack")} {
			if _, err := os.Stat(f); err == nil {
				n++
			}
		}
		return n
	}
	p := Pruning{Now: time.Now(), Young: 24 * time.Hour, Grace: time.Hour}
	if _, err := r.Prune(t.Context(), main[3], bases, p); err != nil || left() != 4 {
		t.Errorf("%d of 4 files are left at once, %v", left(), err)
	}
	p.Now = p.Now.Add(2 * time.Hour)
	then := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(temp, then, then); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Prune(t.Context(), main[3], bases, p); err != nil || left() != 0 {
		t.Errorf("%d of 4 files are left, %v", left(), err)
	}
	sound(t, s, fresh(t, s), main[3], bases)
}

// halfPruned fails every removal after some.
type halfPruned struct {
	osDisk
	left int
}

func (d *halfPruned) remove(name string) error {
	if d.left--; d.left < 0 {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrPermission}
	}
	return d.osDisk.remove(name)
}

func TestKilledPruningLeavesAWholeRepository(t *testing.T) {
	for n, failed := 0, true; failed; n++ {
		s, r := newTestRepo(t)
		main := line(t, r, OID{}, "main", 3)
		line(t, r, main[0], "lost", 2)
		bases := foldAll(t, r, main[2], nil)
		p := Pruning{Now: time.Now().Add(time.Hour)}
		weak, err := newStore(s.dir, Options{}, &halfPruned{left: n}).Repo(t.Context(), wikiID)
		if err != nil {
			t.Fatal(err)
		}
		_, err = weak.Prune(t.Context(), main[2], bases, p)
		failed = err != nil
		sound(t, s, fresh(t, s), main[2], bases, gitstoretest.Unindexed)
		if _, err := fresh(t, s).Prune(t.Context(), main[2], bases, p); err != nil {
			t.Fatal(err)
		}
		sound(t, s, fresh(t, s), main[2], bases, gitstoretest.Unindexed)
		if !failed && n < 10 {
			t.Errorf("only %d removals were made to fail", n)
		}
	}
}

// Writers and readers go on while packs are folded and removed at once.
func TestFoldsAndPrunesBesideReadersAndWriters(t *testing.T) {
	s, r := newTestRepo(t)
	head := save(t, r, OID{}, "first", map[string]string{"page-0.md": "0"})
	var mu sync.Mutex
	now := func() OID { mu.Lock(); defer mu.Unlock(); return head }
	var done atomic.Bool
	var wg sync.WaitGroup
	for range 2 {
		reader := fresh(t, s)
		wg.Go(func() {
			for !done.Load() {
				at := now()
				c, err := reader.Commit(t.Context(), at)
				if err == nil {
					err = reader.Walk(t.Context(), c.Tree, func(_ string, e Entry) error {
						_, err := reader.Blob(t.Context(), e.ID)
						return err
					})
				}
				if err != nil {
					t.Errorf("reading %s: %v", at, err)
					return
				}
				reader.store.cache.forget(reader.key)
				reader.store.bases.forget(reader.key)
			}
		})
	}
	wg.Go(func() {
		defer done.Store(true)
		for i := 1; i <= 60; i++ {
			next := save(t, r, now(), fmt.Sprint(i), map[string]string{fmt.Sprintf("page-%d.md", i%7): fmt.Sprint(i)})
			save(t, r, now(), "lost", map[string]string{"lost.md": fmt.Sprint(i)})
			mu.Lock()
			head = next
			mu.Unlock()
		}
	})
	keeper := fresh(t, s)
	var bases []string
	for last := false; !last; {
		last = done.Load()
		at := now()
		bases = foldAll(t, keeper, at, bases)
		if _, err := keeper.Prune(t.Context(), at, bases, Pruning{Now: time.Now().Add(time.Minute), Young: time.Hour}); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
	sound(t, s, fresh(t, s), head, bases)
	if got := content(t, r, head); got["page-4.md"] != "60" {
		t.Errorf("read %v", got)
	}
}

// Whatever happens in whatever order, all that is reachable from the head stays.
func TestNothingReachableIsEverLost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "store")
		if err != nil {
			rt.Fatal(err)
		}
		s, err := Open(dir, Options{})
		if err != nil {
			rt.Fatal(err)
		}
		w := &keptWiki{rt: rt, t: t, s: s, pages: map[OID]map[string]string{}}
		if w.r, err = s.Create(t.Context(), wikiID); err != nil {
			rt.Fatal(err)
		}
		w.save(OID{}, true)
		rt.Repeat(map[string]func(*rapid.T){
			"save": func(*rapid.T) { w.save(w.head, true) },
			"lose": func(*rapid.T) { w.save(w.head, false) },
			"back": func(*rapid.T) {
				c, err := w.r.Commit(t.Context(), w.head)
				if err != nil {
					rt.Fatal(err)
				}
				if len(c.Parents) > 0 {
					w.head = c.Parents[0]
				}
			},
			"fold": func(*rapid.T) {
				bases, err := w.r.Fold(t.Context(), w.head, w.bases)
				if err != nil {
					rt.Fatal(err)
				}
				w.bases = bases
			},
			"prune": func(*rapid.T) {
				if _, err := w.r.Prune(t.Context(), w.head, w.bases, Pruning{Now: time.Now().Add(time.Hour)}); err != nil {
					rt.Fatal(err)
				}
			},
			"restart": func(*rapid.T) { w.r = fresh(t, s) },
			"repack": func(*rapid.T) { // by an operator
				w.mirror()
				gitstoretest.Git(rt, filepath.Join(s.Dir(wikiID), repoFolder), "repack", "-dq")
			},
			"": func(*rapid.T) { w.read(w.r) },
		})
		w.read(fresh(t, s))
		w.mirror()
		report, err := w.r.Check(t.Context(), w.head, w.bases)
		if err != nil || len(report.Problems) > 0 {
			rt.Fatalf("check: %v, %v", report.Problems, err)
		}
		gitstoretest.Git(rt, filepath.Join(s.Dir(wikiID), repoFolder), "fsck", "--strict", "--no-dangling")
	})
}

type keptWiki struct {
	rt    *rapid.T
	t     *testing.T
	s     *Store
	r     *Repo
	head  OID
	bases []string
	pages map[OID]map[string]string // of each commit that ever was the head
	n     int
}

func (w *keptWiki) save(on OID, lands bool) {
	w.n++
	name := rapid.SampledFrom([]string{"a.md", "b/c.md", "b/d.md", "e/f/g.md"}).Draw(w.rt, "page")
	text := strings.Repeat(fmt.Sprintln("a line of", rapid.SampledFrom([]string{"x", "y", "z"}).Draw(w.rt, "text")), w.n%9)
	id := save(w.t, w.r, on, fmt.Sprint("save ", w.n), map[string]string{name: text})
	if !lands {
		return
	}
	pages := map[string]string{name: text}
	for k, v := range w.pages[on] {
		if k != name {
			pages[k] = v
		}
	}
	w.head, w.pages[id] = id, pages
}

func (w *keptWiki) read(r *Repo) {
	for at := w.head; !at.IsZero(); {
		if got, want := content(w.t, r, at), w.pages[at]; fmt.Sprint(got) != fmt.Sprint(want) {
			w.rt.Fatalf("%s reads %v, want %v", at, got, want)
		}
		c, err := r.Commit(context.Background(), at)
		if err != nil {
			w.rt.Fatal(err)
		}
		at = OID{}
		if len(c.Parents) > 0 {
			at = c.Parents[0]
		}
	}
}

func (w *keptWiki) mirror() {
	if err := w.r.MirrorBack(context.Background(), w.head, 1); err != nil {
		w.rt.Fatal(err)
	}
}

// git repack -ad puts everything but bases into one pack and removes the others.
func TestAnOperatorsRepackHurtsNothing(t *testing.T) {
	s, r := newTestRepo(t)
	main := line(t, r, OID{}, "main", 6)
	bases := foldAll(t, r, main[3], nil)
	dir := filepath.Join(s.Dir(wikiID), repoFolder)
	if err := r.Mirror(t.Context(), main[5], 1); err != nil {
		t.Fatal(err)
	}
	gitstoretest.Git(t, dir, "repack", "-adq")
	for _, r := range []*Repo{r, fresh(t, s)} {
		if got := content(t, r, main[5]); got["main.md"] != "5" {
			t.Errorf("read %v", got)
		}
		if got := content(t, r, main[1]); got["main.md"] != "1" {
			t.Errorf("read %v", got)
		}
	}
	head := save(t, r, main[5], "next", map[string]string{"main.md": "6"})
	bases = foldAll(t, r, head, bases)
	if _, err := r.Prune(t.Context(), head, bases, Pruning{Now: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	cold := fresh(t, s)
	report, err := cold.Check(t.Context(), head, bases)
	if err != nil || len(report.Problems) > 0 || content(t, cold, head)["main.md"] != "6" {
		t.Errorf("check: %+v, %v", report, err)
	}
	gitstoretest.Git(t, dir, "fsck", "--strict", "--no-dangling")
}

func TestCheckFindsDamage(t *testing.T) {
	for _, c := range []struct {
		why    string
		damage func(t *testing.T, r *Repo, base, small string)
		want   string
	}{
		{"nothing", func(*testing.T, *Repo, string, string) {}, ""},
		{"a byte of a base", func(t *testing.T, r *Repo, base, _ string) { flip(t, r.packFile(base+".pack"), 60) }, ".pack: "},
		{"its checksum", func(t *testing.T, r *Repo, base, _ string) { flip(t, r.packFile(base+".pack"), -3) }, "checksum"},
		{"its index", func(t *testing.T, r *Repo, base, _ string) { flip(t, r.packFile(base+".idx"), 1100) }, ".idx: "},
		{"a base gone", func(t *testing.T, r *Repo, base, _ string) {
			for _, ext := range []string{".idx", ".pack", ".keep"} {
				if err := os.Remove(r.packFile(base + ext)); err != nil {
					t.Fatal(err)
				}
			}
		}, "not there whole"},
		{"a pack without which the head is not", func(t *testing.T, r *Repo, _, small string) {
			if err := os.Remove(r.packFile(small + ".idx")); err != nil {
				t.Fatal(err)
			}
		}, "is missing"},
		{"an index without its pack", func(t *testing.T, r *Repo, _, small string) {
			if err := os.Remove(r.packFile(small + ".pack")); err != nil {
				t.Fatal(err)
			}
		}, "there is no such pack"},
		{"the commit graph", func(t *testing.T, r *Repo, _, _ string) { flip(t, graphPath(r.dir), -30) }, "commit-graph"},
	} {
		s, r := newTestRepo(t)
		main := line(t, r, OID{}, "main", 5)
		line(t, r, main[1], "lost", 1)
		bases := foldAll(t, r, main[3], nil)
		c.damage(t, r, bases[0], "pack-"+main[4].String())
		got, err := fresh(t, s).Check(t.Context(), main[4], bases)
		if err != nil {
			t.Fatal(err)
		}
		if c.want == "" {
			want := CheckReport{Packs: 7, Objects: 17, Bases: 1, Reachable: 15, Loose: 1, Unreachable: 1}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s: %+v, want %+v", c.why, got, want)
			}
		} else if !strings.Contains(strings.Join(got.Problems, "\n"), c.want) {
			t.Errorf("%s: %q", c.why, got.Problems)
		}
	}
}

func TestAReaderFoldsNothing(t *testing.T) {
	s, r := newTestRepo(t)
	main := line(t, r, OID{}, "main", 2)
	readers, err := Open(s.dir, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	reader, err := readers.Repo(t.Context(), wikiID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Fold(t.Context(), main[1], nil); !fault.Is(err, fault.Internal) {
		t.Errorf("fold: %v", err)
	}
	if _, err := reader.Prune(t.Context(), main[1], nil, Pruning{}); !fault.Is(err, fault.Internal) {
		t.Errorf("prune: %v", err)
	}
	if report, err := reader.Check(t.Context(), main[1], nil); err != nil || len(report.Problems) > 0 {
		t.Errorf("check: %+v, %v", report, err)
	}
}
