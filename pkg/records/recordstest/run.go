package recordstest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

// Store is all that a driver implements.
type Store interface {
	records.Users
	records.Wikis
	records.Heads
	records.Upkeep
	records.Grants
	records.Tokens
	records.Activities
	records.Sessions
	records.Connections
	records.Tickets
	records.Clients
	records.Counters
	records.Departures
}

// Harness is one fresh store and what the suite needs to see of its world.
type Harness struct {
	Store Store
	// Events returns every event emitted so far, in the order of emission as far
	// as the driver keeps one.
	Events func(t *testing.T) []*eventsv1.Envelope
	// Clock is the one that the store uses.
	Clock *Clock
}

// Clock is a clock that stands until it is moved.
type Clock struct{ offset atomic.Int64 }

// epoch has nanoseconds, so that a driver that drops them is found out. It is far
// ahead, so that a database which removes what has expired by its own clock does
// not do so in the middle of a test.
var epoch = time.Date(2126, 3, 1, 12, 0, 0, 123456789, time.UTC)

// Now returns the time.
func (c *Clock) Now() time.Time { return epoch.Add(time.Duration(c.offset.Load())) }

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) { c.offset.Add(int64(d)) }

// Run runs the suite; make returns a fresh store each time it is called.
func Run(t *testing.T, make func(t *testing.T) Harness) {
	for _, group := range []struct {
		name  string
		tests map[string]func(*world)
	}{
		{"Users", userTests}, {"Wikis", wikiTests}, {"Heads", headTests}, {"Idempotency", idempotencyTests}, {"Upkeep", upkeepTests},
		{"Grants", grantTests}, {"Tokens", tokenTests}, {"Activities", activityTests}, {"Races", raceTests},
		{"Identities", identityTests}, {"Sessions", sessionTests}, {"Connections", connectionTests}, {"Tickets", ticketTests},
		{"No keys", noKeyTests}, {"Clients", clientTests}, {"Counters", counterTests}, {"Departures", departureTests}, {"Forgetting", forgetTests},
		{"Identity races", identityRaceTests}, {"Departure races", departureRaceTests},
	} {
		for name, test := range group.tests {
			t.Run(group.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				w := &world{t: t, Harness: make(t), ctx: t.Context()}
				test(w)
				w.checkInvariants()
			})
		}
	}
}

// world is a store with the users and wikis that a test put in.
type world struct {
	Harness
	t     *testing.T
	ctx   context.Context
	users []string
	wikis []string
	seen  int // events taken by emitted
}

var actor = &events.Actor{UserId: "someone", Name: "Some One", Agent: "Claude Code"}

// sample returns a user that is not stored.
func sample(name string) (records.User, records.Identity) {
	return records.User{ID: "user-" + name, Username: name, Email: name + "@Example.org", DisplayName: "The " + name, Tier: records.Free, CreatedAt: epoch},
		records.Identity{Provider: "dev", Subject: name}
}

func (w *world) user(name string) records.User {
	w.t.Helper()
	u, id := sample(name)
	w.ok(w.Store.CreateUser(w.ctx, u, id))
	w.users = append(w.users, u.ID)
	return u
}

// sampleWiki returns what creates a wiki, and is not stored.
func sampleWiki(owner, slug string) records.NewWiki {
	id := "wiki-" + slug
	return records.NewWiki{
		ID: id, Slug: slug, Name: "About " + slug, OwnerID: owner, CreatedAt: epoch, Actor: actor,
		Token: sampleToken(id, "default"),
	}
}

func sampleToken(wikiID, name string) records.Token {
	return records.Token{ID: "token-" + wikiID + "-" + name, Hash: "hash-" + wikiID + "-" + name, WikiID: wikiID, UserID: "someone", Name: name,
		Role: records.Editor, CreatedAt: epoch}
}

func (w *world) wiki(owner, slug string) records.Wiki {
	w.t.Helper()
	got, err := w.Store.CreateWiki(w.ctx, sampleWiki(owner, slug))
	w.ok(err)
	w.wikis = append(w.wikis, got.ID)
	return got
}

// commit returns a made-up commit id.
func commit(n int) string { return fmt.Sprintf("%040x", n) }

// step returns a change of head that edits one page.
func (w *world) step(wikiID, old, new string) records.HeadChange {
	w.t.Helper()
	env, err := events.New(w.Clock.Now(), wikiID, actor, &eventsv1.PageSaved{Commit: &eventsv1.Commit{OldHead: old, NewHead: new,
		Changes: []*eventsv1.PageChange{{Kind: eventsv1.PageChange_KIND_EDITED, Path: "Home"}}}})
	w.ok(err)
	return records.HeadChange{WikiID: wikiID, Old: old, New: new, At: w.Clock.Now(), Event: env}
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// fails checks an error's kind and, if any are given, the fields it names.
func (w *world) fails(err error, kind fault.Kind, fields ...string) {
	w.t.Helper()
	if !fault.Is(err, kind) {
		w.t.Errorf("error %v (%q), want one of kind %q", err, fault.KindOf(err), kind)
		return
	}
	if len(fields) > 0 {
		if diff := cmp.Diff(fields, fieldsOf(err)); diff != "" {
			w.t.Errorf("fields of %v (-want +got):\n%s", err, diff)
		}
	}
}

// sameTime insists on UTC, which the method Equal of times does not.
var sameTime = cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) && a.Location() == b.Location() })

func (w *world) same(what string, want, got any) {
	w.t.Helper()
	if diff := cmp.Diff(want, got, protocmp.Transform(), sameTime); diff != "" {
		w.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// emitted checks the events since it was last called, by type.
func (w *world) emitted(want ...events.Type) []*eventsv1.Envelope {
	w.t.Helper()
	fresh := w.Events(w.t)[w.seen:]
	w.seen += len(fresh)
	var got []events.Type
	for _, env := range fresh {
		got = append(got, events.Type(env.Type))
		if env.Id == "" || env.Time == nil || env.Version != events.Version {
			w.t.Errorf("event lacks id, time or version: %v", env)
		}
	}
	w.same("events", want, got)
	return fresh
}

// race runs fn n times at once and returns the errors.
func race(n int, fn func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = fn(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// winner returns the one index without an error; the others must be of kind.
func (w *world) winner(errs []error, kind fault.Kind) int {
	w.t.Helper()
	won := -1
	for i, err := range errs {
		switch {
		case err == nil && won >= 0:
			w.t.Fatalf("both %d and %d won", won, i)
		case err == nil:
			won = i
		default:
			w.fails(err, kind)
		}
	}
	if won < 0 {
		w.t.Fatal("nobody won:", errs)
	}
	return won
}

// checkInvariants holds after every test, whatever it did.
func (w *world) checkInvariants() {
	w.t.Helper()
	ids := map[string]bool{}
	steps := map[string]int64{}
	for _, env := range w.Events(w.t) {
		if ids[env.Id] {
			w.t.Errorf("event %s was emitted twice", env.Id)
		}
		ids[env.Id] = true
		if c := events.CommitOf(env); c != nil {
			steps[env.WikiId]++
		}
	}
	owned := map[string]int{}
	for _, id := range w.wikis {
		wiki, err := w.Store.Wiki(w.ctx, id)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		w.ok(err)
		owned[wiki.OwnerID]++
		got, err := w.Store.WikiID(w.ctx, wiki.Slug)
		if err != nil || got != id {
			w.t.Errorf("slug %s leads to %q, %v; want %s", wiki.Slug, got, err, id)
		}
		if wiki.Sequence != steps[id] && !strings.Contains(wiki.Name, "adopted") {
			w.t.Errorf("wiki %s is at sequence %d, but %d page events were emitted", id, wiki.Sequence, steps[id])
		}
	}
	for _, id := range w.users {
		u, err := w.Store.User(w.ctx, id)
		w.ok(err)
		if u.Wikis != owned[id] {
			w.t.Errorf("user %s counts %d wikis and owns %d", id, u.Wikis, owned[id])
		}
	}
}
