package recordstest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

func grant(wikiID, userID string, role records.Role) records.Grant {
	return records.Grant{WikiID: wikiID, UserID: userID, Role: role, GrantedBy: "someone", GrantedAt: epoch}
}

var grantTests = map[string]func(*world){
	"grants are put, changed, listed and taken away": func(w *world) {
		ada, bob := w.user("ada"), w.user("bob")
		wiki := w.wiki(ada.ID, "notes")
		w.emitted(events.UserCreated, events.UserCreated, events.WikiCreated)
		_, err := w.Store.Grant(w.ctx, wiki.ID, bob.ID)
		w.fails(err, fault.NotFound)
		for _, role := range []records.Role{records.Viewer, records.Editor, records.Editor, records.Viewer} {
			want := grant(wiki.ID, bob.ID, role)
			w.ok(w.Store.PutGrant(w.ctx, want, 0, actor))
			got, err := w.Store.Grant(w.ctx, wiki.ID, bob.ID)
			w.ok(err)
			w.same("grant", want, got)
			env := w.emitted(events.GrantChanged)[0]
			w.same("event", &eventsv1.GrantChanged{UserId: bob.ID, Role: string(role)}, env.GetGrantChanged())
		}
		owners := records.Grant{WikiID: wiki.ID, UserID: ada.ID, Role: records.Owner, GrantedBy: ada.ID, GrantedAt: epoch}
		list, err := w.Store.GrantsOfWiki(w.ctx, wiki.ID)
		w.ok(err)
		w.same("of the wiki", []records.Grant{owners, grant(wiki.ID, bob.ID, records.Viewer)}, list)
		list, err = w.Store.GrantsOfUser(w.ctx, bob.ID)
		w.ok(err)
		w.same("of the user", []records.Grant{grant(wiki.ID, bob.ID, records.Viewer)}, list)

		w.ok(w.Store.DeleteGrant(w.ctx, wiki.ID, bob.ID, actor))
		w.same("event", &eventsv1.GrantChanged{UserId: bob.ID}, w.emitted(events.GrantChanged)[0].GetGrantChanged())
		_, err = w.Store.Grant(w.ctx, wiki.ID, bob.ID)
		w.fails(err, fault.NotFound)
		w.fails(w.Store.DeleteGrant(w.ctx, wiki.ID, bob.ID, actor), fault.NotFound)
		list, err = w.Store.GrantsOfUser(w.ctx, bob.ID)
		w.ok(err)
		w.same("of the user afterwards", 0, len(list))
		w.emitted()
	},
	"the owner's grant stands": func(w *world) {
		ada, bob := w.user("ada"), w.user("bob")
		wiki := w.wiki(ada.ID, "notes")
		w.fails(w.Store.PutGrant(w.ctx, grant(wiki.ID, ada.ID, records.Viewer), 0, actor), fault.Denied)
		w.fails(w.Store.DeleteGrant(w.ctx, wiki.ID, ada.ID, actor), fault.Denied)
		w.fails(w.Store.PutGrant(w.ctx, grant(wiki.ID, bob.ID, records.Owner), 0, actor), fault.Denied)
		w.fails(w.Store.PutGrant(w.ctx, grant(wiki.ID, bob.ID, "king"), 0, actor), fault.Invalid, "role")
		g, err := w.Store.Grant(w.ctx, wiki.ID, ada.ID)
		w.ok(err)
		w.same("role", records.Owner, g.Role)
	},
	"a grant needs a wiki and a user": func(w *world) {
		ada := w.user("ada")
		wiki := w.wiki(ada.ID, "notes")
		w.fails(w.Store.PutGrant(w.ctx, grant("none", ada.ID, records.Viewer), 0, actor), fault.NotFound)
		w.fails(w.Store.PutGrant(w.ctx, grant(wiki.ID, "nobody", records.Viewer), 0, actor), fault.NotFound)
	},
	"the limit counts authors, and binds only who would become one": func(w *world) {
		wiki := w.wiki(w.user("ada").ID, "notes")
		for i := range 4 {
			w.user(fmt.Sprint("u", i))
		}
		put := func(user string, role records.Role, limit int) error {
			return w.Store.PutGrant(w.ctx, grant(wiki.ID, "user-"+user, role), limit, actor)
		}
		w.fails(put("u0", records.Editor, 1), fault.Limit) // the owner is an author
		w.ok(put("u0", records.Viewer, 1))
		w.ok(put("u1", records.Editor, 2))
		w.fails(put("u0", records.Editor, 2), fault.Limit) // a viewer becomes an author
		w.ok(put("u1", records.Editor, 1))                 // is one already, though the limit has shrunk
		w.ok(put("u2", records.Viewer, 1))
		w.ok(put("u1", records.Viewer, 2)) // makes room
		w.ok(put("u0", records.Editor, 2))
		w.ok(put("u3", records.Editor, 0))
	},
}

var tokenTests = map[string]func(*world){
	"tokens are created, listed, replaced and revoked": func(w *world) {
		wiki := w.wiki(w.user("ada").ID, "notes")
		first := sampleToken(wiki.ID, "default")
		ci := sampleToken(wiki.ID, "ci")
		ci.Role, ci.ExpiresAt = records.Viewer, epoch.Add(time.Hour)
		w.ok(w.Store.CreateToken(w.ctx, ci))
		list, err := w.Store.TokensOfWiki(w.ctx, wiki.ID)
		w.ok(err)
		w.same("tokens", []records.Token{ci, first}, list)

		next := first
		next.ID, next.Hash = "next", "next-hash"
		w.ok(w.Store.ReplaceToken(w.ctx, next))
		_, err = w.Store.TokenByHash(w.ctx, first.Hash)
		w.fails(err, fault.NotFound)
		got, err := w.Store.TokenByHash(w.ctx, next.Hash)
		w.ok(err)
		w.same("the new one", next, got)
		fresh := sampleToken(wiki.ID, "fresh")
		w.ok(w.Store.ReplaceToken(w.ctx, fresh)) // there was none of that name

		w.ok(w.Store.RevokeToken(w.ctx, wiki.ID, ci.ID))
		_, err = w.Store.TokenByHash(w.ctx, ci.Hash)
		w.fails(err, fault.NotFound)
		w.fails(w.Store.RevokeToken(w.ctx, wiki.ID, ci.ID), fault.NotFound)
		list, err = w.Store.TokensOfWiki(w.ctx, wiki.ID)
		w.ok(err)
		w.same("tokens", []records.Token{next, fresh}, list)
	},
	"a token of another wiki cannot be revoked": func(w *world) {
		ada := w.user("ada")
		one, two := w.wiki(ada.ID, "one"), w.wiki(ada.ID, "two")
		w.fails(w.Store.RevokeToken(w.ctx, two.ID, sampleToken(one.ID, "default").ID), fault.NotFound)
		_, err := w.Store.TokenByHash(w.ctx, sampleToken(one.ID, "default").Hash)
		w.ok(err)
	},
	"what is taken or malformed is refused": func(w *world) {
		wiki := w.wiki(w.user("ada").ID, "notes")
		k := sampleToken(wiki.ID, "default")
		k.Hash = "fresh"
		w.fails(w.Store.CreateToken(w.ctx, k), fault.Exists, "name")
		k.Hash, k.Name = sampleToken(wiki.ID, "default").Hash, "other"
		w.fails(w.Store.CreateToken(w.ctx, k), fault.Exists, "hash")
		w.fails(w.Store.ReplaceToken(w.ctx, k), fault.Exists, "hash")
		k = sampleToken(wiki.ID, "more")
		k.Role = records.Owner
		w.fails(w.Store.CreateToken(w.ctx, k), fault.Invalid, "role")
		k.Role, k.Hash = records.Editor, ""
		w.fails(w.Store.ReplaceToken(w.ctx, k), fault.Invalid, "hash")
		w.fails(w.Store.CreateToken(w.ctx, sampleToken("none", "x")), fault.NotFound)
		_, err := w.Store.TokenByHash(w.ctx, "")
		w.fails(err, fault.NotFound)
	},
	"a use is noted once a minute per agent": func(w *world) {
		wiki := w.wiki(w.user("ada").ID, "notes")
		want := sampleToken(wiki.ID, "default")
		for _, c := range []struct {
			after time.Duration
			agent string
			noted bool
			why   string
		}{
			{0, "a", true, "the first use"},
			{time.Second, "a", false, "within the minute"},
			{2 * time.Second, "b", true, "another agent"},
			{3 * time.Second, "a", false, "the first agent's minute is not over"},
			{60 * time.Second, "a", true, "its minute is over"},
			{61 * time.Second, "b", false, "the other's is not"},
			{62 * time.Second, "b", true, "now it is"},
			{10 * time.Second, "c", false, "a late report does not turn the clock back"},
		} {
			w.ok(w.Store.TouchToken(w.ctx, want.Hash, epoch.Add(c.after), c.agent))
			if c.noted {
				want.LastUsed, want.LastAgent = epoch.Add(c.after), c.agent
			}
			got, err := w.Store.TokenByHash(w.ctx, want.Hash)
			w.ok(err)
			w.same(c.why, want, got)
		}
		w.ok(w.Store.TouchToken(w.ctx, "unknown", epoch, "a"))
	},
}

var activityTests = map[string]func(*world){
	"the newest sequence wins": func(w *world) {
		wiki := w.wiki(w.user("ada").ID, "notes")
		_, err := w.Store.Activity(w.ctx, wiki.ID)
		w.fails(err, fault.NotFound)
		at := func(seq int64, page string) records.Activity {
			return records.Activity{WikiID: wiki.ID, Sequence: seq, At: epoch, Name: "Ada", Agent: "Claude Code", Page: page, Kind: "edited"}
		}
		for _, c := range []struct{ put, want records.Activity }{
			{at(5, "five"), at(5, "five")},
			{at(4, "late"), at(5, "five")},
			{at(5, "again"), at(5, "five")},
			{at(6, "six"), at(6, "six")},
		} {
			w.ok(w.Store.PutActivity(w.ctx, c.put))
			got, err := w.Store.Activity(w.ctx, wiki.ID)
			w.ok(err)
			w.same("activity", c.want, got)
		}
		w.emitted(events.UserCreated, events.WikiCreated)
	},
	"however much there is of a wiki, it is listed and forgotten": func(w *world) {
		ada := w.user("ada")
		wiki := w.wiki(ada.ID, "notes")
		const many, batch = 105, 30 // more than one read and one write of a batch take
		head := ""
		for i := range many {
			w.ok(w.Store.CreateToken(w.ctx, sampleToken(wiki.ID, fmt.Sprintf("ci-%03d", i))))
			if i >= batch {
				continue
			}
			c := w.step(wiki.ID, head, commit(i+1))
			c.Idempotency = &records.Idempotency{Key: fmt.Sprint("k", i), Fingerprint: "f", Result: []byte("done")}
			_, err := w.Store.AdvanceHead(w.ctx, c)
			w.ok(err)
			head = c.New
		}
		for i := range batch {
			w.ok(w.Store.PutGrant(w.ctx, grant(wiki.ID, w.user(fmt.Sprintf("u%02d", i)).ID, records.Viewer), 0, actor))
		}
		tokens, err := w.Store.TokensOfWiki(w.ctx, wiki.ID)
		w.ok(err)
		w.same("tokens", many+1, len(tokens))
		w.same("in order", true, slices.IsSortedFunc(tokens, func(a, b records.Token) int { return strings.Compare(a.Name, b.Name) }))
		w.ok(w.Store.DeleteWiki(w.ctx, wiki.ID, actor))
		w.ok(w.Store.ForgetWiki(w.ctx, wiki.ID))
		for _, t := range tokens {
			_, err := w.Store.TokenByHash(w.ctx, t.Hash)
			w.fails(err, fault.NotFound)
		}
		tokens, err = w.Store.TokensOfWiki(w.ctx, wiki.ID)
		w.ok(err)
		grants, err := w.Store.GrantsOfWiki(w.ctx, wiki.ID)
		w.ok(err)
		w.same("tokens and grants left", []int{0, 0}, []int{len(tokens), len(grants)})
		for _, user := range w.users {
			grants, err := w.Store.GrantsOfUser(w.ctx, user)
			w.ok(err)
			w.same("grants of "+user, 0, len(grants))
		}
		for i := range many {
			_, err := w.Store.IdempotentResult(w.ctx, wiki.ID, fmt.Sprint("k", i), "f")
			w.fails(err, fault.NotFound)
		}
	},
	"a deleted wiki is forgotten, and stays so": func(w *world) {
		ada, bob := w.user("ada"), w.user("bob")
		kept, gone := w.wiki(ada.ID, "kept"), w.wiki(ada.ID, "gone")
		for _, id := range []string{kept.ID, gone.ID} {
			w.ok(w.Store.PutGrant(w.ctx, grant(id, bob.ID, records.Editor), 0, actor))
			w.ok(w.Store.PutActivity(w.ctx, records.Activity{WikiID: id, Sequence: 1, At: epoch}))
		}
		w.fails(w.Store.ForgetWiki(w.ctx, gone.ID), fault.Conflict)
		w.ok(w.Store.DeleteWiki(w.ctx, gone.ID, actor))
		for range 2 { // the event may come twice
			w.ok(w.Store.ForgetWiki(w.ctx, gone.ID))
		}
		w.ok(w.Store.PutActivity(w.ctx, records.Activity{WikiID: gone.ID, Sequence: 2, At: epoch})) // and another late
		for id, want := range map[string]int{kept.ID: 2, gone.ID: 0} {
			grants, err := w.Store.GrantsOfWiki(w.ctx, id)
			w.ok(err)
			tokens, err := w.Store.TokensOfWiki(w.ctx, id)
			w.ok(err)
			_, err = w.Store.Activity(w.ctx, id)
			w.same("grants, tokens and activity of "+id, []any{want, want / 2, want == 0}, []any{len(grants), len(tokens), fault.Is(err, fault.NotFound)})
		}
		list, err := w.Store.GrantsOfUser(w.ctx, bob.ID)
		w.ok(err)
		w.same("bob's grants", []records.Grant{grant(kept.ID, bob.ID, records.Editor)}, list)
	},
}
