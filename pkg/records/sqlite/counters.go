package sqlite

import (
	"context"
	"time"

	"wikibot.io/pkg/records"
)

// Count implements [records.Counters].
func (s *Store) Count(ctx context.Context, key string, window time.Duration, now time.Time) (int64, error) {
	if err := records.CheckCount(key, window); err != nil {
		return 0, err
	}
	end := records.CountFrom(window, s.orNow(now)).Add(window)
	var count int64
	err := s.writer.do(ctx, func(t *tx) (err error) {
		if err := t.sweep(sweepCounters, s.now()); err != nil {
			return err
		}
		count, err = get(t, scanInt, `INSERT INTO counters (key, span, ends_at, count) VALUES (?, ?, ?, 1)
			ON CONFLICT (key, span, ends_at) DO UPDATE SET count = count + 1 RETURNING count`, key, int64(window), nanos(end))
		return err
	})
	if err != nil {
		return 0, explain(err, "count")
	}
	return count, nil
}
