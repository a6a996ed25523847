package event_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/event"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/sqlite"
)

const (
	crashFolder = "EVENT_TEST_CRASH_FOLDER" // makes the test binary a fleet that dies
	crashStep   = "EVENT_TEST_CRASH_STEP"   // where, and at which time of passing
)

// crashEvents is how many wikis, and so events, a crashing fleet writes.
const crashEvents = 4

func TestMain(m *testing.M) {
	if folder := os.Getenv(crashFolder); folder != "" {
		if err := crashingFleet(folder, os.Getenv(crashStep)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// killer ends the process, as kill -9 would, at a step: "done-2" is the second
// time that the step "done" is passed.
type killer struct {
	step   string
	mu     sync.Mutex
	passed map[string]int
}

func (k *killer) pass(step string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.passed[step]++
	if fmt.Sprintf("%s-%d", step, k.passed[step]) == k.step {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

// mortal is an outbox that passes a step before and after each of its writes.
type mortal struct {
	*sqlite.Store
	k *killer
}

func (m mortal) FanOut(ctx context.Context, routes map[events.Type][]string, _ int) (int, error) {
	m.k.pass("before fan-out")
	n, err := m.Store.FanOut(ctx, routes, 1)
	m.k.pass("after fan-out")
	return min(n, 1) * 100, err // "there may be more"
}

func (m mortal) Done(ctx context.Context, k event.Key) error {
	m.k.pass("before done")
	err := m.Store.Done(ctx, k)
	m.k.pass("after done")
	return err
}

func (m mortal) Retry(ctx context.Context, k event.Key, due time.Time, reason string) error {
	m.k.pass("before retry")
	err := m.Store.Retry(ctx, k, due, reason)
	m.k.pass("after retry")
	return err
}

func (m mortal) Bury(ctx context.Context, k event.Key, reason string) error {
	m.k.pass("before bury")
	err := m.Store.Bury(ctx, k, reason)
	m.k.pass("after bury")
	return err
}

// crashingFleet creates the wikis that are missing and delivers. "steady" takes
// everything at once, "shaky" only at the second attempt, "broken" never: its
// deliveries become dead letters.
func crashingFleet(folder, step string) error {
	ctx := context.Background()
	store, err := sqlite.Open(filepath.Join(folder, "records.db"), sqlite.Options{})
	if err != nil {
		return err
	}
	k := &killer{step: step, passed: map[string]int{}}
	if err := createMissing(ctx, store, k); err != nil {
		return err
	}
	subscribe := func(name string, fails func(id string) bool) event.Subscription {
		return listen(name, func(_ context.Context, env *eventsv1.Envelope) error {
			k.pass("before handler")
			if fails(env.Id) {
				return errors.New("not this time")
			}
			defer k.pass("after handler")
			return appendLine(filepath.Join(folder, name), env.WikiId)
		})
	}
	d, err := event.NewDispatcher(event.Deps{
		Outbox: mortal{store, k}, Log: slog.New(slog.DiscardHandler), Parallel: 1,
		Policy: event.Policy{MaxAttempts: 2, MaxAge: time.Hour, FirstDelay: 1, MaxDelay: 1, Timeout: time.Minute},
		Subscriptions: []event.Subscription{
			subscribe("steady", func(string) bool { return false }),
			subscribe("shaky", func(id string) bool {
				f, err := os.OpenFile(filepath.Join(folder, "tried-"+id), os.O_CREATE|os.O_EXCL, 0o600)
				if err != nil {
					return false // tried before
				}
				return f.Close() == nil
			}),
			subscribe("broken", func(string) bool { return true }),
		},
	})
	if err != nil {
		return err
	}
	if err := d.Drain(ctx); err != nil {
		return err
	}
	return store.Close()
}

func createMissing(ctx context.Context, store *sqlite.Store, k *killer) error {
	err := store.CreateUser(ctx, records.User{ID: "u", Username: "ada", Email: "a@b"}, records.Identity{Provider: "dev", Subject: "u"})
	if err != nil && !strings.Contains(err.Error(), "taken") {
		return err
	}
	for i := range crashEvents {
		id := fmt.Sprint("w", i)
		_, err := store.CreateWiki(ctx, records.NewWiki{ID: id, Slug: id, OwnerID: "u", Token: records.Token{ID: id, Hash: id, Name: "default", Role: records.Viewer}})
		if err != nil && !strings.Contains(err.Error(), "taken") {
			return err
		}
		k.pass("after event")
	}
	return nil
}

func appendLine(path, line string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(f, line); err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// A process that dies at any step loses no event: after a restart every one has
// reached every subscriber at least once, or lies among the dead letters of the
// one that always fails.
func TestCrashBetweenAnyTwoSteps(t *testing.T) {
	for _, step := range []string{
		"after event-1", "after event-3",
		"before fan-out-1", "after fan-out-1", "after fan-out-2",
		"before handler-1", "after handler-1", "after handler-3",
		"before done-1", "after done-1", "after done-4",
		"before retry-1", "after retry-1", "after retry-3",
		"before bury-1", "after bury-1", "after bury-2",
	} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			out, err := fleet(t, folder, step).CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("the fleet did not die at the step: %v\n%s", err, out)
			}
			if out, err := fleet(t, folder, "").CombinedOutput(); err != nil {
				t.Fatalf("restart: %v\n%s", err, out)
			}
			for _, name := range []string{"steady", "shaky"} {
				got := lines(t, filepath.Join(folder, name))
				for i := range crashEvents {
					if got[fmt.Sprint("w", i)] == 0 {
						t.Errorf("%s never got the event of wiki w%d", name, i)
					}
				}
			}
			checkAftermath(t, folder)
		})
	}
}

func fleet(t *testing.T, folder, step string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), crashFolder+"="+folder, crashStep+"="+step)
	return cmd
}

func lines(t *testing.T, path string) map[string]int {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string]int{}
	for s := bufio.NewScanner(f); s.Scan(); {
		out[s.Text()]++
	}
	return out
}

// checkAftermath expects one dead letter per event and nothing else, redrives
// them to a consumer that has been mended, and expects an empty outbox.
func checkAftermath(t *testing.T, folder string) {
	store, err := sqlite.Open(filepath.Join(folder, "records.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	got := map[string]int{}
	d, err := event.NewDispatcher(event.Deps{Outbox: store, Log: slog.New(slog.DiscardHandler), Subscriptions: []event.Subscription{
		listen("broken", func(_ context.Context, env *eventsv1.Envelope) error { got[env.WikiId]++; return nil }),
	}, Parallel: 1})
	if err != nil {
		t.Fatal(err)
	}
	dead, err := d.DeadLetters(t.Context(), event.Key{}, 100)
	if err != nil {
		t.Fatal(err)
	}
	var keys []event.Key
	for _, l := range dead {
		if l.Subscription != "broken" || l.Reason != "not this time" {
			t.Errorf("dead letter of %s: %s", l.Subscription, l.Reason)
		}
		keys = append(keys, l.Key)
	}
	if n, err := d.Redrive(t.Context(), keys...); err != nil || n != crashEvents {
		t.Errorf("redriven %d, %v; want %d", n, err, crashEvents)
	}
	if err := d.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(got) != crashEvents {
		t.Errorf("redriven events reached the mended consumer: %v", got)
	}
	if left, err := store.Unclaimed(t.Context(), nil); err != nil || len(left) != 0 {
		t.Errorf("deliveries left: %v, %v", left, err)
	}
}
