package records_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"wikibot.io/pkg/records"
)

// Whatever ends in whatever order: what was signed for a session before its end is
// void for as long as it could be used, and what was signed for those that live
// is void only if all was ended at once.
func TestWhatHasEndedStaysVoid(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		type end struct{ at, until time.Time }
		ended := map[string]end{}
		var all time.Time // when everything was ended
		var u records.User
		pauses := []time.Duration{0, time.Nanosecond, time.Second, time.Minute, time.Hour}
		for n := range 3 * records.MaxEnded {
			now = now.Add(rapid.SampledFrom(pauses).Draw(r, "pause"))
			before := u
			clock := now
			if n%50 == rapid.IntRange(0, 49).Draw(r, "when all end") {
				clock = now.Add(-rapid.SampledFrom(pauses).Draw(r, "behind")) // another host's
				u = u.EndSessions(clock)
				all = records.Later(all, clock)
			} else {
				id, until := fmt.Sprint("s", n), now.Add(24*rapid.SampledFrom(pauses).Draw(r, "signed for"))
				u = u.EndSession(id, now, until)
				ended[id] = end{now, until}
				if u.SignedOut.After(before.SignedOut) && len(u.Ended) == 0 { // one too many
					all = now
				}
			}
			if len(u.Ended) > records.MaxEnded {
				r.Fatalf("%d sessions are listed", len(u.Ended))
			}
			for id, e := range ended {
				if now.Before(e.until) && !u.Ended[id].Equal(e.until) && u.SignedOut.Before(e.at) {
					r.Fatalf("what was signed for session %s is good again %v after its end", id, now.Sub(e.at))
				}
			}
			if !u.SignedOut.Equal(all) {
				r.Fatalf("all sessions ended at %v, not at %v", all, u.SignedOut)
			}
			for id, until := range u.Ended {
				if !until.After(clock) {
					r.Fatalf("session %s is listed though it is over", id)
				}
			}
		}
	})
}

// The record that was read stays as it is: somebody else may hold it.
func TestEndsChangeACopy(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	read := records.User{}.EndSession("one", now, now.Add(time.Hour))
	read.EndSession("two", now, now.Add(time.Hour))
	read.EndSessions(now.Add(2 * time.Hour))
	if len(read.Ended) != 1 || !read.SignedOut.IsZero() {
		t.Errorf("the record has changed: %+v", read)
	}
}

func TestWindows(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		window := time.Duration(rapid.Int64Range(int64(time.Second), int64(10000*time.Hour)).Draw(r, "window"))
		now := time.Unix(0, rapid.Int64Range(0, 1<<62).Draw(r, "now"))
		from := records.CountFrom(window, now)
		if from.After(now) || !from.Add(window).After(now) || from.UnixNano()%int64(window) != 0 {
			r.Fatalf("%v is not in the window from %v", now, from)
		}
	})
}
