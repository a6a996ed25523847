package recordstest

import (
	"fmt"
	"strings"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

const codeKind records.TicketKind = "code"

// sampleTicket returns a ticket that is not stored. It is good for ten minutes.
func sampleTicket(hash string) records.Ticket {
	return records.Ticket{Kind: codeKind, Hash: hash, Data: []byte("data of " + hash), CreatedAt: epoch, ExpiresAt: epoch.Add(10 * time.Minute)}
}

func (w *world) ticket(hash string) records.Ticket {
	w.t.Helper()
	t := sampleTicket(hash)
	w.ok(w.Store.PutTicket(w.ctx, t))
	return t
}

// holds checks that a ticket is there.
func (w *world) holds(want records.Ticket) {
	w.t.Helper()
	got, err := w.Store.Ticket(w.ctx, want.Kind, want.Hash, epoch)
	w.ok(err)
	w.same("ticket", want, got)
}

var ticketTests = map[string]func(*world){
	"what is put can be read": func(w *world) {
		w.holds(w.ticket("one"))
		bare := records.Ticket{Kind: codeKind, Hash: "bare", ExpiresAt: epoch.Add(time.Minute)}
		w.ok(w.Store.PutTicket(w.ctx, bare))
		bare.CreatedAt = w.Clock.Now()
		w.holds(bare)
		full := sampleTicket("full")
		full.Data = make([]byte, records.MaxTicket)
		for i := range full.Data { // no text
			full.Data[i] = byte(i)
		}
		w.ok(w.Store.PutTicket(w.ctx, full))
		w.holds(full)
		w.emitted()
	},
	"a ticket is put unspent, whatever the caller says": func(w *world) {
		want := sampleTicket("one")
		put := want
		put.SpentAt, put.Note = epoch, "spent"
		w.ok(w.Store.PutTicket(w.ctx, put))
		w.holds(want)
	},
	"a ticket is refused that could not be kept": func(w *world) {
		for field, spoil := range map[string]func(*records.Ticket){
			"kind":       func(t *records.Ticket) { t.Kind = "" },
			"hash":       func(t *records.Ticket) { t.Hash = "" },
			"expires_at": func(t *records.Ticket) { t.ExpiresAt = time.Time{} },
			"data":       func(t *records.Ticket) { t.Data = make([]byte, records.MaxTicket+1) },
		} {
			t := sampleTicket("one")
			spoil(&t)
			w.fails(w.Store.PutTicket(w.ctx, t), fault.Invalid, field)
		}
		_, err := w.Store.Ticket(w.ctx, codeKind, "one", epoch)
		w.fails(err, fault.NotFound)
	},
	"a ticket is there once, spent or not": func(w *world) {
		want := w.ticket("one")
		again := want
		again.Data = []byte("other")
		w.fails(w.Store.PutTicket(w.ctx, again), fault.Exists, "hash")
		w.holds(want)
		_, err := w.Store.SpendTicket(w.ctx, codeKind, "one", "note", epoch)
		w.ok(err)
		want.SpentAt, want.Note = epoch, "note"
		w.fails(w.Store.PutTicket(w.ctx, again), fault.Exists, "hash")
		w.holds(want)
	},
	"one of a kind is never good for another": func(w *world) {
		var all []records.Ticket
		for i, pair := range [][2]string{{"a", "b c"}, {"a b", "c"}, {"a", "b#c"}, {"a#b", "c"}, {"b c", "a"}, {"A", "b c"}} {
			t := sampleTicket(pair[1])
			t.Kind, t.Data = records.TicketKind(pair[0]), fmt.Append(nil, i)
			w.ok(w.Store.PutTicket(w.ctx, t))
			all = append(all, t)
		}
		_, err := w.Store.SpendTicket(w.ctx, "other", "b c", "", epoch)
		w.fails(err, fault.NotFound)
		_, err = w.Store.SpendTicket(w.ctx, "a", "b c", "", epoch)
		w.ok(err)
		for _, t := range all[1:] {
			w.holds(t)
		}
	},
	"a ticket is spent once, and tells for what": func(w *world) {
		want := w.ticket("one")
		at := epoch.Add(time.Minute + 3)
		got, err := w.Store.SpendTicket(w.ctx, codeKind, "one", "for this", at.In(time.FixedZone("", 3600)))
		w.ok(err)
		want.SpentAt, want.Note = at, "for this"
		w.same("answer", want, got)
		w.holds(want)
		for _, note := range []string{"for that", "for this", ""} {
			got, err = w.Store.SpendTicket(w.ctx, codeKind, "one", note, at.Add(time.Minute))
			w.fails(err, fault.Conflict)
			w.same("answer with the conflict", want, got)
		}
		w.holds(want)
		w.ticket("two")
		got, err = w.Store.SpendTicket(w.ctx, codeKind, "two", "", at) // a note need not be
		w.ok(err)
		w.same("spent at", at, got.SpentAt)
		_, err = w.Store.SpendTicket(w.ctx, codeKind, "two", "", at)
		w.fails(err, fault.Conflict)
		w.emitted()
	},
	"no bytes are no bytes, and a time left open is now": func(w *world) {
		want := sampleTicket("one")
		want.Data = []byte{}
		w.ok(w.Store.PutTicket(w.ctx, want))
		want.Data = nil
		w.holds(want)
		got, err := w.Store.SpendTicket(w.ctx, codeKind, want.Hash, "note", time.Time{})
		w.ok(err)
		want.SpentAt, want.Note = w.Clock.Now(), "note"
		w.same("answer", want, got)
		w.ok(w.Store.PutClient(w.ctx, sampleClient("one")))
		_, err = w.Store.Count(w.ctx, "k", time.Hour, time.Time{})
		w.ok(err)
		w.counted(2, "k", time.Hour, epoch)
		w.Clock.Advance(10 * 12 * month)
		_, err = w.Store.Ticket(w.ctx, codeKind, want.Hash, time.Time{})
		w.fails(err, fault.NotFound)
		_, err = w.Store.Client(w.ctx, "one", time.Time{})
		w.fails(err, fault.NotFound)
	},
	"a ticket that has expired is not found, by the caller's clock": func(w *world) {
		t := w.ticket("one")
		w.ticket("spent")
		_, err := w.Store.SpendTicket(w.ctx, codeKind, "spent", "note", epoch)
		w.ok(err)
		last := t.ExpiresAt.Add(-1)
		for _, hash := range []string{"one", "spent", "never"} {
			for _, now := range []time.Time{t.ExpiresAt, t.ExpiresAt.Add(1), t.ExpiresAt.Add(month)} {
				_, err := w.Store.Ticket(w.ctx, codeKind, hash, now)
				w.fails(err, fault.NotFound)
				got, err := w.Store.SpendTicket(w.ctx, codeKind, hash, "late", now)
				w.fails(err, fault.NotFound)
				w.same("answer", records.Ticket{}, got)
			}
		}
		_, err = w.Store.Ticket(w.ctx, codeKind, "one", last)
		w.ok(err)
		w.Clock.Advance(40 * time.Minute) // a caller's clock may be behind the store's
		w.ticket("two")
		_, err = w.Store.SpendTicket(w.ctx, codeKind, "one", "in time", last)
		w.ok(err)
	},
	"tickets that have expired make way for new ones, never those that live": func(w *world) {
		kept := sampleTicket("kept")
		kept.ExpiresAt = epoch.Add(month)
		w.ok(w.Store.PutTicket(w.ctx, kept))
		for n := range 40 {
			t := sampleTicket(fmt.Sprint("t", n))
			t.ExpiresAt = w.Clock.Now().Add(time.Minute)
			w.ok(w.Store.PutTicket(w.ctx, t))
			w.Clock.Advance(time.Hour)
		}
		w.holds(kept)
	},
}

// sampleClient returns a client that is not stored. It lives for a day.
func sampleClient(id string) records.Client {
	return records.Client{ID: id, Name: "Agent \"é\"", URI: "https://agent.example/", CreatedAt: epoch, ExpiresAt: epoch.Add(24 * time.Hour),
		RedirectURIs: []string{"http://localhost:1234/callback", "cursor://anysphere.cursor-mcp/oauth?a=b&c=<d>", "https://agent.example/cb,1"}}
}

var clientTests = map[string]func(*world){
	"what is put can be read": func(w *world) {
		want := sampleClient("one")
		w.ok(w.Store.PutClient(w.ctx, want))
		got, err := w.Store.Client(w.ctx, "one", epoch)
		w.ok(err)
		w.same("client", want, got)
		bare := records.Client{ID: "bare", RedirectURIs: []string{"x:/"}, ExpiresAt: epoch.Add(1)}
		w.ok(w.Store.PutClient(w.ctx, bare))
		bare.CreatedAt = w.Clock.Now()
		got, err = w.Store.Client(w.ctx, "bare", epoch)
		w.ok(err)
		w.same("client", bare, got)
		w.emitted()
	},
	"a client is refused that could not be kept": func(w *world) {
		for field, spoil := range map[string]func(*records.Client){
			"id":            func(c *records.Client) { c.ID = "" },
			"expires_at":    func(c *records.Client) { c.ExpiresAt = time.Time{} },
			"redirect_uris": func(c *records.Client) { c.RedirectURIs = nil },
		} {
			c := sampleClient("one")
			spoil(&c)
			w.fails(w.Store.PutClient(w.ctx, c), fault.Invalid, field)
		}
		w.ok(w.Store.PutClient(w.ctx, sampleClient("one")))
		again := sampleClient("one")
		again.Name = "another"
		w.fails(w.Store.PutClient(w.ctx, again), fault.Exists, "id")
		got, err := w.Store.Client(w.ctx, "one", epoch)
		w.ok(err)
		w.same("client", sampleClient("one"), got)
	},
	"a client that has expired is not found, by the caller's clock": func(w *world) {
		c := sampleClient("one")
		w.ok(w.Store.PutClient(w.ctx, c))
		_, err := w.Store.Client(w.ctx, "one", c.ExpiresAt.Add(-1))
		w.ok(err)
		for _, now := range []time.Time{c.ExpiresAt, c.ExpiresAt.Add(month)} {
			_, err = w.Store.Client(w.ctx, "one", now)
			w.fails(err, fault.NotFound)
		}
		for _, id := range []string{"none", "", "ONE", strings.Repeat("x", 5000)} {
			_, err = w.Store.Client(w.ctx, id, epoch)
			w.fails(err, fault.NotFound)
			w.fails(w.Store.ExtendClient(w.ctx, id, epoch.Add(month)), fault.NotFound)
		}
	},
	"an expiry moves on, never back": func(w *world) {
		want := sampleClient("one")
		w.ok(w.Store.PutClient(w.ctx, want))
		for _, until := range []time.Time{want.ExpiresAt.Add(time.Hour), want.ExpiresAt, epoch, want.ExpiresAt.Add(2*time.Hour + 1)} {
			w.ok(w.Store.ExtendClient(w.ctx, "one", until.In(time.FixedZone("", 60))))
			if until.After(want.ExpiresAt) {
				want.ExpiresAt = until
			}
			got, err := w.Store.Client(w.ctx, "one", epoch)
			w.ok(err)
			w.same("client", want, got)
		}
	},
	"clients that have expired make way for new ones, never those that live": func(w *world) {
		w.ok(w.Store.PutClient(w.ctx, sampleClient("kept")))
		w.ok(w.Store.ExtendClient(w.ctx, "kept", epoch.Add(month)))
		for n := range 40 {
			c := sampleClient(fmt.Sprint("c", n))
			c.ExpiresAt = w.Clock.Now().Add(time.Hour)
			w.ok(w.Store.PutClient(w.ctx, c))
			w.Clock.Advance(2 * time.Hour)
		}
		_, err := w.Store.Client(w.ctx, "kept", w.Clock.Now())
		w.ok(err)
	},
}

// counted checks what a counter comes to with the next one.
func (w *world) counted(want int64, key string, window time.Duration, now time.Time) {
	w.t.Helper()
	got, err := w.Store.Count(w.ctx, key, window, now)
	w.ok(err)
	w.same(fmt.Sprint("count of ", key, " at ", now), want, got)
}

var counterTests = map[string]func(*world){
	"counting begins anew with each window": func(w *world) {
		start := epoch.Truncate(time.Minute) // the epoch of Unix is a whole minute, too
		for _, c := range []struct {
			after time.Duration
			want  int64
		}{
			{0, 1}, {1, 2}, {time.Minute - 1, 3}, {time.Minute, 1}, {2*time.Minute - 1, 2}, {30 * time.Second, 4}, {time.Hour, 1}, {time.Minute, 3},
		} {
			w.counted(c.want, "k", time.Minute, start.Add(c.after))
		}
		w.emitted()
	},
	"windows are counted from the Unix epoch": func(w *world) {
		const week = 7 * 24 * time.Hour
		week0 := time.Unix(0, 0).UTC().Add(week * 8200) // a Thursday: no calendar's week
		w.counted(1, "k", week, week0)
		w.counted(2, "k", week, week0.Add(week-1))
		w.counted(1, "k", week, week0.Add(-1))
		w.counted(1, "k", week, week0.Add(week).In(time.FixedZone("", 3600)))
	},
	"keys and windows do not disturb each other": func(w *world) {
		for round := range 2 {
			for _, key := range []string{"a", "A", "a#60", "a#", "#a", "é", "192.0.2.1", "2001:db8::1", strings.Repeat("k", 1000)} {
				for _, window := range []time.Duration{time.Second, time.Minute, time.Hour, time.Hour + time.Nanosecond} {
					w.counted(int64(round+1), key, window, epoch)
				}
			}
		}
	},
	"what cannot be counted is refused": func(w *world) {
		_, err := w.Store.Count(w.ctx, "", time.Minute, epoch)
		w.fails(err, fault.Invalid, "key")
		for _, window := range []time.Duration{time.Second - 1, 0, -time.Minute} {
			_, err := w.Store.Count(w.ctx, "k", window, epoch)
			w.fails(err, fault.Invalid, "window")
		}
	},
	"a window that lasts is not forgotten for those that are over": func(w *world) {
		const long = 1000 * time.Hour
		start := records.CountFrom(long, epoch).Add(long) // so that it lasts for all of the test
		w.Clock.Advance(start.Sub(epoch))
		w.counted(1, "long", long, w.Clock.Now())
		for n := range 40 {
			w.counted(1, fmt.Sprint("k", n), time.Second, w.Clock.Now())
			w.Clock.Advance(2 * time.Hour)
		}
		w.counted(2, "long", long, w.Clock.Now())
	},
}
