package event_test

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/event"
)

// memory is an Outbox in memory, for tests whose clock is not the real one.
type memory struct {
	mu     sync.Mutex
	fresh  []*eventsv1.Envelope
	rows   map[event.Key]*row
	broken bool // as by a full disk
	stuck  bool // only outcomes cannot be written
}

type row struct {
	event.DeadLetter
	due  time.Time
	dead bool
}

var errBroken = errors.New("disk full")

func newMemory() *memory { return &memory{rows: map[event.Key]*row{}} }

// put emits a wiki.created event and returns its id.
func (m *memory) put(t *testing.T, wiki string) string {
	t.Helper()
	env, err := events.New(time.Now(), wiki, nil, &eventsv1.WikiCreated{Slug: wiki})
	if err != nil {
		t.Fatal(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fresh = append(m.fresh, env)
	return env.Id
}

func (m *memory) do(fn func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken {
		return errBroken
	}
	return fn()
}

// settle is do for the outcome of an attempt.
func (m *memory) settle(fn func() error) error {
	return m.do(func() error {
		if m.stuck {
			return errBroken
		}
		return fn()
	})
}

func (m *memory) FanOut(_ context.Context, routes map[events.Type][]string, limit int) (n int, err error) {
	return n, m.do(func() error {
		n = min(limit, len(m.fresh))
		for _, env := range m.fresh[:n] {
			body, err := events.Marshal(env)
			if err != nil {
				return err
			}
			for _, name := range routes[events.Type(env.Type)] {
				k := event.Key{EventID: env.Id, Subscription: name}
				m.rows[k] = &row{DeadLetter: event.DeadLetter{Delivery: event.Delivery{Key: k, WikiID: env.WikiId, Body: body, Since: env.Time.AsTime()}}}
			}
		}
		m.fresh = m.fresh[n:]
		return nil
	})
}

func (m *memory) sorted() []*row {
	return slices.SortedFunc(maps.Values(m.rows), func(a, b *row) int {
		return cmp.Or(a.due.Compare(b.due), cmp.Compare(a.EventID, b.EventID), cmp.Compare(a.Subscription, b.Subscription))
	})
}

func (m *memory) Due(_ context.Context, subscription string, skip []string, now time.Time, limit int) (out []event.Delivery, err error) {
	return out, m.do(func() error {
		for _, r := range m.sorted() {
			if r.Subscription == subscription && !r.dead && !r.due.After(now) && !slices.Contains(skip, r.WikiID) && len(out) < limit {
				out = append(out, r.Delivery)
			}
		}
		return nil
	})
}

func (m *memory) Done(_ context.Context, k event.Key) error {
	return m.settle(func() error { delete(m.rows, k); return nil })
}

func (m *memory) Retry(_ context.Context, k event.Key, due time.Time, reason string) error {
	return m.settle(func() error {
		r := m.rows[k]
		r.Attempts, r.due, r.Reason = r.Attempts+1, due, reason
		return nil
	})
}

func (m *memory) Bury(_ context.Context, k event.Key, reason string) error {
	return m.settle(func() error {
		r := m.rows[k]
		r.Attempts, r.dead, r.Reason = r.Attempts+1, true, reason
		return nil
	})
}

func (m *memory) DeadLetters(_ context.Context, after event.Key, limit int) (out []event.DeadLetter, err error) {
	return out, m.do(func() error {
		for _, r := range m.sorted() {
			if r.dead && cmp.Or(cmp.Compare(r.EventID, after.EventID), cmp.Compare(r.Subscription, after.Subscription)) > 0 && len(out) < limit {
				out = append(out, r.DeadLetter)
			}
		}
		return nil
	})
}

func (m *memory) Redrive(_ context.Context, now time.Time, keys ...event.Key) (n int, err error) {
	return n, m.do(func() error {
		for _, k := range keys {
			if r := m.rows[k]; r != nil && r.dead {
				r.dead, r.Attempts, r.Since, r.due = false, 0, now, now
				n++
			}
		}
		return nil
	})
}

func (m *memory) Unclaimed(_ context.Context, known []string) (map[string]int, error) {
	out := map[string]int{}
	return out, m.do(func() error {
		for k := range m.rows {
			if !slices.Contains(known, k.Subscription) {
				out[k.Subscription]++
			}
		}
		return nil
	})
}

func (m *memory) left() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.rows) + len(m.fresh)
}
