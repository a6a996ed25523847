package dynamo_test

import (
	"time"

	"pgregory.net/rapid"

	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/recordstest"
)

// endless is when what the model makes expires: one driver sweeps what has, the
// other leaves that to the database.
var endless = new(recordstest.Clock).Now().AddDate(20, 0, 0)

func (p *pair) around(r *rapid.T) time.Time {
	return p.clock.Now().Add(time.Duration(rapid.IntRange(-90, 90).Draw(r, "seconds")) * time.Second)
}

func someIdentity(r *rapid.T) records.Identity {
	return records.Identity{Provider: draw(r, "provider", "dev", "other"), Subject: draw(r, "subject", "1", "2", "3")}
}

func (p *pair) identity(r *rapid.T) {
	user, id := p.someUser(r), someIdentity(r)
	done(p, r, "", func(s recordstest.Store) error { return s.AddIdentity(p.t.Context(), user, id) })
	both(p, r, "", func(s recordstest.Store) (records.User, error) { return s.UserByIdentity(p.t.Context(), id) })
	both(p, r, "", func(s recordstest.Store) (records.User, error) { return s.DepartedUser(p.t.Context(), id) })
}

func (p *pair) profile(r *rapid.T) {
	user, c := p.someUser(r), records.UserChange{}
	if rapid.Bool().Draw(r, "rename") {
		c.DisplayName = new(draw(r, "name", "x", "y", ""))
	}
	both(p, r, "", func(s recordstest.Store) (records.User, error) { return s.UpdateUser(p.t.Context(), user, c) })
}

func someID(r *rapid.T) string { return draw(r, "id", "a", "b", "c") }

func someBytes(r *rapid.T, what string) []byte { return []byte(draw(r, what, "", "x", "y")) }

func (p *pair) session(r *rapid.T) {
	n := records.Session{
		ID: someID(r), UserID: p.someUser(r), Kind: records.SessionKind(draw(r, "kind", "browser", "cli", "other")), SecretHash: "h",
		Sealed: someBytes(r, "sealed"), CreatedAt: p.around(r), ExpiresAt: endless,
	}
	done(p, r, "", func(s recordstest.Store) error { return s.CreateSession(p.t.Context(), n) })
	at, sealed := p.around(r), someBytes(r, "sealed anew")
	if rapid.Bool().Draw(r, "touch") {
		done(p, r, "", func(s recordstest.Store) error { return s.TouchSession(p.t.Context(), n.UserID, n.ID, at) })
	}
	if rapid.Bool().Draw(r, "renew") {
		done(p, r, "", func(s recordstest.Store) error { return s.RenewSession(p.t.Context(), n, sealed, at) })
	}
	both(p, r, "", func(s recordstest.Store) (records.Session, error) { return s.Session(p.t.Context(), n.UserID, n.ID) })
}

func (p *pair) endSession(r *rapid.T) {
	user, id, now := p.someUser(r), someID(r), p.around(r)
	if rapid.IntRange(0, 3).Draw(r, "all") == 0 {
		done(p, r, "", func(s recordstest.Store) error { return s.EndSessions(p.t.Context(), user, id, now) })
		return
	}
	until := now.Add(time.Duration(rapid.IntRange(-1, 30).Draw(r, "hours")) * time.Hour)
	done(p, r, "", func(s recordstest.Store) error { return s.EndSession(p.t.Context(), user, id, now, until) })
}

func (p *pair) connection(r *rapid.T) {
	c := records.Connection{
		ID: someID(r), UserID: p.someUser(r), WikiID: "w", ClientID: "c", Resource: "r", Role: records.Role(draw(r, "role", "editor", "viewer", "owner")),
		RefreshHash: "h1", CreatedAt: p.around(r), ExpiresAt: endless,
	}
	done(p, r, "", func(s recordstest.Store) error { return s.CreateConnection(p.t.Context(), c) })
}

func (p *pair) rotate(r *rapid.T) {
	user, id, at := p.someUser(r), someID(r), p.around(r)
	old, next := draw(r, "old", "h1", "h2", "h3"), draw(r, "next", "h1", "h2", "h3")
	switch draw(r, "what", "rotate", "rotate", "touch", "end") {
	case "rotate":
		both(p, r, "", func(s recordstest.Store) (records.Connection, error) {
			return s.RotateConnection(p.t.Context(), user, id, old, next, at, endless.Add(time.Hour))
		})
	case "touch":
		done(p, r, "", func(s recordstest.Store) error { return s.TouchConnection(p.t.Context(), user, id, at) })
	default:
		done(p, r, "", func(s recordstest.Store) error { return s.EndConnection(p.t.Context(), user, id) })
	}
	both(p, r, "", func(s recordstest.Store) (records.Connection, error) { return s.Connection(p.t.Context(), user, id) })
}

func (p *pair) ticket(r *rapid.T) {
	k := records.Ticket{Kind: records.TicketKind(draw(r, "kind", "x", "y", "")), Hash: someID(r), Data: someBytes(r, "data"), ExpiresAt: endless}
	now, note := p.around(r), draw(r, "note", "", "n", "m")
	if rapid.IntRange(0, 4).Draw(r, "late") == 0 {
		now = endless.Add(time.Duration(rapid.IntRange(-1, 1).Draw(r, "nanoseconds")))
	}
	if rapid.Bool().Draw(r, "put") {
		done(p, r, "", func(s recordstest.Store) error { return s.PutTicket(p.t.Context(), k) })
	} else {
		both(p, r, "", func(s recordstest.Store) (records.Ticket, error) {
			return s.SpendTicket(p.t.Context(), k.Kind, k.Hash, note, now)
		})
	}
	both(p, r, "", func(s recordstest.Store) (records.Ticket, error) { return s.Ticket(p.t.Context(), k.Kind, k.Hash, now) })
}

func (p *pair) client(r *rapid.T) {
	id, until := someID(r), endless.Add(time.Duration(rapid.IntRange(-2, 2).Draw(r, "hours"))*time.Hour)
	if rapid.Bool().Draw(r, "put") {
		c := records.Client{ID: id, RedirectURIs: []string{"http://localhost/callback"}, ExpiresAt: until}
		done(p, r, "", func(s recordstest.Store) error { return s.PutClient(p.t.Context(), c) })
	} else {
		done(p, r, "", func(s recordstest.Store) error { return s.ExtendClient(p.t.Context(), id, until) })
	}
	both(p, r, "", func(s recordstest.Store) (records.Client, error) { return s.Client(p.t.Context(), id, endless) })
}

func (p *pair) count(r *rapid.T) {
	key, window := draw(r, "key", "k", "l", ""), time.Duration(rapid.SampledFrom([]int{0, 1000, 1500, 3600000}).Draw(r, "window"))*time.Millisecond
	both(p, r, "", func(s recordstest.Store) (int64, error) { return s.Count(p.t.Context(), key, window, p.clock.Now()) })
}

func (p *pair) leave(r *rapid.T) {
	user, at := p.someUser(r), p.around(r)
	done(p, r, "", func(s recordstest.Store) error { return s.DeleteUser(p.t.Context(), user, at) })
}

func (p *pair) comeBack(r *rapid.T) {
	user := p.someUser(r)
	done(p, r, "", func(s recordstest.Store) error { return s.RestoreUser(p.t.Context(), user) })
}

func (p *pair) forget(r *rapid.T) {
	user, before := p.someUser(r), len(p.messages)
	done(p, r, "user.deleted", func(s recordstest.Store) error { return s.ForgetUser(p.t.Context(), user) })
	if len(p.messages) > before {
		p.gone = append(p.gone, user)
	}
}
