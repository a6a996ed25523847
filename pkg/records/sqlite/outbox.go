package sqlite

import (
	"context"
	"encoding/json"
	"time"

	"wikibot.io/contracts/events"

	"wikibot.io/pkg/event"
)

// newEvent is an outbox row that has not been fanned out.
type newEvent struct {
	seq    int64
	id     string
	kind   events.Type
	wikiID string
	at     int64
}

func scanNewEvent(row scanner) (e newEvent, err error) {
	err = row.Scan(&e.seq, &e.id, &e.kind, &e.wikiID, &e.at)
	return e, err
}

const selectNew = `SELECT seq, id, type, wiki_id, at FROM outbox WHERE fanned_out = 0 ORDER BY seq LIMIT ?`

// FanOut implements [event.Outbox].
func (s *Store) FanOut(ctx context.Context, routes map[events.Type][]string, limit int) (int, error) {
	// An idle outbox is looked at every second: without the write lock.
	waiting, err := many(ctx, s, scanNewEvent, selectNew, 1)
	if err != nil || len(waiting) == 0 {
		return 0, explain(err, "look for new events")
	}
	taken := 0
	err = s.writer.do(ctx, func(t *tx) error {
		batch, err := list(t, scanNewEvent, selectNew, limit)
		if err != nil {
			return err
		}
		for _, e := range batch {
			if err := t.fanOut(e, routes[e.kind]); err != nil {
				return err
			}
		}
		taken = len(batch)
		return nil
	})
	if err != nil {
		return 0, explain(err, "fan events out")
	}
	return taken, nil
}

func (t *tx) fanOut(e newEvent, subscriptions []string) error {
	if len(subscriptions) == 0 {
		return t.exec(`DELETE FROM outbox WHERE seq = ?`, e.seq)
	}
	for _, name := range subscriptions {
		// Due long ago, and in the order of the outbox: event ids of one
		// millisecond sort at random.
		if err := t.exec(`INSERT INTO deliveries (event_id, subscription, wiki_id, since, due_at, attempts, reason, dead)
			VALUES (?, ?, ?, ?, ?, 0, '', 0)`, e.id, name, e.wikiID, e.at, e.seq); err != nil {
			return err
		}
	}
	return t.exec(`UPDATE outbox SET fanned_out = 1 WHERE seq = ?`, e.seq)
}

const selectDelivery = `SELECT d.event_id, d.subscription, d.wiki_id, d.since, d.attempts, d.reason, o.body
	FROM deliveries d JOIN outbox o ON o.id = d.event_id `

func scanDelivery(row scanner) (d event.DeadLetter, err error) {
	var since int64
	err = row.Scan(&d.EventID, &d.Subscription, &d.WikiID, &since, &d.Attempts, &d.Reason, &d.Body)
	d.Since = instant(since)
	return d, err
}

// Due implements [event.Outbox].
func (s *Store) Due(ctx context.Context, subscription string, skip []string, now time.Time, limit int) ([]event.Delivery, error) {
	wikis, err := json.Marshal(append([]string{}, skip...))
	if err != nil {
		return nil, explain(err, "list due deliveries of %s", subscription)
	}
	rows, err := many(ctx, s, scanDelivery, selectDelivery+`WHERE d.subscription = ? AND d.dead = 0 AND d.due_at <= ?
		AND d.wiki_id NOT IN (SELECT value FROM json_each(?)) ORDER BY d.due_at, d.event_id LIMIT ?`,
		subscription, nanos(now), string(wikis), limit)
	if err != nil {
		return nil, explain(err, "list due deliveries of %s", subscription)
	}
	out := make([]event.Delivery, len(rows))
	for i, r := range rows {
		out[i] = r.Delivery
	}
	return out, nil
}

// Done implements [event.Outbox].
func (s *Store) Done(ctx context.Context, k event.Key) error {
	err := s.writer.do(ctx, func(t *tx) error {
		if err := t.exec(`DELETE FROM deliveries WHERE event_id = ? AND subscription = ?`, k.EventID, k.Subscription); err != nil {
			return err
		}
		return t.exec(`DELETE FROM outbox WHERE id = ? AND fanned_out = 1
			AND NOT EXISTS (SELECT 1 FROM deliveries WHERE event_id = outbox.id)`, k.EventID)
	})
	return explain(err, "finish delivery of event %s to %s", k.EventID, k.Subscription)
}

// Retry implements [event.Outbox].
func (s *Store) Retry(ctx context.Context, k event.Key, due time.Time, reason string) error {
	err := s.writer.do(ctx, func(t *tx) error {
		return t.exec(`UPDATE deliveries SET attempts = attempts + 1, due_at = ?, reason = ? WHERE event_id = ? AND subscription = ?`,
			nanos(due), reason, k.EventID, k.Subscription)
	})
	return explain(err, "postpone delivery of event %s to %s", k.EventID, k.Subscription)
}

// Bury implements [event.Outbox].
func (s *Store) Bury(ctx context.Context, k event.Key, reason string) error {
	err := s.writer.do(ctx, func(t *tx) error {
		return t.exec(`UPDATE deliveries SET attempts = attempts + 1, dead = 1, reason = ? WHERE event_id = ? AND subscription = ?`,
			reason, k.EventID, k.Subscription)
	})
	return explain(err, "bury delivery of event %s to %s", k.EventID, k.Subscription)
}

// DeadLetters implements [event.DeadLetterBox].
func (s *Store) DeadLetters(ctx context.Context, after event.Key, limit int) ([]event.DeadLetter, error) {
	ds, err := many(ctx, s, scanDelivery, selectDelivery+`WHERE d.dead = 1 AND (d.event_id, d.subscription) > (?, ?)
		ORDER BY d.event_id, d.subscription LIMIT ?`, after.EventID, after.Subscription, limit)
	return ds, explain(err, "list dead letters")
}

// Redrive implements [event.DeadLetterBox].
func (s *Store) Redrive(ctx context.Context, now time.Time, keys ...event.Key) (int, error) {
	var total int64
	err := s.writer.do(ctx, func(t *tx) error {
		total = 0
		for _, k := range keys {
			n, err := t.affect(`UPDATE deliveries SET dead = 0, attempts = 0, since = ?, due_at = ?
				WHERE event_id = ? AND subscription = ? AND dead = 1`, nanos(now), nanos(now), k.EventID, k.Subscription)
			if err != nil {
				return err
			}
			total += n
		}
		t.emitted = t.emitted || total > 0
		return nil
	})
	if err != nil {
		return 0, explain(err, "redrive dead letters")
	}
	return int(total), nil
}

// Unclaimed implements [event.DeadLetterBox].
func (s *Store) Unclaimed(ctx context.Context, known []string) (map[string]int, error) {
	names, err := json.Marshal(append([]string{}, known...))
	if err != nil {
		return nil, explain(err, "count unclaimed deliveries")
	}
	type count struct {
		name string
		n    int
	}
	rows, err := many(ctx, s, func(row scanner) (c count, err error) {
		err = row.Scan(&c.name, &c.n)
		return c, err
	}, `SELECT subscription, count(*) FROM deliveries WHERE subscription NOT IN (SELECT value FROM json_each(?)) GROUP BY subscription`, string(names))
	if err != nil {
		return nil, explain(err, "count unclaimed deliveries")
	}
	out := map[string]int{}
	for _, c := range rows {
		out[c.name] = c.n
	}
	return out, nil
}
