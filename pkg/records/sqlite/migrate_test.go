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

// fileOf makes a file as a version of the schema left it.
func fileOf(t *testing.T, version int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "records.db")
	db := raw(t, path)
	var scripts []string
	for v := range version {
		scripts = append(scripts, fmt.Sprintf("schema/%04d.sql", v+1))
	}
	for _, script := range append(scripts, fmt.Sprintf("testdata/version%d.sql", version)) {
		text, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(string(text)); err != nil {
			t.Fatalf("%s: %v", script, err)
		}
	}
	for _, pragma := range []string{fmt.Sprint("PRAGMA user_version = ", version), "PRAGMA journal_mode = WAL"} {
		if _, err := db.Exec(pragma); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// A file of the first version keeps all it holds, and can all that is new.
func TestFileOfTheFirstVersion(t *testing.T) {
	path := fileOf(t, 1)
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

// A file from before people could sign in for good keeps all it holds, and its
// users can sign in, connect agents, leave and come back.
func TestFileOfTheSecondVersion(t *testing.T) {
	path := fileOf(t, 2)
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	s := open(t, path, sqlite.Options{Now: func() time.Time { return at }})
	ada := records.User{ID: "ada", Username: "ada", Email: "ada@example.org", DisplayName: "ada", Tier: records.Free, Wikis: 2, CreatedAt: at}
	w := records.Wiki{
		ID: "id-w0", Slug: "w0", Name: "w0", OwnerID: "ada", Tier: records.Free, Head: fmt.Sprintf("%040x", 3), Sequence: 3, HeadAt: at, PageCount: 3,
		BasePacks: []string{"p"}, BaseSequence: 2, GitOff: true, CreatedAt: at,
	}
	holds := func(why string) {
		t.Helper()
		user, err := s.UserByIdentity(t.Context(), records.Identity{Provider: "dev", Subject: "ada"})
		if diff := cmp.Diff(ada, user); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", why, err, diff)
		}
		wiki, err := s.Wiki(t.Context(), "id-w0")
		if diff := cmp.Diff(w, wiki); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", why, err, diff)
		}
	}
	holds("as it was")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	session := records.Session{ID: "s", UserID: "ada", Kind: records.Browser, SecretHash: "h", ExpiresAt: at.Add(time.Hour)}
	must(s.CreateSession(t.Context(), session))
	must(s.EndSession(t.Context(), "ada", "s", at, at.Add(time.Hour)))
	ada.Ended = map[string]time.Time{"s": at.Add(time.Hour)}
	must(s.DeleteUser(t.Context(), "ada", at))
	w.Closed = true
	wiki, err := s.Wiki(t.Context(), "id-w0")
	if diff := cmp.Diff(w, wiki); err != nil || diff != "" {
		t.Errorf("closed: %v (-want +got):\n%s", err, diff)
	}
	must(s.RestoreUser(t.Context(), "ada"))
	w.Closed = false
	holds("after she came back")
	must(s.DeleteUser(t.Context(), "ada", at))
	must(s.ForgetUser(t.Context(), "ada"))
	must(s.DeleteWiki(t.Context(), "id-ada", nil))
	if r, _, err := s.NameTaken(t.Context(), "ada"); err != nil || r != (records.Reservation{Name: "ada"}) {
		t.Errorf("her name: %+v, %v", r, err)
	}
	if events := outbox(t, path); events[0].GetId() != "step-2" || len(events) != 3 {
		t.Errorf("the outbox holds %v", events)
	}
}

// Processes that open an old file at once migrate it once.
func TestMigrationRace(t *testing.T) {
	path := fileOf(t, 1)
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
