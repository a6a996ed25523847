package dynamo

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/dynamo/tables"
)

// departureItem says that somebody is leaving, in the table sessions: of auth's
// tables the one with a sort key, so that whose time has come is one query. All
// lie in one partition, the longest gone first.
type departureItem struct {
	PK     string `dynamodbav:"pk"`
	SK     string `dynamodbav:"sk"` // when, as departureTime writes it, "#", user id
	UserID string `dynamodbav:"user_id"`
}

const departures = "departures"

// departureTime writes a time so that earlier ones sort first.
func departureTime(nanos int64) string { return fmt.Sprintf("%020d", nanos) }

func newDeparture(userID string, at int64) departureItem {
	return departureItem{PK: departures, SK: departureTime(at) + "#" + userID, UserID: userID}
}

func (i departureItem) key() attributes { return sorted(i.PK, i.SK) }

// DeleteUser implements [records.Departures].
func (s *Store) DeleteUser(ctx context.Context, id string, at time.Time) error {
	what := "delete user " + id
	for range rounds {
		u, err := s.userItem(ctx, id)
		if err != nil {
			return err
		}
		deleted := nanos(s.orNow(at))
		user := update{tables.Users, key(u.PK), "SET #deleted_at = :at", staying, values{":at": deleted}}
		user.still("owned", ownedSet(u.Owned), len(u.Owned) == 0)
		t := s.begin()
		t.update(user)
		t.put(tables.Sessions, newDeparture(id, deleted), "", nil)
		for _, wiki := range u.Owned {
			t.update(update{tables.Wikis, key(wiki), "SET #closed = :true", living, values{":true": true}})
		}
		if no, err := t.commit(ctx); no == nil {
			return explain(err, "%s", what)
		}
		// Their wikis have changed since they were read.
	}
	return tired(what)
}

// leaver reads the item of a user who is leaving.
func (s *Store) leaver(ctx context.Context, id string) (userItem, error) {
	item, err := s.anyUser(ctx, id)
	if err == nil && !item.leaving() {
		err = absent("read user %s, who would be leaving", id)
	}
	if err != nil {
		return userItem{}, err
	}
	return item, nil
}

// DepartedUser implements [records.Departures].
func (s *Store) DepartedUser(ctx context.Context, id records.Identity) (records.User, error) {
	owner, err := s.claimed(ctx, identityKey(id), "read the leaving user of an identity at "+id.Provider)
	if err != nil {
		return records.User{}, err
	}
	item, err := s.leaver(ctx, owner)
	if err == nil && item.Forgetting {
		item, err = userItem{}, absent("read user %s: they are being forgotten", owner)
	}
	return item.user(), err
}

// RestoreUser implements [records.Departures].
func (s *Store) RestoreUser(ctx context.Context, id string) error {
	what := "restore user " + id
	for range rounds {
		u, err := s.leaver(ctx, id)
		if err != nil {
			return err
		}
		if u.Forgetting {
			return absent("%s: they are being forgotten", what)
		}
		user := update{
			tables.Users, key(u.PK), "REMOVE #deleted_at", thatLeaver + " AND attribute_not_exists(#forgetting)",
			values{":read_deleted_at": u.DeletedAt},
		}
		user.still("owned", ownedSet(u.Owned), len(u.Owned) == 0)
		t := s.begin()
		t.update(user)
		t.delete(tables.Sessions, newDeparture(id, u.DeletedAt).key(), "", nil)
		for _, wiki := range u.Owned {
			t.update(update{tables.Wikis, key(wiki), "REMOVE #closed", living, nil})
		}
		if no, err := t.commit(ctx); no == nil {
			return explain(err, "%s", what)
		}
		// They or their wikis have changed since they were read.
	}
	return tired(what)
}

// Departed implements [records.Departures]. Who comes back or is forgotten between
// its two requests is left away.
func (s *Store) Departed(ctx context.Context, before time.Time, limit int) ([]records.User, error) {
	const what = "list who is leaving"
	if limit <= 0 {
		return nil, nil
	}
	found, err := s.leavers(ctx, before, limit)
	if err != nil {
		return nil, explain(err, what)
	}
	keys := make([]attributes, len(found))
	for i, d := range found {
		keys[i] = key(userKey(d.UserID))
	}
	items, err := batchGet[userItem](ctx, s, tables.Users, keys)
	if err != nil {
		return nil, explain(err, what)
	}
	byID := map[string]userItem{}
	for _, i := range items {
		byID[i.ID] = i
	}
	var out []records.User
	for _, d := range found {
		if i := byID[d.UserID]; i.leaving() {
			out = append(out, i.user())
		}
	}
	return out, nil
}

// leavers reads the first so many entries in the list of who is leaving that are
// older than a time.
func (s *Store) leavers(ctx context.Context, before time.Time, limit int) (found []departureItem, err error) {
	table, err := s.table(tables.Sessions)
	if err != nil {
		return nil, err
	}
	vals, err := values{":pk": departures, ":before": departureTime(nanos(before))}.encode()
	if err != nil {
		return nil, err
	}
	const condition = "#pk = :pk AND #sk < :before"
	in := &dynamodb.QueryInput{
		TableName: &table, ConsistentRead: aws.Bool(true), KeyConditionExpression: aws.String(condition),
		ExpressionAttributeNames: names(condition), ExpressionAttributeValues: vals,
	}
	for len(found) < limit {
		in.Limit = aws.Int32(int32(min(limit-len(found), math.MaxInt32)))
		out, err := send(ctx, s.call(), s.db.Query, in)
		if err != nil {
			return nil, err
		}
		for _, a := range out.Items {
			item, err := decode[departureItem](a)
			if err != nil {
				return nil, err
			}
			found = append(found, item)
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; len(in.ExclusiveStartKey) == 0 {
			break
		}
	}
	return found, nil
}

// ForgetUser implements [records.Departures]. What can be many goes in batches,
// between a mark after which nobody comes back and one transaction for all the
// rest, which brings the event. Nobody who is leaving is given another session or
// connection. So a call that broke off finds the user still leaving, and whoever
// repeats it finds all that is left.
func (s *Store) ForgetUser(ctx context.Context, id string) error {
	what := "forget user " + id
	u, err := s.leaver(ctx, id)
	if err != nil {
		return err
	}
	found, marked, _, err := s.apply(ctx, update{
		tables.Users, key(u.PK), "SET #forgetting = :true", thatLeaver, values{":true": true, ":read_deleted_at": u.DeletedAt},
	})
	if err != nil {
		return explain(err, "%s", what)
	}
	if !marked {
		return absent("%s: they came back", what)
	}
	if u, err = decode[userItem](found); err != nil { // nobody changes what is reserved for them from here on
		return explain(err, "%s", what)
	}
	if err := s.forgetSessions(ctx, id); err != nil {
		return explain(err, "%s", what)
	}
	no, err := s.forgetUser(ctx, u)
	switch {
	case no == nil:
		return explain(err, "%s", what)
	case no.failed[0]:
		return absent("%s: another has done so", what)
	}
	return fault.New(fault.Internal, "%s: their name %s belongs to another", what, u.Username)
}

// thatLeaver is the condition of a user who is leaving since the time that was
// read, and is not forgotten yet.
const thatLeaver = "attribute_exists(#username) AND #deleted_at = :read_deleted_at"

// forgetUser sends the last step of ForgetUser.
func (s *Store) forgetUser(ctx context.Context, u userItem) (*refusal, error) {
	event, err := s.caused("", nil, &eventsv1.UserDeleted{UserId: u.ID})
	if err != nil {
		return nil, err
	}
	t := s.begin()
	t.put(tables.Users, forgottenItem{
		PK: u.PK, ID: u.ID, DeletedAt: u.DeletedAt, EventID: event.id, Event: event.line, ExpiresAt: s.now().Add(tombstoneAge).Unix(),
	}, thatLeaver, values{":read_deleted_at": u.DeletedAt})
	t.update(update{tables.Names, key(u.Username), "SET #user_id = :none", "#user_id = :user", values{":none": "", ":user": u.ID}})
	t.delete(tables.Users, key(emailKey(u.Email)), "", nil)
	for _, i := range u.Identities {
		t.delete(tables.Users, key(identityKey(records.Identity(i))), "", nil)
	}
	t.delete(tables.Sessions, newDeparture(u.ID, u.DeletedAt).key(), "", nil)
	return t.commit(ctx)
}

// forgottenItem is what stays of a user for a while, in the table users: nothing
// about them, but it carries user.deleted.
type forgottenItem struct {
	PK        string `dynamodbav:"pk"`
	ID        string `dynamodbav:"id"`
	DeletedAt int64  `dynamodbav:"deleted_at"` // keeps out whatever must find a user who stays
	EventID   string `dynamodbav:"event_id"`
	Event     string `dynamodbav:"event"`
	ExpiresAt int64  `dynamodbav:"expires_at"`
}
