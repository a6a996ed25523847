package dynamo

import (
	"context"
	"slices"
	"time"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/dynamo/tables"
)

// userItem is a user, in the table users.
type userItem struct {
	PK          string         `dynamodbav:"pk"`
	ID          string         `dynamodbav:"id"`
	Username    string         `dynamodbav:"username"`
	Email       string         `dynamodbav:"email"`
	DisplayName string         `dynamodbav:"display_name"`
	Tier        records.Tier   `dynamodbav:"tier"`
	Owned       []string       `dynamodbav:"owned,stringset,omitempty"` // wiki ids: what SetTier has to reach
	Identities  []identityItem `dynamodbav:"identities,omitempty"`      // each has a claim too
	CreatedAt   int64          `dynamodbav:"created_at"`

	Ended     map[string]int64 `dynamodbav:"ended,omitempty"`
	SignedOut int64            `dynamodbav:"signed_out,omitempty"`
	DeletedAt int64            `dynamodbav:"deleted_at,omitempty"` // absent unless they are leaving or forgotten

	Forgetting bool `dynamodbav:"forgetting,omitempty"` // ForgetUser has begun: there is no way back

	EventID string `dynamodbav:"event_id"`
	Event   string `dynamodbav:"event"`
}

// identityItem is one of the identities in a user's item.
type identityItem struct {
	Provider string `dynamodbav:"provider"`
	Subject  string `dynamodbav:"subject"`
}

// staying is the condition of a user who exists and is not leaving.
const staying = "attribute_exists(#pk) AND attribute_not_exists(#deleted_at)"

func (i userItem) staying() bool { return i.PK != "" && i.DeletedAt == 0 }

// forgotten tells what is left of somebody from a user: see [forgottenItem].
func (i userItem) forgotten() bool { return i.PK == "" || i.Username == "" }

func (i userItem) leaving() bool { return i.DeletedAt != 0 && !i.forgotten() }

func (i userItem) user() records.User {
	u := records.User{
		ID: i.ID, Username: i.Username, Email: i.Email, DisplayName: i.DisplayName, Tier: i.Tier,
		Wikis: len(i.Owned), CreatedAt: instant(i.CreatedAt), SignedOut: instant(i.SignedOut), DeletedAt: instant(i.DeletedAt),
	}
	for id, until := range i.Ended {
		if u.Ended == nil {
			u.Ended = map[string]time.Time{}
		}
		u.Ended[id] = instant(until)
	}
	return u
}

// claim reserves an e-mail address or an identity for a user, in the table users.
type claim struct {
	PK     string `dynamodbav:"pk"`
	UserID string `dynamodbav:"user_id"`
}

func userKey(id string) string               { return "user#" + id }
func emailKey(email string) string           { return "email#" + digest(records.FoldEmail(email)) }
func identityKey(id records.Identity) string { return "identity#" + digest(id.Provider, id.Subject) }

// CreateUser implements [records.Users].
func (s *Store) CreateUser(ctx context.Context, u records.User, ids ...records.Identity) error {
	what := "create user " + u.Username
	if err := needKeys(what, "id", u.ID, "username", u.Username); err != nil {
		return err
	}
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
	event, err := s.caused("", &events.Actor{UserId: u.ID, Name: u.DisplayName}, &eventsv1.UserCreated{UserId: u.ID, Username: u.Username})
	if err != nil {
		return explain(err, "%s", what)
	}
	item := userItem{
		PK: userKey(u.ID), ID: u.ID, Username: u.Username, Email: u.Email, DisplayName: u.DisplayName, Tier: u.Tier,
		CreatedAt: nanos(s.orNow(u.CreatedAt)), EventID: event.id, Event: event.line,
	}
	fields := []string{"id", "username", "email"}
	t := s.begin()
	for _, id := range ids {
		item.Identities = append(item.Identities, identityItem(id))
		fields = append(fields, "identity")
	}
	t.put(tables.Users, item, free, nil)
	t.put(tables.Names, nameItem{PK: u.Username, UserID: u.ID}, free, nil)
	t.put(tables.Users, claim{emailKey(u.Email), u.ID}, free, nil)
	for _, id := range ids {
		t.put(tables.Users, claim{identityKey(id), u.ID}, free, nil)
	}
	no, err := t.commit(ctx)
	if no != nil {
		return exists(what, slices.Compact(no.taken(fields...)))
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

// anyUser reads a user's item, whatever has become of the user; zero if there is
// none.
func (s *Store) anyUser(ctx context.Context, id string) (userItem, error) {
	if !keyable(id) {
		return userItem{}, nil
	}
	item, _, err := get[userItem](ctx, s, tables.Users, key(userKey(id)))
	return item, explain(err, "read user %s", id)
}

// userItem reads the item of a user who is not leaving.
func (s *Store) userItem(ctx context.Context, id string) (userItem, error) {
	item, err := s.anyUser(ctx, id)
	if err == nil && !item.staying() {
		err = absent("read user %s", id)
	}
	if err != nil {
		return userItem{}, err
	}
	return item, nil
}

// User implements [records.Users].
func (s *Store) User(ctx context.Context, id string) (records.User, error) {
	item, err := s.userItem(ctx, id)
	return item.user(), err
}

// UserByIdentity implements [records.Users].
func (s *Store) UserByIdentity(ctx context.Context, id records.Identity) (records.User, error) {
	what := "read the user of an identity at " + id.Provider
	owner, err := s.claimed(ctx, identityKey(id), what)
	if err != nil {
		return records.User{}, err
	}
	return s.User(ctx, owner)
}

// UserByEmail implements [records.Users].
func (s *Store) UserByEmail(ctx context.Context, email string) (records.User, error) {
	owner, err := s.claimed(ctx, emailKey(email), "read the user with an e-mail address")
	if err != nil {
		return records.User{}, err
	}
	return s.User(ctx, owner)
}

// claimed returns for whom something is reserved. A claim goes only with its user,
// so this read and one of the user are as good as one.
func (s *Store) claimed(ctx context.Context, pk, what string) (userID string, err error) {
	c, ok, err := get[claim](ctx, s, tables.Users, key(pk))
	if err == nil && !ok {
		err = absent("%s", what)
	}
	return c.UserID, explain(err, "%s", what)
}

// rounds is how often a method starts over after others changed what it had
// read. The user's item is what CreateWiki and SetTier meet at.
const rounds = 20

// UpdateUser implements [records.Users]. It is a transaction for the reason that
// UpdateWiki is one.
func (s *Store) UpdateUser(ctx context.Context, id string, c records.UserChange) (records.User, error) {
	what := "update user " + id
	for range rounds {
		item, err := s.userItem(ctx, id)
		if err != nil || c == (records.UserChange{}) {
			return item.user(), err
		}
		u := c.Apply(item.user())
		t := s.begin()
		t.update(update{
			tables.Users, key(item.PK), "SET #display_name = :name", staying + " AND #display_name = :old",
			values{":name": u.DisplayName, ":old": item.DisplayName},
		})
		no, err := t.commit(ctx)
		if err != nil {
			return records.User{}, explain(err, "%s", what)
		}
		if no == nil {
			return u, nil
		}
	}
	return records.User{}, tired(what)
}

// IdentitiesOfUser implements [records.Users].
func (s *Store) IdentitiesOfUser(ctx context.Context, userID string) ([]records.Identity, error) {
	item, err := s.anyUser(ctx, userID)
	var ids []records.Identity
	for _, i := range item.Identities {
		ids = append(ids, records.Identity(i))
	}
	records.SortIdentities(ids)
	return ids, err
}

// AddIdentity implements [records.Users]. The refusal tells all: it needs no read.
func (s *Store) AddIdentity(ctx context.Context, userID string, id records.Identity) error {
	what := "add an identity at " + id.Provider + " to user " + userID
	if !keyable(userID) {
		return absent("%s", what)
	}
	t := s.begin()
	t.update(update{
		tables.Users, key(userKey(userID)), "SET #identities = list_append(if_not_exists(#identities, :none), :one)",
		staying + " AND (attribute_not_exists(#identities) OR size(#identities) < :most)",
		values{":none": []identityItem{}, ":one": []identityItem{identityItem(id)}, ":most": records.MaxIdentities},
	})
	reserved := t.put(tables.Users, claim{identityKey(id), userID}, free, nil)
	no, err := t.commit(ctx)
	if no == nil {
		return explain(err, "%s", what)
	}
	if no.failed[0] {
		user, err := decode[userItem](no.old[0])
		if err != nil {
			return explain(err, "%s", what)
		}
		if !user.staying() {
			return absent("%s", what)
		}
	}
	if no.failed[reserved] {
		owner, err := decode[claim](no.old[reserved])
		if err != nil || owner.UserID == userID {
			return explain(err, "%s", what)
		}
		return exists(what, []string{"identity"})
	}
	return fault.New(fault.Limit, "%s: they have %d", what, records.MaxIdentities)
}

// SetTier implements [records.Users]. The set of wikis must be the one that was
// read, or a wiki made meanwhile would keep the old tier.
func (s *Store) SetTier(ctx context.Context, userID string, tier records.Tier) error {
	what := "set tier of user " + userID
	for range rounds {
		u, err := s.userItem(ctx, userID)
		if err != nil {
			return err
		}
		same := update{tables.Users, key(u.PK), "SET #tier = :tier", staying, values{":tier": tier}}
		same.still("owned", ownedSet(u.Owned), len(u.Owned) == 0)
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
