package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/sqlite"
)

// A store that cannot write says so and changes nothing; once it can again, it
// needs no help.
func TestCannotWrite(t *testing.T) {
	for name, c := range map[string]struct{ breakIt, mendIt string }{
		"full disk":      {"PRAGMA max_page_count = 1", "PRAGMA max_page_count = 1073741823"},
		"read-only file": {"PRAGMA query_only = 1", "PRAGMA query_only = 0"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "records.db")
			s := open(t, path, sqlite.Options{})
			fill(t, s, 1)
			stuff(t, s)
			ctx := t.Context()
			before, err := s.Wiki(ctx, "w0")
			if err != nil {
				t.Fatal(err)
			}
			events := len(outbox(t, path))
			if err := sqlite.Pragma(s, c.breakIt); err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			for i := range 8 { // together, so that they share a transaction
				wg.Go(func() {
					big := change("w0", before.Head, fmt.Sprintf("%040x", 1000+i))
					big.Idempotency = &records.Idempotency{Key: fmt.Sprint(i), Result: make([]byte, 1<<20)}
					if _, err := s.AdvanceHead(ctx, big); !fault.Is(err, fault.Unavailable) {
						t.Errorf("advance head: %v", err)
					}
				})
			}
			wg.Wait()
			after, err := s.Wiki(ctx, "w0")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("the record has changed (-before +after):\n%s", diff)
			}
			if n := len(outbox(t, path)); n != events {
				t.Errorf("%d events appeared", n-events)
			}
			if err := sqlite.Pragma(s, c.mendIt); err != nil {
				t.Fatal(err)
			}
			if _, err := s.AdvanceHead(ctx, change("w0", before.Head, fmt.Sprintf("%040x", 2000))); err != nil {
				t.Errorf("after the trouble: %v", err)
			}
		})
	}
}

// stuff moves the head until the file is some pages long.
func stuff(t *testing.T, s *sqlite.Store) {
	t.Helper()
	head := ""
	for i := range 10 {
		next := fmt.Sprintf("%040x", i+1)
		if _, err := s.AdvanceHead(t.Context(), change("w0", head, next)); err != nil {
			t.Fatal(err)
		}
		head = next
	}
}

// One change that cannot be stored must not take down those that happen to
// share its transaction.
func TestSharedTransactionSparesTheOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records.db")
	s := open(t, path, sqlite.Options{})
	fill(t, s, 8)
	var pages int
	if err := raw(t, path).QueryRow(`PRAGMA page_count`).Scan(&pages); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Pragma(s, fmt.Sprint("PRAGMA max_page_count = ", pages+20)); err != nil {
		t.Fatal(err)
	}
	release := sqlite.Hold(s)
	errs := make([]error, 8)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			c := change(fmt.Sprint("w", i), "", strings.Repeat("a", 40))
			if i == 3 {
				c.Idempotency = &records.Idempotency{Key: "k", Result: make([]byte, 1<<20)} // more than the disk has left
			}
			_, errs[i] = s.AdvanceHead(t.Context(), c)
		})
	}
	sqlite.AwaitQueue(s, len(errs))
	release()
	wg.Wait()
	for i, err := range errs {
		if i == 3 && !fault.Is(err, fault.Unavailable) || i != 3 && err != nil {
			t.Errorf("change %d: %v", i, err)
		}
	}
}

func TestContexts(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "records.db"), sqlite.Options{})
	fill(t, s, 1)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Wiki(gone, "w0"); !fault.Is(err, fault.Unavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("read: %v", err)
	}
	if err := s.SetTier(gone, "ada", records.Premium); !fault.Is(err, fault.Unavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("write: %v", err)
	}

	// Who gives up while waiting for a turn has changed nothing.
	release := sqlite.Hold(s)
	waits, giveUp := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.SetTier(waits, "ada", records.Premium) }()
	sqlite.AwaitQueue(s, 1)
	giveUp()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("withdrawn write: %v", err)
	}
	release()
	if u, err := s.User(t.Context(), "ada"); err != nil || u.Tier != records.Free {
		t.Errorf("withdrawn write took effect: %+v, %v", u, err)
	}
	if err := s.SetTier(t.Context(), "ada", records.Premium); err != nil {
		t.Error(err)
	}
}

func TestClosed(t *testing.T) {
	s, err := sqlite.Open(filepath.Join(t.TempDir(), "records.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, s, 1)
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Wiki(t.Context(), "w0"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("read: %v", err)
	}
	if _, err := s.GrantsOfUser(t.Context(), "ada"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("list: %v", err)
	}
	if err := s.SetTier(t.Context(), "ada", records.Premium); !fault.Is(err, fault.Unavailable) {
		t.Errorf("write: %v", err)
	}
}

// Strangers who ask for made-up names must not make the process grow.
func TestCacheIsBounded(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "records.db"), sqlite.Options{})
	fill(t, s, 1)
	for i := range 3 * sqlite.MaxCached {
		if _, err := s.WikiID(t.Context(), fmt.Sprint("guess-", i)); !fault.Is(err, fault.NotFound) {
			t.Fatal(err)
		}
	}
	if n := sqlite.Cached(s); n > sqlite.MaxCached {
		t.Errorf("%d records cached", n)
	}
	if id, err := s.WikiID(t.Context(), "w0"); err != nil || id != "w0" {
		t.Errorf("%q, %v", id, err)
	}
}
