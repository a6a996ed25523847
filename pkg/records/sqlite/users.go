package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

const selectUser = `SELECT id, username, email, display_name, tier, wikis, created_at FROM users WHERE id = `

func scanUser(row scanner) (u records.User, err error) {
	var created int64
	err = row.Scan(&u.ID, &u.Username, &u.Email, &u.DisplayName, &u.Tier, &u.Wikis, &created)
	u.CreatedAt = instant(created)
	return u, err
}

func scanString(row scanner) (v string, err error) {
	err = row.Scan(&v)
	return v, err
}

// CreateUser implements [records.Users].
func (s *Store) CreateUser(ctx context.Context, u records.User, ids ...records.Identity) error {
	id := ids[0] // unwritten: all of them
	if u.DisplayName == "" {
		u.DisplayName = u.Username
	}
	if u.Tier == "" {
		u.Tier = records.Free
	}
	u.CreatedAt = s.orNow(u.CreatedAt)
	env, err := events.New(s.now(), "", &events.Actor{UserId: u.ID, Name: u.DisplayName},
		&eventsv1.UserCreated{UserId: u.ID, Username: u.Username})
	if err != nil {
		return explain(err, "create user %s", u.Username)
	}
	err = s.writer.do(ctx, func(t *tx) error {
		var dup []fault.Field
		for _, r := range []struct {
			field, query string
			args         []any
		}{
			{"id", `INSERT INTO users (id, username, email, display_name, tier, wikis, created_at) VALUES (?, ?, ?, ?, ?, 0, ?) ON CONFLICT DO NOTHING`,
				[]any{u.ID, u.Username, u.Email, u.DisplayName, u.Tier, nanos(u.CreatedAt)}},
			{"username", `INSERT INTO names (name, user_id, wiki_id) VALUES (?, ?, '') ON CONFLICT DO NOTHING`, []any{u.Username, u.ID}},
			{"email", `INSERT INTO emails (folded, user_id) VALUES (?, ?) ON CONFLICT DO NOTHING`, []any{records.FoldEmail(u.Email), u.ID}},
			{"identity", `INSERT INTO identities (provider, subject, user_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, []any{id.Provider, id.Subject, u.ID}},
		} {
			n, err := t.affect(r.query, r.args...)
			if err != nil {
				return err
			}
			if n == 0 {
				dup = append(dup, fault.Field{Name: r.field, Msg: "is taken"})
			}
		}
		if dup != nil {
			return exists("create user "+u.Username, dup...)
		}
		return t.emit(env)
	})
	return explain(err, "create user %s", u.Username)
}

// exists is the answer that names what is taken.
func exists(what string, dup ...fault.Field) error {
	names := make([]string, len(dup))
	for i, f := range dup {
		names[i] = f.Name
	}
	e := fault.New(fault.Exists, "%s: %s taken", what, strings.Join(names, ", "))
	e.Fields = dup
	return e
}

// User implements [records.Users].
func (s *Store) User(ctx context.Context, id string) (records.User, error) {
	u, err := cached(ctx, s, key{userByID, id, ""}, func() (records.User, error) {
		return one(ctx, s, scanUser, selectUser+`?`, id)
	})
	return u, explain(err, "read user %s", id)
}

// UserByIdentity implements [records.Users].
func (s *Store) UserByIdentity(ctx context.Context, id records.Identity) (records.User, error) {
	u, err := cached(ctx, s, key{userByIdentity, id.Provider, id.Subject}, func() (records.User, error) {
		return one(ctx, s, scanUser, selectUser+`(SELECT user_id FROM identities WHERE provider = ? AND subject = ?)`, id.Provider, id.Subject)
	})
	return u, explain(err, "read the user of an identity at %s", id.Provider)
}

// UserByEmail implements [records.Users].
func (s *Store) UserByEmail(ctx context.Context, email string) (records.User, error) {
	folded := records.FoldEmail(email)
	u, err := cached(ctx, s, key{userByEmail, folded, ""}, func() (records.User, error) {
		return one(ctx, s, scanUser, selectUser+`(SELECT user_id FROM emails WHERE folded = ?)`, folded)
	})
	return u, explain(err, "read the user with an e-mail address")
}

// SetTier implements [records.Users].
func (s *Store) SetTier(ctx context.Context, userID string, tier records.Tier) error {
	err := s.writer.do(ctx, func(t *tx) error {
		n, err := t.affect(`UPDATE users SET tier = ? WHERE id = ?`, tier, userID)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, "set tier: no user %s", userID)
		}
		return t.exec(`UPDATE wikis SET tier = ? WHERE owner_id = ?`, tier, userID)
	})
	return explain(err, "set tier of user %s", userID)
}

// absent turns "no row" into a given answer.
func absent(err error, format string, args ...any) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.NotFound, format, args...)
	}
	return err
}
