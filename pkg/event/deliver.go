package event

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"wikibot.io/contracts/events"
)

// deliver makes one attempt and writes its outcome down. An error means that it
// could not be written: the delivery stays due, and comes again.
func (x *Dispatcher) deliver(ctx context.Context, s Subscription, d Delivery) error {
	// An attempt under way is finished even though the dispatcher shall stop.
	ctx = context.WithoutCancel(ctx)
	start := x.d.Now()
	failure := x.attempt(ctx, s, d)
	now := x.d.Now()
	attrs := []slog.Attr{
		slog.String("event", d.EventID), slog.String("subscription", s.Name), slog.String("wiki", d.WikiID),
		slog.Int("attempt", d.Attempts+1), slog.Duration("took", now.Sub(start)),
	}
	level, outcome := slog.LevelInfo, "delivered"
	var err error
	if failure == nil {
		err = x.d.Outbox.Done(ctx, d.Key)
	} else {
		attrs = append(attrs, slog.String("reason", failure.Error()))
		pause := x.d.Policy.pause(d.Attempts + 1)
		if d.Attempts+1 >= x.d.Policy.MaxAttempts || now.Add(pause).Sub(d.Since) > x.d.Policy.MaxAge {
			level, outcome = slog.LevelError, "dead letter"
			err = x.d.Outbox.Bury(ctx, d.Key, failure.Error())
		} else {
			level, outcome = slog.LevelWarn, "retry"
			attrs = append(attrs, slog.Duration("pause", pause))
			err = x.d.Outbox.Retry(ctx, d.Key, now.Add(pause), failure.Error())
		}
	}
	if err != nil {
		level = slog.LevelError
		attrs = append(attrs, slog.Any("err", err))
	}
	x.d.Log.LogAttrs(ctx, level, "event delivery", append(attrs, slog.String("outcome", outcome))...)
	return err
}

// attempt runs the handler once. A panic is a failed attempt: one consumer's
// mistake must not take the fleet down again and again.
func (x *Dispatcher) attempt(ctx context.Context, s Subscription, d Delivery) (err error) {
	defer func() {
		if p := recover(); p != nil {
			x.d.Log.ErrorContext(ctx, "event handler panicked", "event", d.EventID, "subscription", s.Name, "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("handler panicked: %v", p)
		}
	}()
	env, err := events.Unmarshal(d.Body)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, x.d.Policy.Timeout)
	defer cancel()
	return s.Handle(ctx, env)
}

// pause is how long to wait after the given number of failures: a random time
// up to a limit that doubles ("full jitter", as in "Exponential Backoff And
// Jitter", AWS Architecture Blog, 2015), so that what failed together does not
// come back together.
func (p Policy) pause(failures int) time.Duration {
	limit := p.FirstDelay
	for i := 1; i < failures && limit < p.MaxDelay; i++ {
		limit *= 2
	}
	return rand.N(min(limit, p.MaxDelay) + 1)
}
