package sqlite

import (
	"context"
	"encoding/json"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

const selectToken = `SELECT hash, id, wiki_id, user_id, name, role, created_at, expires_at, last_used, last_agent, touches FROM tokens `

// tokenRow is a token with the last minute's uses, by agent.
type tokenRow struct {
	records.Token
	touches records.Touches
}

func scanToken(row scanner) (t tokenRow, err error) {
	var created, expires, used int64
	var touches []byte
	err = row.Scan(&t.Hash, &t.ID, &t.WikiID, &t.UserID, &t.Name, &t.Role, &created, &expires, &used, &t.LastAgent, &touches)
	if err != nil {
		return tokenRow{}, err
	}
	t.CreatedAt, t.ExpiresAt, t.LastUsed = instant(created), instant(expires), instant(used)
	return t, json.Unmarshal(touches, &t.touches)
}

func (t *tx) insertToken(k records.Token) error {
	n, err := t.affect(`INSERT INTO tokens (hash, id, wiki_id, user_id, name, role, created_at, expires_at, last_used, last_agent, touches)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '{}') ON CONFLICT DO NOTHING`,
		k.Hash, k.ID, k.WikiID, k.UserID, k.Name, k.Role, nanos(k.CreatedAt), nanos(k.ExpiresAt), nanos(k.LastUsed), k.LastAgent)
	if err != nil || n == 1 {
		return err
	}
	field := "name"
	if _, err := get(t, scanToken, selectToken+`WHERE hash = ?`, k.Hash); err == nil {
		field = "hash"
	}
	return exists("create token "+k.Name, fault.Field{Name: field, Msg: "is taken"})
}

// CreateToken implements [records.Tokens].
func (s *Store) CreateToken(ctx context.Context, k records.Token) error {
	return s.createToken(ctx, k, false)
}

// ReplaceToken implements [records.Tokens].
func (s *Store) ReplaceToken(ctx context.Context, k records.Token) error {
	return s.createToken(ctx, k, true)
}

func (s *Store) createToken(ctx context.Context, k records.Token, replace bool) error {
	if err := k.Check(); err != nil {
		return err
	}
	k.CreatedAt = s.orNow(k.CreatedAt)
	err := s.writer.do(ctx, func(t *tx) error {
		if _, err := t.wiki(k.WikiID); err != nil {
			return err
		}
		if replace {
			if err := t.exec(`DELETE FROM tokens WHERE wiki_id = ? AND name = ?`, k.WikiID, k.Name); err != nil {
				return err
			}
		}
		return t.insertToken(k)
	})
	return explain(err, "create token %s of wiki %s", k.Name, k.WikiID)
}

func (s *Store) tokenByHash(ctx context.Context, hash string) (tokenRow, error) {
	return cached(ctx, s, key{tokenByHash, hash, ""}, func() (tokenRow, error) {
		return one(ctx, s, scanToken, selectToken+`WHERE hash = ?`, hash)
	})
}

// TokenByHash implements [records.Tokens].
func (s *Store) TokenByHash(ctx context.Context, hash string) (records.Token, error) {
	k, err := s.tokenByHash(ctx, hash)
	return k.Token, explain(err, "read a token")
}

// TokensOfWiki implements [records.Tokens].
func (s *Store) TokensOfWiki(ctx context.Context, wikiID string) ([]records.Token, error) {
	rows, err := many(ctx, s, scanToken, selectToken+`WHERE wiki_id = ? ORDER BY name`, wikiID)
	if err != nil {
		return nil, explain(err, "list the tokens of wiki %s", wikiID)
	}
	var out []records.Token
	for _, r := range rows {
		out = append(out, r.Token)
	}
	return out, nil
}

// RevokeToken implements [records.Tokens].
func (s *Store) RevokeToken(ctx context.Context, wikiID, id string) error {
	err := s.writer.do(ctx, func(t *tx) error {
		n, err := t.affect(`DELETE FROM tokens WHERE wiki_id = ? AND id = ?`, wikiID, id)
		if err == nil && n == 0 {
			return fault.New(fault.NotFound, "revoke token: wiki %s has no token %s", wikiID, id)
		}
		return err
	})
	return explain(err, "revoke token %s of wiki %s", id, wikiID)
}

// TouchToken implements [records.Tokens]. Nearly every call ends at the cached
// record, without a transaction.
func (s *Store) TouchToken(ctx context.Context, hash string, at time.Time, agent string) error {
	k, err := s.tokenByHash(ctx, hash)
	if err != nil {
		if err = explain(err, "note the use of a token"); fault.Is(err, fault.NotFound) {
			return nil
		}
		return err
	}
	if !k.touches.Due(k.Token, at, agent) {
		return nil
	}
	err = s.writer.do(ctx, func(t *tx) error {
		k, err := get(t, scanToken, selectToken+`WHERE hash = ?`, hash)
		if err = absent(err, "no token"); err != nil || !k.touches.Due(k.Token, at, agent) {
			return err
		}
		touches, err := json.Marshal(k.touches.Note(at, agent))
		if err != nil {
			return err
		}
		last, by := at, agent
		if at.Before(k.LastUsed) { // the clocks of several hosts differ
			last, by = k.LastUsed, k.LastAgent
		}
		return t.exec(`UPDATE tokens SET last_used = ?, last_agent = ?, touches = ? WHERE hash = ?`, nanos(last), by, string(touches), hash)
	})
	if err = explain(err, "note the use of a token"); fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}
