package management_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"
	"wikibot.io/pkg/event"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/sqlite"
	"wikibot.io/services/management"
)

// departed makes a fleet in which ada, who owned two wikis and edited one of
// grace's, has been forgotten; her event has not been delivered.
func departed(t *testing.T) (f *fleet, ada records.User, hers []records.Wiki, graces records.Wiki) {
	t.Helper()
	f = newFleet(t)
	ada, grace := f.user(t, "ada", records.Premium), f.user(t, "grace", records.Premium)
	for _, slug := range []string{"ada", "engines"} {
		w, _ := f.wiki(t, ada, slug, true)
		hers = append(hers, w)
	}
	graces, _ = f.wiki(t, grace, "compilers", false)
	for w, u := range map[string]records.User{graces.ID: ada, hers[0].ID: grace} {
		if err := f.records.PutGrant(t.Context(), records.Grant{WikiID: w, UserID: u.ID, Role: records.Editor, GrantedBy: "x"}, 25, nil); err != nil {
			t.Fatal(err)
		}
	}
	f.dispatcher(t) // what has happened so far concerns nobody
	if err := f.records.DeleteUser(t.Context(), ada.ID, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := f.records.ForgetUser(t.Context(), ada.ID); err != nil {
		t.Fatal(err)
	}
	return f, ada, hers, graces
}

// dispatcher delivers everything that is in the outbox to the service, and what
// that causes.
func (f *fleet) dispatcher(t *testing.T) {
	t.Helper()
	d, err := event.NewDispatcher(event.Deps{
		Outbox: f.records, Subscriptions: f.management.Subscriptions(), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// gone checks that nothing of ada is left, and all of grace.
func (f *fleet) gone(t *testing.T, ada records.User, hers []records.Wiki, graces records.Wiki) {
	t.Helper()
	for _, w := range hers {
		if _, err := f.records.Wiki(t.Context(), w.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("wiki %s: %v, want not found", w.Slug, err)
		}
		if r, taken, err := f.records.NameTaken(t.Context(), w.Slug); err != nil || !taken || r.UserID != "" || r.WikiID != "" {
			t.Errorf("the name %s: %+v, %v, %v, want a tombstone", w.Slug, r, taken, err)
		}
		if g, err := f.records.GrantsOfWiki(t.Context(), w.ID); err != nil || len(g) != 0 {
			t.Errorf("grants in %s: %v, %v", w.Slug, g, err)
		}
		if k, err := f.records.TokensOfWiki(t.Context(), w.ID); err != nil && !fault.Is(err, fault.NotFound) || len(k) != 0 {
			t.Errorf("tokens of %s: %v, %v", w.Slug, k, err)
		}
	}
	if g, err := f.records.GrantsOfUser(t.Context(), ada.ID); err != nil || len(g) != 0 {
		t.Errorf("grants of ada: %v, %v", g, err)
	}
	if g, err := f.records.GrantsOfWiki(t.Context(), graces.ID); err != nil || len(g) != 1 || g[0].Role != records.Owner {
		t.Errorf("grants in grace's wiki: %v, %v", g, err)
	}
}

// TestForgottenUser: the event of a user who was forgotten, delivered as the fleet
// delivers, leaves nothing of theirs; and may come again.
func TestForgottenUser(t *testing.T) {
	f, ada, hers, graces := departed(t)
	f.dispatcher(t)
	f.gone(t, ada, hers, graces)

	again := userDeleted(t, ada.ID)
	if err := f.subscription(t, "management.cleanup").Handle(t.Context(), again); err != nil {
		t.Errorf("the same event again: %v", err)
	}
	f.gone(t, ada, hers, graces)
}

func userDeleted(t *testing.T, id string) *eventsv1.Envelope {
	t.Helper()
	env, err := events.New(time.Now(), "", nil, &eventsv1.UserDeleted{UserId: id})
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// flaky is a store that fails to delete one wiki, once.
type flaky struct {
	*sqlite.Store
	wiki   string
	failed bool
}

func (s *flaky) DeleteWiki(ctx context.Context, id string, actor *eventsv1.Actor) error {
	if id == s.wiki && !s.failed {
		s.failed = true
		return fault.New(fault.Unavailable, "delete wiki %s: the store is away", id)
	}
	return s.Store.DeleteWiki(ctx, id, actor)
}

// TestForgottenUserDespiteAFailure: what fails in the middle is not forgotten, and
// holds nothing else up.
func TestForgottenUserDespiteAFailure(t *testing.T) {
	f, ada, hers, graces := departed(t)
	store := &flaky{Store: f.records, wiki: hers[0].ID}
	svc, err := management.New(management.Deps{Hosts: f.hosts, Records: store, Authenticator: f.authenticator})
	if err != nil {
		t.Fatal(err)
	}
	f.management = svc
	handle, env := f.subscription(t, "management.cleanup").Handle, userDeleted(t, ada.ID)
	if err := handle(t.Context(), env); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("the first delivery: %v, want the store's failure", err)
	}
	left, err := f.records.GrantsOfUser(t.Context(), ada.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range left {
		if _, err := f.records.Wiki(t.Context(), g.WikiID); err == nil && g.WikiID != hers[0].ID {
			t.Errorf("wiki %s was held up by another", g.WikiID)
		}
	}
	if err := handle(t.Context(), env); err != nil {
		t.Fatal(err)
	}
	f.dispatcher(t)
	f.gone(t, ada, hers, graces)
}

// TestForgottenUserWhoIsThere: an event that says so of a living user costs nobody
// their wikis.
func TestForgottenUserWhoIsThere(t *testing.T) {
	f := newFleet(t)
	u := f.user(t, "ada", records.Free)
	w, _ := f.wiki(t, u, "ada", false)
	if err := f.subscription(t, "management.cleanup").Handle(t.Context(), userDeleted(t, u.ID)); err == nil {
		t.Error("taken for true")
	}
	got, err := f.records.Wiki(t.Context(), w.ID)
	if diff := cmp.Diff(w.ID, got.ID); err != nil || diff != "" {
		t.Errorf("the wiki: %v %s", err, diff)
	}
	if err := f.subscription(t, "management.cleanup").Handle(t.Context(), userDeleted(t, "nobody")); err != nil {
		t.Errorf("a user whom nobody knew: %v", errors.Unwrap(err))
	}
}
