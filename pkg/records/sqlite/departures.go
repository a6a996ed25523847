package sqlite

import (
	"context"
	"time"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

// DeleteUser implements [records.Departures].
func (s *Store) DeleteUser(ctx context.Context, id string, at time.Time) error {
	at = s.orNow(at)
	err := s.writer.do(ctx, func(t *tx) error {
		n, err := t.affect(`UPDATE users SET deleted_at = ? WHERE id = ? AND deleted_at = 0`, nanos(at), id)
		if err == nil && n == 0 {
			err = fault.New(fault.NotFound, "delete user: no user %s", id)
		}
		if err != nil {
			return err
		}
		return t.exec(`UPDATE wikis SET closed = 1 WHERE owner_id = ?`, id)
	})
	return explain(err, "delete user %s", id)
}

// DepartedUser implements [records.Departures].
func (s *Store) DepartedUser(ctx context.Context, id records.Identity) (records.User, error) {
	u, err := one(ctx, s, scanUser, leaving+ofIdentity, id.Provider, id.Subject)
	return u, explain(err, "read the leaving user of an identity at %s", id.Provider)
}

// RestoreUser implements [records.Departures].
func (s *Store) RestoreUser(ctx context.Context, id string) error {
	err := s.writer.do(ctx, func(t *tx) error {
		n, err := t.affect(`UPDATE users SET deleted_at = 0 WHERE id = ? AND deleted_at <> 0`, id)
		if err == nil && n == 0 {
			err = fault.New(fault.NotFound, "restore user: nobody of the id %s is leaving", id)
		}
		if err != nil {
			return err
		}
		return t.exec(`UPDATE wikis SET closed = 0 WHERE owner_id = ?`, id)
	})
	return explain(err, "restore user %s", id)
}

// Departed implements [records.Departures].
func (s *Store) Departed(ctx context.Context, before time.Time, limit int) ([]records.User, error) {
	us, err := many(ctx, s, scanUser, userColumns+`WHERE deleted_at <> 0 AND deleted_at < ? ORDER BY deleted_at, id LIMIT ?`, nanos(before), max(0, limit)) // below 0 would be no limit
	return us, explain(err, "list who is leaving")
}

// ForgetUser implements [records.Departures].
func (s *Store) ForgetUser(ctx context.Context, id string) error {
	env, err := events.New(s.now(), "", nil, &eventsv1.UserDeleted{UserId: id})
	if err != nil {
		return explain(err, "forget user %s", id)
	}
	err = s.writer.do(ctx, func(t *tx) error {
		u, err := get(t, scanUser, leaving+`?`, id)
		if err != nil {
			return absent(err, "forget user: nobody of the id %s is leaving", id)
		}
		// Whoever has the name now has it for good: a wiki, or nobody.
		if err := t.exec(`UPDATE names SET user_id = '' WHERE name = ? AND user_id = ?`, u.Username, id); err != nil {
			return err
		}
		if err := t.exec(`DELETE FROM emails WHERE folded = ? AND user_id = ?`, records.FoldEmail(u.Email), id); err != nil {
			return err
		}
		for _, query := range []string{
			`DELETE FROM identities WHERE user_id = ?`,
			`DELETE FROM sessions WHERE user_id = ?`,
			`DELETE FROM connections WHERE user_id = ?`,
			`DELETE FROM users WHERE id = ?`,
		} {
			if err := t.exec(query, id); err != nil {
				return err
			}
		}
		return t.emit(env)
	})
	return explain(err, "forget user %s", id)
}
