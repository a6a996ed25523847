package recordstest

import (
	"fmt"
	"strings"
	"time"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

var wikiTests = map[string]func(*world){
	"creation writes record, slug, grant, token, count and event": func(w *world) {
		ada := w.user("ada")
		w.emitted(events.UserCreated)
		n := sampleWiki(ada.ID, "notes")
		n.Public = true
		n.CreatedAt = n.CreatedAt.In(time.FixedZone("", 7200))
		want := records.Wiki{ID: n.ID, Slug: "notes", Name: n.Name, OwnerID: ada.ID, Tier: records.Free, Public: true, HeadAt: epoch, CreatedAt: epoch}
		got, err := w.Store.CreateWiki(w.ctx, n)
		w.ok(err)
		w.wikis = append(w.wikis, n.ID)
		w.same("answer", want, got)
		got, err = w.Store.Wiki(w.ctx, n.ID)
		w.ok(err)
		w.same("record", want, got)
		g, err := w.Store.Grant(w.ctx, n.ID, ada.ID)
		w.ok(err)
		w.same("grant", records.Grant{WikiID: n.ID, UserID: ada.ID, Role: records.Owner, GrantedBy: ada.ID, GrantedAt: epoch}, g)
		k, err := w.Store.TokenByHash(w.ctx, n.Token.Hash)
		w.ok(err)
		w.same("token", n.Token, k)
		r, _, err := w.Store.NameTaken(w.ctx, "notes")
		w.ok(err)
		w.same("reservation", records.Reservation{Name: "notes", UserID: ada.ID, WikiID: n.ID}, r)
		env := w.emitted(events.WikiCreated)[0]
		w.same("event", &eventsv1.WikiCreated{Slug: "notes", Name: n.Name, OwnerId: ada.ID, Public: true}, env.GetWikiCreated())
		w.same("wiki of the event", n.ID, env.WikiId)
		w.same("actor of the event", actor, env.Actor)
	},
	"an adopted history starts at its head": func(w *world) {
		n := sampleWiki(w.user("ada").ID, "notes")
		n.Name, n.Head, n.PageCount, n.FileBytes = "adopted", commit(9), 300, 4096
		got, err := w.Store.CreateWiki(w.ctx, n)
		w.ok(err)
		w.wikis = append(w.wikis, n.ID)
		w.same("state", []any{commit(9), int64(1), int64(300), int64(4096)}, []any{got.Head, got.Sequence, got.PageCount, got.FileBytes})
		c := w.step(n.ID, commit(9), commit(10))
		got, err = w.Store.AdvanceHead(w.ctx, c)
		w.ok(err)
		w.same("sequence", int64(2), got.Sequence)
	},
	"nothing is not found": func(w *world) {
		_, err := w.Store.Wiki(w.ctx, "none")
		w.fails(err, fault.NotFound)
		w.user("ada")
		for _, slug := range []string{"none", "ada"} { // a username is no wiki
			_, err = w.Store.WikiID(w.ctx, slug)
			w.fails(err, fault.NotFound)
		}
		_, err = w.Store.UpdateWiki(w.ctx, "none", records.WikiChange{Name: new("x")}, actor)
		w.fails(err, fault.NotFound)
		_, err = w.Store.UpdateWiki(w.ctx, "none", records.WikiChange{}, actor)
		w.fails(err, fault.NotFound)
		w.fails(w.Store.DeleteWiki(w.ctx, "none", actor), fault.NotFound)
		_, err = w.Store.CreateWiki(w.ctx, sampleWiki("nobody", "notes"))
		w.fails(err, fault.NotFound)
		w.emitted(events.UserCreated)
	},
	"what can be no key is not found": func(w *world) {
		wiki := w.wiki(w.user("ada").ID, "notes")
		for _, no := range []string{"", strings.Repeat("x", 5000), "#", "wiki#" + wiki.ID, "\x00"} {
			_, err := w.Store.Wiki(w.ctx, no)
			w.fails(err, fault.NotFound)
			_, err = w.Store.WikiID(w.ctx, no)
			w.fails(err, fault.NotFound)
			_, err = w.Store.User(w.ctx, no)
			w.fails(err, fault.NotFound)
			_, err = w.Store.UserByEmail(w.ctx, no)
			w.fails(err, fault.NotFound)
			_, err = w.Store.Grant(w.ctx, wiki.ID, no)
			w.fails(err, fault.NotFound)
			_, err = w.Store.Grant(w.ctx, no, "user-ada")
			w.fails(err, fault.NotFound)
			_, err = w.Store.TokenByHash(w.ctx, no)
			w.fails(err, fault.NotFound)
			_, err = w.Store.Activity(w.ctx, no)
			w.fails(err, fault.NotFound)
			_, err = w.Store.IdempotentResult(w.ctx, wiki.ID, no, "f")
			w.fails(err, fault.NotFound)
			_, err = w.Store.AdvanceHead(w.ctx, w.step(no, "", commit(1)))
			w.fails(err, fault.NotFound)
			w.fails(w.Store.PublishIndex(w.ctx, no, records.Index{}, records.Index{Commit: commit(1)}), fault.NotFound)
			w.fails(w.Store.RevokeToken(w.ctx, wiki.ID, no), fault.NotFound)
			w.fails(w.Store.DeleteWiki(w.ctx, no, actor), fault.NotFound)
			w.fails(w.Store.PutGrant(w.ctx, grant(wiki.ID, no, records.Viewer), 0, actor), fault.NotFound)
			w.fails(w.Store.CreateToken(w.ctx, sampleToken(no, "x")), fault.NotFound)
			w.ok(w.Store.TouchToken(w.ctx, no, epoch, "a"))
			w.ok(w.Store.PutActivity(w.ctx, records.Activity{WikiID: no, Sequence: 1}))
			for _, list := range []func() (int, error){
				func() (int, error) { l, err := w.Store.GrantsOfUser(w.ctx, no); return len(l), err },
				func() (int, error) { l, err := w.Store.GrantsOfWiki(w.ctx, no); return len(l), err },
				func() (int, error) { l, err := w.Store.TokensOfWiki(w.ctx, no); return len(l), err },
			} {
				n, err := list()
				w.ok(err)
				w.same("list", 0, n)
			}
		}
	},
	"a slug is taken by a wiki, a tombstone or another's username": func(w *world) {
		ada, bob := w.user("ada"), w.user("bob")
		w.wiki(bob.ID, "wiki")
		w.wiki(bob.ID, "gone")
		w.ok(w.Store.DeleteWiki(w.ctx, "wiki-gone", actor))
		for _, slug := range []string{"wiki", "gone", "bob"} {
			n := sampleWiki(ada.ID, slug)
			n.ID, n.Token = "new", sampleToken("new", "default")
			_, err := w.Store.CreateWiki(w.ctx, n)
			w.fails(err, fault.Exists, "slug")
			_, err = w.Store.Wiki(w.ctx, "new")
			w.fails(err, fault.NotFound)
		}
		n := sampleWiki(bob.ID, "gone") // the tombstone binds its former owner too
		n.ID, n.Token = "new", sampleToken("new", "default")
		_, err := w.Store.CreateWiki(w.ctx, n)
		w.fails(err, fault.Exists, "slug")
		r, _, err := w.Store.NameTaken(w.ctx, "gone")
		w.ok(err)
		w.same("tombstone", records.Reservation{Name: "gone"}, r)
	},
	"a username is its bearer's slug, again and again": func(w *world) {
		ada := w.user("ada")
		for i := range 2 {
			n := sampleWiki(ada.ID, "ada")
			n.ID = fmt.Sprint("own", i)
			n.Token = sampleToken(n.ID, "default")
			_, err := w.Store.CreateWiki(w.ctx, n)
			w.ok(err)
			w.wikis = append(w.wikis, n.ID)
			r, _, err := w.Store.NameTaken(w.ctx, "ada")
			w.ok(err)
			w.same("reservation", records.Reservation{Name: "ada", UserID: ada.ID, WikiID: n.ID}, r)
			id, err := w.Store.WikiID(w.ctx, "ada")
			w.ok(err)
			w.same("wiki", n.ID, id)

			n.ID, n.Token = "another", sampleToken("another", "default")
			_, err = w.Store.CreateWiki(w.ctx, n)
			w.fails(err, fault.Exists, "slug")
			w.ok(w.Store.DeleteWiki(w.ctx, fmt.Sprint("own", i), actor))
			r, _, err = w.Store.NameTaken(w.ctx, "ada")
			w.ok(err)
			w.same("reservation afterwards", records.Reservation{Name: "ada", UserID: ada.ID}, r)
		}
	},
	"a refused token creates no wiki": func(w *world) {
		ada := w.user("ada")
		w.wiki(ada.ID, "first")
		n := sampleWiki(ada.ID, "second")
		n.Token.Hash = "hash-wiki-first-default"
		_, err := w.Store.CreateWiki(w.ctx, n)
		w.fails(err, fault.Exists, "hash")
		n.Token.Hash, n.Token.Role = "fresh", records.Owner
		_, err = w.Store.CreateWiki(w.ctx, n)
		w.fails(err, fault.Invalid, "role")
		_, taken, err := w.Store.NameTaken(w.ctx, "second")
		w.ok(err)
		w.same("slug reserved", false, taken)
		w.emitted(events.UserCreated, events.WikiCreated)
	},
	"the limit counts wikis that exist": func(w *world) {
		ada := w.user("ada")
		create := func(slug string) error {
			n := sampleWiki(ada.ID, slug)
			n.MaxWikis = 1
			_, err := w.Store.CreateWiki(w.ctx, n)
			if err == nil {
				w.wikis = append(w.wikis, n.ID)
			}
			return err
		}
		w.ok(create("one"))
		w.fails(create("two"), fault.Limit)
		w.fails(create("one"), fault.Exists) // before the limit
		w.ok(w.Store.DeleteWiki(w.ctx, "wiki-one", actor))
		w.ok(create("two")) // the refusal left the slug free
	},
	"nobody owns more wikis than a change of tier can reach": func(w *world) {
		ada := w.user("ada")
		for i := range records.MaxOwned {
			w.wiki(ada.ID, fmt.Sprint("w", i))
		}
		n := sampleWiki(ada.ID, "more")
		_, err := w.Store.CreateWiki(w.ctx, n)
		w.fails(err, fault.Limit)
		n.MaxWikis = 1000
		_, err = w.Store.CreateWiki(w.ctx, n)
		w.fails(err, fault.Limit)
		w.ok(w.Store.SetTier(w.ctx, ada.ID, records.Premium))
		got, err := w.Store.Wiki(w.ctx, fmt.Sprint("wiki-w", records.MaxOwned-1))
		w.ok(err)
		w.same("tier of the last", records.Premium, got.Tier)
	},
	"an update changes what it lists": func(w *world) {
		before := w.wiki(w.user("ada").ID, "notes")
		w.emitted(events.UserCreated, events.WikiCreated)
		want := before
		for _, c := range []struct {
			change records.WikiChange
			apply  func()
		}{
			{records.WikiChange{Name: new("Renamed")}, func() { want.Name = "Renamed" }},
			{records.WikiChange{Public: new(true)}, func() { want.Public = true }},
			{records.WikiChange{Name: new("Both"), Public: new(false)}, func() { want.Name, want.Public = "Both", false }},
			{records.WikiChange{GitOff: new(true)}, func() { want.GitOff = true }},
			{records.WikiChange{Name: new("Still off")}, func() { want.Name = "Still off" }},
			{records.WikiChange{GitOff: new(false)}, func() { want.GitOff = false }},
			{records.WikiChange{Public: new(true), GitOff: new(false)}, func() { want.Public = true }},
		} {
			got, err := w.Store.UpdateWiki(w.ctx, before.ID, c.change, actor)
			w.ok(err)
			c.apply()
			w.same("answer", want, got)
			got, err = w.Store.Wiki(w.ctx, before.ID)
			w.ok(err)
			w.same("record", want, got)
			w.same("event", &eventsv1.WikiUpdated{Slug: "notes", Name: want.Name, Public: want.Public, GitOff: want.GitOff}, w.emitted(events.WikiUpdated)[0].GetWikiUpdated())
		}
		got, err := w.Store.UpdateWiki(w.ctx, before.ID, records.WikiChange{}, actor)
		w.ok(err)
		w.same("after a change of nothing", want, got)
		w.emitted()
	},
	"deletion uncounts, frees nothing but the count, and is final": func(w *world) {
		ada := w.user("ada")
		wiki := w.wiki(ada.ID, "notes")
		w.emitted(events.UserCreated, events.WikiCreated)
		w.ok(w.Store.DeleteWiki(w.ctx, wiki.ID, actor))
		env := w.emitted(events.WikiDeleted)[0]
		w.same("event", &eventsv1.WikiDeleted{Slug: "notes", OwnerId: ada.ID}, env.GetWikiDeleted())
		w.same("wiki of the event", wiki.ID, env.WikiId)
		_, err := w.Store.Wiki(w.ctx, wiki.ID)
		w.fails(err, fault.NotFound)
		_, err = w.Store.WikiID(w.ctx, "notes")
		w.fails(err, fault.NotFound)
		w.fails(w.Store.DeleteWiki(w.ctx, wiki.ID, actor), fault.NotFound)
		_, err = w.Store.AdvanceHead(w.ctx, w.step(wiki.ID, "", commit(1)))
		w.fails(err, fault.NotFound)
		w.fails(w.Store.PublishIndex(w.ctx, wiki.ID, records.Index{}, records.Index{Commit: commit(1), File: "f"}), fault.NotFound)
		w.fails(w.Store.CreateToken(w.ctx, sampleToken(wiki.ID, "late")), fault.NotFound)
		w.fails(w.Store.PutGrant(w.ctx, records.Grant{WikiID: wiki.ID, UserID: ada.ID, Role: records.Viewer}, 0, actor), fault.NotFound)
		w.emitted()
	},
}
