package recordstest

import (
	"fmt"
	"strings"
	"time"

	"wikibot.io/contracts/events"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

// identityAt returns an identity that is not stored.
func identityAt(provider string, subject any) records.Identity {
	return records.Identity{Provider: provider, Subject: fmt.Sprint(subject)}
}

// manyIdentities returns n of them, in the order in which they are listed.
func manyIdentities(n int) (ids []records.Identity) {
	for i := range n {
		ids = append(ids, identityAt("https://issuer.example", fmt.Sprintf("%03d", i)))
	}
	return ids
}

// known checks whose identities these are: nobody's if id is "".
func (w *world) known(id string, identities ...records.Identity) {
	w.t.Helper()
	for _, of := range identities {
		u, err := w.Store.UserByIdentity(w.ctx, of)
		if id == "" {
			w.fails(err, fault.NotFound)
			continue
		}
		w.ok(err)
		w.same(fmt.Sprint("user of ", of), id, u.ID)
	}
}

var identityTests = map[string]func(*world){
	"a user is found by each identity": func(w *world) {
		u, _ := sample("ada")
		ids := []records.Identity{identityAt("workos", "user_1"), identityAt("https://accounts.example", "117"), identityAt("https://accounts.example", "1")}
		w.ok(w.Store.CreateUser(w.ctx, u, ids...))
		w.users = append(w.users, u.ID)
		w.known(u.ID, ids...)
		got, err := w.Store.IdentitiesOfUser(w.ctx, u.ID)
		w.ok(err)
		w.same("identities, in order", []records.Identity{ids[2], ids[1], ids[0]}, got)
		w.emitted(events.UserCreated)
	},
	"a user has at least one identity, and not too many": func(w *world) {
		u, _ := sample("ada")
		w.fails(w.Store.CreateUser(w.ctx, u), fault.Invalid, "identity")
		ids := manyIdentities(records.MaxIdentities + 1)
		w.fails(w.Store.CreateUser(w.ctx, u, ids...), fault.Invalid, "identity")
		w.known("", ids...)
		ids = ids[1:]
		w.ok(w.Store.CreateUser(w.ctx, u, append(ids, ids[0], ids[3])...)) // the same one twice is one
		got, err := w.Store.IdentitiesOfUser(w.ctx, u.ID)
		w.ok(err)
		w.same("identities", ids, got)
		w.emitted(events.UserCreated)
	},
	"one identity that is taken leaves nothing of the others": func(w *world) {
		w.user("ada")
		_, taken := sample("ada")
		bob, _ := sample("bob")
		free := manyIdentities(4)
		w.ok(w.Store.AddIdentity(w.ctx, "user-ada", free[3]))
		w.fails(w.Store.CreateUser(w.ctx, bob, free[0], taken, free[1], free[3]), fault.Exists, "identity")
		w.known("", free[:3]...)
		_, err := w.Store.User(w.ctx, bob.ID)
		w.fails(err, fault.NotFound)
		w.ok(w.Store.CreateUser(w.ctx, bob, free[:3]...))
		w.emitted(events.UserCreated, events.UserCreated)
	},
	"a user starts without a past, whatever the caller says": func(w *world) {
		u, id := sample("ada")
		stuffed := u
		stuffed.Wikis, stuffed.Ended, stuffed.SignedOut, stuffed.DeletedAt = 3, map[string]time.Time{"x": epoch.Add(time.Hour)}, epoch, epoch
		w.ok(w.Store.CreateUser(w.ctx, stuffed, id))
		got, err := w.Store.User(w.ctx, u.ID)
		w.ok(err)
		w.same("user", u, got)
	},
	"usernames are compared byte by byte": func(w *world) {
		w.user("ada")
		u, id := sample("Ada")
		u.Email = "another@example.org"
		w.ok(w.Store.CreateUser(w.ctx, u, id))
	},
	"an identity is added": func(w *world) {
		ada := w.user("ada")
		w.emitted(events.UserCreated)
		more := identityAt("https://accounts.example", 7)
		for range 2 { // nothing happens when it is theirs already
			w.ok(w.Store.AddIdentity(w.ctx, ada.ID, more))
			w.known(ada.ID, more, identityAt("dev", "ada"))
			got, err := w.Store.IdentitiesOfUser(w.ctx, ada.ID)
			w.ok(err)
			w.same("identities", []records.Identity{identityAt("dev", "ada"), more}, got)
		}
		w.emitted()
	},
	"no identity is added that is somebody's, to nobody, or beyond the bound": func(w *world) {
		ada, bob := w.user("ada"), w.user("bob")
		w.fails(w.Store.AddIdentity(w.ctx, bob.ID, identityAt("dev", "ada")), fault.Exists, "identity")
		w.known(ada.ID, identityAt("dev", "ada"))
		w.fails(w.Store.AddIdentity(w.ctx, "nobody", identityAt("dev", "new")), fault.NotFound)
		w.known("", identityAt("dev", "new"))
		ids := manyIdentities(records.MaxIdentities)
		last := ids[len(ids)-1]
		for _, id := range ids[1:] {
			w.ok(w.Store.AddIdentity(w.ctx, ada.ID, id))
		}
		w.fails(w.Store.AddIdentity(w.ctx, ada.ID, ids[0]), fault.Limit)
		w.known("", ids[0])
		w.ok(w.Store.AddIdentity(w.ctx, ada.ID, last)) // it is theirs already
		w.ok(w.Store.AddIdentity(w.ctx, bob.ID, ids[0]))
	},
	"nobody has no identities": func(w *world) {
		got, err := w.Store.IdentitiesOfUser(w.ctx, "nobody")
		w.ok(err)
		w.same("identities", 0, len(got))
	},
	"a display name is changed": func(w *world) {
		want := w.user("ada")
		w.emitted(events.UserCreated)
		for _, name := range []*string{new("Countess"), nil, new("Ada K.")} {
			if name != nil {
				want.DisplayName = *name
			}
			got, err := w.Store.UpdateUser(w.ctx, want.ID, records.UserChange{DisplayName: name})
			w.ok(err)
			w.same("answer", want, got)
			w.present(want)
		}
		for _, name := range []*string{nil, new("x")} {
			_, err := w.Store.UpdateUser(w.ctx, "nobody", records.UserChange{DisplayName: name})
			w.fails(err, fault.NotFound)
		}
		w.emitted()
	},
}

// noKeyTests ask for what no driver can have stored.
var noKeyTests = map[string]func(*world){
	"what can be no key is not found": func(w *world) {
		ada := w.user("ada")
		w.session(ada.ID, 1)
		w.connection(ada.ID, 1)
		w.ticket("one")
		w.seen = len(w.Events(w.t))
		for _, no := range []string{"", strings.Repeat("x", 5000), "#", "session#session-001", "\x00"} {
			for what, err := range w.askedFor(ada.ID, no) {
				if !fault.Is(err, fault.NotFound) {
					w.t.Errorf("%s of %.20q: %v", what, no, err)
				}
			}
			w.ok(w.Store.TouchSession(w.ctx, ada.ID, no, epoch))
			w.ok(w.Store.TouchSession(w.ctx, no, no, epoch))
			w.ok(w.Store.TouchConnection(w.ctx, ada.ID, no, epoch))
			w.ok(w.Store.TouchConnection(w.ctx, no, no, epoch))
			w.signedIn(no)
			w.connected(no)
			ids, err := w.Store.IdentitiesOfUser(w.ctx, no)
			w.ok(err)
			w.same("identities", 0, len(ids))
		}
		w.present(ada)
		w.signedIn(ada.ID, sampleSession(ada.ID, 1))
		w.connected(ada.ID, sampleConnection(ada.ID, 1))
		w.emitted()
	},
}

// askedFor uses no for every key there is, and returns the answers.
func (w *world) askedFor(userID, no string) map[string]error {
	_, updated := w.Store.UpdateUser(w.ctx, no, records.UserChange{DisplayName: new("x")})
	_, session := w.Store.Session(w.ctx, userID, no)
	_, sessionOf := w.Store.Session(w.ctx, no, "session-001")
	_, connection := w.Store.Connection(w.ctx, userID, no)
	_, connectionOf := w.Store.Connection(w.ctx, no, "connection-001")
	_, rotated := w.Store.RotateConnection(w.ctx, userID, no, "", "next", epoch, epoch.Add(month))
	_, rotatedOf := w.Store.RotateConnection(w.ctx, no, no, "", "next", epoch, epoch.Add(month))
	_, ticket := w.Store.Ticket(w.ctx, codeKind, no, epoch)
	_, ticketOf := w.Store.Ticket(w.ctx, records.TicketKind(no), "one", epoch)
	_, spent := w.Store.SpendTicket(w.ctx, codeKind, no, "", epoch)
	_, spentOf := w.Store.SpendTicket(w.ctx, records.TicketKind(no), "one", "", epoch)
	_, client := w.Store.Client(w.ctx, no, epoch)
	_, departed := w.Store.DepartedUser(w.ctx, identityAt(no, no))
	return map[string]error{
		"update": updated, "session": session, "session of user": sessionOf, "connection": connection, "connection of user": connectionOf,
		"rotation": rotated, "rotation of user": rotatedOf, "ticket": ticket, "ticket of kind": ticketOf, "spending": spent, "spending of kind": spentOf,
		"client": client, "departed": departed,
		"identity":           w.Store.AddIdentity(w.ctx, no, identityAt("workos", 1)),
		"renewal":            w.Store.RenewSession(w.ctx, records.Session{UserID: userID, ID: no}, nil, epoch),
		"end":                w.Store.EndSession(w.ctx, userID, no, epoch, epoch.Add(month)),
		"end of user":        w.Store.EndSession(w.ctx, no, "session-001", epoch, epoch.Add(month)),
		"ends":               w.Store.EndSessions(w.ctx, no, "", epoch),
		"disconnect":         w.Store.EndConnection(w.ctx, userID, no),
		"disconnect of user": w.Store.EndConnection(w.ctx, no, "connection-001"),
		"extension":          w.Store.ExtendClient(w.ctx, no, epoch.Add(month)),
		"deletion":           w.Store.DeleteUser(w.ctx, no, epoch),
		"return":             w.Store.RestoreUser(w.ctx, no),
		"forgetting":         w.Store.ForgetUser(w.ctx, no),
	}
}

// present checks that a sample user is found as they should be, by every key.
func (w *world) present(want records.User) {
	w.t.Helper()
	for what, read := range map[string]func() (records.User, error){
		"by id":       func() (records.User, error) { return w.Store.User(w.ctx, want.ID) },
		"by identity": func() (records.User, error) { return w.Store.UserByIdentity(w.ctx, identityAt("dev", want.Username)) },
		"by e-mail":   func() (records.User, error) { return w.Store.UserByEmail(w.ctx, want.Email) },
	} {
		got, err := read()
		w.ok(err)
		w.same("user "+what, want, got)
	}
}

// absent checks that a sample user is found by no key.
func (w *world) absent(u records.User) {
	w.t.Helper()
	_, err := w.Store.User(w.ctx, u.ID)
	w.fails(err, fault.NotFound)
	_, err = w.Store.UserByIdentity(w.ctx, identityAt("dev", u.Username))
	w.fails(err, fault.NotFound)
	_, err = w.Store.UserByEmail(w.ctx, u.Email)
	w.fails(err, fault.NotFound)
}
