package sqlite_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/sqlite"
)

// changes are writes about people that would each succeed.
func changes(s *sqlite.Store) map[string]func(context.Context) error {
	now := time.Now()
	return map[string]func(context.Context) error{
		"update user": func(ctx context.Context) error {
			_, err := s.UpdateUser(ctx, "ada", records.UserChange{DisplayName: new("x")})
			return err
		},
		"add identity": func(ctx context.Context) error {
			return s.AddIdentity(ctx, "ada", records.Identity{Provider: "x", Subject: "y"})
		},
		"renew session": func(ctx context.Context) error {
			return s.RenewSession(ctx, records.Session{UserID: "ada", ID: "s"}, []byte("x"), now)
		},
		"touch session": func(ctx context.Context) error { return s.TouchSession(ctx, "ada", "s", now.Add(time.Hour)) },
		"rotate": func(ctx context.Context) error {
			_, err := s.RotateConnection(ctx, "ada", "c", "r", "n", now, now.Add(time.Hour))
			return err
		},
		"touch":        func(ctx context.Context) error { return s.TouchConnection(ctx, "ada", "c", now) },
		"spend ticket": func(ctx context.Context) error { _, err := s.SpendTicket(ctx, "code", "t", "", now); return err },
		"put ticket": func(ctx context.Context) error {
			return s.PutTicket(ctx, records.Ticket{Kind: "code", Hash: "u", ExpiresAt: now.Add(time.Hour)})
		},
		"put client": func(ctx context.Context) error {
			return s.PutClient(ctx, records.Client{ID: "d", RedirectURIs: []string{"x:/"}, ExpiresAt: now.Add(time.Hour)})
		},
		"extend client":  func(ctx context.Context) error { return s.ExtendClient(ctx, "c", now.Add(2*time.Hour)) },
		"count":          func(ctx context.Context) error { _, err := s.Count(ctx, "k", time.Minute, now); return err },
		"end session":    func(ctx context.Context) error { return s.EndSession(ctx, "ada", "s", now, now.Add(time.Hour)) },
		"end sessions":   func(ctx context.Context) error { return s.EndSessions(ctx, "ada", "", now) },
		"end connection": func(ctx context.Context) error { return s.EndConnection(ctx, "ada", "c") },
		"delete user":    func(ctx context.Context) error { return s.DeleteUser(ctx, "ada", now) },
		"restore user":   func(ctx context.Context) error { return s.RestoreUser(ctx, "bob") },
		"forget user":    func(ctx context.Context) error { return s.ForgetUser(ctx, "bob") },
	}
}

// world is a store in which each of the changes would succeed.
func world(t *testing.T) (*sqlite.Store, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "records.db")
	s := open(t, path, sqlite.Options{})
	fill(t, s, 1)
	signIn(t, s)
	later := time.Now().Add(time.Hour)
	for _, err := range []error{
		createUser(t.Context(), s, "bob"),
		s.DeleteUser(t.Context(), "bob", time.Now()),
		s.PutTicket(t.Context(), records.Ticket{Kind: "code", Hash: "t", ExpiresAt: later}),
		s.PutClient(t.Context(), records.Client{ID: "c", RedirectURIs: []string{"x:/"}, ExpiresAt: later}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return s, path
}

// contents dumps what the file holds about people.
func contents(t *testing.T, path string) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, table := range []string{"users", "names", "emails", "identities", "wikis", "sessions", "connections", "tickets", "clients", "counters", "outbox"} {
		rows, err := raw(t, path).Query("SELECT * FROM " + table)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			cells, to := make([]string, len(columns)), make([]any, len(columns))
			for i := range cells {
				to[i] = &cells[i]
			}
			if err := rows.Scan(to...); err != nil {
				t.Fatal(err)
			}
			out[table] = append(out[table], cells...)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// A store that cannot write signs nobody in or out by half, and says so.
func TestCannotWriteAboutPeople(t *testing.T) {
	s, path := world(t)
	before := contents(t, path)
	if err := sqlite.Pragma(s, "PRAGMA query_only = 1"); err != nil {
		t.Fatal(err)
	}
	for what, change := range changes(s) {
		if err := change(t.Context()); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if diff := cmp.Diff(before, contents(t, path)); diff != "" {
		t.Errorf("the records have changed (-before +after):\n%s", diff)
	}
	if err := sqlite.Pragma(s, "PRAGMA query_only = 0"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SpendTicket(t.Context(), "code", "t", "", time.Now()); err != nil {
		t.Errorf("after the trouble: %v", err)
	}
}

// Who gives up while waiting for a turn has changed nothing, and with the turn
// each change would have been made.
func TestChangesAboutPeopleWithdraw(t *testing.T) {
	s, path := world(t)
	before := contents(t, path)
	for what, change := range changes(s) {
		release := sqlite.Hold(s)
		waits, giveUp := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- change(waits) }()
		sqlite.AwaitQueue(s, 1)
		giveUp()
		if err := <-done; !errors.Is(err, context.Canceled) || !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: %v", what, err)
		}
		release()
	}
	if diff := cmp.Diff(before, contents(t, path)); diff != "" {
		t.Errorf("the records have changed (-before +after):\n%s", diff)
	}
	for what := range changes(s) {
		s, _ := world(t)
		if err := changes(s)[what](t.Context()); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := changes(s)[what](t.Context()); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s when the store is closed: %v", what, err)
		}
	}
}
