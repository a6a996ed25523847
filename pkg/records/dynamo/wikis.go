package dynamo

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/dynamo/tables"
)

// wikiItem is a wiki, in the table wikis. Attributes that are mostly empty are
// absent then: what an item weighs is what each write costs.
type wikiItem struct {
	PK        string       `dynamodbav:"pk"`
	Slug      string       `dynamodbav:"slug"`
	Name      string       `dynamodbav:"name"`
	OwnerID   string       `dynamodbav:"owner_id"`
	Tier      records.Tier `dynamodbav:"tier"`
	Public    bool         `dynamodbav:"public"`
	Authors   int64        `dynamodbav:"authors"` // owner and editors
	Head      string       `dynamodbav:"head"`
	Sequence  int64        `dynamodbav:"sequence"`
	HeadAt    int64        `dynamodbav:"head_at"`
	PageCount int64        `dynamodbav:"page_count"`
	FileBytes int64        `dynamodbav:"file_bytes"`
	CreatedAt int64        `dynamodbav:"created_at"`

	BasePacks    packedNames `dynamodbav:"base_packs,omitempty"`
	BaseSequence int64       `dynamodbav:"base_sequence,omitempty"`
	GitOff       bool        `dynamodbav:"git_off,omitempty"`
	Closed       bool        `dynamodbav:"closed,omitempty"`

	// Who works on the packs, until when; absent while nobody does.
	UpkeepHolder string `dynamodbav:"upkeep_holder,omitempty"`
	UpkeepUntil  int64  `dynamodbav:"upkeep_until,omitempty"`

	IndexCommit   string `dynamodbav:"index_commit,omitempty"`
	IndexFile     string `dynamodbav:"index_file,omitempty"`
	IndexSequence int64  `dynamodbav:"index_sequence,omitempty"`

	// The last steps' commits, shortened, the newest first: see [trail].
	T1 string `dynamodbav:"t1,omitempty"`
	T2 string `dynamodbav:"t2,omitempty"`
	T3 string `dynamodbav:"t3,omitempty"`
	T4 string `dynamodbav:"t4,omitempty"`
	T5 string `dynamodbav:"t5,omitempty"`
	T6 string `dynamodbav:"t6,omitempty"`
	T7 string `dynamodbav:"t7,omitempty"`
	T8 string `dynamodbav:"t8,omitempty"`

	EventID string `dynamodbav:"event_id"`
	Event   string `dynamodbav:"event"`

	// A deleted wiki stays a while, because its item carries wiki.deleted.
	Deleted   bool  `dynamodbav:"deleted,omitempty"`
	ExpiresAt int64 `dynamodbav:"expires_at,omitempty"`
}

// tombstoneAge is how long a deleted wiki's item stays: longer than its event
// can be underway.
const tombstoneAge = 30 * 24 * time.Hour

// living is the condition of a wiki that exists.
const living = "attribute_exists(#pk) AND attribute_not_exists(#deleted)"

func (i wikiItem) living() bool { return i.PK != "" && !i.Deleted }

func (i wikiItem) wiki() records.Wiki {
	return records.Wiki{
		ID: i.PK, Slug: i.Slug, Name: i.Name, OwnerID: i.OwnerID, Tier: i.Tier, Public: i.Public,
		Head: i.Head, Sequence: i.Sequence, HeadAt: instant(i.HeadAt), PageCount: i.PageCount, FileBytes: i.FileBytes,
		BasePacks: i.BasePacks, BaseSequence: i.BaseSequence, GitOff: i.GitOff, Closed: i.Closed, CreatedAt: instant(i.CreatedAt),
		Index: records.Index{Commit: i.IndexCommit, File: i.IndexFile, Sequence: i.IndexSequence},
	}
}

func newWikiItem(w records.Wiki, event carried) wikiItem {
	return wikiItem{
		PK: w.ID, Slug: w.Slug, Name: w.Name, OwnerID: w.OwnerID, Tier: w.Tier, Public: w.Public, Authors: 1,
		Head: w.Head, Sequence: w.Sequence, HeadAt: nanos(w.HeadAt), PageCount: w.PageCount, FileBytes: w.FileBytes,
		BasePacks: w.BasePacks, BaseSequence: w.BaseSequence,
		T1: trail(w.Head), CreatedAt: nanos(w.CreatedAt), EventID: event.id, Event: event.line,
	}
}

// nameItem is a reservation in the one namespace, in the table names. Neither
// user nor wiki: a tombstone.
type nameItem struct {
	PK     string `dynamodbav:"pk"`
	UserID string `dynamodbav:"user_id"`
	WikiID string `dynamodbav:"wiki_id"`
}

func ownedSet(ids []string) types.AttributeValue {
	return &types.AttributeValueMemberSS{Value: ids}
}

// CreateWiki implements [records.Wikis].
func (s *Store) CreateWiki(ctx context.Context, n records.NewWiki) (records.Wiki, error) {
	what := "create wiki " + n.Slug
	n.CreatedAt = s.orNow(n.CreatedAt)
	n.Token.WikiID = n.ID
	n.Token.CreatedAt = s.orNow(n.Token.CreatedAt)
	if err := n.Token.Check(); err != nil {
		return records.Wiki{}, err
	}
	if err := needKeys(what, "id", n.ID, "slug", n.Slug, "hash", n.Token.Hash, "name", n.Token.Name); err != nil {
		return records.Wiki{}, err
	}
	event, err := s.caused(n.ID, n.Actor, &eventsv1.WikiCreated{Slug: n.Slug, Name: n.Name, OwnerId: n.OwnerID, Public: n.Public})
	if err != nil {
		return records.Wiki{}, explain(err, "%s", what)
	}
	for range rounds {
		owner, err := s.userItem(ctx, n.OwnerID)
		if err != nil {
			return records.Wiki{}, err
		}
		w := n.Record(owner.Tier)
		no, err := s.insertWiki(ctx, n, w, event)
		if err != nil {
			return records.Wiki{}, explain(err, "%s", what)
		}
		if no == nil {
			return w, nil
		}
		if err := no.creation(what, n); err != nil {
			return records.Wiki{}, err
		}
		// The owner's plan has changed since it was read.
	}
	return records.Wiki{}, tired(what)
}

// insertWiki writes all that a wiki starts with. A slug must be free or the
// owner's own username, the owner below the limit and still of the tier that the
// record copies.
func (s *Store) insertWiki(ctx context.Context, n records.NewWiki, w records.Wiki, event carried) (*refusal, error) {
	t := s.begin()
	t.update(update{
		tables.Users, key(userKey(n.OwnerID)), "ADD #owned :wiki",
		staying + " AND #tier = :tier AND (attribute_not_exists(#owned) OR size(#owned) < :limit)",
		values{":wiki": ownedSet([]string{n.ID}), ":tier": w.Tier, ":limit": n.OwnersLimit()},
	})
	t.put(tables.Names, nameItem{n.Slug, n.OwnerID, n.ID},
		free+" OR (#user_id = :owner AND #wiki_id = :none)", values{":owner": n.OwnerID, ":none": ""})
	t.put(tables.Wikis, newWikiItem(w, event), free, nil)
	t.put(tables.Tokens, newTokenItem(n.Token), free, nil)
	t.put(tables.Tokens, newTokenName(n.Token), free, nil)
	g := records.Grant{WikiID: n.ID, UserID: n.OwnerID, Role: records.Owner, GrantedBy: n.OwnerID, GrantedAt: n.CreatedAt}
	for _, item := range grantItems(g) {
		t.put(tables.Grants, item, "", nil)
	}
	return t.commit(ctx)
}

// creation explains why a wiki was not created, by the parts of insertWiki; nil
// if nothing stands against another try.
func (r *refusal) creation(what string, n records.NewWiki) error {
	if taken := r.taken("owner", "slug", "id", "hash", "name"); len(taken) > 1 || len(taken) == 1 && taken[0] != "owner" {
		return exists(what, slices.DeleteFunc(taken, func(f string) bool { return f == "owner" }))
	}
	owner, err := decode[userItem](r.old[0])
	switch {
	case err != nil:
		return explain(err, "%s", what)
	case !owner.staying():
		return absent("%s: read user %s", what, n.OwnerID)
	case len(owner.Owned) >= n.OwnersLimit():
		return fault.New(fault.Limit, "%s: the owner has %d of %d wikis", what, len(owner.Owned), n.OwnersLimit())
	}
	return nil
}

// Wiki implements [records.Wikis].
func (s *Store) Wiki(ctx context.Context, id string) (records.Wiki, error) {
	if !keyable(id) {
		return records.Wiki{}, absent("read wiki %s", id)
	}
	item, _, err := get[wikiItem](ctx, s, tables.Wikis, key(id))
	if err != nil {
		return records.Wiki{}, explain(err, "read wiki %s", id)
	}
	if !item.living() {
		return records.Wiki{}, absent("read wiki %s", id)
	}
	return item.wiki(), nil
}

// WikiID implements [records.Wikis].
func (s *Store) WikiID(ctx context.Context, slug string) (string, error) {
	r, _, err := s.NameTaken(ctx, slug)
	if err == nil && r.WikiID == "" {
		err = absent("find wiki %s", slug)
	}
	return r.WikiID, err
}

// NameTaken implements [records.Wikis].
func (s *Store) NameTaken(ctx context.Context, name string) (records.Reservation, bool, error) {
	if !keyable(name) {
		return records.Reservation{}, false, nil
	}
	item, ok, err := get[nameItem](ctx, s, tables.Names, key(name))
	if err != nil || !ok {
		return records.Reservation{}, false, explain(err, "look up the name %s", name)
	}
	return records.Reservation{Name: name, UserID: item.UserID, WikiID: item.WikiID}, true, nil
}

// UpdateWiki implements [records.Wikis]. The event tells all that can be changed,
// so all of it must still be what was read. It is a
// transaction for the sake of its token: with it, a retry after a lost answer
// cannot undo what another did in between.
func (s *Store) UpdateWiki(ctx context.Context, id string, c records.WikiChange, actor *eventsv1.Actor) (records.Wiki, error) {
	what := "update wiki " + id
	for range rounds {
		w, err := s.Wiki(ctx, id)
		if err != nil || c == (records.WikiChange{}) {
			return w, err
		}
		old := w
		w = c.Apply(old)
		event, err := s.caused(id, actor, &eventsv1.WikiUpdated{Slug: w.Slug, Name: w.Name, Public: w.Public, GitOff: w.GitOff})
		if err != nil {
			return records.Wiki{}, explain(err, "%s", what)
		}
		t := s.begin()
		t.update(change(old, w, event))
		if no, err := t.commit(ctx); no == nil {
			if err != nil {
				return records.Wiki{}, explain(err, "%s", what)
			}
			return w, nil
		}
	}
	return records.Wiki{}, tired(what)
}

// change is the update that brings a wiki's item from what it was read as to what
// it shall be.
func change(old, now records.Wiki, event carried) update {
	u := update{
		table: tables.Wikis, key: key(old.ID),
		set:       "SET #name = :name, #public = :public" + emit,
		condition: living + " AND #name = :old_name AND #public = :old_public AND attribute_not_exists(#git_off)",
		values: values{
			":name": now.Name, ":public": now.Public, ":old_name": old.Name, ":old_public": old.Public,
			":event_id": event.id, ":event": event.line,
		},
	}
	if old.GitOff {
		u.condition = living + " AND #name = :old_name AND #public = :old_public AND attribute_exists(#git_off)"
	}
	switch {
	case now.GitOff:
		u.set += ", #git_off = :git_off"
		u.values[":git_off"] = true
	case old.GitOff:
		u.set += " REMOVE #git_off"
	}
	return u
}

// emit is the end of a SET that brings an event.
const emit = ", #event_id = :event_id, #event = :event"

// DeleteWiki implements [records.Wikis]. The owner may be leaving, or forgotten:
// then nobody's count and nobody's name is left to be minded.
func (s *Store) DeleteWiki(ctx context.Context, id string, actor *eventsv1.Actor) error {
	what := "delete wiki " + id
	for range rounds {
		w, err := s.Wiki(ctx, id)
		if err != nil {
			return err
		}
		owner, err := s.anyUser(ctx, w.OwnerID)
		if err != nil {
			return err
		}
		event, err := s.caused(id, actor, &eventsv1.WikiDeleted{Slug: w.Slug, OwnerId: w.OwnerID})
		if err != nil {
			return explain(err, "%s", what)
		}
		no, err := s.deleteWiki(ctx, w, owner, event)
		switch {
		case no == nil:
			return explain(err, "%s", what)
		case no.failed[0]:
			return absent("%s", what)
		case no.failed[1]:
			return fault.New(fault.Internal, "%s: its slug %s belongs to another", what, w.Slug)
		}
		// The owner has been forgotten since they were read.
	}
	return tired(what)
}

// deleteWiki sends what deletes a wiki: its own part, its name's, its owner's.
func (s *Store) deleteWiki(ctx context.Context, w records.Wiki, owner userItem, event carried) (*refusal, error) {
	bearer := "" // a tombstone
	if !owner.forgotten() && owner.Username == w.Slug {
		bearer = owner.ID
	}
	t := s.begin()
	t.update(update{
		tables.Wikis, key(w.ID), "SET #deleted = :true, #expires_at = :expires_at" + emit, living,
		values{":true": true, ":expires_at": s.now().Add(tombstoneAge).Unix(), ":event_id": event.id, ":event": event.line},
	})
	t.update(update{tables.Names, key(w.Slug), "SET #user_id = :bearer, #wiki_id = :none", "#wiki_id = :wiki",
		values{":bearer": bearer, ":none": "", ":wiki": w.ID}})
	if !owner.forgotten() {
		t.update(update{tables.Users, key(owner.PK), "DELETE #owned :wiki", "attribute_exists(#username)",
			values{":wiki": ownedSet([]string{w.ID})}})
	}
	return t.commit(ctx)
}
