package sqlite_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/records/recordstest"
	"wikibot.io/pkg/records/sqlite"
)

func TestConformance(t *testing.T) {
	recordstest.Run(t, func(t *testing.T) recordstest.Harness {
		path := filepath.Join(t.TempDir(), "records.db")
		clock := new(recordstest.Clock)
		s := open(t, path, sqlite.Options{Now: clock.Now})
		t.Cleanup(func() {
			if scans, err := sqlite.Scans(s); err != nil || len(scans) > 0 {
				t.Errorf("queries that walk a whole table, which DynamoDB could not either: %v, %v", scans, err)
			}
		})
		return recordstest.Harness{Store: s, Clock: clock, Events: func(t *testing.T) []*eventsv1.Envelope { return outbox(t, path) }}
	})
}

// open opens a store that the test's end closes.
func open(t *testing.T, path string, o sqlite.Options) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// raw opens the file as any SQLite program would.
func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// outbox reads the events that have been stored and not delivered.
func outbox(t *testing.T, path string) (out []*eventsv1.Envelope) {
	t.Helper()
	rows, err := raw(t, path).Query(`SELECT body FROM outbox ORDER BY seq`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var body []byte
		if err := rows.Scan(&body); err != nil {
			t.Fatal(err)
		}
		env, err := events.Unmarshal(body)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, env)
	}
	return out
}
