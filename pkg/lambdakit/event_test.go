package lambdakit

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"
	"wikibot.io/pkg/event"
	"wikibot.io/pkg/fault"
)

func delivery(t *testing.T) json.RawMessage {
	t.Helper()
	env, err := events.New(time.Now(), "w1", nil, &eventsv1.WikiDeleted{})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := events.Marshal(env)
	if err != nil {
		t.Fatal(err)
	}
	return json.RawMessage(`{"subscription":"test.handler","event":` + string(raw) + `}`)
}

// handlerOf returns a handler with one subscription, and what it logs and counts.
func handlerOf(t *testing.T, handle event.Handler) (*Handler, *strings.Builder) {
	t.Helper()
	out := new(strings.Builder)
	h, err := NewHandler(Function{
		Log: NewLog(out, slog.LevelInfo), Metrics: out,
		Subscriptions: []event.Subscription{{Name: "test.handler", Handle: handle}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return h, out
}

func TestRetriesWithinTheInvocation(t *testing.T) {
	busy := fault.New(fault.Unavailable, "it is busy")
	for _, c := range []struct {
		why      string
		within   time.Duration // of the invocation; 0: no deadline
		lasts    time.Duration // each attempt
		fail     func(attempt int) error
		attempts int
		failed   bool
	}{
		{"it succeeds at once", time.Minute, 0, func(int) error { return nil }, 1, false},
		{"what passes is waited for", time.Minute, 0, func(n int) error {
			if n < 4 {
				return busy
			}
			return nil
		}, 4, false},
		{"what does not is left to those who retry later", 15 * time.Minute, 0, func(int) error { return busy }, maxAttempts, true},
		{"without a deadline as well", 0, 0, func(int) error { return busy }, maxAttempts, true},
		{"there is no time for a second attempt as long as the first", 10 * time.Second, 8 * time.Second, func(int) error { return busy }, 1, true},
		{"other errors do not pass by waiting", time.Minute, 0, func(int) error { return errors.New("broken") }, 1, true},
		{"nor does what the event asks for", time.Minute, 0, func(int) error { return fault.New(fault.Invalid, "no") }, 1, true},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if c.within > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.within)
					defer cancel()
				}
				attempts := 0
				h, out := handlerOf(t, func(ctx context.Context, _ *eventsv1.Envelope) error {
					attempts++
					time.Sleep(c.lasts)
					return c.fail(attempts)
				})
				_, err := h.Invoke(ctx, delivery(t))
				if (err != nil) != c.failed || attempts != c.attempts {
					t.Errorf("%d attempts, %v", attempts, err)
				}
				if ctx.Err() != nil {
					t.Error("the invocation's time was used up")
				}
				if counted := strings.Contains(out.String(), `"EventsFailed":1`); counted != c.failed {
					t.Errorf("counted as failed: %v:\n%s", counted, out)
				}
			})
		})
	}
}

// Those who wait for a handler hear of its end before Lambda ends the process.
func TestHandlerIsToldBeforeTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began := time.Now()
		h, _ := handlerOf(t, func(ctx context.Context, _ *eventsv1.Envelope) error {
			<-ctx.Done()
			return ctx.Err()
		})
		if _, err := h.Invoke(ctx, delivery(t)); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if took := time.Since(began); took != 9500*time.Millisecond {
			t.Errorf("the handler's context ended after %v of 10 s", took)
		}
	})
}

func TestNewHandlerRefuses(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	noop := func(context.Context, *eventsv1.Envelope) error { return nil }
	for _, c := range []struct {
		why string
		f   Function
	}{
		{"no log", Function{}},
		{"an address without an edge", Function{Log: log, HTTP: answerWith("x")}},
		{"a key that is no sum", Function{Log: log, HTTP: answerWith("x"), Edge: EdgeKeys{"the key itself"}}},
		{"two handlers of one subscription", Function{Log: log, Subscriptions: []event.Subscription{{Name: "a", Handle: noop}, {Name: "a", Handle: noop}}}},
		{"a subscription without a handler", Function{Log: log, Subscriptions: []event.Subscription{{Name: "a"}}}},
	} {
		if _, err := NewHandler(c.f); err == nil {
			t.Errorf("%s: accepted", c.why)
		}
	}
}
