package recordstest

import (
	"fmt"
	"strings"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

var userTests = map[string]func(*world){
	"what is created can be read by every key": func(w *world) {
		u, id := sample("ada")
		w.ok(w.Store.CreateUser(w.ctx, u, id))
		got, err := w.Store.User(w.ctx, u.ID)
		w.ok(err)
		w.same("by id", u, got)
		got, err = w.Store.UserByIdentity(w.ctx, id)
		w.ok(err)
		w.same("by identity", u, got)
		got, err = w.Store.UserByEmail(w.ctx, u.Email)
		w.ok(err)
		w.same("by e-mail", u, got)
		r, taken, err := w.Store.NameTaken(w.ctx, "ada")
		w.ok(err)
		w.same("reservation", records.Reservation{Name: "ada", UserID: u.ID}, r)
		w.same("taken", true, taken)
		env := w.emitted(events.UserCreated)[0]
		w.same("event", &eventsv1.UserCreated{UserId: u.ID, Username: "ada"}, env.GetUserCreated())
		w.same("wiki of the event", "", env.WikiId)
	},
	"what is missing is filled in": func(w *world) {
		w.ok(w.Store.CreateUser(w.ctx, records.User{ID: "u", Username: "ada", Email: "a@b", Wikis: 7}, records.Identity{Provider: "dev", Subject: "s"}))
		got, err := w.Store.User(w.ctx, "u")
		w.ok(err)
		w.same("user", records.User{ID: "u", Username: "ada", Email: "a@b", DisplayName: "ada", Tier: records.Free, CreatedAt: w.Clock.Now()}, got)
	},
	"nobody is not found": func(w *world) {
		_, err := w.Store.User(w.ctx, "nobody")
		w.fails(err, fault.NotFound)
		_, err = w.Store.UserByIdentity(w.ctx, records.Identity{Provider: "dev", Subject: "nobody"})
		w.fails(err, fault.NotFound)
		_, err = w.Store.UserByEmail(w.ctx, "nobody@example.org")
		w.fails(err, fault.NotFound)
		_, taken, err := w.Store.NameTaken(w.ctx, "nobody")
		w.ok(err)
		w.same("taken", false, taken)
		w.fails(w.Store.SetTier(w.ctx, "nobody", records.Premium), fault.NotFound)
		w.emitted()
	},
	"everything that is taken is named at once": func(w *world) {
		ada := w.user("ada")
		w.emitted(events.UserCreated)
		bob, bobsID := sample("bob")
		adaFull, adasID := sample("ada")
		for _, c := range []struct {
			u    func(records.User) records.User
			id   records.Identity
			want []string
		}{
			{func(u records.User) records.User { return adaFull }, adasID, []string{"id", "username", "email", "identity"}},
			{func(u records.User) records.User { u.ID = ada.ID; return u }, bobsID, []string{"id"}},
			{func(u records.User) records.User { u.Username = "ada"; return u }, bobsID, []string{"username"}},
			{func(u records.User) records.User { u.Email = ada.Email; return u }, bobsID, []string{"email"}},
			{func(u records.User) records.User { return u }, adasID, []string{"identity"}},
			{func(u records.User) records.User { u.Username, u.Email = "ada", ada.Email; return u }, bobsID, []string{"username", "email"}},
		} {
			w.fails(w.Store.CreateUser(w.ctx, c.u(bob), c.id), fault.Exists, c.want...)
		}
		w.emitted()
		// None of the refusals left a reservation behind.
		w.user("bob")
	},
	"identities and addresses that look alike are different": func(w *world) {
		for i, id := range []records.Identity{
			{Provider: "a", Subject: "b c"}, {Provider: "a b", Subject: "c"}, {Provider: "a#b", Subject: "c"}, {Provider: "a", Subject: "b#c"},
			{Provider: "a", Subject: ""}, {Provider: "", Subject: "a"}, {Provider: "a", Subject: "B c"}, {Provider: "https://é.example", Subject: "\x00"},
			{Provider: "https://issuer.example/" + strings.Repeat("long/", 500), Subject: strings.Repeat("s", 3000)},
		} {
			u, _ := sample(fmt.Sprint("u", i))
			u.Email = fmt.Sprintf("#%d %s@example.org", i, strings.Repeat("x", i*300))
			w.ok(w.Store.CreateUser(w.ctx, u, id))
			got, err := w.Store.UserByIdentity(w.ctx, id)
			w.ok(err)
			w.same("by identity", u, got)
			got, err = w.Store.UserByEmail(w.ctx, u.Email)
			w.ok(err)
			w.same("by e-mail", u, got)
		}
	},
	"e-mail addresses that fold alike are one": func(w *world) {
		u, id := sample("ada")
		u.Email = " Adé@Example.ORG "
		w.ok(w.Store.CreateUser(w.ctx, u, id))
		for _, same := range []string{"adé@example.org", "ADE\u0301@example.org\t"} {
			got, err := w.Store.UserByEmail(w.ctx, same)
			w.ok(err)
			w.same("user, with the address as typed", u, got)
			bob, bobsID := sample("bob")
			bob.Email = same
			w.fails(w.Store.CreateUser(w.ctx, bob, bobsID), fault.Exists, "email")
		}
	},
	"a slug or a tombstone is no username": func(w *world) {
		ada := w.user("ada")
		w.wiki(ada.ID, "notes")
		bob, bobsID := sample("notes")
		w.fails(w.Store.CreateUser(w.ctx, bob, bobsID), fault.Exists, "username")
		w.ok(w.Store.DeleteWiki(w.ctx, "wiki-notes", actor))
		w.fails(w.Store.CreateUser(w.ctx, bob, bobsID), fault.Exists, "username")
	},
	"a new tier reaches every wiki owned and no other": func(w *world) {
		ada, bob := w.user("ada"), w.user("bob")
		w.wiki(ada.ID, "one")
		w.wiki(ada.ID, "two")
		w.wiki(bob.ID, "three")
		w.ok(w.Store.SetTier(w.ctx, ada.ID, records.Premium))
		for id, want := range map[string]records.Tier{"wiki-one": records.Premium, "wiki-two": records.Premium, "wiki-three": records.Free} {
			got, err := w.Store.Wiki(w.ctx, id)
			w.ok(err)
			w.same("tier of "+id, want, got.Tier)
		}
		got, err := w.Store.User(w.ctx, ada.ID)
		w.ok(err)
		w.same("tier", records.Premium, got.Tier)
		w.same("tier of a wiki made later", records.Premium, w.wiki(ada.ID, "four").Tier)
	},
}
