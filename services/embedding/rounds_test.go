package embedding_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/upkeep"
	"wikibot.io/pkg/wiki"
	"wikibot.io/pkg/wiki/wikitest"
	"wikibot.io/services/embedding"
)

// ledger is a log that is read again, and calls a function with each record.
type ledger struct {
	bytes.Buffer
	noted func(msg string)
}

func (l *ledger) Write(line []byte) (int, error) {
	var r struct{ Msg string }
	if json.Unmarshal(line, &r) == nil && l.noted != nil {
		l.noted(r.Msg)
	}
	return l.Buffer.Write(line)
}

// of returns the attribute of each record with that message, in order.
func (l *ledger) of(t *testing.T, msg, key string) []any {
	t.Helper()
	var all []any
	for line := range bytes.Lines(l.Bytes()) {
		var r map[string]any
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		if r["msg"] == msg {
			all = append(all, r[key])
		}
	}
	return all
}

// street is a service over a house with three wikis of a few saves each.
type street struct {
	t     *testing.T
	house *wikitest.House
	log   *ledger
	wikis []string // identifiers, in the order of a round
	s     *embedding.Service
}

const saves = 3

func newStreet(t *testing.T) *street {
	t.Helper()
	st := &street{t: t, house: wikitest.New(t), log: &ledger{}}
	log := slog.New(slog.NewJSONHandler(st.log, nil))
	k, err := upkeep.New(upkeep.Deps{Records: st.house.Records, Git: st.house.Git, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	if st.s, err = embedding.New(embedding.Deps{Index: st.house.Index, Keeper: k, Log: log}); err != nil {
		t.Fatal(err)
	}
	for _, slug := range []string{"ada", "bea", "cleo"} {
		w := st.house.Make(t, slug)
		for n := range saves {
			if _, err := st.house.Engine.Save(t.Context(), st.house.Now(t, w.ID), wiki.Save{Path: fmt.Sprint("Page ", n), Content: []byte(slug), Author: wikitest.Ada}); err != nil {
				t.Fatal(err)
			}
		}
		st.wikis = append(st.wikis, w.ID)
	}
	slices.Sort(st.wikis)
	return st
}

// call makes one call of a round.
func (st *street) call(ctx context.Context, name, after string) (embedding.Round, error) {
	st.t.Helper()
	r, err := st.s.Rounds()[name](ctx, after)
	round, _ := r.(embedding.Round)
	return round, err
}

func (st *street) finds(name, after string, want embedding.Round) {
	st.t.Helper()
	got, err := st.call(st.t.Context(), name, after)
	if err != nil {
		st.t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		st.t.Errorf("%s after %q: %s", name, after, diff)
	}
}

// folded tells which of the wikis have all their packs in a base.
func (st *street) folded() (all []bool) {
	for _, id := range st.wikis {
		w := st.house.Now(st.t, id)
		all = append(all, len(w.BasePacks) > 0 && w.BaseSequence == w.Sequence)
	}
	return all
}

func TestRoundsGoThroughAllWikis(t *testing.T) {
	st := newStreet(t)
	st.finds("fsck", "", embedding.Round{Wikis: 3})
	st.finds("maintain", "", embedding.Round{Wikis: 3})
	if !slices.Equal(st.folded(), []bool{true, true, true}) {
		t.Errorf("folded: %v, want all, however few their saves", st.folded())
	}
	st.finds("maintain", "", embedding.Round{Wikis: 3}) // again is no harm
	st.finds("fsck", "", embedding.Round{Wikis: 3})
	if got := st.log.of(t, "wiki is maintained", "folded"); !slices.Equal(got, []any{true, true, true, false, false, false}) {
		t.Errorf("the log says that it folded: %v", got)
	}
	if got := st.log.of(t, "wiki is checked", "level"); !slices.Equal(got, []any{"INFO", "INFO", "INFO", "INFO", "INFO", "INFO"}) {
		t.Errorf("levels of checks: %v", got)
	}
}

func TestRoundsBeginWhereTheyAreTold(t *testing.T) {
	st := newStreet(t)
	for _, c := range []struct {
		why, after string
		wikis      int
	}{
		{"after the first", st.wikis[0], 2},
		{"after one that was deleted since", st.wikis[1] + "!", 1},
		{"after the last", st.wikis[2], 0},
	} {
		got, err := st.call(t.Context(), "fsck", c.after)
		if want := (embedding.Round{Wikis: c.wikis}); err != nil || got != want {
			t.Errorf("%s: %+v, %v", c.why, got, err)
		}
	}
}

// What takes a function's time away takes it in the middle of a wiki. The calls that
// follow do the rest, each wiki once.
func TestRoundsStopInTime(t *testing.T) {
	st := newStreet(t)
	ctx, stop := context.WithCancel(t.Context())
	st.log.noted = func(msg string) {
		if msg == "wiki is maintained" {
			stop()
		}
	}
	got, err := st.call(ctx, "maintain", "")
	if want := (embedding.Round{Wikis: 1, Left: 2, After: st.wikis[0]}); err != nil || got != want {
		t.Fatalf("%+v, %v", got, err)
	}
	st.log.noted = nil
	st.finds("maintain", got.After, embedding.Round{Wikis: 2})
	if !slices.Equal(st.folded(), []bool{true, true, true}) {
		t.Errorf("folded: %v", st.folded())
	}
}

// The second wiki is interrupted: it is nobody's trouble, and the next call's first.
func TestInterruptedWikiIsBegunAgain(t *testing.T) {
	st := newStreet(t)
	ctx, stop := context.WithCancel(t.Context())
	begun := 0
	st.log.noted = func(msg string) {
		if msg == "packs are consolidated" { // and not yet pruned
			if begun++; begun == 2 {
				stop()
			}
		}
	}
	got, err := st.call(ctx, "maintain", "")
	if want := (embedding.Round{Wikis: 1, Left: 2, After: st.wikis[0]}); err != nil || got != want {
		t.Fatalf("%+v, %v", got, err)
	}
	st.finds("maintain", got.After, embedding.Round{Wikis: 2})
	if busy := st.log.of(t, "wiki is maintained", "busy"); !slices.Equal(busy, []any{false, false, false}) {
		t.Errorf("busy: %v; the lease of the interrupted one was not given back", busy)
	}
}

// A wiki that no call has time enough for must not keep those after it waiting for ever.
func TestWikiThatIsTooLargeIsPassedOver(t *testing.T) {
	st := newStreet(t)
	ctx, stop := context.WithCancel(t.Context())
	st.log.noted = func(msg string) {
		if msg == "packs are consolidated" {
			stop()
		}
	}
	got, err := st.call(ctx, "maintain", "")
	if want := (embedding.Round{Wikis: 1, Wrong: 1, Left: 2, After: st.wikis[0]}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	if who := st.log.of(t, "wiki is passed over", "wiki"); !slices.Equal(who, []any{st.wikis[0]}) {
		t.Errorf("the log says that %v were passed over", who)
	}
}

// Trouble with one wiki is told, and keeps the others from nothing.
func TestRoundsGoPastTrouble(t *testing.T) {
	st := newStreet(t)
	st.finds("maintain", "", embedding.Round{Wikis: 3})
	hurt := st.wikis[1]
	base := filepath.Join(st.house.Git.Dir(hurt), "repo.git", "objects", "pack", st.house.Now(t, hurt).BasePacks[0]+".pack")
	raw, err := os.ReadFile(base)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2] ^= 0xff
	if err := os.Chmod(base, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(base, raw, 0o444); err != nil {
		t.Fatal(err)
	}
	st.finds("fsck", "", embedding.Round{Wikis: 3, Wrong: 1})
	var levels []any
	for i, id := range st.log.of(t, "wiki is checked", "wiki") {
		levels = append(levels, st.log.of(t, "wiki is checked", "level")[i])
		problems, _ := st.log.of(t, "wiki is checked", "problems")[i].([]any)
		if (len(problems) > 0) != (id == hurt) {
			t.Errorf("wiki %v: problems %v", id, problems)
		}
	}
	if !slices.Equal(levels, []any{"INFO", "WARN", "INFO"}) {
		t.Errorf("levels: %v", levels)
	}
}

// A folder without a record is a deleted wiki's, or reconciling's business.
func TestRoundsPassFoldersWithoutARecord(t *testing.T) {
	st := newStreet(t)
	if err := st.house.Records.DeleteWiki(t.Context(), st.wikis[1], nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"maintain", "fsck"} {
		st.finds(name, "", embedding.Round{Wikis: 3})
	}
	if done := st.log.of(t, "wiki is checked", "wiki"); !slices.Equal(done, []any{st.wikis[0], st.wikis[2]}) {
		t.Errorf("checked: %v", done)
	}
}

// Without records nothing is right, and it is said of every wiki.
func TestRoundsWithoutRecords(t *testing.T) {
	st := newStreet(t)
	if err := st.house.Records.Close(); err != nil {
		t.Fatal(err)
	}
	st.finds("maintain", "", embedding.Round{Wikis: 3, Wrong: 3})
}

// Whoever is at a wiki does what the round would have done.
func TestRoundsLeaveBusyWikisAlone(t *testing.T) {
	st := newStreet(t)
	now := st.house.Now(t, st.wikis[0]).CreatedAt
	if _, err := st.house.Records.LeaseUpkeep(t.Context(), st.wikis[0], "somebody", now, now.AddDate(1, 0, 0)); err != nil {
		t.Fatal(err)
	}
	st.finds("maintain", "", embedding.Round{Wikis: 3})
	if busy := st.log.of(t, "wiki is maintained", "busy"); !slices.Equal(busy, []any{true, false, false}) {
		t.Errorf("busy: %v", busy)
	}
}
