package sqlite_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/sqlite"
)

// versionOne makes a file as the first version of the schema left it.
func versionOne(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "records.db")
	db := raw(t, path)
	for _, script := range []string{"schema/0001.sql", "testdata/version1.sql"} {
		text, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(string(text)); err != nil {
			t.Fatalf("%s: %v", script, err)
		}
	}
	for _, pragma := range []string{"PRAGMA user_version = 1", "PRAGMA journal_mode = WAL"} {
		if _, err := db.Exec(pragma); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// A file of the first version keeps all it holds, and can all that is new.
func TestFileOfTheFirstVersion(t *testing.T) {
	path := versionOne(t)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	head := fmt.Sprintf("%040x", 3)
	want := records.Wiki{
		ID: "w0", Slug: "w0", Name: "w0", OwnerID: "ada", Tier: records.Free, Head: head, Sequence: 3, HeadAt: at, PageCount: 3,
		Index: records.Index{Commit: head, File: "index", Sequence: 3}, CreatedAt: at,
	}
	for round := range 2 { // opened once more, it is migrated once
		s, err := sqlite.Open(path, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Wiki(t.Context(), "w0")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("round %d (-want +got):\n%s", round, diff)
		}
		if _, err := s.LeaseUpkeep(t.Context(), "w0", "h", at, at.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if _, err = s.ReplaceBases(t.Context(), records.BaseChange{WikiID: "w0", Holder: "h", Packs: []string{"p"}, Sequence: 3}); err != nil {
			t.Fatal(err)
		}
		if want, err = s.UpdateWiki(t.Context(), "w0", records.WikiChange{GitOff: new(true)}, nil); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if events := outbox(t, path); len(events) != 3 || events[0].GetId() != "step-2" {
		t.Errorf("the outbox holds %v", events)
	}
}

// Processes that open an old file at once migrate it once.
func TestMigrationRace(t *testing.T) {
	path := versionOne(t)
	errs := make(chan error)
	for range 4 {
		go func() {
			s, err := sqlite.Open(path, sqlite.Options{})
			if err == nil {
				_, err = s.Wiki(t.Context(), "w1")
				_ = s.Close()
			}
			errs <- err
		}()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}
