package recordstest

import (
	"fmt"
	"slices"
	"time"

	"wikibot.io/contracts/events"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

// leave makes a user leave. The invariants do not look for them any more.
func (w *world) leave(u records.User) {
	w.t.Helper()
	w.ok(w.Store.DeleteUser(w.ctx, u.ID, epoch))
	w.users = slices.DeleteFunc(w.users, func(id string) bool { return id == u.ID })
}

// restore lets a user come back.
func (w *world) restore(u records.User) {
	w.t.Helper()
	w.ok(w.Store.RestoreUser(w.ctx, u.ID))
	w.users = append(w.users, u.ID)
}

// closed checks which of a list of wikis are closed.
func (w *world) closed(want bool, ids ...string) {
	w.t.Helper()
	for _, id := range ids {
		got, err := w.Store.Wiki(w.ctx, id)
		w.ok(err)
		w.same("wiki "+id+" is closed", want, got.Closed)
	}
}

// departed checks who has been leaving since before a time.
func (w *world) departed(before time.Time, limit int, want ...string) {
	w.t.Helper()
	us, err := w.Store.Departed(w.ctx, before, limit)
	w.ok(err)
	var got []string
	for _, u := range us {
		got = append(got, u.ID)
	}
	w.same(fmt.Sprint("leaving since before ", before), want, got)
}

var departureTests = map[string]func(*world){
	"who leaves is found no more": func(w *world) {
		ada := w.user("ada")
		w.ok(w.Store.AddIdentity(w.ctx, ada.ID, identityAt("workos", 1)))
		w.session(ada.ID, 1)
		w.emitted(events.UserCreated)
		w.present(ada) // and who answers from memory has them there
		w.leave(ada)
		w.absent(ada)
		w.known("", identityAt("workos", 1))
		w.fails(w.Store.DeleteUser(w.ctx, ada.ID, epoch), fault.NotFound)
		w.fails(w.Store.DeleteUser(w.ctx, "nobody", epoch), fault.NotFound)
		w.emitted()
	},
	"who leaves is still known as such": func(w *world) {
		ada, bob := w.user("ada"), w.user("bob")
		other := identityAt("workos", 1)
		w.ok(w.Store.AddIdentity(w.ctx, ada.ID, other))
		at := epoch.Add(time.Hour + 9)
		w.ok(w.Store.DeleteUser(w.ctx, ada.ID, at.In(time.FixedZone("", 3600))))
		w.users = []string{bob.ID}
		ada.DeletedAt = at
		for _, id := range []records.Identity{other, identityAt("dev", "ada")} {
			got, err := w.Store.DepartedUser(w.ctx, id)
			w.ok(err)
			w.same("who is leaving", ada, got)
		}
		got, err := w.Store.Departed(w.ctx, at.Add(1), 10)
		w.ok(err)
		w.same("all who are leaving", []records.User{ada}, got)
		for _, id := range []records.Identity{identityAt("dev", "bob"), identityAt("dev", "nobody")} {
			_, err := w.Store.DepartedUser(w.ctx, id)
			w.fails(err, fault.NotFound)
		}
	},
	"whoever leaves, their names stay reserved": func(w *world) {
		ada, bob := w.user("ada"), w.user("bob")
		w.leave(ada)
		eve, evesID := sample("eve")
		for field, take := range map[string]func(*records.User, *records.Identity){
			"id":       func(u *records.User, _ *records.Identity) { u.ID = ada.ID },
			"username": func(u *records.User, _ *records.Identity) { u.Username = "ada" },
			"email":    func(u *records.User, _ *records.Identity) { u.Email = ada.Email },
			"identity": func(_ *records.User, id *records.Identity) { id.Subject = "ada" },
		} {
			u, id := eve, evesID
			take(&u, &id)
			w.fails(w.Store.CreateUser(w.ctx, u, id), fault.Exists, field)
		}
		w.fails(w.Store.AddIdentity(w.ctx, bob.ID, identityAt("dev", "ada")), fault.Exists, "identity")
		_, err := w.Store.CreateWiki(w.ctx, sampleWiki(bob.ID, "ada"))
		w.fails(err, fault.Exists, "slug")
		r, _, err := w.Store.NameTaken(w.ctx, "ada")
		w.ok(err)
		w.same("reservation", records.Reservation{Name: "ada", UserID: ada.ID}, r)
	},
	"nothing new begins for who leaves": func(w *world) {
		ada, bob := w.user("ada"), w.user("bob")
		wiki := w.wiki(bob.ID, "notes")
		w.leave(ada)
		w.emitted(events.UserCreated, events.UserCreated, events.WikiCreated)
		_, err := w.Store.UpdateUser(w.ctx, ada.ID, records.UserChange{DisplayName: new("x")})
		w.fails(err, fault.NotFound)
		_, err = w.Store.UpdateUser(w.ctx, ada.ID, records.UserChange{})
		w.fails(err, fault.NotFound)
		w.fails(w.Store.AddIdentity(w.ctx, ada.ID, identityAt("workos", 1)), fault.NotFound)
		w.known("", identityAt("workos", 1))
		w.fails(w.Store.SetTier(w.ctx, ada.ID, records.Premium), fault.NotFound)
		_, err = w.Store.CreateWiki(w.ctx, sampleWiki(ada.ID, "more"))
		w.fails(err, fault.NotFound)
		_, taken, err := w.Store.NameTaken(w.ctx, "more")
		w.ok(err)
		w.same("slug reserved", false, taken)
		w.fails(w.Store.PutGrant(w.ctx, grant(wiki.ID, ada.ID, records.Editor), 0, actor), fault.NotFound)
		w.fails(w.Store.CreateSession(w.ctx, sampleSession(ada.ID, 1)), fault.NotFound)
		w.fails(w.Store.CreateConnection(w.ctx, sampleConnection(ada.ID, 1)), fault.NotFound)
		w.restore(ada)
		w.present(ada)
		w.signedIn(ada.ID)
		w.connected(ada.ID)
		w.emitted()
	},
	"the wikis of who leaves are closed, and no other": func(w *world) {
		ada, bob := w.user("ada"), w.user("bob")
		one, own, theirs := w.wiki(ada.ID, "one"), w.wiki(ada.ID, "ada"), w.wiki(bob.ID, "theirs")
		w.ok(w.Store.PutGrant(w.ctx, grant(theirs.ID, ada.ID, records.Editor), 0, actor))
		w.ok(w.Store.PutGrant(w.ctx, grant(one.ID, bob.ID, records.Editor), 0, actor))
		w.seen = len(w.Events(w.t))
		w.closed(false, one.ID, own.ID, theirs.ID)
		w.leave(ada)
		w.closed(true, one.ID, own.ID)
		w.closed(false, theirs.ID)
		one.Closed = true
		got, err := w.Store.Wiki(w.ctx, one.ID)
		w.ok(err)
		w.same("nothing else changed", one, got)
		grants, err := w.Store.GrantsOfUser(w.ctx, ada.ID)
		w.ok(err)
		w.same("grants that stay", 3, len(grants))
		w.restore(ada)
		w.closed(false, one.ID, own.ID, theirs.ID)
		w.emitted()
	},
	"who comes back finds all as it was": func(w *world) {
		ada := w.user("ada")
		w.wiki(ada.ID, "notes")
		s, ended, c := w.session(ada.ID, 1), w.session(ada.ID, 2), w.connection(ada.ID, 1)
		w.ok(w.Store.EndSession(w.ctx, ada.ID, ended.ID, epoch, epoch.Add(month)))
		w.ok(w.Store.SetTier(w.ctx, ada.ID, records.Premium))
		before, err := w.Store.User(w.ctx, ada.ID)
		w.ok(err)
		w.same("wikis", 1, before.Wikis)
		for range 2 { // and may leave again
			w.leave(ada)
			w.signedIn(ada.ID, s)
			w.connected(ada.ID, c)
			w.restore(ada)
			w.present(before)
			w.signedIn(ada.ID, s)
			w.connected(ada.ID, c)
			_, err = w.Store.DepartedUser(w.ctx, identityAt("dev", "ada"))
			w.fails(err, fault.NotFound)
			w.departed(epoch.Add(month), 10)
		}
		w.fails(w.Store.RestoreUser(w.ctx, ada.ID), fault.NotFound)
		w.fails(w.Store.RestoreUser(w.ctx, "nobody"), fault.NotFound)
		w.present(before)
	},
	"what was signed in can still be ended": func(w *world) {
		ada := w.user("ada")
		one, two, c := w.session(ada.ID, 1), w.session(ada.ID, 2), w.connection(ada.ID, 1)
		w.leave(ada)
		w.ok(w.Store.EndSession(w.ctx, ada.ID, one.ID, epoch, epoch.Add(month)))
		w.signedIn(ada.ID, two)
		w.ok(w.Store.EndSessions(w.ctx, ada.ID, "", epoch.Add(time.Second)))
		w.ok(w.Store.EndConnection(w.ctx, ada.ID, c.ID))
		w.absent(ada)
		w.restore(ada)
		w.signedIn(ada.ID)
		w.connected(ada.ID)
		ada.Ended, ada.SignedOut = map[string]time.Time{one.ID: epoch.Add(month)}, epoch.Add(time.Second)
		w.present(ada)
	},
	"a closed wiki can be deleted": func(w *world) {
		ada, bob := w.user("ada"), w.user("bob")
		one, own, kept := w.wiki(ada.ID, "one"), w.wiki(ada.ID, "ada"), w.wiki(ada.ID, "kept")
		w.leave(ada)
		w.seen = len(w.Events(w.t))
		w.ok(w.Store.DeleteWiki(w.ctx, one.ID, actor))
		w.ok(w.Store.DeleteWiki(w.ctx, own.ID, actor))
		w.emitted(events.WikiDeleted, events.WikiDeleted)
		for slug, want := range map[string]records.Reservation{"one": {Name: "one"}, "ada": {Name: "ada", UserID: ada.ID}} {
			r, _, err := w.Store.NameTaken(w.ctx, slug)
			w.ok(err)
			w.same("reservation of "+slug, want, r)
			n := sampleWiki(bob.ID, slug)
			n.ID, n.Token = "new", sampleToken("new", "default")
			_, err = w.Store.CreateWiki(w.ctx, n)
			w.fails(err, fault.Exists, "slug")
		}
		w.restore(ada)
		w.closed(false, kept.ID)
		ada.Wikis = 1
		w.present(ada)
	},
	"who leaves is listed, the first ones first": func(w *world) {
		for i, name := range []string{"c", "a", "d", "b"} {
			u := w.user(name)
			w.ok(w.Store.DeleteUser(w.ctx, u.ID, epoch.Add(time.Duration(i)*time.Hour)))
		}
		w.users = nil
		w.user("here")
		w.departed(epoch, 10)
		w.departed(epoch.Add(1), 10, "user-c")
		w.departed(epoch.Add(2*time.Hour), 10, "user-c", "user-a")
		w.departed(epoch.Add(month), 10, "user-c", "user-a", "user-d", "user-b")
		w.departed(epoch.Add(month), 3, "user-c", "user-a", "user-d")
		w.departed(epoch.Add(month), 0)
		w.departed(epoch.Add(month), -1) // no more than nobody, rather than everybody
		w.ok(w.Store.RestoreUser(w.ctx, "user-a"))
		w.ok(w.Store.ForgetUser(w.ctx, "user-c"))
		w.departed(epoch.Add(month), 1, "user-d")
		w.departed(epoch.Add(month), 10, "user-d", "user-b")
	},
}
