package sqlite_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/sqlite"
)

const (
	childFile = "SQLITE_TEST_FILE" // makes the test binary another process on this file
	childTask = "SQLITE_TEST_TASK" // and says what it does there
)

func TestMain(m *testing.M) {
	if path := os.Getenv(childFile); path != "" {
		if err := child(path, os.Getenv(childTask)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// writers is how many wikis the writing child writes at once.
const writers = 4

func child(path, task string) error {
	ctx := context.Background()
	s, err := sqlite.Open(path, sqlite.Options{})
	if err != nil {
		return err
	}
	switch {
	case task == "write":
		return writeForEver(ctx, s)
	case strings.HasPrefix(task, "user "):
		name := strings.TrimPrefix(task, "user ")
		if err := createUser(ctx, s, name); err != nil {
			return err
		}
	case task == "spend":
		return spendForEver(ctx, s)
	case task == "leave":
		if err := s.DeleteUser(ctx, "ada", time.Now()); err != nil {
			return err
		}
	case task == "return":
		if err := s.RestoreUser(ctx, "ada"); err != nil {
			return err
		}
	case strings.HasPrefix(task, "sign out "):
		if err := s.EndSession(ctx, "ada", strings.TrimPrefix(task, "sign out "), time.Now(), time.Now().Add(time.Hour)); err != nil {
			return err
		}
	case strings.HasPrefix(task, "disconnect "):
		if err := s.EndConnection(ctx, "ada", strings.TrimPrefix(task, "disconnect ")); err != nil {
			return err
		}
	case strings.HasPrefix(task, "advance "):
		if _, err := s.AdvanceHead(ctx, change("w0", "", strings.TrimPrefix(task, "advance "))); err != nil {
			return err
		}
	case strings.HasPrefix(task, "public "):
		if _, err := s.UpdateWiki(ctx, "w0", records.WikiChange{Public: new(strings.HasSuffix(task, "true"))}, nil); err != nil {
			return err
		}
	default:
		return fmt.Errorf("unknown task %q", task)
	}
	return s.Close()
}

// writeForEver moves the head of each wiki on and on, and prints wiki and
// sequence once a step has been acknowledged.
func writeForEver(ctx context.Context, s *sqlite.Store) error {
	failed := make(chan error)
	var out sync.Mutex
	for i := range writers {
		go func() {
			w, err := s.Wiki(ctx, fmt.Sprint("w", i))
			for err == nil {
				w, err = s.AdvanceHead(ctx, change(w.ID, w.Head, fmt.Sprintf("%040x", w.Sequence+1)))
				if err == nil {
					out.Lock()
					_, err = fmt.Println(w.ID, w.Sequence)
					out.Unlock()
				}
			}
			failed <- err
		}()
	}
	return <-failed
}

// spendForEver spends one ticket after the other and rotates a connection with
// each, and prints how many are spent once that has been acknowledged.
func spendForEver(ctx context.Context, s *sqlite.Store) error {
	c, err := s.Connection(ctx, "ada", "c")
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		hash := fmt.Sprint(c.RefreshHash, n) // no other round's
		if err := s.PutTicket(ctx, records.Ticket{Kind: "code", Hash: hash, ExpiresAt: time.Now().Add(time.Hour)}); err != nil {
			return err
		}
		if _, err := s.SpendTicket(ctx, "code", hash, "spent", time.Now()); err != nil {
			return err
		}
		if c, err = s.RotateConnection(ctx, "ada", "c", c.RefreshHash, hash, time.Now(), time.Now().Add(time.Hour)); err != nil {
			return err
		}
		if _, err := fmt.Println(hash, n); err != nil {
			return err
		}
	}
}

func createUser(ctx context.Context, s *sqlite.Store, name string) error {
	return s.CreateUser(ctx, records.User{ID: name, Username: name, Email: name + "@example.org"}, records.Identity{Provider: "dev", Subject: name})
}

// change is a step of a wiki's head that adds a page.
func change(wiki, old, next string) records.HeadChange {
	env, err := events.New(time.Now(), wiki, nil, &eventsv1.PageSaved{Commit: &eventsv1.Commit{OldHead: old, NewHead: next}})
	if err != nil {
		panic(err) // the data is of a known type
	}
	return records.HeadChange{WikiID: wiki, Old: old, New: next, PageDelta: 1, Event: env}
}

// signIn gives the user "ada" the session "s" and the connection "c".
func signIn(t testing.TB, s *sqlite.Store) {
	t.Helper()
	later := time.Now().Add(time.Hour)
	if err := s.CreateSession(t.Context(), records.Session{ID: "s", UserID: "ada", Kind: records.Browser, SecretHash: "h", ExpiresAt: later}); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateConnection(t.Context(), records.Connection{ID: "c", UserID: "ada", WikiID: "w0", ClientID: "x", Resource: "r",
		Role: records.Editor, RefreshHash: "r", ExpiresAt: later}); err != nil {
		t.Fatal(err)
	}
}

// fill creates the user "ada" with the wikis w0, w1, …
func fill(t testing.TB, s *sqlite.Store, wikis int) {
	t.Helper()
	if err := createUser(t.Context(), s, "ada"); err != nil {
		t.Fatal(err)
	}
	for i := range wikis {
		id := fmt.Sprint("w", i)
		if _, err := s.CreateWiki(t.Context(), records.NewWiki{ID: id, Slug: id, Name: id, OwnerID: "ada",
			Token: records.Token{ID: id, Hash: id, UserID: "ada", Name: "default", Role: records.Editor}}); err != nil {
			t.Fatal(err)
		}
	}
}
