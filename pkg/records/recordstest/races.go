package recordstest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"wikibot.io/contracts/events"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

// rivals is how many goroutines race: enough to meet, few enough for a database
// that lets one of them through at a time. Some tests count on a multiple of 12.
const rivals = 12

var raceTests = map[string]func(*world){
	"one of many creates a user, the others leave nothing": func(w *world) {
		for _, c := range []struct {
			shared string
			share  func(*records.User, *records.Identity)
		}{
			{"username", func(u *records.User, _ *records.Identity) { u.Username = "same" }},
			{"email", func(u *records.User, _ *records.Identity) { u.Email = "Same@example.org" }},
			{"identity", func(_ *records.User, id *records.Identity) { id.Subject = "same" }},
		} {
			rival := func(i int) (records.User, records.Identity) {
				return sample(fmt.Sprintf("%s-%d", c.shared, i))
			}
			won := w.winner(race(rivals, func(i int) error {
				u, id := rival(i)
				c.share(&u, &id)
				return w.Store.CreateUser(w.ctx, u, id)
			}), fault.Exists)
			w.emitted(events.UserCreated)
			for i := range rivals {
				u, id := rival(i)
				if i != won { // whatever the loser alone had asked for is free
					w.ok(w.Store.CreateUser(w.ctx, u, id))
				}
			}
			w.seen = len(w.Events(w.t))
		}
	},
	"one of many takes a slug": func(w *world) {
		for i := range rivals {
			w.user(fmt.Sprint("u", i))
		}
		w.seen = len(w.Events(w.t))
		ask := func(i int) records.NewWiki {
			n := sampleWiki(fmt.Sprint("user-u", i), "same")
			n.ID = fmt.Sprint("w", i)
			n.Token = sampleToken(n.ID, "default")
			return n
		}
		won := w.winner(race(rivals, func(i int) error {
			_, err := w.Store.CreateWiki(w.ctx, ask(i))
			return err
		}), fault.Exists)
		w.wikis = append(w.wikis, fmt.Sprint("w", won))
		w.emitted(events.WikiCreated)
		for i := range rivals {
			if i == won {
				continue
			}
			n := ask(i)
			_, err := w.Store.Wiki(w.ctx, n.ID)
			w.fails(err, fault.NotFound)
			_, err = w.Store.Grant(w.ctx, n.ID, n.OwnerID)
			w.fails(err, fault.NotFound)
			_, err = w.Store.TokenByHash(w.ctx, n.Token.Hash)
			w.fails(err, fault.NotFound)
		}
	},
	"a slug and a username race for the one namespace": func(w *world) {
		ada := w.user("ada")
		errs := race(2, func(i int) error {
			if i == 0 {
				u, id := sample("same")
				return w.Store.CreateUser(w.ctx, u, id)
			}
			_, err := w.Store.CreateWiki(w.ctx, sampleWiki(ada.ID, "same"))
			return err
		})
		if w.winner(errs, fault.Exists) == 1 {
			w.wikis = append(w.wikis, "wiki-same")
		}
	},
	"many wikis, few allowed": func(w *world) {
		ada := w.user("ada")
		errs := race(rivals, func(i int) error {
			n := sampleWiki(ada.ID, fmt.Sprint("w", i))
			n.MaxWikis = 3
			_, err := w.Store.CreateWiki(w.ctx, n)
			return err
		})
		w.survivors(errs, 3, fault.Limit)
		for i := range rivals {
			w.wikis = append(w.wikis, fmt.Sprint("wiki-w", i))
		}
	},
	"many authors, few allowed": func(w *world) {
		wiki := w.wiki(w.user("ada").ID, "notes")
		for i := range rivals {
			w.user(fmt.Sprint("u", i))
		}
		w.survivors(race(rivals, func(i int) error {
			return w.Store.PutGrant(w.ctx, grant(wiki.ID, fmt.Sprint("user-u", i), records.Editor), 4, actor)
		}), 3, fault.Limit)
		list, err := w.Store.GrantsOfWiki(w.ctx, wiki.ID)
		w.ok(err)
		w.same("authors", 4, len(list))
	},
	"one of many moves the head, the losers learn of it": func(w *world) {
		wiki := w.wiki(w.user("ada").ID, "notes")
		w.emitted(events.UserCreated, events.WikiCreated)
		errs := race(rivals, func(i int) error {
			_, err := w.Store.AdvanceHead(w.ctx, w.step(wiki.ID, "", commit(i+1)))
			return err
		})
		won := w.winner(errs, fault.Conflict)
		got, err := w.Store.Wiki(w.ctx, wiki.ID)
		w.ok(err)
		w.same("head", commit(won+1), got.Head)
		for i, err := range errs {
			if moved, ok := errors.AsType[*records.HeadMovedError](err); i != won && (!ok || moved.Current.Head != commit(won+1)) {
				w.t.Errorf("loser %d got %v", i, err)
			}
		}
		w.emitted(events.PageSaved)
	},
	"every writer that tries again lands, and every step is counted": func(w *world) {
		wiki := w.wiki(w.user("ada").ID, "notes")
		w.emitted(events.UserCreated, events.WikiCreated)
		const each = 5
		for _, err := range race(rivals, func(i int) error {
			head := ""
			for n := range each {
				c := w.step(wiki.ID, head, commit(1+i*each+n))
				c.PageDelta, c.FileDelta = 1, 10
				for {
					got, err := w.Store.AdvanceHead(w.ctx, c)
					if err == nil {
						head = got.Head
						break
					}
					moved, ok := errors.AsType[*records.HeadMovedError](err)
					if !ok {
						return err
					}
					c.Old = moved.Current.Head
				}
			}
			return nil
		}) {
			w.ok(err)
		}
		got, err := w.Store.Wiki(w.ctx, wiki.ID)
		w.ok(err)
		w.same("sequence, pages, bytes", []int64{rivals * each, rivals * each, 10 * rivals * each}, []int64{got.Sequence, got.PageCount, got.FileBytes})
		var sequences []int64
		for _, env := range w.Events(w.t) {
			if c := events.CommitOf(env); c != nil {
				sequences = append(sequences, c.Sequence)
				w.same("pages after the step", c.Sequence, c.PageCount)
			}
		}
		slices.Sort(sequences)
		for i, s := range sequences {
			w.same("sequence", int64(i+1), s)
		}
	},
	"a page limit holds under concurrency": func(w *world) {
		wiki := w.wiki(w.user("ada").ID, "notes")
		w.survivors(race(rivals, func(i int) error {
			c := w.step(wiki.ID, "", commit(i+1))
			c.PageDelta, c.MaxPages = 1, 7
			for {
				_, err := w.Store.AdvanceHead(w.ctx, c)
				moved, ok := errors.AsType[*records.HeadMovedError](err)
				if !ok {
					return err
				}
				c.Old = moved.Current.Head
			}
		}), 7, fault.Limit)
	},
	"one of many gets the lease, fresh or run out": func(w *world) {
		wiki := w.stepped(1)
		for range 3 {
			won := w.winner(race(rivals, func(i int) error {
				_, err := w.lease(wiki.ID, fmt.Sprint("holder ", i))
				return err
			}), fault.Conflict)
			change := records.BaseChange{WikiID: wiki.ID, Holder: fmt.Sprint("holder ", won), Packs: []string{"p"}, Sequence: 1}
			_, err := w.Store.ReplaceBases(w.ctx, change)
			w.ok(err)
			w.Clock.Advance(15 * time.Minute)
		}
		w.emitted()
	},
	"a step and a change of bases do not disturb each other": func(w *world) {
		wiki := w.stepped(1)
		_, err := w.lease(wiki.ID, "one")
		w.ok(err)
		const each = 20
		for _, err := range race(2, func(i int) error {
			head := wiki.Head
			for n := range each {
				if i == 0 {
					got, err := w.Store.AdvanceHead(w.ctx, w.step(wiki.ID, head, commit(100+n)))
					if err != nil {
						return err
					}
					head = got.Head
					continue
				}
				now, err := w.Store.Wiki(w.ctx, wiki.ID)
				if err != nil {
					return err
				}
				packs := []string{fmt.Sprint("base ", n)}
				if _, err := w.Store.ReplaceBases(w.ctx, records.BaseChange{WikiID: wiki.ID, Holder: "one", Packs: packs, Sequence: now.Sequence}); err != nil {
					return err
				}
			}
			return nil
		}) {
			w.ok(err)
		}
		got, err := w.Store.Wiki(w.ctx, wiki.ID)
		w.ok(err)
		w.same("head and sequence", []any{commit(100 + each - 1), int64(1 + each)}, []any{got.Head, got.Sequence})
		w.same("bases", []string{fmt.Sprint("base ", each-1)}, got.BasePacks)
	},
	"one request, sent twice at once, takes effect once": func(w *world) {
		wiki := w.wiki(w.user("ada").ID, "notes")
		w.emitted(events.UserCreated, events.WikiCreated)
		w.winner(race(rivals, func(i int) error {
			c := w.step(wiki.ID, "", commit(i+1))
			c.Idempotency = &records.Idempotency{Key: "k", Fingerprint: "f", Result: []byte{byte(i)}}
			_, err := w.Store.AdvanceHead(w.ctx, c)
			return err
		}), fault.Exists)
		w.emitted(events.PageSaved)
	},
	"a delete races with writes": func(w *world) {
		wiki := w.wiki(w.user("ada").ID, "notes")
		for _, err := range race(rivals, func(i int) error {
			if i == 0 {
				return w.Store.DeleteWiki(w.ctx, wiki.ID, actor)
			}
			_, err := w.Store.AdvanceHead(w.ctx, w.step(wiki.ID, "", commit(i)))
			return err
		}) {
			if err != nil && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Conflict) {
				w.t.Error(err)
			}
		}
		// No page event may follow the deletion.
		all := w.Events(w.t)
		w.same("the last event", string(events.WikiDeleted), all[len(all)-1].Type)
	},
	"a reader sees every acknowledged write": func(w *world) {
		wiki := w.wiki(w.user("ada").ID, "notes")
		id := wiki.ID
		ctx, stop := context.WithCancel(w.ctx)
		var wg sync.WaitGroup
		for range 4 { // others keep what is cached warm
			wg.Go(func() {
				for ctx.Err() == nil {
					_, _ = w.Store.Wiki(ctx, id)
				}
			})
		}
		for i := range 100 {
			stepped, err := w.Store.AdvanceHead(w.ctx, w.step(wiki.ID, wiki.Head, commit(i+1)))
			w.ok(err)
			wiki, err = w.Store.Wiki(w.ctx, wiki.ID)
			w.ok(err)
			w.same("read after write", stepped, wiki)
		}
		stop()
		wg.Wait()
	},
}

// survivors checks that exactly n had no error and the others one of kind.
func (w *world) survivors(errs []error, n int, kind fault.Kind) {
	w.t.Helper()
	for _, err := range errs {
		if err == nil {
			n--
		} else {
			w.fails(err, kind)
		}
	}
	if n != 0 {
		w.t.Errorf("%d too few got through: %v", n, errs)
	}
}

// fieldsOf lists the names of the fields that an error names.
func fieldsOf(err error) (names []string) {
	if e, ok := errors.AsType[*fault.Error](err); ok {
		for _, f := range e.Fields {
			names = append(names, f.Name)
		}
	}
	return names
}
