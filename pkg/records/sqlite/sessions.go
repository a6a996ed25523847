package sqlite

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

const selectSession = `SELECT user_id, id, kind, name, secret_hash, created_at, last_used, expires_at, provider, sealed FROM sessions WHERE user_id = ?`

func scanSession(row scanner) (n records.Session, err error) {
	var created, used, expires int64
	err = row.Scan(&n.UserID, &n.ID, &n.Kind, &n.Name, &n.SecretHash, &created, &used, &expires, &n.Provider, &n.Sealed)
	n.CreatedAt, n.LastUsed, n.ExpiresAt = instant(created), instant(used), instant(expires)
	n.Sealed = filled(n.Sealed)
	return n, err
}

// filled makes of no bytes what the caller gave: nil.
func filled(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// blob is how bytes are stored: none of them are not NULL.
func blob(b []byte) []byte { return append([]byte{}, b...) }

func (t *tx) session(userID, id string) (records.Session, error) {
	n, err := get(t, scanSession, selectSession+` AND id = ?`, userID, id)
	return n, absent(err, "user %s has no session %s", userID, id)
}

// CreateSession implements [records.Sessions].
func (s *Store) CreateSession(ctx context.Context, n records.Session) error {
	if err := n.Check(); err != nil {
		return err
	}
	n.CreatedAt = s.orNow(n.CreatedAt)
	if n.LastUsed.IsZero() {
		n.LastUsed = n.CreatedAt
	}
	err := s.writer.do(ctx, func(t *tx) error {
		if _, err := t.user(n.UserID); err != nil {
			return err
		}
		if err := t.sweep(sweepSessions, s.now()); err != nil {
			return err
		}
		made, err := t.affect(`INSERT INTO sessions (user_id, id, kind, name, secret_hash, created_at, last_used, expires_at, provider, sealed)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`, n.UserID, n.ID, n.Kind, n.Name, n.SecretHash,
			nanos(n.CreatedAt), nanos(n.LastUsed), nanos(n.ExpiresAt), n.Provider, blob(n.Sealed))
		if err == nil && made == 0 {
			err = exists("create session of user "+n.UserID, fault.Field{Name: "id", Msg: "is taken"})
		}
		if err != nil {
			return err
		}
		all, err := list(t, scanSession, selectSession, n.UserID)
		if err != nil {
			return err
		}
		return t.remove(`DELETE FROM sessions WHERE user_id = ? AND id = ?`, n.UserID, records.SurplusSessions(all, n.ID))
	})
	return explain(err, "create session of user %s", n.UserID)
}

// remove runs a query that deletes one thing of a user for each id.
func (t *tx) remove(query, userID string, ids []string) error {
	for _, id := range ids {
		if err := t.exec(query, userID, id); err != nil {
			return err
		}
	}
	return nil
}

// Session implements [records.Sessions].
func (s *Store) Session(ctx context.Context, userID, id string) (records.Session, error) {
	n, err := cached(ctx, s, key{sessionByID, userID, id}, func() (records.Session, error) {
		return one(ctx, s, scanSession, selectSession+` AND id = ?`, userID, id)
	})
	n.Sealed = slices.Clone(n.Sealed) // the cache keeps its own
	return n, explain(err, "read session %s of user %s", id, userID)
}

// SessionsOfUser implements [records.Sessions].
func (s *Store) SessionsOfUser(ctx context.Context, userID string) ([]records.Session, error) {
	list, err := many(ctx, s, scanSession, selectSession, userID)
	records.SortSessions(list)
	return list, explain(err, "list the sessions of user %s", userID)
}

// RenewSession implements [records.Sessions].
func (s *Store) RenewSession(ctx context.Context, n records.Session, sealed []byte, at time.Time) error {
	err := s.writer.do(ctx, func(t *tx) error {
		now, err := t.session(n.UserID, n.ID)
		if err != nil {
			return err
		}
		if !bytes.Equal(now.Sealed, n.Sealed) {
			return fault.New(fault.Conflict, "renew session %s of user %s: somebody else did", n.ID, n.UserID)
		}
		return t.exec(`UPDATE sessions SET sealed = ?, last_used = ? WHERE user_id = ? AND id = ?`,
			blob(sealed), nanos(records.Later(now.LastUsed, at)), n.UserID, n.ID)
	})
	return explain(err, "renew session %s of user %s", n.ID, n.UserID)
}

// TouchSession implements [records.Sessions]. Nearly every call ends at the
// cached record, without a transaction.
func (s *Store) TouchSession(ctx context.Context, userID, id string, at time.Time) error {
	n, err := s.Session(ctx, userID, id)
	if err == nil && records.TouchDue(n.LastUsed, at) {
		err = s.touch(ctx, `UPDATE sessions SET last_used = max(last_used, ?) WHERE user_id = ? AND id = ?`, at, userID, id)
	}
	return unlessNotFound(explain(err, "note the use of a session"))
}

// touch notes a use of what one user has, if it still is there.
func (s *Store) touch(ctx context.Context, query string, at time.Time, userID, id string) error {
	return s.writer.do(ctx, func(t *tx) error { return t.exec(query, nanos(at), userID, id) })
}

func unlessNotFound(err error) error {
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// EndSession implements [records.Sessions].
func (s *Store) EndSession(ctx context.Context, userID, id string, now, until time.Time) error {
	err := s.writer.do(ctx, func(t *tx) error {
		if _, err := t.session(userID, id); err != nil {
			return err
		}
		if err := t.exec(`DELETE FROM sessions WHERE user_id = ? AND id = ?`, userID, id); err != nil {
			return err
		}
		return t.signOut(userID, func(u records.User) records.User { return u.EndSession(id, now, until) })
	})
	return explain(err, "end session %s of user %s", id, userID)
}

// EndSessions implements [records.Sessions].
func (s *Store) EndSessions(ctx context.Context, userID, keep string, now time.Time) error {
	err := s.writer.do(ctx, func(t *tx) error {
		if err := t.exec(`DELETE FROM sessions WHERE user_id = ? AND id <> ?`, userID, keep); err != nil {
			return err
		}
		return t.signOut(userID, func(u records.User) records.User { return u.EndSessions(now) })
	})
	return explain(err, "end the sessions of user %s", userID)
}

// signOut changes what a user's record says about sessions that have ended.
func (t *tx) signOut(userID string, change func(records.User) records.User) error {
	u, err := get(t, scanUser, anyUser, userID)
	if err != nil {
		return absent(err, "no user %s", userID)
	}
	u = change(u)
	until := make(map[string]int64, len(u.Ended))
	for id, at := range u.Ended {
		until[id] = nanos(at)
	}
	ended, err := json.Marshal(until)
	if err != nil {
		return err
	}
	return t.exec(`UPDATE users SET ended = ?, signed_out = ? WHERE id = ?`, string(ended), nanos(u.SignedOut), userID)
}
