package recordstest

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"wikibot.io/contracts/events"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

var identityRaceTests = map[string]func(*world){
	"one of many users gets an identity, the others leave nothing": func(w *world) {
		rival := func(i int) (records.User, []records.Identity) {
			u, id := sample(fmt.Sprint("u", i))
			return u, []records.Identity{id, identityAt("workos", "same"), identityAt("workos", i)}
		}
		won := w.winner(race(rivals, func(i int) error {
			u, ids := rival(i)
			return w.Store.CreateUser(w.ctx, u, ids...)
		}), fault.Exists)
		w.emitted(events.UserCreated)
		w.known(fmt.Sprint("user-u", won), identityAt("workos", "same"), identityAt("workos", won))
		for i := range rivals {
			if i == won {
				continue
			}
			u, ids := rival(i)
			w.known("", ids[0], ids[2])
			w.ok(w.Store.CreateUser(w.ctx, u, ids[0], ids[2])) // all that was the loser's alone is free
		}
	},
	"one of many users is given an identity": func(w *world) {
		for i := range rivals {
			w.user(fmt.Sprint("u", i))
		}
		same := identityAt("workos", "same")
		won := w.winner(race(rivals, func(i int) error { return w.Store.AddIdentity(w.ctx, fmt.Sprint("user-u", i), same) }), fault.Exists)
		w.known(fmt.Sprint("user-u", won), same)
		for i := range rivals {
			got, err := w.Store.IdentitiesOfUser(w.ctx, fmt.Sprint("user-u", i))
			w.ok(err)
			w.same("has it", i == won, slices.Contains(got, same))
		}
	},
	"a user is given many identities at once, within the bound": func(w *world) {
		ada := w.user("ada")
		const room = 5
		ids := manyIdentities(records.MaxIdentities - 1 - room + rivals)
		for _, id := range ids[rivals:] {
			w.ok(w.Store.AddIdentity(w.ctx, ada.ID, id))
		}
		w.survivors(race(rivals, func(i int) error { return w.Store.AddIdentity(w.ctx, ada.ID, ids[i]) }), room, fault.Limit)
		got, err := w.Store.IdentitiesOfUser(w.ctx, ada.ID)
		w.ok(err)
		w.same("identities", records.MaxIdentities, len(got))
		w.known(ada.ID, got...)
	},
	"a user is given the same identity many times at once": func(w *world) {
		ada := w.user("ada")
		for _, err := range race(rivals, func(int) error { return w.Store.AddIdentity(w.ctx, ada.ID, identityAt("workos", 1)) }) {
			w.ok(err)
		}
		got, err := w.Store.IdentitiesOfUser(w.ctx, ada.ID)
		w.ok(err)
		w.same("identities", 2, len(got))
	},
	"one of many renews a session": func(w *world) {
		ada := w.user("ada")
		s := w.session(ada.ID, 1)
		for range 3 {
			won := w.winner(race(rivals, func(i int) error {
				return w.Store.RenewSession(w.ctx, s, fmt.Append(nil, string(s.Sealed), i, "."), epoch.Add(time.Hour))
			}), fault.Conflict)
			s.Sealed, s.LastUsed = fmt.Append(nil, string(s.Sealed), won, "."), epoch.Add(time.Hour)
			w.signedIn(ada.ID, s)
		}
	},
	"one of many ends a session, and no renewal brings it back": func(w *world) {
		ada := w.user("ada")
		for round := range 4 {
			s := w.session(ada.ID, round)
			errs := race(rivals, func(i int) error {
				if i%2 == 0 {
					return w.Store.EndSession(w.ctx, ada.ID, s.ID, epoch, epoch.Add(month))
				}
				if i%4 == 1 {
					return w.Store.TouchSession(w.ctx, ada.ID, s.ID, epoch.Add(time.Duration(i)*time.Hour))
				}
				return w.Store.RenewSession(w.ctx, s, fmt.Append(nil, i), epoch)
			})
			var ends []error
			for i, err := range errs {
				switch {
				case i%2 == 0:
					ends = append(ends, err)
				case err != nil && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Conflict):
					w.t.Error(err)
				}
			}
			w.winner(ends, fault.NotFound)
			w.signedIn(ada.ID)
			u, err := w.Store.User(w.ctx, ada.ID)
			w.ok(err)
			w.same("noted", epoch.Add(month), u.Ended[s.ID])
		}
	},
	"many sessions end at once, and each is noted": func(w *world) {
		ada := w.user("ada")
		ada.Ended = map[string]time.Time{}
		for n := range rivals {
			ada.Ended[w.session(ada.ID, n).ID] = epoch.Add(month)
		}
		for _, err := range race(rivals, func(i int) error {
			return w.Store.EndSession(w.ctx, ada.ID, sampleSession(ada.ID, i).ID, epoch, epoch.Add(month))
		}) {
			w.ok(err)
		}
		w.present(ada)
		w.signedIn(ada.ID)
	},
	"nothing is lost of what happens to a user at once": func(w *world) {
		ada := w.user("ada")
		ada.Ended = map[string]time.Time{}
		for round := range 6 {
			name := fmt.Sprint("Ada ", round)
			tier := []records.Tier{records.Premium, records.Free}[round%2]
			s := w.session(ada.ID, round)
			for _, err := range race(5, func(i int) (err error) {
				switch i {
				case 0:
					_, err = w.Store.UpdateUser(w.ctx, ada.ID, records.UserChange{DisplayName: &name})
				case 1:
					err = w.Store.EndSession(w.ctx, ada.ID, s.ID, epoch, epoch.Add(month))
				case 2:
					err = w.Store.AddIdentity(w.ctx, ada.ID, identityAt("workos", round))
				case 3:
					_, err = w.Store.CreateWiki(w.ctx, sampleWiki(ada.ID, fmt.Sprint("w", round)))
				case 4:
					err = w.Store.SetTier(w.ctx, ada.ID, tier)
				}
				return err
			}) {
				w.ok(err)
			}
			w.wikis = append(w.wikis, fmt.Sprint("wiki-w", round))
			ada.DisplayName, ada.Tier, ada.Wikis = name, tier, round+1
			ada.Ended[s.ID] = epoch.Add(month)
			w.present(ada)
			for _, id := range w.wikis {
				wiki, err := w.Store.Wiki(w.ctx, id)
				w.ok(err)
				w.same("tier of "+id, tier, wiki.Tier)
			}
			w.known(ada.ID, identityAt("workos", round))
		}
	},
	"of many uses the latest is noted": func(w *world) {
		ada := w.user("ada")
		s, c := w.session(ada.ID, 1), w.connection(ada.ID, 1)
		for _, err := range race(2*rivals, func(i int) error {
			at := epoch.Add(time.Duration((i*7)%rivals+1) * time.Hour)
			if i < rivals {
				return w.Store.TouchSession(w.ctx, ada.ID, s.ID, at)
			}
			return w.Store.TouchConnection(w.ctx, ada.ID, c.ID, at)
		}) {
			w.ok(err)
		}
		s.LastUsed, c.LastUsed = epoch.Add(rivals*time.Hour), epoch.Add(rivals*time.Hour)
		w.signedIn(ada.ID, s)
		w.connected(ada.ID, c)
	},
	"one of many rotates a connection, the others learn of it": func(w *world) {
		ada := w.user("ada")
		c := w.connection(ada.ID, 1)
		for round := range 3 {
			answers := make([]records.Connection, rivals)
			at := epoch.Add(time.Duration(round+1) * time.Hour)
			won := w.winner(race(rivals, func(i int) (err error) {
				answers[i], err = w.Store.RotateConnection(w.ctx, ada.ID, c.ID, c.RefreshHash, fmt.Sprint("next ", round, i), at, at.Add(month))
				return err
			}), fault.Conflict)
			c.FormerHash, c.RefreshHash = c.RefreshHash, fmt.Sprint("next ", round, won)
			c.RotatedAt, c.ExpiresAt = at, at.Add(month)
			for _, got := range answers {
				w.same("answer", c, got)
			}
			w.connected(ada.ID, c)
		}
	},
	"a connection that ends does not come back": func(w *world) {
		ada := w.user("ada")
		for n := range 4 {
			c := w.connection(ada.ID, n)
			errs := race(rivals, func(i int) error {
				switch i % 3 {
				case 0:
					return w.Store.TouchConnection(w.ctx, ada.ID, c.ID, epoch.Add(time.Duration(i)*time.Hour))
				case 1:
					_, err := w.Store.RotateConnection(w.ctx, ada.ID, c.ID, c.RefreshHash, fmt.Sprint("next ", i), epoch, epoch.Add(month))
					return err
				}
				return w.Store.EndConnection(w.ctx, ada.ID, c.ID)
			})
			ended := 0
			for i, err := range errs {
				if err != nil && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Conflict) {
					w.t.Error(err)
				}
				if i%3 == 2 && err == nil {
					ended++
				}
			}
			w.same("who ended it", 1, ended)
			w.connected(ada.ID)
		}
	},
	"one of many puts a ticket": func(w *world) {
		won := w.winner(race(rivals, func(i int) error {
			t := sampleTicket("same")
			t.Data = fmt.Append(nil, i)
			return w.Store.PutTicket(w.ctx, t)
		}), fault.Exists)
		want := sampleTicket("same")
		want.Data = fmt.Append(nil, won)
		w.holds(want)
	},
	"one of many spends a ticket, the others learn for what": func(w *world) {
		for round := range 3 {
			want := w.ticket(fmt.Sprint("t", round))
			answers := make([]records.Ticket, rivals)
			won := w.winner(race(rivals, func(i int) (err error) {
				answers[i], err = w.Store.SpendTicket(w.ctx, codeKind, want.Hash, fmt.Sprint("note ", i), epoch.Add(time.Duration(i)))
				return err
			}), fault.Conflict)
			want.Note, want.SpentAt = fmt.Sprint("note ", won), epoch.Add(time.Duration(won))
			for _, got := range answers {
				w.same("answer", want, got)
			}
			w.holds(want)
		}
	},
	"one of many registers a client": func(w *world) {
		w.winner(race(rivals, func(int) error { return w.Store.PutClient(w.ctx, sampleClient("same")) }), fault.Exists)
	},
	"an expiry moved by many is the latest": func(w *world) {
		want := sampleClient("one")
		w.ok(w.Store.PutClient(w.ctx, want))
		for _, err := range race(rivals, func(i int) error {
			return w.Store.ExtendClient(w.ctx, "one", want.ExpiresAt.Add(time.Duration((i*7)%rivals)*time.Hour))
		}) {
			w.ok(err)
		}
		want.ExpiresAt = want.ExpiresAt.Add((rivals - 1) * time.Hour)
		got, err := w.Store.Client(w.ctx, "one", epoch)
		w.ok(err)
		w.same("client", want, got)
	},
	"everybody who counts gets a number of their own": func(w *world) {
		var mu sync.Mutex
		var got []int64
		const each = 5
		for _, err := range race(rivals, func(int) error {
			for range each {
				n, err := w.Store.Count(w.ctx, "k", time.Minute, epoch)
				if err != nil {
					return err
				}
				mu.Lock()
				got = append(got, n)
				mu.Unlock()
			}
			return nil
		}) {
			w.ok(err)
		}
		slices.Sort(got)
		for i, n := range got {
			w.same("number", int64(i+1), n)
		}
		w.same("numbers", rivals*each, len(got))
	},
}
