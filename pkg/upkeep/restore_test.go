package upkeep_test

import (
	"context"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/upkeep"
	"wikibot.io/pkg/wiki/wikitest"
)

// loneScene is a scene whose wiki may end in a state that no saves lead to.
func loneScene(t *testing.T) *scene {
	t.Helper()
	h := wikitest.New(t)
	s := &scene{House: h, t: t, wiki: h.Make(t, "ada"), ledger: &ledger{Records: h.Records}, now: time.Now()}
	s.keeper = s.newKeeper(s.ledger, h.Git)
	return s
}

// list puts a list of bases into the record, as a restore might leave it.
func (s *scene) list(packs ...string) {
	s.t.Helper()
	ctx := context.Background()
	w, err := s.Records.LeaseUpkeep(ctx, s.wiki.ID, "restore", s.now, s.now.Add(time.Minute))
	if err == nil {
		_, err = s.Records.ReplaceBases(ctx, records.BaseChange{WikiID: w.ID, Holder: "restore", Packs: packs, Sequence: w.Sequence})
	}
	if err == nil {
		err = s.Records.EndUpkeep(ctx, s.wiki.ID, "restore")
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// back moves the head to a commit before, as reconciling does.
func (s *scene) back(to string) {
	s.t.Helper()
	ctx := context.Background()
	w := s.Now(s.t, s.wiki.ID)
	env, err := events.New(time.Now(), w.ID, nil, &eventsv1.PageSaved{Commit: &eventsv1.Commit{OldHead: w.Head, NewHead: to}})
	if err != nil {
		s.t.Fatal(err)
	}
	if w, err = s.Records.AdvanceHead(ctx, records.HeadChange{WikiID: w.ID, Old: w.Head, New: to, Event: env}); err != nil {
		s.t.Fatal(err)
	}
	repo, err := s.Git.Repo(ctx, w.ID)
	if err == nil {
		err = repo.MirrorBack(ctx, plumbing.NewHash(to), w.Sequence)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// Records and files are never of the same moment after a restore. Whatever the list
// of bases says then, the next fold makes it true.
func TestFoldAfterARestore(t *testing.T) {
	for _, c := range []struct {
		why   string
		spoil func(s *scene, early string, first []string)
	}{
		{"the list is from before a fold whose leavings were removed", func(s *scene, _ string, first []string) {
			s.list(first...)
			s.each(first[0], func(path string) error { return os.Remove(path) })
		}},
		{"the files are from before the last fold", func(s *scene, _ string, _ []string) {
			last := s.Now(s.t, s.wiki.ID).BasePacks
			s.each(last[len(last)-1], func(path string) error { return os.Remove(path) })
		}},
		{"the head went back behind the bases", func(s *scene, early string, _ []string) { s.back(early) }},
		{"the list names what is no base", func(s *scene, _ string, _ []string) {
			s.list("pack-"+s.Now(s.t, s.wiki.ID).Head, "nonsense")
		}},
	} {
		t.Run(c.why, func(t *testing.T) {
			s := loneScene(t)
			s.save(10)
			early := s.Now(t, s.wiki.ID).Head
			s.save(upkeep.Due)
			first := s.tend(false).Bases
			s.save(upkeep.Due)
			s.tend(false)
			c.spoil(s, early, first)
			// A process that has just come reads, and folds at the next occasion.
			s.keeper = s.newcomer()
			r := s.tend(true)
			w := s.Now(t, s.wiki.ID)
			if len(r.Bases) == 0 || !slices.Equal(r.Bases, w.BasePacks) || w.BaseSequence != w.Sequence {
				t.Errorf("report %+v, record %+v", r, w)
			}
			s.now = s.now.Add(time.Hour)
			s.clean()
		})
	}
}
