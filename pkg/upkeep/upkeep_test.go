package upkeep_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/upkeep"
	"wikibot.io/pkg/wiki"
	"wikibot.io/pkg/wiki/wikitest"
)

// ledger is the records, with a hook on each way through them.
type ledger struct {
	upkeep.Records
	mu        sync.Mutex
	leases    int
	ends      int
	leased    func()       // after a lease was taken
	replacing func() error // before the list is replaced; an error is the answer
	replaced  func()       // after
}

func (l *ledger) LeaseUpkeep(ctx context.Context, wikiID, holder string, now, until time.Time) (records.Wiki, error) {
	w, err := l.Records.LeaseUpkeep(ctx, wikiID, holder, now, until)
	if err == nil {
		l.mu.Lock()
		l.leases++
		l.mu.Unlock()
		if l.leased != nil {
			l.leased()
		}
	}
	return w, err
}

func (l *ledger) ReplaceBases(ctx context.Context, c records.BaseChange) (records.Wiki, error) {
	if l.replacing != nil {
		if err := l.replacing(); err != nil {
			return records.Wiki{}, err
		}
	}
	w, err := l.Records.ReplaceBases(ctx, c)
	if l.replaced != nil {
		l.replaced()
	}
	return w, err
}

func (l *ledger) EndUpkeep(ctx context.Context, wikiID, holder string) error {
	l.mu.Lock()
	l.ends++
	l.mu.Unlock()
	return l.Records.EndUpkeep(ctx, wikiID, holder)
}

// scene is a wiki in a house, and a keeper whose clock stands until it is moved.
type scene struct {
	*wikitest.House
	t      *testing.T
	wiki   records.Wiki
	ledger *ledger
	keeper *upkeep.Keeper
	now    time.Time
	saves  int
}

// set puts a wiki up. It has taken its first step, with the first pages.
func set(t *testing.T) *scene {
	t.Helper()
	h := wikitest.New(t)
	s := &scene{House: h, t: t, wiki: h.Wiki(t, "ada"), ledger: &ledger{Records: h.Records}, now: time.Now()}
	s.keeper = s.newKeeper(s.ledger, h.Git)
	return s
}

func (s *scene) newKeeper(r upkeep.Records, git *gitstore.Store) *upkeep.Keeper {
	s.t.Helper()
	k, err := upkeep.New(upkeep.Deps{Records: r, Git: git, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return s.now }})
	if err != nil {
		s.t.Fatal(err)
	}
	return k
}

// pages is how many there are, beside the first ones.
const pages = 5

// save makes n steps, page after page.
func (s *scene) save(n int) {
	s.t.Helper()
	for range n {
		s.saves++
		w, base := s.Now(s.t, s.wiki.ID), ""
		if s.saves > pages {
			base = w.Head
		}
		_, err := s.Engine.Save(context.Background(), w, wiki.Save{
			Path: fmt.Sprint("Page ", s.saves%pages), Content: fmt.Appendf(nil, "version %d\n%s", s.saves, strings.Repeat("a line of text\n", 20)),
			Base: base, Author: wikitest.Ada,
		})
		if err != nil {
			s.t.Fatalf("save %d: %v", s.saves, err)
		}
	}
}

func (s *scene) tend(inAnyCase bool) upkeep.Report {
	s.t.Helper()
	r, err := s.keeper.Tend(context.Background(), s.wiki.ID, inAnyCase)
	if err != nil {
		s.t.Fatalf("tend: %v", err)
	}
	return r
}

// files counts the files of the wiki's packs by how their names end.
func (s *scene) files(ext string) int {
	s.t.Helper()
	found, err := filepath.Glob(filepath.Join(s.Git.Dir(s.wiki.ID), "repo.git", "objects", "pack", "*"+ext))
	if err != nil {
		s.t.Fatal(err)
	}
	return len(found)
}

func TestPacksAreFoldedWhenEnoughHavePiledUp(t *testing.T) {
	s := set(t)
	s.save(upkeep.Due - 2) // the first pages were a step
	if r := s.tend(false); r.Folded || s.ledger.leases != 0 || len(r.Bases) != 0 {
		t.Errorf("a step too early: %+v, %d leases", r, s.ledger.leases)
	}
	s.save(1)
	r := s.tend(false)
	w := s.Now(t, s.wiki.ID)
	if !r.Folded || w.BaseSequence != w.Sequence || len(w.BasePacks) != 1 {
		t.Errorf("report %+v, record %+v", r, w)
	}
	if diff := cmp.Diff(upkeep.Report{WikiID: w.ID, Slug: "ada", Folded: true, Bases: w.BasePacks}, r); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	if s.files(".keep") != 1 || s.ledger.leases != 1 || s.ledger.ends != 1 {
		t.Errorf("%d bases, %d leases taken, %d given back", s.files(".keep"), s.ledger.leases, s.ledger.ends)
	}
	// A process that comes now reads the same pages.
	s.clean()
}

// clean has the wiki checked by the keeper of a process that has just come.
func (s *scene) clean() {
	s.t.Helper()
	git, err := gitstore.Open(filepath.Dir(s.Git.Dir(s.wiki.ID)), gitstore.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	v, err := s.newKeeper(s.Records, git).Check(context.Background(), s.wiki.ID)
	if err != nil || len(v.Problems) > 0 {
		s.t.Errorf("check: %v, %q", err, v.Problems)
	}
}

// Events come twice, late and in any order; the record says what is to be done.
func TestRepeatedEventsFindNothingToDo(t *testing.T) {
	s := set(t)
	s.save(upkeep.Due)
	first := s.tend(false)
	for range 3 {
		if r := s.tend(false); r.Folded || !cmp.Equal(r.Bases, first.Bases) {
			t.Errorf("again: %+v", r)
		}
	}
	if s.ledger.leases != 1 {
		t.Errorf("%d leases for one fold", s.ledger.leases)
	}
}

func TestAnOperatorTendsInAnyCase(t *testing.T) {
	s := set(t)
	s.save(3)
	r := s.tend(true)
	if !r.Folded || len(r.Bases) != 1 {
		t.Errorf("%+v", r)
	}
	if again := s.tend(true); again.Folded || !cmp.Equal(again.Bases, r.Bases) {
		t.Errorf("with nothing new: %+v", again)
	}
	s.clean()
}

func TestNothingToTend(t *testing.T) {
	h := wikitest.New(t)
	s := &scene{House: h, t: t, wiki: h.Bare(t, "bare"), ledger: &ledger{Records: h.Records}, now: time.Now()}
	s.keeper = s.newKeeper(s.ledger, h.Git)
	if r := s.tend(true); r.Folded || s.ledger.leases != 0 {
		t.Errorf("a wiki without pages: %+v", r)
	}
	if _, err := s.keeper.Tend(t.Context(), "none", true); !fault.Is(err, fault.NotFound) {
		t.Errorf("no wiki: %v", err)
	}
}

// What is interrupted between the fold and the record leaves a base that nothing
// names. The next fold of the same head gives it the same name, so that such do not
// pile up.
func TestFailureBetweenFoldAndRecord(t *testing.T) {
	s := set(t)
	s.save(upkeep.Due)
	s.ledger.replacing = func() error { return fault.New(fault.Unavailable, "replace bases: try again") }
	for range 3 {
		if r, err := s.keeper.Tend(t.Context(), s.wiki.ID, false); !fault.Is(err, fault.Unavailable) || r.Folded {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	if s.files(".keep") != 1 || s.ledger.ends != 3 {
		t.Errorf("%d bases after three attempts, %d leases given back", s.files(".keep"), s.ledger.ends)
	}
	s.ledger.replacing = nil
	if r := s.tend(false); !r.Folded || s.files(".keep") != 1 {
		t.Errorf("then: %+v, %d bases", r, s.files(".keep"))
	}
	s.clean()
}

// A killed holder's lease is in the way until it runs out, and no longer.
func TestKilledHolder(t *testing.T) {
	s := set(t)
	s.save(upkeep.Due)
	if _, err := s.Records.LeaseUpkeep(t.Context(), s.wiki.ID, "killed", s.now, s.now.Add(15*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if r := s.tend(false); !r.Busy || r.Folded {
		t.Errorf("while it is leased: %+v", r)
	}
	s.now = s.now.Add(15 * time.Minute)
	if r := s.tend(false); r.Busy || !r.Folded {
		t.Errorf("when the lease has run out: %+v", r)
	}
}

// Keepers in processes of their own, all at once, while somebody saves.
func TestManyKeepersAtOnce(t *testing.T) {
	s := set(t)
	s.save(upkeep.Due)
	var wg sync.WaitGroup
	for range 4 {
		git, err := gitstore.Open(filepath.Dir(s.Git.Dir(s.wiki.ID)), gitstore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		k := s.newKeeper(s.ledger, git)
		wg.Go(func() {
			for range 5 {
				if _, err := k.Tend(context.Background(), s.wiki.ID, true); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() { s.save(20) })
	wg.Wait()
	s.tend(true)
	if w := s.Now(t, s.wiki.ID); w.BaseSequence != w.Sequence {
		t.Errorf("steps %d, bases up to %d", w.Sequence, w.BaseSequence)
	}
	if s.ledger.leases != s.ledger.ends {
		t.Errorf("%d leases taken, %d given back", s.ledger.leases, s.ledger.ends)
	}
	s.clean()
}

// The head goes far on while the packs are folded: once more, but not for ever.
func TestHeadMovesOnMeanwhile(t *testing.T) {
	for _, c := range []struct {
		bursts, left int
		why          string
	}{
		{1, 0, "a burst"},
		{3, 0, "three"},
		{9, upkeep.Due, "one that does not end: the next save begins with what is left"},
	} {
		t.Run(c.why, func(t *testing.T) {
			s := set(t)
			s.save(upkeep.Due)
			bursts := 0
			s.ledger.replaced = func() {}
			s.ledger.replacing = func() error {
				if bursts++; bursts <= c.bursts {
					s.save(upkeep.Due)
				}
				return nil
			}
			s.tend(false)
			if w := s.Now(t, s.wiki.ID); w.Sequence-w.BaseSequence != int64(c.left) {
				t.Errorf("%d steps are left, want %d", w.Sequence-w.BaseSequence, c.left)
			}
			s.clean()
		})
	}
}

// Another took the lease when it had run out: what the record says is theirs.
func TestStaleHolder(t *testing.T) {
	s := set(t)
	s.save(upkeep.Due)
	s.ledger.replacing = func() error {
		later := s.now.Add(15 * time.Minute)
		_, err := s.Records.LeaseUpkeep(context.Background(), s.wiki.ID, "another", later, later.Add(time.Hour))
		return err
	}
	if r := s.tend(false); !r.Busy || r.Folded {
		t.Errorf("%+v", r)
	}
	if w := s.Now(t, s.wiki.ID); w.BaseSequence != 0 || w.BasePacks != nil {
		t.Errorf("the record was changed: %+v", w)
	}
	if _, err := s.Records.LeaseUpkeep(t.Context(), s.wiki.ID, "third", s.now.Add(16*time.Minute), s.now.Add(time.Hour)); !fault.Is(err, fault.Conflict) {
		t.Errorf("the other's lease was given back: %v", err)
	}
}

// A wiki that is deleted while its packs are folded stays deleted.
func TestDeletedMeanwhile(t *testing.T) {
	for _, when := range []string{"before the fold", "after the fold"} {
		t.Run(when, func(t *testing.T) {
			s := loneScene(t)
			s.save(upkeep.Due)
			other, err := gitstore.Open(filepath.Dir(s.Git.Dir(s.wiki.ID)), gitstore.Options{}) // the process that removes
			if err != nil {
				t.Fatal(err)
			}
			remove := func() {
				if err := s.Records.DeleteWiki(context.Background(), s.wiki.ID, nil); err != nil {
					t.Error(err)
				}
				if err := other.Remove(context.Background(), s.wiki.ID); err != nil {
					t.Error(err)
				}
			}
			if when == "before the fold" {
				s.ledger.leased = remove
			} else {
				s.ledger.replacing = func() error { remove(); return nil }
			}
			if _, err := s.keeper.Tend(t.Context(), s.wiki.ID, false); !fault.Is(err, fault.NotFound) {
				t.Errorf("error %v, want one that says that it is gone", err)
			}
			if left, err := os.ReadDir(filepath.Dir(s.Git.Dir(s.wiki.ID))); err != nil || len(left) > 0 {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
}

// A repository that is gone although its record is there is no wiki that was
// deleted: somebody has to look.
func TestRepositoryIsMissing(t *testing.T) {
	s := loneScene(t)
	s.save(upkeep.Due)
	if err := s.Git.Remove(t.Context(), s.wiki.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.keeper.Tend(t.Context(), s.wiki.ID, false); !fault.Is(err, fault.Internal) {
		t.Errorf("error %v, want internal", err)
	}
	v, err := s.keeper.Check(t.Context(), s.wiki.ID)
	if err != nil || len(v.Problems) != 1 || !strings.Contains(v.Problems[0], "there is no repository") {
		t.Errorf("check: %v, %q", err, v.Problems)
	}
}

// A caller who gives up leaves no lease behind.
func TestInterruptedHolderGivesTheLeaseBack(t *testing.T) {
	s := set(t)
	s.save(upkeep.Due)
	ctx, stop := context.WithCancel(t.Context())
	s.ledger.leased = stop
	if _, err := s.keeper.Tend(ctx, s.wiki.ID, false); err == nil {
		t.Error("done, although nobody waits")
	}
	s.ledger.leased = nil
	if r := s.tend(false); r.Busy || !r.Folded {
		t.Errorf("the next: %+v", r)
	}
}

func TestNewWants(t *testing.T) {
	if _, err := upkeep.New(upkeep.Deps{}); err == nil {
		t.Error("a keeper without anything")
	}
}
