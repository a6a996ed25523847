package sqlite

import (
	"context"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

const selectConnection = `SELECT user_id, id, wiki_id, client_id, client_name, client_host, resource, role,
	refresh_hash, former_hash, rotated_at, seed, created_at, last_used, expires_at FROM connections WHERE user_id = ?`

func scanConnection(row scanner) (c records.Connection, err error) {
	var rotated, created, used, expires int64
	err = row.Scan(&c.UserID, &c.ID, &c.WikiID, &c.ClientID, &c.ClientName, &c.ClientHost, &c.Resource, &c.Role,
		&c.RefreshHash, &c.FormerHash, &rotated, &c.Seed, &created, &used, &expires)
	c.RotatedAt, c.CreatedAt, c.LastUsed, c.ExpiresAt = instant(rotated), instant(created), instant(used), instant(expires)
	return c, err
}

// CreateConnection implements [records.Connections].
func (s *Store) CreateConnection(ctx context.Context, c records.Connection) error {
	if err := c.Check(); err != nil {
		return err
	}
	c.CreatedAt = s.orNow(c.CreatedAt)
	err := s.writer.do(ctx, func(t *tx) error {
		if _, err := t.user(c.UserID); err != nil {
			return err
		}
		if err := t.sweep(sweepConnections, s.now()); err != nil {
			return err
		}
		made, err := t.affect(`INSERT INTO connections (user_id, id, wiki_id, client_id, client_name, client_host, resource, role,
			refresh_hash, former_hash, rotated_at, seed, created_at, last_used, expires_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			c.UserID, c.ID, c.WikiID, c.ClientID, c.ClientName, c.ClientHost, c.Resource, c.Role,
			c.RefreshHash, c.FormerHash, nanos(c.RotatedAt), c.Seed, nanos(c.CreatedAt), nanos(c.LastUsed), nanos(c.ExpiresAt))
		if err == nil && made == 0 {
			err = exists("create connection of user "+c.UserID, fault.Field{Name: "id", Msg: "is taken"})
		}
		if err != nil {
			return err
		}
		all, err := list(t, scanConnection, selectConnection, c.UserID)
		if err != nil {
			return err
		}
		return t.remove(`DELETE FROM connections WHERE user_id = ? AND id = ?`, c.UserID, records.SurplusConnections(all, c.ID))
	})
	return explain(err, "create connection of user %s", c.UserID)
}

// Connection implements [records.Connections].
func (s *Store) Connection(ctx context.Context, userID, id string) (records.Connection, error) {
	c, err := cached(ctx, s, key{connectionByID, userID, id}, func() (records.Connection, error) {
		return one(ctx, s, scanConnection, selectConnection+` AND id = ?`, userID, id)
	})
	return c, explain(err, "read connection %s of user %s", id, userID)
}

// ConnectionsOfUser implements [records.Connections].
func (s *Store) ConnectionsOfUser(ctx context.Context, userID string) ([]records.Connection, error) {
	list, err := many(ctx, s, scanConnection, selectConnection, userID)
	records.SortConnections(list)
	return list, explain(err, "list the connections of user %s", userID)
}

// RotateConnection implements [records.Connections].
func (s *Store) RotateConnection(ctx context.Context, userID, id, old, next string, at, expires time.Time) (records.Connection, error) {
	var c records.Connection
	err := s.writer.do(ctx, func(t *tx) (err error) {
		if c, err = get(t, scanConnection, selectConnection+` AND id = ?`, userID, id); err != nil {
			return absent(err, "user %s has no connection %s", userID, id)
		}
		if c.RefreshHash != old {
			return fault.New(fault.Conflict, "rotate connection %s of user %s: another secret is its own", id, userID)
		}
		c = c.Rotate(next, at, expires)
		return t.exec(`UPDATE connections SET refresh_hash = ?, former_hash = ?, rotated_at = ?, expires_at = ? WHERE user_id = ? AND id = ?`,
			c.RefreshHash, c.FormerHash, nanos(c.RotatedAt), nanos(c.ExpiresAt), userID, id)
	})
	if err != nil && !fault.Is(err, fault.Conflict) {
		c = records.Connection{}
	}
	return c, explain(err, "rotate connection %s of user %s", id, userID)
}

// TouchConnection implements [records.Connections].
func (s *Store) TouchConnection(ctx context.Context, userID, id string, at time.Time) error {
	c, err := s.Connection(ctx, userID, id)
	if err == nil && records.TouchDue(c.LastUsed, at) {
		err = s.touch(ctx, `UPDATE connections SET last_used = max(last_used, ?) WHERE user_id = ? AND id = ?`, at, userID, id)
	}
	return unlessNotFound(explain(err, "note the use of a connection"))
}

// EndConnection implements [records.Connections].
func (s *Store) EndConnection(ctx context.Context, userID, id string) error {
	err := s.writer.do(ctx, func(t *tx) error {
		n, err := t.affect(`DELETE FROM connections WHERE user_id = ? AND id = ?`, userID, id)
		if err == nil && n == 0 {
			return fault.New(fault.NotFound, "end connection: user %s has no connection %s", userID, id)
		}
		return err
	})
	return explain(err, "end connection %s of user %s", id, userID)
}
