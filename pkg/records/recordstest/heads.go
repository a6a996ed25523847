package recordstest

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

var headTests = map[string]func(*world){
	"a step moves head, sequence, time, counters and event together": func(w *world) {
		want := w.wiki(w.user("ada").ID, "notes")
		w.emitted(events.UserCreated, events.WikiCreated)
		for i, delta := range []int64{2, 0, -1} {
			w.Clock.Advance(time.Minute)
			c := w.step(want.ID, want.Head, commit(i+1))
			c.PageDelta, c.FileDelta = delta, 100*delta
			given := proto.Clone(c.Event)
			got, err := w.Store.AdvanceHead(w.ctx, c)
			w.ok(err)
			want.Head, want.HeadAt, want.Sequence = commit(i+1), w.Clock.Now(), int64(i+1)
			want.PageCount += delta
			want.FileBytes += 100 * delta
			w.same("answer", want, got)
			got, err = w.Store.Wiki(w.ctx, want.ID)
			w.ok(err)
			w.same("record", want, got)
			w.same("the caller's event", given, c.Event)
			filled := events.CommitOf(c.Event)
			filled.Sequence, filled.PageCount = want.Sequence, want.PageCount
			w.same("emitted event", c.Event, w.emitted(events.PageSaved)[0])
		}
	},
	"a lost race returns the winner's record and changes nothing": func(w *world) {
		wiki := w.wiki(w.user("ada").ID, "notes")
		won, err := w.Store.AdvanceHead(w.ctx, w.step(wiki.ID, "", commit(1)))
		w.ok(err)
		w.emitted(events.UserCreated, events.WikiCreated, events.PageSaved)
		for _, old := range []string{"", commit(7)} {
			_, err = w.Store.AdvanceHead(w.ctx, w.step(wiki.ID, old, commit(2)))
			w.fails(err, fault.Conflict)
			moved, ok := errors.AsType[*records.HeadMovedError](err)
			if !ok {
				w.t.Fatalf("error %v is no HeadMovedError", err)
			}
			w.same("record in the error", won, moved.Current)
		}
		got, err := w.Store.Wiki(w.ctx, wiki.ID)
		w.ok(err)
		w.same("record", won, got)
		w.emitted()
	},
	"limits bind only what grows": func(w *world) {
		wiki := w.wiki(w.user("ada").ID, "notes")
		head := ""
		for i, c := range []struct {
			why                                    string
			pages, files, maxPages, maxBytes, kind int64
		}{
			{"up to the limit", 3, 300, 3, 300, 0},
			{"one page more", 1, 0, 3, 300, 1},
			{"one byte more", 0, 1, 3, 300, 1},
			{"an edit over a limit that has shrunk", 0, 0, 1, 100, 0},
			{"a deletion over a limit that has shrunk", -1, -1, 1, 100, 0},
			{"fewer pages, but more bytes", -1, 1, 1, 100, 1},
			{"no limits", 50, 5000, 0, 0, 0},
		} {
			change := w.step(wiki.ID, head, commit(i+1))
			change.PageDelta, change.FileDelta, change.MaxPages, change.MaxBytes = c.pages, c.files, c.maxPages, c.maxBytes
			got, err := w.Store.AdvanceHead(w.ctx, change)
			if c.kind == 1 {
				w.fails(err, fault.Limit)
				continue
			}
			if err != nil {
				w.t.Fatalf("%s: %v", c.why, err)
			}
			head = got.Head
		}
		got, err := w.Store.Wiki(w.ctx, wiki.ID)
		w.ok(err)
		w.same("counters", []int64{52, 5299}, []int64{got.PageCount, got.FileBytes})
	},
	"a step may touch any number of pages, and its event stays true": func(w *world) {
		wiki := w.wiki(w.user("ada").ID, "notes")
		w.emitted(events.UserCreated, events.WikiCreated)
		const pages = 20_000
		c := w.step(wiki.ID, "", commit(1))
		in := events.CommitOf(c.Event)
		for i := range pages - 1 {
			in.Changes = append(in.Changes, &eventsv1.PageChange{Kind: eventsv1.PageChange_KIND_RELINKED, Path: fmt.Sprint("Links here ", i)})
		}
		c.PageDelta = pages
		got, err := w.Store.AdvanceHead(w.ctx, c)
		w.ok(err)
		w.same("the caller's event", pages, len(in.Changes))
		out := events.CommitOf(w.emitted(events.PageSaved)[0])
		w.same("heads", []string{"", commit(1)}, []string{out.OldHead, out.NewHead})
		w.same("sequence and pages", []int64{1, pages}, []int64{out.Sequence, out.PageCount})
		w.same("changes told or counted", int64(pages), int64(len(out.Changes))+out.ChangesOmitted)
		w.same("the first", in.Changes[0], out.Changes[0])
		read, err := w.Store.Wiki(w.ctx, wiki.ID)
		w.ok(err)
		w.same("record", got, read)
		_, err = w.Store.AdvanceHead(w.ctx, w.step(wiki.ID, commit(1), commit(2)))
		w.ok(err)
		w.same("the next event", 1, len(events.CommitOf(w.emitted(events.PageSaved)[0]).Changes))
	},
	"a step that is none is invalid": func(w *world) {
		wiki := w.wiki(w.user("ada").ID, "notes")
		for _, mangle := range []func(*records.HeadChange){
			func(c *records.HeadChange) { c.New = "" },
			func(c *records.HeadChange) { c.New = c.Old },
			func(c *records.HeadChange) { c.Event = nil },
			func(c *records.HeadChange) { c.Event.Id = "" },
			func(c *records.HeadChange) { c.Event.WikiId = "another" },
			func(c *records.HeadChange) {
				c.Event.Data = &eventsv1.Envelope_IndexUpdated{IndexUpdated: &eventsv1.IndexUpdated{}}
			},
		} {
			c := w.step(wiki.ID, "", commit(1))
			mangle(&c)
			_, err := w.Store.AdvanceHead(w.ctx, c)
			w.fails(err, fault.Invalid)
		}
		w.emitted(events.UserCreated, events.WikiCreated)
	},
	"an index is published by compare and swap": func(w *world) {
		wiki := w.wiki(w.user("ada").ID, "notes")
		w.emitted(events.UserCreated, events.WikiCreated)
		one, two := records.Index{Commit: commit(1), File: "one", Sequence: 3}, records.Index{Commit: commit(2), File: "two"}
		w.ok(w.Store.PublishIndex(w.ctx, wiki.ID, records.Index{}, one))
		w.fails(w.Store.PublishIndex(w.ctx, wiki.ID, records.Index{}, two), fault.Conflict)
		w.fails(w.Store.PublishIndex(w.ctx, wiki.ID, records.Index{Commit: one.Commit, File: "other"}, two), fault.Conflict)
		w.ok(w.Store.PublishIndex(w.ctx, wiki.ID, one, two))
		got, err := w.Store.Wiki(w.ctx, wiki.ID)
		w.ok(err)
		wiki.Index = two
		w.same("record", wiki, got)
		w.same("event", &eventsv1.IndexUpdated{Commit: commit(2)}, w.emitted(events.IndexUpdated, events.IndexUpdated)[1].GetIndexUpdated())
	},
}

var idempotencyTests = map[string]func(*world){
	"a retry finds the first answer": func(w *world) {
		wiki := w.wiki(w.user("ada").ID, "notes")
		c := w.step(wiki.ID, "", commit(1))
		c.Idempotency = &records.Idempotency{Key: "k", Fingerprint: "f", Result: []byte("answer")}
		_, err := w.Store.AdvanceHead(w.ctx, c)
		w.ok(err)
		_, err = w.Store.AdvanceHead(w.ctx, c) // its head has moved as well
		w.fails(err, fault.Exists)
		got, err := w.Store.IdempotentResult(w.ctx, wiki.ID, "k", "f")
		w.ok(err)
		w.same("result", "answer", string(got))

		other := w.step(wiki.ID, commit(1), commit(2))
		other.Idempotency = &records.Idempotency{Key: "k", Fingerprint: "other"}
		_, err = w.Store.AdvanceHead(w.ctx, other)
		w.fails(err, fault.Exists)
		_, err = w.Store.IdempotentResult(w.ctx, wiki.ID, "k", "other")
		w.fails(err, fault.Conflict)
		w.emitted(events.UserCreated, events.WikiCreated, events.PageSaved)
	},
	"a failure does not use the key up": func(w *world) {
		wiki := w.wiki(w.user("ada").ID, "notes")
		c := w.step(wiki.ID, commit(8), commit(9))
		c.Idempotency = &records.Idempotency{Key: "k", Fingerprint: "f"}
		_, err := w.Store.AdvanceHead(w.ctx, c)
		w.fails(err, fault.Conflict)
		_, err = w.Store.IdempotentResult(w.ctx, wiki.ID, "k", "f")
		w.fails(err, fault.NotFound)
		c = w.step(wiki.ID, "", commit(1))
		c.Idempotency = &records.Idempotency{Key: "k", Fingerprint: "f"}
		_, err = w.Store.AdvanceHead(w.ctx, c)
		w.ok(err)
	},
	"keys of different wikis are different": func(w *world) {
		ada := w.user("ada")
		for _, slug := range []string{"one", "two"} {
			c := w.step(w.wiki(ada.ID, slug).ID, "", commit(1))
			c.Idempotency = &records.Idempotency{Key: "k", Fingerprint: slug, Result: []byte(slug)}
			_, err := w.Store.AdvanceHead(w.ctx, c)
			w.ok(err)
		}
		got, err := w.Store.IdempotentResult(w.ctx, "wiki-two", "k", "two")
		w.ok(err)
		w.same("result", "two", string(got))
	},
	"a key is forgotten after a day": func(w *world) {
		wiki := w.wiki(w.user("ada").ID, "notes")
		c := w.step(wiki.ID, "", commit(1))
		c.Idempotency = &records.Idempotency{Key: "k", Fingerprint: "f", Result: []byte("first")}
		_, err := w.Store.AdvanceHead(w.ctx, c)
		w.ok(err)
		w.Clock.Advance(records.IdempotencyAge - 1)
		_, err = w.Store.IdempotentResult(w.ctx, wiki.ID, "k", "f")
		w.ok(err)
		w.Clock.Advance(1)
		_, err = w.Store.IdempotentResult(w.ctx, wiki.ID, "k", "f")
		w.fails(err, fault.NotFound)
		c = w.step(wiki.ID, commit(1), commit(2))
		c.Idempotency = &records.Idempotency{Key: "k", Fingerprint: "g", Result: []byte("second")}
		_, err = w.Store.AdvanceHead(w.ctx, c)
		w.ok(err)
		got, err := w.Store.IdempotentResult(w.ctx, wiki.ID, "k", "g")
		w.ok(err)
		w.same("result", "second", string(got))
	},
}
