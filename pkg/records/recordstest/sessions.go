package recordstest

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"wikibot.io/contracts/events"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

// month is how long the sessions and connections of the suite live.
const month = 30 * 24 * time.Hour

// sampleSession returns a session that is not stored. Ids sort by n, and so do
// the times.
func sampleSession(userID string, n int) records.Session {
	at := epoch.Add(time.Duration(n) * time.Second)
	return records.Session{
		ID: fmt.Sprintf("session-%03d", n), UserID: userID, Kind: records.Browser, Name: "Firefox on Linux", SecretHash: fmt.Sprint("secret ", n),
		CreatedAt: at, LastUsed: at, ExpiresAt: at.Add(month), Provider: "dev",
	}
}

func (w *world) session(userID string, n int) records.Session {
	w.t.Helper()
	s := sampleSession(userID, n)
	w.ok(w.Store.CreateSession(w.ctx, s))
	return s
}

// signedIn checks a user's sessions, the newest first.
func (w *world) signedIn(userID string, want ...records.Session) {
	w.t.Helper()
	got, err := w.Store.SessionsOfUser(w.ctx, userID)
	w.ok(err)
	if len(got)+len(want) > 0 {
		w.same("sessions of "+userID, want, got)
	}
	for _, s := range want {
		got, err := w.Store.Session(w.ctx, userID, s.ID)
		w.ok(err)
		w.same("session "+s.ID, s, got)
	}
}

var sessionTests = map[string]func(*world){
	"what is created can be read": func(w *world) {
		ada := w.user("ada")
		want := sampleSession(ada.ID, 1)
		want.Kind, want.Provider = records.CommandLine, "https://issuer.example/"
		want.LastUsed = want.LastUsed.Add(time.Minute + 1)
		for b := range 4096 { // no text
			want.Sealed = append(want.Sealed, byte(b))
		}
		put := want
		put.CreatedAt = put.CreatedAt.In(time.FixedZone("", 7200))
		put.ExpiresAt = put.ExpiresAt.In(time.FixedZone("", -7200))
		w.ok(w.Store.CreateSession(w.ctx, put))
		w.signedIn(ada.ID, want)
		w.emitted(events.UserCreated)
	},
	"what is missing is filled in": func(w *world) {
		ada := w.user("ada")
		w.ok(w.Store.CreateSession(w.ctx, records.Session{ID: "s", UserID: ada.ID, Kind: records.Browser, SecretHash: "h", ExpiresAt: epoch.Add(month)}))
		w.signedIn(ada.ID, records.Session{ID: "s", UserID: ada.ID, Kind: records.Browser, SecretHash: "h",
			CreatedAt: w.Clock.Now(), LastUsed: w.Clock.Now(), ExpiresAt: epoch.Add(month)})
	},
	"a session is refused that could not be kept": func(w *world) {
		ada := w.user("ada")
		for field, spoil := range map[string]func(*records.Session){
			"id":          func(s *records.Session) { s.ID = "" },
			"user_id":     func(s *records.Session) { s.UserID = "" },
			"secret_hash": func(s *records.Session) { s.SecretHash = "" },
			"expires_at":  func(s *records.Session) { s.ExpiresAt = time.Time{} },
			"kind":        func(s *records.Session) { s.Kind = "robot" },
		} {
			s := sampleSession(ada.ID, 1)
			spoil(&s)
			w.fails(w.Store.CreateSession(w.ctx, s), fault.Invalid, field)
		}
		w.fails(w.Store.CreateSession(w.ctx, sampleSession("nobody", 1)), fault.NotFound)
		w.signedIn("nobody")
		first := w.session(ada.ID, 1)
		again := first
		again.SecretHash = "another"
		w.fails(w.Store.CreateSession(w.ctx, again), fault.Exists, "id")
		w.signedIn(ada.ID, first)
	},
	"a session is its user's alone": func(w *world) {
		ada, bob := w.user("ada"), w.user("bob")
		first, other := w.session(ada.ID, 1), w.session(bob.ID, 2)
		_, err := w.Store.Session(w.ctx, bob.ID, first.ID)
		w.fails(err, fault.NotFound)
		stolen := first
		stolen.UserID = bob.ID
		w.fails(w.Store.RenewSession(w.ctx, stolen, []byte("x"), epoch.Add(time.Hour)), fault.NotFound)
		w.ok(w.Store.TouchSession(w.ctx, bob.ID, first.ID, epoch.Add(time.Hour)))
		w.fails(w.Store.EndSession(w.ctx, bob.ID, first.ID, epoch, epoch.Add(time.Hour)), fault.NotFound)
		w.present(bob)
		w.ok(w.Store.EndSessions(w.ctx, bob.ID, "", epoch))
		w.signedIn(ada.ID, first)
		w.signedIn(bob.ID)
		_, err = w.Store.Session(w.ctx, bob.ID, other.ID)
		w.fails(err, fault.NotFound)
	},
	"sessions are listed newest first": func(w *world) {
		ada := w.user("ada")
		var want []records.Session
		for _, n := range []int{3, 1, 4, 2} {
			want = append(want, w.session(ada.ID, n))
		}
		w.signedIn(ada.ID, want[2], want[0], want[3], want[1])
	},
	"a renewal replaces what is sealed, once": func(w *world) {
		ada := w.user("ada")
		s := w.session(ada.ID, 1)
		for i, sealed := range [][]byte{[]byte("one"), {0, 255}, nil, []byte("four"), []byte("four")} {
			before := s
			at := epoch.Add(time.Duration(i+1) * time.Hour)
			w.ok(w.Store.RenewSession(w.ctx, s, sealed, at))
			s.Sealed, s.LastUsed = sealed, at
			w.signedIn(ada.ID, s)
			if !bytes.Equal(before.Sealed, s.Sealed) {
				w.fails(w.Store.RenewSession(w.ctx, before, []byte("late"), at.Add(time.Hour)), fault.Conflict)
			}
		}
		w.ok(w.Store.RenewSession(w.ctx, s, []byte("five"), epoch)) // another host's clock is behind
		s.Sealed = []byte("five")
		w.signedIn(ada.ID, s)
		w.ok(w.Store.EndSession(w.ctx, ada.ID, s.ID, epoch, epoch.Add(time.Hour)))
		w.fails(w.Store.RenewSession(w.ctx, s, []byte("x"), epoch), fault.NotFound)
		w.signedIn(ada.ID)
	},
	"a use is noted once a minute": func(w *world) {
		ada := w.user("ada")
		s := w.session(ada.ID, 0)
		for _, c := range []struct {
			after time.Duration
			noted bool
			why   string
		}{
			{59 * time.Second, false, "within the minute"},
			{60 * time.Second, true, "the minute is over"},
			{119 * time.Second, false, "the next one is not"},
			{-time.Hour, false, "a late report does not turn the clock back"},
			{time.Hour, true, "long after"},
		} {
			w.ok(w.Store.TouchSession(w.ctx, ada.ID, s.ID, epoch.Add(c.after)))
			if c.noted {
				s.LastUsed = epoch.Add(c.after)
			}
			got, err := w.Store.Session(w.ctx, ada.ID, s.ID)
			w.ok(err)
			w.same(c.why, s, got)
		}
		w.ok(w.Store.TouchSession(w.ctx, ada.ID, "unknown", epoch))
		w.ok(w.Store.TouchSession(w.ctx, "nobody", s.ID, epoch))
		w.signedIn("nobody")
	},
	"the end of a session is in the user's record for as long as it matters": func(w *world) {
		ada := w.user("ada")
		kept := w.session(ada.ID, 0)
		for n := range 4 {
			w.session(ada.ID, n+1)
		}
		end := func(n int, now, until time.Duration) {
			w.t.Helper()
			w.ok(w.Store.EndSession(w.ctx, ada.ID, sampleSession(ada.ID, n).ID, epoch.Add(now), epoch.Add(until)))
		}
		end(1, 0, 24*time.Hour)
		ada.Ended = map[string]time.Time{"session-001": epoch.Add(24 * time.Hour)}
		w.present(ada)
		end(2, time.Hour, 25*time.Hour)
		ada.Ended["session-002"] = epoch.Add(25 * time.Hour)
		w.present(ada)
		end(3, 24*time.Hour, 48*time.Hour) // the first is over
		ada.Ended = map[string]time.Time{"session-002": epoch.Add(25 * time.Hour), "session-003": epoch.Add(48 * time.Hour)}
		w.present(ada)
		end(4, 50*time.Hour, 50*time.Hour) // nothing was signed for it
		ada.Ended = nil
		w.present(ada)
		w.signedIn(ada.ID, kept)
		w.fails(w.Store.EndSession(w.ctx, ada.ID, "session-001", epoch, epoch.Add(month)), fault.NotFound)
		w.present(ada)
		w.emitted(events.UserCreated)
	},
	"one end too many ends all that was signed": func(w *world) {
		ada := w.user("ada")
		ada.Ended = map[string]time.Time{}
		until := epoch.Add(24 * time.Hour)
		for n := range records.MaxEnded {
			s := w.session(ada.ID, n)
			w.ok(w.Store.EndSession(w.ctx, ada.ID, s.ID, epoch, until))
			ada.Ended[s.ID] = until
		}
		w.present(ada)
		kept, last := w.session(ada.ID, 500), w.session(ada.ID, 501)
		now := epoch.Add(time.Hour + 5)
		w.ok(w.Store.EndSession(w.ctx, ada.ID, last.ID, now, until))
		ada.Ended, ada.SignedOut = nil, now
		w.present(ada)
		w.signedIn(ada.ID, kept) // whose secret renews it
	},
	"all sessions end but one": func(w *world) {
		ada, bob := w.user("ada"), w.user("bob")
		for n := range 3 {
			w.session(ada.ID, n)
		}
		kept, others, link := w.session(ada.ID, 3), w.session(bob.ID, 3), w.connection(ada.ID, 1)
		at := epoch.Add(time.Hour + 7)
		w.ok(w.Store.EndSessions(w.ctx, ada.ID, kept.ID, at.In(time.FixedZone("", 3600))))
		w.signedIn(ada.ID, kept)
		ada.SignedOut = at
		w.present(ada)
		w.ok(w.Store.EndSessions(w.ctx, ada.ID, "", epoch)) // another host's clock is behind
		w.signedIn(ada.ID)
		w.present(ada)
		w.signedIn(bob.ID, others)
		w.present(bob)
		w.connected(ada.ID, link)
		at = at.Add(time.Hour)
		w.ok(w.Store.EndSessions(w.ctx, ada.ID, "unknown", at))
		ada.SignedOut = at
		w.present(ada)
		w.fails(w.Store.EndSessions(w.ctx, "nobody", "", at), fault.NotFound)
		w.emitted(events.UserCreated, events.UserCreated)
	},
	"what has ended before stays so when all end": func(w *world) {
		ada := w.user("ada")
		s, until := w.session(ada.ID, 1), epoch.Add(24*time.Hour)
		w.ok(w.Store.EndSession(w.ctx, ada.ID, s.ID, epoch, until))
		w.ok(w.Store.EndSessions(w.ctx, ada.ID, "", epoch.Add(time.Second)))
		// A host whose clock is ahead may have signed for it after that second.
		ada.Ended, ada.SignedOut = map[string]time.Time{s.ID: until}, epoch.Add(time.Second)
		w.present(ada)
	},
	"as many sessions as there may be are listed and ended, and one more takes the place of the least used": func(w *world) {
		ada := w.user("ada")
		var want []records.Session
		for n := range records.MaxSessions {
			s := sampleSession(ada.ID, n)
			if n >= records.MaxSessions-10 {
				s.Sealed = make([]byte, 110<<10) // together more than a page of a database's answers
			}
			w.ok(w.Store.CreateSession(w.ctx, s))
			want = append(want, s)
		}
		want[0].LastUsed = epoch.Add(time.Hour)
		w.ok(w.Store.TouchSession(w.ctx, ada.ID, want[0].ID, want[0].LastUsed))
		w.fails(w.Store.CreateSession(w.ctx, want[1]), fault.Exists, "id") // and then none makes way
		_, err := w.Store.Session(w.ctx, ada.ID, want[1].ID)
		w.ok(err)
		want = append(slices.Delete(want, 1, 2), w.session(ada.ID, records.MaxSessions))
		_, err = w.Store.Session(w.ctx, ada.ID, sampleSession(ada.ID, 1).ID)
		w.fails(err, fault.NotFound)
		w.present(ada)
		slices.Reverse(want)
		got, err := w.Store.SessionsOfUser(w.ctx, ada.ID)
		w.ok(err)
		w.same("sessions", true, reflect.DeepEqual(want, got)) // a difference in that many bytes takes long to show
		w.ok(w.Store.EndSessions(w.ctx, ada.ID, want[60].ID, epoch))
		w.signedIn(ada.ID, want[60])
	},
	"a session with nothing sealed is renewed, by whatever it was said": func(w *world) {
		ada := w.user("ada")
		s := sampleSession(ada.ID, 1)
		s.Sealed = []byte{}
		w.ok(w.Store.CreateSession(w.ctx, s))
		s.Sealed = nil
		w.signedIn(ada.ID, s)
		w.ok(w.Store.RenewSession(w.ctx, s, []byte("sealed"), epoch.Add(time.Hour)))
		s.Sealed, s.LastUsed = []byte("sealed"), epoch.Add(time.Hour)
		w.signedIn(ada.ID, s)
	},
	"sessions that have expired make way for new ones, never those that live": func(w *world) {
		ada := w.user("ada")
		kept := w.session(ada.ID, 0)
		for n := range 40 {
			s := sampleSession(ada.ID, n+1)
			s.ExpiresAt = epoch.Add(time.Duration(n) * time.Hour)
			w.ok(w.Store.CreateSession(w.ctx, s))
			w.Clock.Advance(time.Hour)
		}
		got, err := w.Store.SessionsOfUser(w.ctx, ada.ID)
		w.ok(err)
		w.same("kept", kept, got[len(got)-1])
		w.same("still alive by the clock of a host that is behind", "session-040", got[0].ID)
	},
	"what a caller does with an answer is the caller's own": func(w *world) {
		ada := w.user("ada")
		s := sampleSession(ada.ID, 1)
		s.Sealed = []byte("sealed")
		w.ok(w.Store.CreateSession(w.ctx, s))
		w.ok(w.Store.EndSession(w.ctx, ada.ID, w.session(ada.ID, 2).ID, epoch, epoch.Add(time.Hour)))
		for range 2 {
			u, err := w.Store.User(w.ctx, ada.ID)
			w.ok(err)
			w.same("ended", []string{"session-002"}, slices.Collect(maps.Keys(u.Ended)))
			clear(u.Ended)
			got, err := w.Store.Session(w.ctx, ada.ID, s.ID)
			w.ok(err)
			w.same("sealed", "sealed", string(got.Sealed))
			clear(got.Sealed)
		}
	},
}
