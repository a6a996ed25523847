package dynamo

import (
	"context"
	"slices"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/dynamo/tables"
)

// userItem is a user, in the table users.
type userItem struct {
	PK          string       `dynamodbav:"pk"`
	ID          string       `dynamodbav:"id"`
	Username    string       `dynamodbav:"username"`
	Email       string       `dynamodbav:"email"`
	DisplayName string       `dynamodbav:"display_name"`
	Tier        records.Tier `dynamodbav:"tier"`
	Owned       []string     `dynamodbav:"owned,stringset,omitempty"` // wiki ids: what SetTier has to reach
	CreatedAt   int64        `dynamodbav:"created_at"`
	EventID     string       `dynamodbav:"event_id"`
	Event       string       `dynamodbav:"event"`
}

func (i userItem) user() records.User {
	return records.User{
		ID: i.ID, Username: i.Username, Email: i.Email, DisplayName: i.DisplayName, Tier: i.Tier,
		Wikis: len(i.Owned), CreatedAt: instant(i.CreatedAt),
	}
}

// claim reserves an e-mail address or an identity for a user, in the table users.
type claim struct {
	PK     string `dynamodbav:"pk"`
	UserID string `dynamodbav:"user_id"`
}

func userKey(id string) string       { return "user#" + id }
func emailKey(email string) string   { return "email#" + digest(records.FoldEmail(email)) }
func identityKey(id identity) string { return "identity#" + digest(id.Provider, id.Subject) }

type identity = records.Identity

// CreateUser implements [records.Users].
func (s *Store) CreateUser(ctx context.Context, u records.User, ids ...records.Identity) error {
	id := ids[0] // unwritten: all of them
	what := "create user " + u.Username
	if err := needKeys(what, "id", u.ID, "username", u.Username); err != nil {
		return err
	}
	if u.DisplayName == "" {
		u.DisplayName = u.Username
	}
	if u.Tier == "" {
		u.Tier = records.Free
	}
	event, err := s.caused("", &events.Actor{UserId: u.ID, Name: u.DisplayName}, &eventsv1.UserCreated{UserId: u.ID, Username: u.Username})
	if err != nil {
		return explain(err, "%s", what)
	}
	t := s.begin()
	t.put(tables.Users, userItem{
		PK: userKey(u.ID), ID: u.ID, Username: u.Username, Email: u.Email, DisplayName: u.DisplayName, Tier: u.Tier,
		CreatedAt: nanos(s.orNow(u.CreatedAt)), EventID: event.id, Event: event.line,
	}, free, nil)
	t.put(tables.Names, nameItem{PK: u.Username, UserID: u.ID}, free, nil)
	t.put(tables.Users, claim{emailKey(u.Email), u.ID}, free, nil)
	t.put(tables.Users, claim{identityKey(id), u.ID}, free, nil)
	no, err := t.commit(ctx)
	if no != nil {
		return exists(what, no.taken("id", "username", "email", "identity"))
	}
	return explain(err, "%s", what)
}

// free is the condition of a key that must not be taken.
const free = "attribute_not_exists(#pk)"

// taken names the fields whose parts of the transaction, in order, failed.
func (r *refusal) taken(fields ...string) (names []string) {
	for i, f := range fields {
		if r.failed[i] {
			names = append(names, f)
		}
	}
	return names
}

func (s *Store) userItem(ctx context.Context, id string) (userItem, error) {
	if !keyable(id) {
		return userItem{}, absent("read user %s", id)
	}
	item, ok, err := get[userItem](ctx, s, tables.Users, key(userKey(id)))
	if err == nil && !ok {
		err = absent("read user %s", id)
	}
	return item, explain(err, "read user %s", id)
}

// User implements [records.Users].
func (s *Store) User(ctx context.Context, id string) (records.User, error) {
	item, err := s.userItem(ctx, id)
	return item.user(), err
}

// UserByIdentity implements [records.Users].
func (s *Store) UserByIdentity(ctx context.Context, id records.Identity) (records.User, error) {
	return s.claimed(ctx, identityKey(id), "read the user of an identity at "+id.Provider)
}

// UserByEmail implements [records.Users].
func (s *Store) UserByEmail(ctx context.Context, email string) (records.User, error) {
	return s.claimed(ctx, emailKey(email), "read the user with an e-mail address")
}

// claimed reads the user for whom something is reserved. The claim never
// changes, so two reads are as good as one.
func (s *Store) claimed(ctx context.Context, pk, what string) (records.User, error) {
	c, ok, err := get[claim](ctx, s, tables.Users, key(pk))
	if err != nil {
		return records.User{}, explain(err, "%s", what)
	}
	if !ok {
		return records.User{}, absent("%s", what)
	}
	return s.User(ctx, c.UserID)
}

// rounds is how often a method starts over after others changed what it had
// read. The user's item is what CreateWiki and SetTier meet at.
const rounds = 20

// SetTier implements [records.Users]. The set of wikis must be the one that was
// read, or a wiki made meanwhile would keep the old tier.
func (s *Store) SetTier(ctx context.Context, userID string, tier records.Tier) error {
	what := "set tier of user " + userID
	for range rounds {
		u, err := s.userItem(ctx, userID)
		if err != nil {
			return err
		}
		slices.Sort(u.Owned)
		same := update{tables.Users, key(u.PK), "SET #tier = :tier", "attribute_exists(#pk) AND attribute_not_exists(#owned)", values{":tier": tier}}
		if len(u.Owned) > 0 {
			same.condition, same.values[":owned"] = "#owned = :owned", ownedSet(u.Owned)
		}
		t := s.begin()
		t.update(same)
		for _, id := range u.Owned {
			t.update(update{tables.Wikis, key(id), "SET #tier = :tier", living, values{":tier": tier}})
		}
		no, err := t.commit(ctx)
		if no == nil {
			return explain(err, "%s", what)
		}
	}
	return tired(what)
}
