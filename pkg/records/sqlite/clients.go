package sqlite

import (
	"context"
	"encoding/json"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

func scanClient(row scanner) (c records.Client, err error) {
	var created, expires int64
	var uris []byte
	if err = row.Scan(&c.ID, &c.Name, &c.URI, &uris, &created, &expires); err != nil {
		return records.Client{}, err
	}
	c.CreatedAt, c.ExpiresAt = instant(created), instant(expires)
	return c, json.Unmarshal(uris, &c.RedirectURIs)
}

// PutClient implements [records.Clients].
func (s *Store) PutClient(ctx context.Context, c records.Client) error {
	if err := c.Check(); err != nil {
		return err
	}
	c.CreatedAt = s.orNow(c.CreatedAt)
	uris, err := json.Marshal(c.RedirectURIs)
	if err != nil {
		return explain(err, "put client %s", c.ID)
	}
	err = s.writer.do(ctx, func(t *tx) error {
		if err := t.sweep(sweepClients, s.now()); err != nil {
			return err
		}
		n, err := t.affect(`INSERT INTO clients (id, name, uri, redirect_uris, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			c.ID, c.Name, c.URI, string(uris), nanos(c.CreatedAt), nanos(c.ExpiresAt))
		if err == nil && n == 0 {
			return exists("put client "+c.ID, fault.Field{Name: "id", Msg: "is taken"})
		}
		return err
	})
	return explain(err, "put client %s", c.ID)
}

// Client implements [records.Clients].
func (s *Store) Client(ctx context.Context, id string, now time.Time) (records.Client, error) {
	c, err := one(ctx, s, scanClient, `SELECT id, name, uri, redirect_uris, created_at, expires_at FROM clients WHERE id = ? AND expires_at > ?`,
		id, nanos(s.orNow(now)))
	return c, explain(err, "read client %s", id)
}

// ExtendClient implements [records.Clients].
func (s *Store) ExtendClient(ctx context.Context, id string, until time.Time) error {
	err := s.writer.do(ctx, func(t *tx) error {
		n, err := t.affect(`UPDATE clients SET expires_at = max(expires_at, ?) WHERE id = ?`, nanos(until), id)
		if err == nil && n == 0 {
			return fault.New(fault.NotFound, "extend client: no client %s", id)
		}
		return err
	})
	return explain(err, "extend client %s", id)
}
