package sqlite

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

// AdvanceHead implements [records.Heads].
func (s *Store) AdvanceHead(ctx context.Context, c records.HeadChange) (records.Wiki, error) {
	if err := c.Check(); err != nil {
		return records.Wiki{}, err
	}
	c.At = s.orNow(c.At).UTC()
	// The caller's event stays as it is: after a lost race it is used again.
	env := proto.CloneOf(c.Event)
	var w records.Wiki
	err := s.writer.do(ctx, func(t *tx) (err error) {
		if w, err = t.wiki(c.WikiID); err != nil {
			return err
		}
		if c.Idempotency != nil {
			if err := t.remember(c.WikiID, *c.Idempotency, s.now()); err != nil {
				return err
			}
		}
		if w, err = step(w, c); err != nil {
			return err
		}
		if err := t.exec(`UPDATE wikis SET head = ?, sequence = ?, head_at = ?, page_count = ?, file_bytes = ? WHERE id = ?`,
			w.Head, w.Sequence, nanos(w.HeadAt), w.PageCount, w.FileBytes, w.ID); err != nil {
			return err
		}
		commit := events.CommitOf(env)
		commit.Sequence, commit.PageCount = w.Sequence, w.PageCount
		return t.emit(env)
	})
	if err != nil {
		return records.Wiki{}, explain(err, "advance head of wiki %s", c.WikiID)
	}
	return w, nil
}

// step checks the preconditions of c against the record and applies it.
func step(w records.Wiki, c records.HeadChange) (records.Wiki, error) {
	if w.Head != c.Old {
		return records.Wiki{}, &records.HeadMovedError{Current: w}
	}
	w = c.Apply(w)
	return w, c.CheckLimits(w)
}

// remember stores an idempotency key that is new or has expired, and clears
// away a few others that have, so that they never pile up.
func (t *tx) remember(wikiID string, i records.Idempotency, now time.Time) error {
	if err := t.exec(`DELETE FROM idempotency WHERE (wiki_id, key) IN
		(SELECT wiki_id, key FROM idempotency WHERE expires_at <= ? ORDER BY expires_at LIMIT 8)`, nanos(now)); err != nil {
		return err
	}
	result := i.Result
	if result == nil {
		result = []byte{}
	}
	n, err := t.affect(`INSERT INTO idempotency (wiki_id, key, fingerprint, result, expires_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (wiki_id, key) DO UPDATE SET fingerprint = excluded.fingerprint, result = excluded.result, expires_at = excluded.expires_at
		WHERE expires_at <= ?`, wikiID, i.Key, i.Fingerprint, result, nanos(now.Add(records.IdempotencyAge)), nanos(now))
	if err == nil && n == 0 {
		return exists("advance head of wiki "+wikiID, fault.Field{Name: "idempotency key", Msg: "has been used"})
	}
	return err
}

type remembered struct {
	fingerprint string
	result      []byte
}

// IdempotentResult implements [records.Heads].
func (s *Store) IdempotentResult(ctx context.Context, wikiID, key, fingerprint string) ([]byte, error) {
	r, err := one(ctx, s, func(row scanner) (r remembered, err error) {
		err = row.Scan(&r.fingerprint, &r.result)
		return r, err
	}, `SELECT fingerprint, result FROM idempotency WHERE wiki_id = ? AND key = ? AND expires_at > ?`, wikiID, key, nanos(s.now()))
	if err != nil {
		return nil, explain(err, "read the result of an idempotent request")
	}
	if r.fingerprint != fingerprint {
		return nil, fault.New(fault.Conflict, "read the result of an idempotent request: the key belongs to another request")
	}
	return r.result, nil
}

// PublishIndex implements [records.Heads].
func (s *Store) PublishIndex(ctx context.Context, wikiID string, old, new records.Index) error {
	env, err := events.New(s.now(), wikiID, nil, &eventsv1.IndexUpdated{Commit: new.Commit})
	if err != nil {
		return explain(err, "publish index of wiki %s", wikiID)
	}
	err = s.writer.do(ctx, func(t *tx) error {
		w, err := t.wiki(wikiID)
		if err != nil {
			return err
		}
		if w.Index != old {
			return fault.New(fault.Conflict, "publish index of wiki %s: another one has been published", wikiID)
		}
		if err := t.exec(`UPDATE wikis SET index_commit = ?, index_file = ?, index_sequence = ? WHERE id = ?`, new.Commit, new.File, new.Sequence, wikiID); err != nil {
			return err
		}
		return t.emit(env)
	})
	return explain(err, "publish index of wiki %s", wikiID)
}
