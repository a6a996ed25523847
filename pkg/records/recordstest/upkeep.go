package recordstest

import (
	"fmt"
	"time"

	"wikibot.io/contracts/events"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

// lease leases for a quarter of an hour from the store's now on.
func (w *world) lease(wikiID, holder string) (records.Wiki, error) {
	return w.Store.LeaseUpkeep(w.ctx, wikiID, holder, w.Clock.Now(), w.Clock.Now().Add(15*time.Minute))
}

// stepped is a wiki with some steps behind it.
func (w *world) stepped(steps int) records.Wiki {
	w.t.Helper()
	wiki := w.wiki(w.user("ada").ID, "notes")
	for i := range steps {
		var err error
		wiki, err = w.Store.AdvanceHead(w.ctx, w.step(wiki.ID, wiki.Head, commit(i+1)))
		w.ok(err)
	}
	w.seen = len(w.Events(w.t))
	return wiki
}

var upkeepTests = map[string]func(*world){
	"a lease is one holder's until it is given back or runs out": func(w *world) {
		wiki := w.stepped(1)
		got, err := w.lease(wiki.ID, "one")
		w.ok(err)
		w.same("answer", wiki, got)
		_, err = w.lease(wiki.ID, "two")
		w.fails(err, fault.Conflict)
		w.ok(w.Store.EndUpkeep(w.ctx, wiki.ID, "two")) // not theirs: nothing happens
		_, err = w.lease(wiki.ID, "two")
		w.fails(err, fault.Conflict)
		w.ok(w.Store.EndUpkeep(w.ctx, wiki.ID, "one"))
		w.ok(w.Store.EndUpkeep(w.ctx, wiki.ID, "one"))
		_, err = w.lease(wiki.ID, "two")
		w.ok(err)
		w.Clock.Advance(15*time.Minute - 1)
		_, err = w.lease(wiki.ID, "one")
		w.fails(err, fault.Conflict)
		w.Clock.Advance(1)
		_, err = w.lease(wiki.ID, "one")
		w.ok(err)
		w.emitted()
	},
	"a holder takes more time": func(w *world) {
		wiki := w.stepped(1)
		for range 3 {
			_, err := w.lease(wiki.ID, "one")
			w.ok(err)
			w.Clock.Advance(10 * time.Minute)
		}
		_, err := w.lease(wiki.ID, "two")
		w.fails(err, fault.Conflict)
	},
	"a lease that nobody could hold is invalid": func(w *world) {
		wiki, now := w.stepped(1), w.Clock.Now()
		_, err := w.lease(wiki.ID, "")
		w.fails(err, fault.Invalid, "holder")
		for _, until := range []time.Time{{}, now, now.Add(-time.Hour)} {
			_, err = w.Store.LeaseUpkeep(w.ctx, wiki.ID, "one", now, until)
			w.fails(err, fault.Invalid, "until")
		}
		_, err = w.lease(wiki.ID, "two")
		w.ok(err)
	},
	"the holder replaces the list, and nothing else changes": func(w *world) {
		want := w.stepped(3)
		_, err := w.lease(want.ID, "one")
		w.ok(err)
		for _, c := range []struct {
			give, want []string
			sequence   int64
		}{
			{[]string{"a", "b"}, []string{"a", "b"}, 1},
			{[]string{"c"}, []string{"c"}, 3},
			{[]string{"c"}, []string{"c"}, 3}, // again
			{[]string{"c", "d"}, []string{"c", "d"}, 3},
			{nil, nil, 3},
			{[]string{}, nil, 3},
			{[]string{"pack-" + commit(1), "pack-" + commit(2)}, []string{"pack-" + commit(1), "pack-" + commit(2)}, 3},
		} {
			got, err := w.Store.ReplaceBases(w.ctx, records.BaseChange{WikiID: want.ID, Holder: "one", Packs: c.give, Sequence: c.sequence})
			w.ok(err)
			want.BasePacks, want.BaseSequence = c.want, c.sequence
			w.same("answer", want, got)
			for range 2 { // what a caller does to its copy is its own affair
				got, err = w.Store.Wiki(w.ctx, want.ID)
				w.ok(err)
				w.same("record", want, got)
				if len(got.BasePacks) > 0 {
					got.BasePacks[0] = "scribbled"
				}
			}
		}
		w.emitted()
		got, err := w.Store.AdvanceHead(w.ctx, w.step(want.ID, want.Head, commit(4)))
		w.ok(err)
		w.same("bases after a step", want.BasePacks, got.BasePacks)
		w.same("their step", want.BaseSequence, got.BaseSequence)
		w.emitted(events.PageSaved)
	},
	"whoever does not hold the lease replaces nothing": func(w *world) {
		wiki := w.stepped(2)
		replace := func(holder string) error {
			_, err := w.Store.ReplaceBases(w.ctx, records.BaseChange{WikiID: wiki.ID, Holder: holder, Packs: []string{"by " + holder}, Sequence: 2})
			return err
		}
		for _, nobody := range []string{"", "one"} {
			w.fails(replace(nobody), fault.Conflict)
		}
		_, err := w.lease(wiki.ID, "one")
		w.ok(err)
		w.fails(replace("two"), fault.Conflict)
		w.fails(replace(""), fault.Conflict)
		w.Clock.Advance(time.Hour)
		w.ok(replace("one")) // it has run out, and nobody took it
		_, err = w.lease(wiki.ID, "two")
		w.ok(err)
		w.fails(replace("one"), fault.Conflict) // stale
		w.ok(w.Store.EndUpkeep(w.ctx, wiki.ID, "one"))
		w.ok(replace("two"))
		w.ok(w.Store.EndUpkeep(w.ctx, wiki.ID, "two"))
		w.fails(replace("two"), fault.Conflict)
		got, err := w.Store.Wiki(w.ctx, wiki.ID)
		w.ok(err)
		w.same("bases", []string{"by two"}, got.BasePacks)
	},
	"bases hold the history up to a step between the last one's and the head": func(w *world) {
		wiki := w.stepped(5)
		_, err := w.lease(wiki.ID, "one")
		w.ok(err)
		for _, c := range []struct {
			sequence int64
			kind     fault.Kind
			why      string
		}{
			{6, fault.Invalid, "the head is not there yet"},
			{-1, fault.Invalid, "no step"},
			{0, "", "nothing folded yet"},
			{3, "", "forward"},
			{2, fault.Invalid, "back"},
			{5, "", "the head"},
		} {
			got, err := w.Store.ReplaceBases(w.ctx, records.BaseChange{WikiID: wiki.ID, Holder: "one", Packs: []string{fmt.Sprint(c.sequence)}, Sequence: c.sequence})
			if fault.KindOf(err) != c.kind {
				w.t.Errorf("step %d (%s): error %v, want one of kind %q", c.sequence, c.why, err, c.kind)
			}
			if err == nil {
				w.same("step", c.sequence, got.BaseSequence)
			}
		}
	},
	"an adopted history starts with its bases": func(w *world) {
		owner := w.user("ada").ID
		for i, c := range []struct {
			head  string
			packs []string
			want  int64
		}{{commit(9), []string{"p", "q"}, 1}, {commit(9), nil, 0}, {commit(9), []string{}, 0}, {"", []string{"p"}, 0}} {
			n := sampleWiki(owner, fmt.Sprint("notes", i))
			n.Name, n.Head, n.BasePacks = "adopted", c.head, c.packs
			got, err := w.Store.CreateWiki(w.ctx, n)
			w.ok(err)
			w.wikis = append(w.wikis, n.ID)
			w.same("step of the bases", c.want, got.BaseSequence)
			if c.want == 0 {
				c.packs = nil
			}
			w.same("bases", c.packs, got.BasePacks)
			read, err := w.Store.Wiki(w.ctx, n.ID)
			w.ok(err)
			w.same("record", got, read)
		}
	},
	"a wiki that is gone has no upkeep": func(w *world) {
		wiki := w.stepped(1)
		_, err := w.lease(wiki.ID, "one")
		w.ok(err)
		w.ok(w.Store.DeleteWiki(w.ctx, wiki.ID, actor))
		w.emitted(events.WikiDeleted)
		for _, id := range []string{wiki.ID, "none", "", "\x00"} {
			_, err = w.lease(id, "one")
			w.fails(err, fault.NotFound)
			_, err = w.Store.ReplaceBases(w.ctx, records.BaseChange{WikiID: id, Holder: "one", Sequence: 1})
			w.fails(err, fault.NotFound)
			w.ok(w.Store.EndUpkeep(w.ctx, id, "one"))
		}
		_, err = w.Store.Wiki(w.ctx, wiki.ID)
		w.fails(err, fault.NotFound)
		w.emitted()
	},
}
