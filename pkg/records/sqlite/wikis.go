package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

const selectWiki = `SELECT id, slug, name, owner_id, tier, public, head, sequence, head_at, page_count, file_bytes,
	base_packs, base_sequence, git_off, closed, index_commit, index_file, index_sequence, created_at FROM wikis WHERE id = ?`

func scanWiki(row scanner) (w records.Wiki, err error) {
	var headAt, created int64
	var packs []byte
	err = row.Scan(&w.ID, &w.Slug, &w.Name, &w.OwnerID, &w.Tier, &w.Public, &w.Head, &w.Sequence, &headAt, &w.PageCount, &w.FileBytes,
		&packs, &w.BaseSequence, &w.GitOff, &w.Closed, &w.Index.Commit, &w.Index.File, &w.Index.Sequence, &created)
	if err != nil {
		return records.Wiki{}, err
	}
	w.HeadAt, w.CreatedAt = instant(headAt), instant(created)
	if string(packs) != "[]" {
		err = json.Unmarshal(packs, &w.BasePacks)
	}
	return w, err
}

func (t *tx) wiki(id string) (records.Wiki, error) {
	w, err := get(t, scanWiki, selectWiki, id)
	return w, absent(err, "no wiki %s", id)
}

func scanReservation(row scanner) (r records.Reservation, err error) {
	err = row.Scan(&r.Name, &r.UserID, &r.WikiID)
	return r, err
}

const selectName = `SELECT name, user_id, wiki_id FROM names WHERE name = ?`

// CreateWiki implements [records.Wikis].
func (s *Store) CreateWiki(ctx context.Context, n records.NewWiki) (records.Wiki, error) {
	n.CreatedAt = s.orNow(n.CreatedAt)
	n.Token.WikiID = n.ID
	n.Token.CreatedAt = s.orNow(n.Token.CreatedAt)
	if err := n.Token.Check(); err != nil {
		return records.Wiki{}, err
	}
	env, err := events.New(s.now(), n.ID, n.Actor, &eventsv1.WikiCreated{Slug: n.Slug, Name: n.Name, OwnerId: n.OwnerID, Public: n.Public})
	if err != nil {
		return records.Wiki{}, explain(err, "create wiki %s", n.Slug)
	}
	var w records.Wiki
	err = s.writer.do(ctx, func(t *tx) error {
		owner, err := t.user(n.OwnerID)
		if err != nil {
			return err
		}
		w = n.Record(owner.Tier)
		if err := t.reserve(n); err != nil {
			return err
		}
		if limit := n.OwnersLimit(); owner.Wikis >= limit {
			return fault.New(fault.Limit, "create wiki %s: the owner has %d of %d wikis", n.Slug, owner.Wikis, limit)
		}
		if err := t.insertWiki(w); err != nil {
			return err
		}
		if err := t.exec(`UPDATE users SET wikis = wikis + 1 WHERE id = ?`, n.OwnerID); err != nil {
			return err
		}
		g := records.Grant{WikiID: n.ID, UserID: n.OwnerID, Role: records.Owner, GrantedBy: n.OwnerID, GrantedAt: n.CreatedAt}
		if err := t.putGrant(g); err != nil {
			return err
		}
		if err := t.insertToken(n.Token); err != nil {
			return err
		}
		return t.emit(env)
	})
	if err != nil {
		return records.Wiki{}, explain(err, "create wiki %s", n.Slug)
	}
	return w, nil
}

// reserve takes the slug, which must be free or the owner's own username.
func (t *tx) reserve(n records.NewWiki) error {
	changed, err := t.affect(`INSERT INTO names (name, user_id, wiki_id) VALUES (?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET wiki_id = excluded.wiki_id WHERE user_id = excluded.user_id AND wiki_id = ''`, n.Slug, n.OwnerID, n.ID)
	if err != nil {
		return err
	}
	if changed == 0 {
		return exists("create wiki "+n.Slug, fault.Field{Name: "slug", Msg: "is taken"})
	}
	return nil
}

func (t *tx) insertWiki(w records.Wiki) error {
	packs, err := packList(w.BasePacks)
	if err != nil {
		return err
	}
	n, err := t.affect(`INSERT INTO wikis (id, slug, name, owner_id, tier, public, head, sequence, head_at, page_count, file_bytes,
		base_packs, base_sequence, index_commit, index_file, index_sequence, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', '', 0, ?) ON CONFLICT DO NOTHING`,
		w.ID, w.Slug, w.Name, w.OwnerID, w.Tier, w.Public, w.Head, w.Sequence, nanos(w.HeadAt), w.PageCount, w.FileBytes,
		packs, w.BaseSequence, nanos(w.CreatedAt))
	if err == nil && n == 0 {
		return exists("create wiki "+w.Slug, fault.Field{Name: "id", Msg: "is taken"})
	}
	return err
}

// Wiki implements [records.Wikis].
func (s *Store) Wiki(ctx context.Context, id string) (records.Wiki, error) {
	w, err := cached(ctx, s, key{wikiByID, id, ""}, func() (records.Wiki, error) { return one(ctx, s, scanWiki, selectWiki, id) })
	w.BasePacks = slices.Clone(w.BasePacks) // the cache keeps its own
	return w, explain(err, "read wiki %s", id)
}

// WikiID implements [records.Wikis].
func (s *Store) WikiID(ctx context.Context, slug string) (string, error) {
	id, err := cached(ctx, s, key{wikiBySlug, slug, ""}, func() (string, error) {
		return one(ctx, s, scanString, `SELECT wiki_id FROM names WHERE name = ? AND wiki_id <> ''`, slug)
	})
	return id, explain(err, "find wiki %s", slug)
}

// NameTaken implements [records.Wikis].
func (s *Store) NameTaken(ctx context.Context, name string) (records.Reservation, bool, error) {
	r, err := one(ctx, s, scanReservation, selectName, name)
	if errors.Is(err, sql.ErrNoRows) {
		return records.Reservation{}, false, nil
	}
	return r, err == nil, explain(err, "look up the name %s", name)
}

// UpdateWiki implements [records.Wikis].
func (s *Store) UpdateWiki(ctx context.Context, id string, c records.WikiChange, actor *eventsv1.Actor) (records.Wiki, error) {
	if c == (records.WikiChange{}) {
		return s.Wiki(ctx, id)
	}
	var w records.Wiki
	err := s.writer.do(ctx, func(t *tx) (err error) {
		if w, err = t.wiki(id); err != nil {
			return err
		}
		w = c.Apply(w)
		if err := t.exec(`UPDATE wikis SET name = ?, public = ?, git_off = ? WHERE id = ?`, w.Name, w.Public, w.GitOff, id); err != nil {
			return err
		}
		env, err := events.New(s.now(), id, actor, &eventsv1.WikiUpdated{Slug: w.Slug, Name: w.Name, Public: w.Public, GitOff: w.GitOff})
		if err != nil {
			return err
		}
		return t.emit(env)
	})
	if err != nil {
		return records.Wiki{}, explain(err, "update wiki %s", id)
	}
	return w, nil
}

// DeleteWiki implements [records.Wikis].
func (s *Store) DeleteWiki(ctx context.Context, id string, actor *eventsv1.Actor) error {
	err := s.writer.do(ctx, func(t *tx) error {
		w, err := t.wiki(id)
		if err != nil {
			return err
		}
		// A tombstone, but for a username whose bearer is there, leaving or not.
		if err := t.exec(`UPDATE names SET wiki_id = '', user_id = coalesce((SELECT id FROM users WHERE id = ? AND username = ?), '')
			WHERE name = ?`, w.OwnerID, w.Slug, w.Slug); err != nil {
			return err
		}
		if err := t.exec(`DELETE FROM wikis WHERE id = ?`, id); err != nil {
			return err
		}
		if err := t.exec(`UPDATE users SET wikis = wikis - 1 WHERE id = ?`, w.OwnerID); err != nil {
			return err
		}
		env, err := events.New(s.now(), id, actor, &eventsv1.WikiDeleted{Slug: w.Slug, OwnerId: w.OwnerID})
		if err != nil {
			return err
		}
		return t.emit(env)
	})
	return explain(err, "delete wiki %s", id)
}
