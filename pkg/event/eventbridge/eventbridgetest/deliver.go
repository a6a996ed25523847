package eventbridgetest

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// The pauses between attempts to invoke a target. EventBridge promises no more
// than "exponential back off and jitter" within 185 attempts and 24 hours.
const (
	firstPause   = time.Second
	longestPause = 10 * time.Minute
)

// route starts the deliveries of an event, to the rules it matches among the
// named ones, or among all.
func (b *Bus) route(e Event, names ...string) {
	var doc map[string]any
	if err := json.Unmarshal(e.JSON(), &doc); err != nil {
		return // Detail was checked when it came in
	}
	b.mu.Lock()
	var hit []*rule
	for name, r := range b.rules {
		if (len(names) == 0 || slices.Contains(names, name)) && r.pattern != nil && r.pattern.matches(doc) {
			hit = append(hit, r)
		}
	}
	b.mu.Unlock()
	for _, r := range hit {
		b.deliver(e, r)
	}
}

// deliver starts the deliveries of an event to a rule's targets.
func (b *Bus) deliver(e Event, r *rule) {
	for _, t := range r.Targets {
		b.note(func(c *Counters) { c.Matched++ })
		b.work.run(func(ctx context.Context) { b.toTarget(ctx, e, r, t) })
		if b.happens(func(c Chaos) float64 { return c.Duplicate }) {
			b.note(func(c *Counters) { c.Duplicated++ })
			b.work.run(func(ctx context.Context) { b.toTarget(ctx, e, r, t) })
		}
	}
}

// toTarget delivers one event to one target, however long it takes.
func (b *Bus) toTarget(ctx context.Context, e Event, r *rule, t Target) {
	start := time.Now()
	input, err := t.input(e)
	if err != nil {
		b.bury(r, t, e.JSON(), burial{code: "INVALID_INPUT", reason: err.Error()})
		return
	}
	if !pause(ctx, b.delay()) {
		return
	}
	limit := firstPause
	for retries := 0; ; retries++ {
		if err = b.invoke(ctx, t, input); err == nil {
			b.note(func(c *Counters) { c.Delivered++ })
			return
		}
		if ctx.Err() != nil {
			return // closed
		}
		if errors.Is(err, ErrRefused) {
			b.bury(r, t, input, burial{code: "NO_PERMISSIONS", reason: err.Error(), retries: retries})
			return
		}
		wait := b.work.scaled(rand.N(limit) + 1)
		limit = min(2*limit, longestPause)
		end := burial{code: "SDK_CLIENT_ERROR", reason: err.Error(), retries: retries}
		switch {
		case retries >= t.Retry.MaxAttempts:
			end.exhausted = "MaximumRetryAttempts"
		case time.Since(start)+wait > b.work.scaled(t.Retry.MaxAge):
			end.exhausted = "MaximumEventAgeInSeconds"
		}
		if end.exhausted != "" {
			b.bury(r, t, input, end)
			return
		}
		b.note(func(c *Counters) { c.Retried++ })
		if !pause(ctx, wait) {
			return
		}
	}
}

func (b *Bus) invoke(ctx context.Context, t Target, input []byte) error {
	if b.happens(func(c Chaos) float64 { return c.Unreachable }) {
		return errors.New("target cannot be reached")
	}
	return t.Invoke(ctx, slices.Clone(input))
}

func (b *Bus) delay() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.opts.Chaos.Delay <= 0 {
		return 0
	}
	return time.Duration(b.random.Int64N(int64(b.opts.Chaos.Delay)))
}

// input is what the target gets for an event.
func (t Target) input(e Event) ([]byte, error) {
	switch {
	case t.Input != "":
		return []byte(t.Input), nil
	case t.Transformer != nil:
		return t.Transformer.apply(e.JSON())
	}
	return e.JSON(), nil
}

type burial struct {
	code, reason, exhausted string
	retries                 int
}

// bury gives a delivery up: its input goes to the dead letters with the
// attributes that EventBridge adds ("Using dead-letter queues").
func (b *Bus) bury(r *rule, t Target, input []byte, end burial) {
	if t.DeadLetters == nil {
		b.note(func(c *Counters) { c.Dropped++ })
		return
	}
	attrs := map[string]string{
		"RULE_ARN": arn("events", "rule/"+b.opts.Name+"/"+r.Name), "TARGET_ARN": arn("lambda", "function:"+t.ID),
		"ERROR_CODE": end.code, "ERROR_MESSAGE": end.reason, "RETRY_ATTEMPTS": strconv.Itoa(end.retries),
	}
	if end.exhausted != "" {
		attrs["EXHAUSTED_RETRY_CONDITION"] = end.exhausted
	}
	t.DeadLetters.Send(string(input), attrs)
	b.note(func(c *Counters) { c.DeadLettered++ })
}
