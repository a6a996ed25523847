package recordstest

import (
	"fmt"
	"time"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

// forget makes a user leave for good.
func (w *world) forget(u records.User) {
	w.t.Helper()
	w.leave(u)
	w.ok(w.Store.ForgetUser(w.ctx, u.ID))
}

// tombstone checks that nobody can take a name.
func (w *world) tombstone(name string) {
	w.t.Helper()
	r, taken, err := w.Store.NameTaken(w.ctx, name)
	w.ok(err)
	w.same("reservation of "+name, []any{records.Reservation{Name: name}, true}, []any{r, taken})
	w.refused(name)
}

// refused checks that a name is neither a username nor a slug for anybody.
func (w *world) refused(name string) {
	w.t.Helper()
	u, _ := sample("taker")
	u.ID, u.Username = "taker", name
	w.fails(w.Store.CreateUser(w.ctx, u, identityAt("dev", "taker")), fault.Exists, "username")
	n := sampleWiki(w.users[0], name)
	n.ID, n.Token = "taken", sampleToken("taken", "default")
	_, err := w.Store.CreateWiki(w.ctx, n)
	w.fails(err, fault.Exists, "slug")
}

var forgetTests = map[string]func(*world){
	"only who is leaving is forgotten, once": func(w *world) {
		w.user("bob")
		ada := w.user("ada")
		w.seen = len(w.Events(w.t))
		w.fails(w.Store.ForgetUser(w.ctx, ada.ID), fault.NotFound)
		w.fails(w.Store.ForgetUser(w.ctx, "nobody"), fault.NotFound)
		w.present(ada)
		w.emitted()
		w.forget(ada)
		env := w.emitted(events.UserDeleted)[0]
		w.same("event", &eventsv1.UserDeleted{UserId: ada.ID}, env.GetUserDeleted())
		w.same("wiki of the event", "", env.WikiId)
		w.fails(w.Store.ForgetUser(w.ctx, ada.ID), fault.NotFound)
		w.fails(w.Store.RestoreUser(w.ctx, ada.ID), fault.NotFound)
		w.fails(w.Store.DeleteUser(w.ctx, ada.ID, epoch), fault.NotFound)
		w.fails(w.Store.EndSessions(w.ctx, ada.ID, "", epoch), fault.NotFound)
		w.absent(ada)
		_, err := w.Store.DepartedUser(w.ctx, identityAt("dev", "ada"))
		w.fails(err, fault.NotFound)
		w.departed(epoch.Add(month), 10)
		w.emitted()
	},
	"address and identities are free, the username is not": func(w *world) {
		w.user("bob")
		ada, _ := sample("ada")
		ids := append(manyIdentities(records.MaxIdentities-1), identityAt("dev", "ada"))
		w.ok(w.Store.CreateUser(w.ctx, ada, ids...))
		w.forget(ada)
		w.tombstone("ada")
		got, err := w.Store.IdentitiesOfUser(w.ctx, ada.ID)
		w.ok(err)
		w.same("identities", 0, len(got))
		again := ada
		again.ID, again.Username = "user-ada2", "ada2"
		w.ok(w.Store.CreateUser(w.ctx, again, ids...))
		w.users = append(w.users, again.ID)
		w.known(again.ID, ids...)
		u, err := w.Store.UserByEmail(w.ctx, ada.Email)
		w.ok(err)
		w.same("who has the address", again, u)
	},
	"sessions and connections go, however many": func(w *world) {
		ada, bob := w.user("ada"), w.user("bob")
		const many = 30 // more than a batch, and together more than two
		for n := range many {
			w.session(ada.ID, n)
			w.connection(ada.ID, n)
		}
		s, c := w.session(bob.ID, 1), w.connection(bob.ID, 1)
		w.forget(ada)
		w.signedIn(ada.ID)
		w.connected(ada.ID)
		for n := range many {
			_, err := w.Store.Session(w.ctx, ada.ID, sampleSession(ada.ID, n).ID)
			w.fails(err, fault.NotFound)
			_, err = w.Store.Connection(w.ctx, ada.ID, sampleConnection(ada.ID, n).ID)
			w.fails(err, fault.NotFound)
		}
		w.signedIn(bob.ID, s)
		w.connected(bob.ID, c)
	},
	"wikis of who was forgotten stay closed until they are deleted": func(w *world) {
		bob, ada := w.user("bob"), w.user("ada")
		one, theirs := w.wiki(ada.ID, "one"), w.wiki(bob.ID, "theirs")
		w.ok(w.Store.PutGrant(w.ctx, grant(one.ID, bob.ID, records.Editor), 0, actor))
		w.ok(w.Store.PutGrant(w.ctx, grant(theirs.ID, ada.ID, records.Editor), 0, actor))
		w.forget(ada)
		w.closed(true, one.ID)
		w.closed(false, theirs.ID)
		grants, err := w.Store.GrantsOfUser(w.ctx, ada.ID) // by which the event's consumer finds them
		w.ok(err)
		w.same("grants", []records.Grant{
			{WikiID: one.ID, UserID: ada.ID, Role: records.Owner, GrantedBy: ada.ID, GrantedAt: epoch}, grant(theirs.ID, ada.ID, records.Editor)}, grants)
		w.seen = len(w.Events(w.t))
		w.ok(w.Store.DeleteGrant(w.ctx, theirs.ID, ada.ID, nil))
		w.ok(w.Store.DeleteWiki(w.ctx, one.ID, nil))
		env := w.emitted(events.GrantChanged, events.WikiDeleted)[1]
		w.same("event", &eventsv1.WikiDeleted{Slug: "one", OwnerId: ada.ID}, env.GetWikiDeleted())
		w.fails(w.Store.DeleteWiki(w.ctx, one.ID, nil), fault.NotFound)
		w.tombstone("one")
		w.ok(w.Store.ForgetWiki(w.ctx, one.ID))
		grants, err = w.Store.GrantsOfUser(w.ctx, ada.ID)
		w.ok(err)
		w.same("grants left", 0, len(grants))
	},
	"a wiki that bears the username does so until it is deleted": func(w *world) {
		w.user("bob")
		ada := w.user("ada")
		own := w.wiki(ada.ID, "ada")
		w.forget(ada)
		r, taken, err := w.Store.NameTaken(w.ctx, "ada")
		w.ok(err)
		w.same("reservation", []any{records.Reservation{Name: "ada", WikiID: own.ID}, true}, []any{r, taken})
		id, err := w.Store.WikiID(w.ctx, "ada")
		w.ok(err)
		w.same("wiki", own.ID, id)
		w.closed(true, own.ID)
		w.refused("ada")
		w.ok(w.Store.DeleteWiki(w.ctx, own.ID, nil))
		w.tombstone("ada")
		_, err = w.Store.WikiID(w.ctx, "ada")
		w.fails(err, fault.NotFound)
	},
	"as many wikis as one can own are closed, opened, and outlive their owner": func(w *world) {
		w.user("bob")
		ada := w.user("ada")
		for n := range records.MaxOwned {
			w.wiki(ada.ID, fmt.Sprint("w", n))
		}
		w.leave(ada)
		w.closed(true, w.wikis...)
		w.restore(ada)
		w.closed(false, w.wikis...)
		w.forget(ada)
		w.closed(true, w.wikis...)
		for _, id := range w.wikis {
			w.ok(w.Store.DeleteWiki(w.ctx, id, nil))
		}
		w.tombstone("w7")
	},
	"a name that somebody else has is not touched": func(w *world) {
		bob, ada := w.user("bob"), w.user("ada")
		w.leave(ada)
		w.leave(bob)
		w.users = []string{}
		w.ok(w.Store.ForgetUser(w.ctx, ada.ID))
		w.restore(bob)
		w.present(bob)
		w.tombstone("ada")
		w.departed(epoch.Add(time.Hour), 10)
	},
}
