package recordstest

import (
	"fmt"
	"slices"
	"time"

	"wikibot.io/contracts/events"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

// leaver is a user with one of everything, for races in which they leave.
func (w *world) leaver(name string) (records.User, records.Wiki) {
	w.t.Helper()
	u := w.user(name)
	wiki := w.wiki(u.ID, name)
	w.session(u.ID, 1)
	w.connection(u.ID, 1)
	w.users = slices.DeleteFunc(w.users, func(id string) bool { return id == u.ID }) // whether they are there is the question
	return u, wiki
}

// whole checks that a leaver has all they had, and nothing is gone.
func (w *world) whole(u records.User, wiki records.Wiki) {
	w.t.Helper()
	u.Wikis = 1
	w.present(u)
	w.signedIn(u.ID, sampleSession(u.ID, 1))
	w.connected(u.ID, sampleConnection(u.ID, 1))
	w.closed(false, wiki.ID)
	r, _, err := w.Store.NameTaken(w.ctx, u.Username)
	w.ok(err)
	w.same("reservation", records.Reservation{Name: u.Username, UserID: u.ID, WikiID: wiki.ID}, r)
}

// gone checks that nothing is left of a leaver but the wiki that bears the name.
func (w *world) gone(u records.User, wiki records.Wiki) {
	w.t.Helper()
	w.absent(u)
	w.signedIn(u.ID)
	w.connected(u.ID)
	w.closed(true, wiki.ID)
	r, _, err := w.Store.NameTaken(w.ctx, u.Username)
	w.ok(err)
	w.same("reservation", records.Reservation{Name: u.Username, WikiID: wiki.ID}, r)
}

// forgotten counts how often user.deleted was emitted about a user.
func (w *world) forgotten(userID string) (n int) {
	for _, env := range w.Events(w.t) {
		if env.GetUserDeleted().GetUserId() == userID {
			n++
		}
	}
	return n
}

var departureRaceTests = map[string]func(*world){
	"one of many lets a user leave, one lets them come back": func(w *world) {
		ada, wiki := w.leaver("ada")
		for range 3 {
			w.winner(race(rivals, func(i int) error { return w.Store.DeleteUser(w.ctx, ada.ID, epoch.Add(time.Duration(i))) }), fault.NotFound)
			w.absent(ada)
			w.closed(true, wiki.ID)
			w.winner(race(rivals, func(int) error { return w.Store.RestoreUser(w.ctx, ada.ID) }), fault.NotFound)
			w.whole(ada, wiki)
		}
		w.emitted(events.UserCreated, events.WikiCreated)
	},
	"no wiki of who leaves stays open": func(w *world) {
		for round := range 6 {
			ada := w.user(fmt.Sprint("ada", round))
			slug := func(i int) string { return fmt.Sprintf("w-%d-%d", round, i) }
			errs := race(rivals, func(i int) error {
				if i == rivals/2 {
					return w.Store.DeleteUser(w.ctx, ada.ID, epoch)
				}
				_, err := w.Store.CreateWiki(w.ctx, sampleWiki(ada.ID, slug(i)))
				return err
			})
			w.ok(errs[rivals/2])
			for i, err := range errs {
				switch {
				case i == rivals/2:
				case err == nil:
					w.wikis = append(w.wikis, "wiki-"+slug(i))
					w.closed(true, "wiki-"+slug(i))
				default:
					w.fails(err, fault.NotFound)
				}
			}
			w.ok(w.Store.RestoreUser(w.ctx, ada.ID)) // the invariants count the wikis
			w.closed(false, w.wikis...)
		}
	},
	"what is under way in a wiki neither opens it nor is lost when its owner leaves": func(w *world) {
		ada := w.user("ada")
		wiki := w.wiki(ada.ID, "notes")
		_, err := w.lease(wiki.ID, "one")
		w.ok(err)
		head := ""
		var peers []records.User
		for i := range 8 {
			peers = append(peers, w.user(fmt.Sprint("peer", i)))
		}
		for round := range peers {
			next := commit(round + 1)
			for _, err := range race(5, func(i int) (err error) {
				switch i {
				case 0:
					return w.Store.DeleteUser(w.ctx, ada.ID, epoch)
				case 1:
					_, err = w.Store.AdvanceHead(w.ctx, w.step(wiki.ID, head, next))
				case 2:
					_, err = w.Store.UpdateWiki(w.ctx, wiki.ID, records.WikiChange{Name: new(next)}, actor)
				case 3:
					_, err = w.Store.ReplaceBases(w.ctx, records.BaseChange{WikiID: wiki.ID, Holder: "one", Packs: []string{next}, Sequence: int64(round)})
				case 4:
					err = w.Store.PutGrant(w.ctx, grant(wiki.ID, peers[round].ID, records.Viewer), 0, actor)
				}
				return err
			}) {
				w.ok(err)
			}
			got, err := w.Store.Wiki(w.ctx, wiki.ID)
			w.ok(err)
			w.same("head, name, bases, closed", []any{next, next, []string{next}, true}, []any{got.Head, got.Name, got.BasePacks, got.Closed})
			w.ok(w.Store.RestoreUser(w.ctx, ada.ID))
			w.closed(false, wiki.ID)
			head = next
		}
	},
	"a wiki is deleted while its owner leaves": func(w *world) {
		for round := range 6 {
			ada := w.user(fmt.Sprint("ada", round))
			for i := range 8 {
				w.wiki(ada.ID, fmt.Sprintf("w-%d-%d", round, i))
			}
			for _, err := range race(9, func(i int) error {
				if i == 8 {
					return w.Store.DeleteUser(w.ctx, ada.ID, epoch)
				}
				return w.Store.DeleteWiki(w.ctx, fmt.Sprintf("wiki-w-%d-%d", round, i), actor)
			}) {
				w.ok(err)
			}
			w.ok(w.Store.RestoreUser(w.ctx, ada.ID))
			w.present(ada)
		}
	},
	"who comes back while being forgotten is whole, or gone": func(w *world) {
		for round := range 10 {
			ada, wiki := w.leaver(fmt.Sprint("ada", round))
			w.ok(w.Store.DeleteUser(w.ctx, ada.ID, epoch))
			errs := race(4, func(i int) error {
				if i%2 == 0 {
					return w.Store.RestoreUser(w.ctx, ada.ID)
				}
				return w.Store.ForgetUser(w.ctx, ada.ID)
			})
			back := errs[0] == nil || errs[2] == nil
			w.same("somebody was told so", !back, errs[1] == nil || errs[3] == nil)
			for _, err := range errs {
				if err != nil {
					w.fails(err, fault.NotFound)
				}
			}
			if back {
				w.same("user.deleted", 0, w.forgotten(ada.ID))
				w.whole(ada, wiki)
			} else {
				w.same("user.deleted", 1, w.forgotten(ada.ID))
				w.gone(ada, wiki)
			}
		}
	},
	"a user is forgotten by many, and once": func(w *world) {
		ada, wiki := w.leaver("ada")
		w.ok(w.Store.DeleteUser(w.ctx, ada.ID, epoch))
		told := 0
		for _, err := range race(rivals, func(int) error { return w.Store.ForgetUser(w.ctx, ada.ID) }) {
			if err == nil {
				told++
			} else {
				w.fails(err, fault.NotFound)
			}
		}
		w.same("somebody was told so", true, told > 0)
		w.gone(ada, wiki)
		w.emitted(events.UserCreated, events.WikiCreated, events.UserDeleted)
	},
	"nothing that begins while a user leaves outlives them": func(w *world) {
		for round := range 4 {
			ada, wiki := w.leaver(fmt.Sprint("ada", round))
			ids := manyIdentities(8)
			for i := range ids {
				ids[i].Provider = ada.ID
			}
			errs := race(rivals, func(i int) error {
				n := i / 3
				switch {
				case i == rivals/2:
					if err := w.Store.DeleteUser(w.ctx, ada.ID, epoch); err != nil {
						return err
					}
					return w.Store.ForgetUser(w.ctx, ada.ID)
				case i%3 == 0:
					return w.Store.AddIdentity(w.ctx, ada.ID, ids[n])
				case i%3 == 1:
					return w.Store.CreateSession(w.ctx, sampleSession(ada.ID, 10+n))
				}
				return w.Store.CreateConnection(w.ctx, sampleConnection(ada.ID, 10+n))
			})
			w.ok(errs[rivals/2])
			for _, err := range errs {
				if err != nil {
					w.fails(err, fault.NotFound)
				}
			}
			w.gone(ada, wiki)
			u, id := sample(fmt.Sprint("next", round))
			u.Email = ada.Email
			w.ok(w.Store.CreateUser(w.ctx, u, append(ids, id, identityAt("dev", ada.Username))...))
			w.known(u.ID, ids...)
		}
	},
	"a name is never free while its wiki and its user go": func(w *world) {
		w.user("bob")
		for round := range 6 {
			ada, wiki := w.leaver(fmt.Sprint("ada", round))
			w.ok(w.Store.DeleteUser(w.ctx, ada.ID, epoch))
			for i, err := range race(6, func(i int) error {
				switch i {
				case 0:
					return w.Store.ForgetUser(w.ctx, ada.ID)
				case 1:
					return w.Store.DeleteWiki(w.ctx, wiki.ID, nil)
				}
				n := sampleWiki("user-bob", ada.Username)
				n.ID, n.Token = fmt.Sprint("thief", i), sampleToken(fmt.Sprint("thief", i), "default")
				_, err := w.Store.CreateWiki(w.ctx, n)
				return err
			}) {
				if i < 2 {
					w.ok(err)
				} else {
					w.fails(err, fault.Exists, "slug")
				}
			}
			w.tombstone(ada.Username)
			w.same("user.deleted", 1, w.forgotten(ada.ID))
		}
	},
}
