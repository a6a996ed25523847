package sqlite_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/recordstest"
	"wikibot.io/pkg/records/sqlite"
)

// What lives for minutes must not pile up for years: it goes as new ones come,
// never before its time, and never more than a few at once.
func TestExpiredRowsAreSwept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records.db")
	clock := new(recordstest.Clock)
	s := open(t, path, sqlite.Options{Now: clock.Now})
	fill(t, s, 1)
	db := raw(t, path)
	ctx := t.Context()
	add := map[string]func(n int, until time.Time) error{
		"sessions": func(n int, until time.Time) error {
			return s.CreateSession(ctx, records.Session{ID: fmt.Sprint(n), UserID: "ada", Kind: records.Browser, SecretHash: "h", ExpiresAt: until})
		},
		"connections": func(n int, until time.Time) error {
			return s.CreateConnection(ctx, records.Connection{ID: fmt.Sprint(n), UserID: "ada", WikiID: "w0", ClientID: "x", Resource: "r",
				Role: records.Editor, RefreshHash: "r", ExpiresAt: until})
		},
		"tickets": func(n int, until time.Time) error {
			return s.PutTicket(ctx, records.Ticket{Kind: "code", Hash: fmt.Sprint(n), ExpiresAt: until})
		},
		"clients": func(n int, until time.Time) error {
			return s.PutClient(ctx, records.Client{ID: fmt.Sprint(n), RedirectURIs: []string{"x:/"}, ExpiresAt: until})
		},
		"counters": func(n int, until time.Time) error {
			_, err := s.Count(ctx, fmt.Sprint(n), time.Second, until.Add(-time.Second))
			return err
		},
	}
	const many = 60
	for table, add := range add {
		next := many
		for n := range many {
			if err := add(n, clock.Now().Add(time.Minute)); err != nil {
				t.Fatalf("%s: %v", table, err)
			}
		}
		for _, c := range []struct {
			after time.Duration
			new   int
			want  int
			why   string
		}{
			{time.Minute - time.Second, 1, many + 1, "all of them live"},
			{30 * time.Minute, 1, many + 2, "a host whose clock is behind may ask for them"},
			{records.Linger, 1, many + 2 - 8 + 1, "a new one takes a few away"},
			{0, 12, 15, "and all of them go in the end"},
		} {
			clock.Advance(c.after)
			for range c.new {
				next++
				if err := add(next, clock.Now().Add(time.Hour)); err != nil {
					t.Fatalf("%s: %v", table, err)
				}
			}
			if got := rows(t, db, table); got != c.want {
				t.Errorf("%s: %d rows, want %d: %s", table, got, c.want, c.why)
			}
		}
	}
}

func rows(t *testing.T, db *sql.DB, table string) (n int) {
	t.Helper()
	if err := db.QueryRow("SELECT count(*) FROM " + table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
