package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"time"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

const userColumns = `SELECT id, username, email, display_name, tier, wikis, created_at, ended, signed_out, deleted_at FROM users `

const (
	anyUser    = userColumns + `WHERE id = ?`
	selectUser = userColumns + `WHERE deleted_at = 0 AND id = `
	leaving    = userColumns + `WHERE deleted_at <> 0 AND id = `
)

// ofIdentity and ofEmail stand for the id of a user in a query.
const (
	ofIdentity = `(SELECT user_id FROM identities WHERE provider = ? AND subject = ?)`
	ofEmail    = `(SELECT user_id FROM emails WHERE folded = ?)`
)

func scanUser(row scanner) (u records.User, err error) {
	var created, out, deleted int64
	var ended []byte
	err = row.Scan(&u.ID, &u.Username, &u.Email, &u.DisplayName, &u.Tier, &u.Wikis, &created, &ended, &out, &deleted)
	if err != nil {
		return records.User{}, err
	}
	u.CreatedAt, u.SignedOut, u.DeletedAt = instant(created), instant(out), instant(deleted)
	if string(ended) == "{}" {
		return u, nil
	}
	until := map[string]int64{}
	if err := json.Unmarshal(ended, &until); err != nil {
		return records.User{}, err
	}
	u.Ended = make(map[string]time.Time, len(until))
	for id, n := range until {
		u.Ended[id] = instant(n)
	}
	return u, nil
}

func scanString(row scanner) (v string, err error) {
	err = row.Scan(&v)
	return v, err
}

// user returns a user who is not leaving.
func (t *tx) user(id string) (records.User, error) {
	u, err := get(t, scanUser, selectUser+`?`, id)
	return u, absent(err, "no user %s", id)
}

// CreateUser implements [records.Users].
func (s *Store) CreateUser(ctx context.Context, u records.User, ids ...records.Identity) error {
	ids, err := records.CheckIdentities(ids)
	if err != nil {
		return err
	}
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
		dup, err := t.insertUser(u, ids)
		if err != nil {
			return err
		}
		if dup != nil {
			return exists("create user "+u.Username, dup...)
		}
		return t.emit(env)
	})
	return explain(err, "create user %s", u.Username)
}

// insertUser writes a user with all reservations and returns what is taken.
func (t *tx) insertUser(u records.User, ids []records.Identity) (dup []fault.Field, err error) {
	type reservation struct {
		field, query string
		args         []any
	}
	all := []reservation{
		{"id", `INSERT INTO users (id, username, email, display_name, tier, wikis, created_at) VALUES (?, ?, ?, ?, ?, 0, ?) ON CONFLICT DO NOTHING`,
			[]any{u.ID, u.Username, u.Email, u.DisplayName, u.Tier, nanos(u.CreatedAt)}},
		{"username", `INSERT INTO names (name, user_id, wiki_id) VALUES (?, ?, '') ON CONFLICT DO NOTHING`, []any{u.Username, u.ID}},
		{"email", `INSERT INTO emails (folded, user_id) VALUES (?, ?) ON CONFLICT DO NOTHING`, []any{records.FoldEmail(u.Email), u.ID}},
	}
	for _, id := range ids {
		all = append(all, reservation{"identity", insertIdentity, []any{id.Provider, id.Subject, u.ID}})
	}
	for _, r := range all {
		n, err := t.affect(r.query, r.args...)
		if err != nil {
			return nil, err
		}
		if n == 0 && (dup == nil || dup[len(dup)-1].Name != r.field) { // several identities are one field
			dup = append(dup, fault.Field{Name: r.field, Msg: "is taken"})
		}
	}
	return dup, nil
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

func (s *Store) cachedUser(ctx context.Context, k key, query string, args ...any) (records.User, error) {
	u, err := cached(ctx, s, k, func() (records.User, error) { return one(ctx, s, scanUser, query, args...) })
	u.Ended = maps.Clone(u.Ended) // the cache keeps its own
	return u, err
}

// User implements [records.Users].
func (s *Store) User(ctx context.Context, id string) (records.User, error) {
	u, err := s.cachedUser(ctx, key{userByID, id, ""}, selectUser+`?`, id)
	return u, explain(err, "read user %s", id)
}

// UserByIdentity implements [records.Users].
func (s *Store) UserByIdentity(ctx context.Context, id records.Identity) (records.User, error) {
	u, err := s.cachedUser(ctx, key{userByIdentity, id.Provider, id.Subject}, selectUser+ofIdentity, id.Provider, id.Subject)
	return u, explain(err, "read the user of an identity at %s", id.Provider)
}

// UserByEmail implements [records.Users].
func (s *Store) UserByEmail(ctx context.Context, email string) (records.User, error) {
	folded := records.FoldEmail(email)
	u, err := s.cachedUser(ctx, key{userByEmail, folded, ""}, selectUser+ofEmail, folded)
	return u, explain(err, "read the user with an e-mail address")
}

// UpdateUser implements [records.Users].
func (s *Store) UpdateUser(ctx context.Context, id string, c records.UserChange) (records.User, error) {
	if c == (records.UserChange{}) {
		return s.User(ctx, id)
	}
	var u records.User
	err := s.writer.do(ctx, func(t *tx) (err error) {
		if u, err = t.user(id); err != nil {
			return err
		}
		u = c.Apply(u)
		return t.exec(`UPDATE users SET display_name = ? WHERE id = ?`, u.DisplayName, id)
	})
	if err != nil {
		return records.User{}, explain(err, "update user %s", id)
	}
	return u, nil
}

// SetTier implements [records.Users].
func (s *Store) SetTier(ctx context.Context, userID string, tier records.Tier) error {
	err := s.writer.do(ctx, func(t *tx) error {
		n, err := t.affect(`UPDATE users SET tier = ? WHERE id = ? AND deleted_at = 0`, tier, userID)
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
