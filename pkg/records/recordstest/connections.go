package recordstest

import (
	"fmt"
	"slices"
	"time"

	"wikibot.io/contracts/events"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

// sampleConnection returns a connection that is not stored.
func sampleConnection(userID string, n int) records.Connection {
	at := epoch.Add(time.Duration(n) * time.Second)
	return records.Connection{
		ID: fmt.Sprintf("connection-%03d", n), UserID: userID, WikiID: "wiki-notes",
		ClientID: "https://agent.example/client.json", ClientName: "Agent é", ClientHost: "agent.example",
		Resource: "https://notes.example/mcp", Role: records.Editor,
		RefreshHash: fmt.Sprint("refresh ", n), Seed: fmt.Sprint("seed ", n), CreatedAt: at, ExpiresAt: at.Add(month),
	}
}

func (w *world) connection(userID string, n int) records.Connection {
	w.t.Helper()
	c := sampleConnection(userID, n)
	w.ok(w.Store.CreateConnection(w.ctx, c))
	return c
}

// connected checks a user's connections, the newest first.
func (w *world) connected(userID string, want ...records.Connection) {
	w.t.Helper()
	got, err := w.Store.ConnectionsOfUser(w.ctx, userID)
	w.ok(err)
	if len(got)+len(want) > 0 {
		w.same("connections of "+userID, want, got)
	}
	for _, c := range want {
		got, err := w.Store.Connection(w.ctx, userID, c.ID)
		w.ok(err)
		w.same("connection "+c.ID, c, got)
	}
}

var connectionTests = map[string]func(*world){
	"what is created can be read": func(w *world) {
		ada := w.user("ada")
		bare := sampleConnection(ada.ID, 1)
		bare.Role, bare.ClientName, bare.ClientHost, bare.Seed, bare.CreatedAt = records.Viewer, "", "", "", time.Time{}
		w.ok(w.Store.CreateConnection(w.ctx, bare))
		bare.CreatedAt = w.Clock.Now()
		full := sampleConnection(ada.ID, 2)
		full.FormerHash, full.RotatedAt, full.LastUsed = "former", epoch.Add(time.Hour), epoch.Add(time.Hour+1)
		put := full
		put.RotatedAt = put.RotatedAt.In(time.FixedZone("", 7200))
		w.ok(w.Store.CreateConnection(w.ctx, put))
		w.connected(ada.ID, full, bare)
		w.emitted(events.UserCreated)
	},
	"a connection is refused that could not be kept": func(w *world) {
		ada := w.user("ada")
		for field, spoil := range map[string]func(*records.Connection){
			"id":           func(c *records.Connection) { c.ID = "" },
			"user_id":      func(c *records.Connection) { c.UserID = "" },
			"wiki_id":      func(c *records.Connection) { c.WikiID = "" },
			"client_id":    func(c *records.Connection) { c.ClientID = "" },
			"resource":     func(c *records.Connection) { c.Resource = "" },
			"refresh_hash": func(c *records.Connection) { c.RefreshHash = "" },
			"expires_at":   func(c *records.Connection) { c.ExpiresAt = time.Time{} },
			"role":         func(c *records.Connection) { c.Role = records.Owner },
		} {
			c := sampleConnection(ada.ID, 1)
			spoil(&c)
			w.fails(w.Store.CreateConnection(w.ctx, c), fault.Invalid, field)
		}
		w.fails(w.Store.CreateConnection(w.ctx, sampleConnection("nobody", 1)), fault.NotFound)
		w.connected("nobody")
		first := w.connection(ada.ID, 1)
		again := first
		again.RefreshHash = "another"
		w.fails(w.Store.CreateConnection(w.ctx, again), fault.Exists, "id")
		w.connected(ada.ID, first)
	},
	"a connection is its user's alone": func(w *world) {
		ada, bob := w.user("ada"), w.user("bob")
		c := w.connection(ada.ID, 1)
		_, err := w.Store.Connection(w.ctx, bob.ID, c.ID)
		w.fails(err, fault.NotFound)
		_, err = w.Store.RotateConnection(w.ctx, bob.ID, c.ID, c.RefreshHash, "next", epoch, epoch.Add(month))
		w.fails(err, fault.NotFound)
		w.ok(w.Store.TouchConnection(w.ctx, bob.ID, c.ID, epoch))
		w.fails(w.Store.EndConnection(w.ctx, bob.ID, c.ID), fault.NotFound)
		w.connected(bob.ID)
		w.connected(ada.ID, c)
	},
	"connections are listed newest first, and one too many takes the place of the least used": func(w *world) {
		ada, bob := w.user("ada"), w.user("bob")
		theirs := w.connection(bob.ID, 1)
		var want []records.Connection
		for n := range records.MaxConnections {
			want = append(want, w.connection(ada.ID, (n*37)%records.MaxConnections))
		}
		slices.SortFunc(want, func(a, b records.Connection) int { return b.CreatedAt.Compare(a.CreatedAt) })
		got, err := w.Store.ConnectionsOfUser(w.ctx, ada.ID)
		w.ok(err)
		w.same("connections", want, got)
		used, rotated := want[records.MaxConnections-1].ID, want[records.MaxConnections-2]
		w.ok(w.Store.TouchConnection(w.ctx, ada.ID, used, epoch.Add(time.Hour)))
		_, err = w.Store.RotateConnection(w.ctx, ada.ID, rotated.ID, rotated.RefreshHash, "next", epoch.Add(time.Hour), epoch.Add(month))
		w.ok(err)
		for _, err := range race(rivals, func(i int) error {
			return w.Store.CreateConnection(w.ctx, sampleConnection(ada.ID, records.MaxConnections+i))
		}) {
			w.ok(err)
		}
		w.connection(ada.ID, records.MaxConnections+rivals)
		got, err = w.Store.ConnectionsOfUser(w.ctx, ada.ID)
		w.ok(err)
		var ids []string
		for _, c := range got {
			ids = append(ids, c.ID)
		}
		w.same("most", records.MaxConnections, len(ids))
		w.same("newest, oldest", []string{fmt.Sprintf("connection-%03d", records.MaxConnections+rivals), rotated.ID, used},
			append(ids[:1:1], ids[len(ids)-2:]...))
		w.connected(bob.ID, theirs)
	},
	"each rotation takes the last secret, and only that": func(w *world) {
		ada := w.user("ada")
		c := w.connection(ada.ID, 1)
		for i := range 3 {
			at := epoch.Add(time.Duration(i+1) * time.Hour)
			next := fmt.Sprint("next ", i)
			got, err := w.Store.RotateConnection(w.ctx, ada.ID, c.ID, c.RefreshHash, next, at.In(time.FixedZone("", 60)), at.Add(month))
			w.ok(err)
			c.FormerHash, c.RefreshHash, c.RotatedAt, c.ExpiresAt = c.RefreshHash, next, at, at.Add(month)
			w.same("answer", c, got)
			w.connected(ada.ID, c)
			for _, old := range []string{c.FormerHash, "refresh 1", "unheard of", ""} {
				got, err := w.Store.RotateConnection(w.ctx, ada.ID, c.ID, old, "stolen", at.Add(time.Hour), at.Add(2*month))
				w.fails(err, fault.Conflict)
				w.same("answer with the conflict", c, got)
			}
			w.connected(ada.ID, c)
		}
		w.emitted(events.UserCreated)
	},
	"a connection that is gone does not rotate": func(w *world) {
		ada := w.user("ada")
		c := w.connection(ada.ID, 1)
		w.ok(w.Store.EndConnection(w.ctx, ada.ID, c.ID))
		got, err := w.Store.RotateConnection(w.ctx, ada.ID, c.ID, c.RefreshHash, "next", epoch, epoch.Add(month))
		w.fails(err, fault.NotFound)
		w.same("answer", records.Connection{}, got)
		w.connected(ada.ID)
		w.fails(w.Store.EndConnection(w.ctx, ada.ID, c.ID), fault.NotFound)
		w.fails(w.Store.EndConnection(w.ctx, "nobody", c.ID), fault.NotFound)
	},
	"a use is noted once a minute": func(w *world) {
		ada := w.user("ada")
		c := w.connection(ada.ID, 0)
		for _, use := range []struct {
			after time.Duration
			noted bool
			why   string
		}{
			{time.Second, true, "the first use"},
			{60 * time.Second, false, "within the minute"},
			{61 * time.Second, true, "the minute is over"},
			{-time.Hour, false, "a late report does not turn the clock back"},
			{time.Hour, true, "long after"},
		} {
			w.ok(w.Store.TouchConnection(w.ctx, ada.ID, c.ID, epoch.Add(use.after)))
			if use.noted {
				c.LastUsed = epoch.Add(use.after)
			}
			got, err := w.Store.Connection(w.ctx, ada.ID, c.ID)
			w.ok(err)
			w.same(use.why, c, got)
		}
		w.ok(w.Store.TouchConnection(w.ctx, ada.ID, "unknown", epoch))
		w.ok(w.Store.TouchConnection(w.ctx, "nobody", c.ID, epoch))
	},
	"a connection outlives its wiki until it is ended": func(w *world) {
		ada := w.user("ada")
		wiki := w.wiki(ada.ID, "notes")
		c := w.connection(ada.ID, 1)
		w.ok(w.Store.DeleteWiki(w.ctx, wiki.ID, actor))
		w.ok(w.Store.ForgetWiki(w.ctx, wiki.ID))
		w.connected(ada.ID, c)
		w.ok(w.Store.EndConnection(w.ctx, ada.ID, c.ID))
		w.connected(ada.ID)
	},
	"connections that have expired make way for new ones, never those that live": func(w *world) {
		ada := w.user("ada")
		kept := w.connection(ada.ID, 0)
		for n := range 40 {
			c := sampleConnection(ada.ID, n+1)
			c.ExpiresAt = epoch.Add(time.Duration(n) * time.Hour)
			w.ok(w.Store.CreateConnection(w.ctx, c))
			w.Clock.Advance(time.Hour)
		}
		got, err := w.Store.ConnectionsOfUser(w.ctx, ada.ID)
		w.ok(err)
		w.same("kept", kept, got[len(got)-1])
		w.same("still alive by the clock of a host that is behind", "connection-040", got[0].ID)
	},
}
