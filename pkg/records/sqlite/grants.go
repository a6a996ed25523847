package sqlite

import (
	"context"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

const selectGrant = `SELECT wiki_id, user_id, role, granted_by, granted_at FROM grants `

func scanGrant(row scanner) (g records.Grant, err error) {
	var at int64
	err = row.Scan(&g.WikiID, &g.UserID, &g.Role, &g.GrantedBy, &at)
	g.GrantedAt = instant(at)
	return g, err
}

func scanInt(row scanner) (n int64, err error) {
	err = row.Scan(&n)
	return n, err
}

// Grant implements [records.Grants].
func (s *Store) Grant(ctx context.Context, wikiID, userID string) (records.Grant, error) {
	g, err := cached(ctx, s, key{grantByKey, wikiID, userID}, func() (records.Grant, error) {
		return one(ctx, s, scanGrant, selectGrant+`WHERE wiki_id = ? AND user_id = ?`, wikiID, userID)
	})
	return g, explain(err, "read the grant of user %s in wiki %s", userID, wikiID)
}

// GrantsOfUser implements [records.Grants].
func (s *Store) GrantsOfUser(ctx context.Context, userID string) ([]records.Grant, error) {
	gs, err := many(ctx, s, scanGrant, selectGrant+`WHERE user_id = ? ORDER BY wiki_id`, userID)
	return gs, explain(err, "list the grants of user %s", userID)
}

// GrantsOfWiki implements [records.Grants].
func (s *Store) GrantsOfWiki(ctx context.Context, wikiID string) ([]records.Grant, error) {
	gs, err := many(ctx, s, scanGrant, selectGrant+`WHERE wiki_id = ? ORDER BY user_id`, wikiID)
	return gs, explain(err, "list the grants of wiki %s", wikiID)
}

// grant returns the grant of a user within the transaction, zero if there is none.
func (t *tx) grant(wikiID, userID string) (records.Grant, error) {
	g, err := get(t, scanGrant, selectGrant+`WHERE wiki_id = ? AND user_id = ?`, wikiID, userID)
	if err = absent(err, "no grant"); fault.Is(err, fault.NotFound) {
		return records.Grant{}, nil
	}
	return g, err
}

func (t *tx) putGrant(g records.Grant) error {
	return t.exec(`INSERT INTO grants (wiki_id, user_id, role, granted_by, granted_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (wiki_id, user_id) DO UPDATE SET role = excluded.role, granted_by = excluded.granted_by, granted_at = excluded.granted_at`,
		g.WikiID, g.UserID, g.Role, g.GrantedBy, nanos(g.GrantedAt))
}

// PutGrant implements [records.Grants].
func (s *Store) PutGrant(ctx context.Context, g records.Grant, maxAuthors int, actor *eventsv1.Actor) error {
	if err := g.Check(); err != nil {
		return err
	}
	g.GrantedAt = s.orNow(g.GrantedAt)
	err := s.writer.do(ctx, func(t *tx) error {
		if _, err := t.wiki(g.WikiID); err != nil {
			return err
		}
		if _, err := t.user(g.UserID); err != nil {
			return err
		}
		old, err := t.grant(g.WikiID, g.UserID)
		if err != nil {
			return err
		}
		if old.Role == records.Owner {
			return fault.New(fault.Denied, "change a grant in wiki %s: the owner's cannot be changed", g.WikiID)
		}
		if g.Role == records.Editor && old.Role != records.Editor && maxAuthors > 0 {
			authors, err := get(t, scanInt, `SELECT count(*) FROM grants WHERE wiki_id = ? AND role <> ?`, g.WikiID, records.Viewer)
			if err != nil {
				return err
			}
			if authors >= int64(maxAuthors) {
				return fault.New(fault.Limit, "grant a role in wiki %s: it has %d of %d authors", g.WikiID, authors, maxAuthors)
			}
		}
		if err := t.putGrant(g); err != nil {
			return err
		}
		return s.emitGrant(t, g.WikiID, g.UserID, g.Role, actor)
	})
	return explain(err, "grant a role in wiki %s", g.WikiID)
}

// DeleteGrant implements [records.Grants].
func (s *Store) DeleteGrant(ctx context.Context, wikiID, userID string, actor *eventsv1.Actor) error {
	err := s.writer.do(ctx, func(t *tx) error {
		old, err := t.grant(wikiID, userID)
		if err != nil {
			return err
		}
		switch old.Role {
		case "":
			return fault.New(fault.NotFound, "delete a grant in wiki %s: user %s has none", wikiID, userID)
		case records.Owner:
			return fault.New(fault.Denied, "delete a grant in wiki %s: the owner's cannot be changed", wikiID)
		}
		if err := t.exec(`DELETE FROM grants WHERE wiki_id = ? AND user_id = ?`, wikiID, userID); err != nil {
			return err
		}
		return s.emitGrant(t, wikiID, userID, "", actor)
	})
	return explain(err, "delete a grant in wiki %s", wikiID)
}

func (s *Store) emitGrant(t *tx, wikiID, userID string, role records.Role, actor *eventsv1.Actor) error {
	env, err := events.New(s.now(), wikiID, actor, &eventsv1.GrantChanged{UserId: userID, Role: string(role)})
	if err != nil {
		return err
	}
	return t.emit(env)
}
