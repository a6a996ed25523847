package event_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/event"
)

var policy = event.Policy{MaxAttempts: 5, MaxAge: time.Hour, FirstDelay: time.Second, MaxDelay: 4 * time.Second, Timeout: time.Minute}

func listen(name string, h event.Handler) event.Subscription {
	return event.Subscription{Name: name, Types: []events.Type{events.WikiCreated}, Handle: h}
}

// dispatcher returns one over m, with its log.
func dispatcher(t *testing.T, m *memory, p event.Policy, subs ...event.Subscription) (*event.Dispatcher, *bytes.Buffer) {
	t.Helper()
	log := new(bytes.Buffer)
	d, err := event.NewDispatcher(event.Deps{Outbox: m, Subscriptions: subs, Policy: p, Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return d, log
}

// run starts the dispatcher and returns what stops it.
func run(t *testing.T, d *event.Dispatcher) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { d.Run(ctx) })
	return func() { cancel(); wg.Wait() }
}

func TestEveryMatchingSubscriptionGetsTheEventOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		var mu sync.Mutex
		got := map[string][]string{}
		note := func(name string) event.Subscription {
			return listen(name, func(_ context.Context, env *eventsv1.Envelope) error {
				mu.Lock()
				defer mu.Unlock()
				got[name] = append(got[name], env.WikiId)
				return nil
			})
		}
		other := event.Subscription{Name: "other", Types: []events.Type{events.UserCreated},
			Handle: func(context.Context, *eventsv1.Envelope) error {
				t.Error("delivered an event of another type")
				return nil
			}}
		d, _ := dispatcher(t, m, policy, note("a"), note("b"), other)
		m.put(t, "w")
		if err := d.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string][]string{"a": {"w"}, "b": {"w"}}, got); diff != "" {
			t.Errorf("deliveries (-want +got):\n%s", diff)
		}
		if n := m.left(); n != 0 {
			t.Errorf("%d rows left", n)
		}
	})
}

func TestFailuresAreRetriedWithGrowingPausesThenBuried(t *testing.T) {
	for name, fail := range map[string]func(context.Context) error{
		"error":   func(context.Context) error { return errors.New("no") },
		"panic":   func(context.Context) error { panic("no") },
		"timeout": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				var began, ended []time.Time
				d, _ := dispatcher(t, m, policy, listen("a", func(ctx context.Context, _ *eventsv1.Envelope) error {
					began = append(began, time.Now())
					defer func() { ended = append(ended, time.Now()) }()
					return fail(ctx)
				}))
				id := m.put(t, "w")
				stop := run(t, d)
				time.Sleep(30 * time.Minute)
				stop()
				if len(began) != policy.MaxAttempts {
					t.Fatalf("%d attempts, want %d", len(began), policy.MaxAttempts)
				}
				limit := policy.FirstDelay
				for i := range began[1:] {
					if pause := began[i+1].Sub(ended[i]); pause > limit+time.Second {
						t.Errorf("attempt %d came %v after the last; want at most %v and a poll", i+2, pause, limit)
					}
					limit = min(2*limit, policy.MaxDelay)
				}
				dead, err := d.DeadLetters(t.Context(), event.Key{}, 10)
				if err != nil || len(dead) != 1 || dead[0].EventID != id || dead[0].Attempts != policy.MaxAttempts || dead[0].Reason == "" {
					t.Errorf("dead letters %+v, %v", dead, err)
				}
			})
		})
	}
}

// With full jitter, what failed together must not come back together.
func TestPausesAreSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		p := policy
		p.FirstDelay, p.MaxDelay = 30*time.Second, 30*time.Second
		var mu sync.Mutex
		seconds := map[time.Duration]int{}
		tried := map[string]bool{}
		start := time.Now()
		d, _ := dispatcher(t, m, p, listen("a", func(_ context.Context, env *eventsv1.Envelope) error {
			mu.Lock()
			defer mu.Unlock()
			if !tried[env.WikiId] {
				tried[env.WikiId] = true
				return errors.New("no")
			}
			seconds[time.Since(start).Truncate(time.Second)]++
			return nil
		}))
		for i := range 200 {
			m.put(t, fmt.Sprint("w", i))
		}
		stop := run(t, d)
		time.Sleep(time.Minute)
		stop()
		if len(seconds) < 20 {
			t.Errorf("200 retries within 30 s fell into only %d different seconds", len(seconds))
		}
	})
}

func TestMaxAgeBuriesOnlyWhatWasTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		attempts := 0
		fail := true
		d, _ := dispatcher(t, m, policy, listen("a", func(context.Context, *eventsv1.Envelope) error {
			attempts++
			if fail {
				return errors.New("no")
			}
			return nil
		}))
		// The machine was off for longer than MaxAge.
		m.put(t, "w")
		time.Sleep(2 * policy.MaxAge)
		if err := d.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		dead, err := d.DeadLetters(t.Context(), event.Key{}, 10)
		if err != nil || len(dead) != 1 || attempts != 1 {
			t.Fatalf("%d attempts, dead letters %+v, %v; want one of each", attempts, dead, err)
		}

		// A redrive begins a new age, so one more failure does not bury it.
		for _, want := range []int{1, 0} {
			if n, err := d.Redrive(t.Context(), dead[0].Key); err != nil || n != want {
				t.Fatalf("redrive: %d, %v; want %d", n, err, want)
			}
		}
		if err := d.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		fail = false
		stop := run(t, d)
		time.Sleep(time.Minute)
		stop()
		if n := m.left(); n != 0 || attempts != 3 {
			t.Errorf("%d rows left after %d attempts; want 0 after 3", n, attempts)
		}
	})
}

func TestOneDeliveryAtATimePerWikiAndBoundedInAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		var mu sync.Mutex
		running, most, total := map[string]int{}, 0, 0
		d, _ := dispatcher(t, m, policy, listen("a", func(_ context.Context, env *eventsv1.Envelope) error {
			mu.Lock()
			running[env.WikiId]++
			total++
			all := 0
			for _, n := range running {
				all += n
			}
			most = max(most, all)
			if running[env.WikiId] > 1 {
				t.Errorf("two deliveries of %s at once", env.WikiId)
			}
			mu.Unlock()
			time.Sleep(10 * time.Millisecond)
			mu.Lock()
			running[env.WikiId]--
			mu.Unlock()
			return nil
		}))
		for i := range 300 {
			m.put(t, fmt.Sprint("w", i%10))
		}
		stop := run(t, d) // and Drain beside it
		if err := d.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		stop()
		if total != 300 || most != 4 {
			t.Errorf("%d deliveries, %d at once; want 300, 4", total, most)
		}
	})
}

// A wiki with a thousand events must not keep the others waiting for them all.
func TestBusyWikiDoesNotStarveOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		var mu sync.Mutex
		var quiet time.Duration
		start := time.Now()
		d, _ := dispatcher(t, m, policy, listen("a", func(_ context.Context, env *eventsv1.Envelope) error {
			time.Sleep(10 * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			if env.WikiId == "quiet" {
				quiet = time.Since(start)
			}
			return nil
		}))
		for range 1000 {
			m.put(t, "busy")
		}
		time.Sleep(time.Millisecond) // ids sort by time
		m.put(t, "quiet")
		stop := run(t, d)
		time.Sleep(time.Minute)
		stop()
		if quiet == 0 || quiet > 2*time.Second {
			t.Errorf("the quiet wiki waited %v", quiet)
		}
	})
}

func TestShutdownFinishesWhatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		finished := 0
		d, _ := dispatcher(t, m, policy, listen("a", func(ctx context.Context, _ *eventsv1.Envelope) error {
			time.Sleep(10 * time.Second)
			finished++
			return ctx.Err()
		}))
		m.put(t, "w")
		time.Sleep(time.Millisecond)
		m.put(t, "w")
		stop := run(t, d)
		time.Sleep(time.Second)
		stop()
		if n := m.left(); finished != 1 || n != 1 {
			t.Errorf("%d finished, %d left; want the one under way finished and the other left", finished, n)
		}
	})
}

func TestWakeBeatsThePoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		wake := make(chan struct{}, 1)
		var took []time.Duration
		var put time.Time
		d, err := event.NewDispatcher(event.Deps{Outbox: m, Wake: wake, Log: slog.New(slog.DiscardHandler),
			Subscriptions: []event.Subscription{listen("a", func(context.Context, *eventsv1.Envelope) error {
				took = append(took, time.Since(put))
				return nil
			})}})
		if err != nil {
			t.Fatal(err)
		}
		stop := run(t, d)
		time.Sleep(100 * time.Millisecond)
		put = time.Now()
		m.put(t, "w")
		wake <- struct{}{}
		synctest.Wait()
		put = time.Now()
		m.put(t, "w") // by another process
		time.Sleep(2 * time.Second)
		stop()
		if len(took) != 2 || took[0] != 0 || took[1] > time.Second {
			t.Errorf("waited %v; want nothing, then at most a second", took)
		}
	})
}

func TestOutboxOutOfOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		attempts := 0
		d, log := dispatcher(t, m, policy, listen("a", func(context.Context, *eventsv1.Envelope) error {
			attempts++
			m.mu.Lock()
			defer m.mu.Unlock()
			m.broken = attempts == 1 // the outcome of the first cannot be written
			return nil
		}))
		m.put(t, "w")
		stop := run(t, d)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if attempts != 1 || !strings.Contains(log.String(), "disk full") {
			t.Errorf("%d attempts while the disk is full, log:\n%s", attempts, log)
		}
		m.mu.Lock()
		m.broken = false
		m.mu.Unlock()
		time.Sleep(10 * time.Second)
		stop()
		if n := m.left(); n != 0 || attempts != 2 {
			t.Errorf("%d left after %d attempts; want 0 after 2", n, attempts)
		}
		m.broken = true
		if err := d.Drain(t.Context()); !errors.Is(err, errBroken) {
			t.Errorf("drain of a broken outbox: %v", err)
		}
	})
}

// A handler must not run in a tight loop because its success cannot be noted.
func TestOutcomeCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.stuck = true
		attempts := 0
		d, _ := dispatcher(t, m, policy, listen("a", func(context.Context, *eventsv1.Envelope) error { attempts++; return nil }))
		m.put(t, "w")
		stop := run(t, d)
		time.Sleep(10*time.Second + 1)
		stop()
		if attempts < 2 || attempts > 11 {
			t.Errorf("%d attempts in 10 s, want one a second", attempts)
		}
	})
}

func TestUnknownSubscriptionIsLeftAloneAndReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		old, _ := dispatcher(t, m, policy, listen("old.name", func(context.Context, *eventsv1.Envelope) error { return errors.New("no") }))
		m.put(t, "w")
		if err := old.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		d, log := dispatcher(t, m, policy, listen("new.name", func(context.Context, *eventsv1.Envelope) error { return nil }))
		stop := run(t, d)
		time.Sleep(time.Minute)
		stop()
		if n := m.left(); n != 1 || !strings.Contains(log.String(), "old.name") {
			t.Errorf("%d rows left, log:\n%s", n, log)
		}
	})
}

func TestNewDispatcherReportsAllMistakes(t *testing.T) {
	h := func(context.Context, *eventsv1.Envelope) error { return nil }
	_, err := event.NewDispatcher(event.Deps{Policy: event.Policy{MaxAttempts: 1}, Parallel: -1,
		Subscriptions: []event.Subscription{listen("a", h), listen("a", nil), {Name: "b", Types: []events.Type{"x", "x"}, Handle: h}}})
	for _, want := range []string{"Outbox and Log", "policy", "at least one delivery", `"a" lacks`, `"a" is there twice`, `"b" lists "x" twice`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not mention %s", err, want)
		}
	}
}
