package lambdakit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"
	"wikibot.io/pkg/event"
	"wikibot.io/pkg/fault"
)

// The retries within one invocation. They bridge what passes within seconds,
// such as throttling; what lasts longer is EventBridge's to retry.
const (
	maxAttempts = 6
	firstPause  = 100 * time.Millisecond // longest pause after the first attempt, doubled after every other
	maxPause    = 5 * time.Second
)

// deliver gives an event to the handler of a subscription. A nil error means
// that its effect is on stable storage.
func (h *Handler) deliver(ctx context.Context, name string, raw json.RawMessage) error {
	sub, ok := h.subscriptions[name]
	if !ok {
		h.countEvent("unknown", false)
		return fmt.Errorf("deliver event: there is no subscription %q here", name)
	}
	env, err := events.Unmarshal(raw)
	if err != nil {
		h.countEvent(name, false)
		return fmt.Errorf("deliver event to %s: %w", name, err)
	}
	ctx, cancel := withMargin(ctx)
	defer cancel()
	began := time.Now()
	attempts, err := attempt(ctx, sub, env)
	h.logOutcome(ctx, "event", err, "subscription", name, "event", env.GetId(), "type", env.GetType(),
		"wiki", env.GetWikiId(), "attempts", attempts, "took", time.Since(began))
	h.countEvent(name, err == nil)
	if err != nil {
		return fmt.Errorf("deliver event %s to %s: %w", env.GetId(), name, err)
	}
	return nil
}

// attempt calls the handler until it succeeds, fails for good, or the time left
// is not enough for another call as long as the last one.
func attempt(ctx context.Context, sub event.Subscription, env *eventsv1.Envelope) (attempts int, err error) {
	longest := firstPause
	for attempts = 1; ; attempts++ {
		began := time.Now()
		err = shield(func() error { return sub.Handle(ctx, env) })
		if !fault.Is(err, fault.Unavailable) || attempts == maxAttempts {
			return attempts, err
		}
		pause := rand.N(longest) // full jitter: those that failed together do not come back together
		longest = min(2*longest, maxPause)
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < pause+time.Since(began) {
			return attempts, err
		}
		select {
		case <-ctx.Done():
			return attempts, err
		case <-time.After(pause):
		}
	}
}

// shield makes an error of a panic: one event must not take the process, and
// with it everything that is warm, along.
func shield(call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return call()
}

// logOutcome writes the one record of an event or a scheduled run.
func (h *Handler) logOutcome(ctx context.Context, msg string, err error, attrs ...any) {
	level := slog.LevelInfo
	if err != nil {
		attrs = append(attrs, "err", err)
		level = slog.LevelWarn
		if fault.Is(err, fault.Internal) && !errors.Is(err, context.DeadlineExceeded) {
			level = slog.LevelError
		}
	}
	h.f.Log.Log(ctx, level, msg, attrs...)
}

func (h *Handler) countEvent(subscription string, handled bool) {
	name := "EventsFailed"
	if handled {
		name = "EventsHandled"
	}
	h.metrics.write(map[string]string{"Subscription": subscription}, metric{name, "Count", 1, []string{"Subscription"}})
}
