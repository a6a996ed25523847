package sqlite

import (
	"context"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

const insertIdentity = `INSERT INTO identities (provider, subject, user_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`

func scanIdentity(row scanner) (id records.Identity, err error) {
	err = row.Scan(&id.Provider, &id.Subject)
	return id, err
}

// IdentitiesOfUser implements [records.Users].
func (s *Store) IdentitiesOfUser(ctx context.Context, userID string) ([]records.Identity, error) {
	ids, err := many(ctx, s, scanIdentity, `SELECT provider, subject FROM identities WHERE user_id = ? ORDER BY provider, subject`, userID)
	return ids, explain(err, "list the identities of user %s", userID)
}

// AddIdentity implements [records.Users].
func (s *Store) AddIdentity(ctx context.Context, userID string, id records.Identity) error {
	err := s.writer.do(ctx, func(t *tx) error {
		if _, err := t.user(userID); err != nil {
			return err
		}
		owner, err := get(t, scanString, `SELECT user_id FROM identities WHERE provider = ? AND subject = ?`, id.Provider, id.Subject)
		if err == nil && owner == userID {
			return nil
		}
		if err == nil {
			return exists("add an identity to user "+userID, fault.Field{Name: "identity", Msg: "is taken"})
		}
		if err = absent(err, "no such identity"); !fault.Is(err, fault.NotFound) {
			return err
		}
		n, err := get(t, scanInt, `SELECT count(*) FROM identities WHERE user_id = ?`, userID)
		if err != nil {
			return err
		}
		if n >= records.MaxIdentities {
			return fault.New(fault.Limit, "add an identity to user %s: there are %d already", userID, n)
		}
		return t.exec(insertIdentity, id.Provider, id.Subject, userID)
	})
	return explain(err, "add an identity to user %s", userID)
}
