package dynamo

import (
	"context"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/dynamo/tables"
)

// connectionItem is a connection, in the table sessions.
type connectionItem struct {
	PK          string       `dynamodbav:"pk"`
	SK          string       `dynamodbav:"sk"`
	ID          string       `dynamodbav:"id"`
	UserID      string       `dynamodbav:"user_id"`
	WikiID      string       `dynamodbav:"wiki_id"`
	ClientID    string       `dynamodbav:"client_id"`
	ClientName  string       `dynamodbav:"client_name"`
	ClientHost  string       `dynamodbav:"client_host"`
	Resource    string       `dynamodbav:"resource"`
	Role        records.Role `dynamodbav:"role"`
	RefreshHash string       `dynamodbav:"refresh_hash"`
	FormerHash  string       `dynamodbav:"former_hash"`
	RotatedAt   int64        `dynamodbav:"rotated_at,omitempty"`
	Seed        string       `dynamodbav:"seed"`
	CreatedAt   int64        `dynamodbav:"created_at"`
	LastUsed    int64        `dynamodbav:"last_used,omitempty"`
	Until       int64        `dynamodbav:"until"`      // nanoseconds: when it ends
	ExpiresAt   int64        `dynamodbav:"expires_at"` // seconds: some days later it is removed
}

func connectionKey(userID, id string) attributes { return sorted(userKey(userID), connectionPrefix+id) }

func newConnectionItem(c records.Connection) connectionItem {
	return connectionItem{
		PK: userKey(c.UserID), SK: connectionPrefix + c.ID, ID: c.ID, UserID: c.UserID, WikiID: c.WikiID,
		ClientID: c.ClientID, ClientName: c.ClientName, ClientHost: c.ClientHost, Resource: c.Resource, Role: c.Role,
		RefreshHash: c.RefreshHash, FormerHash: c.FormerHash, RotatedAt: nanos(c.RotatedAt), Seed: c.Seed,
		CreatedAt: nanos(c.CreatedAt), LastUsed: nanos(c.LastUsed), Until: nanos(c.ExpiresAt), ExpiresAt: expiry(c.ExpiresAt),
	}
}

func (i connectionItem) connection() records.Connection {
	return records.Connection{
		ID: i.ID, UserID: i.UserID, WikiID: i.WikiID,
		ClientID: i.ClientID, ClientName: i.ClientName, ClientHost: i.ClientHost, Resource: i.Resource, Role: i.Role,
		RefreshHash: i.RefreshHash, FormerHash: i.FormerHash, RotatedAt: instant(i.RotatedAt), Seed: i.Seed,
		CreatedAt: instant(i.CreatedAt), LastUsed: instant(i.LastUsed), ExpiresAt: instant(i.Until),
	}
}

// CreateConnection implements [records.Connections].
func (s *Store) CreateConnection(ctx context.Context, c records.Connection) error {
	if err := c.Check(); err != nil {
		return err
	}
	what := "create a connection of user " + c.UserID
	if err := needKeys(what, "id", c.ID); err != nil {
		return err
	}
	c.CreatedAt = s.orNow(c.CreatedAt)
	return s.putOfUser(ctx, what, c.UserID, newConnectionItem(c), func() (gone []attributes, err error) {
		all, err := s.ConnectionsOfUser(ctx, c.UserID)
		for _, id := range records.SurplusConnections(all, c.ID) {
			gone = append(gone, connectionKey(c.UserID, id))
		}
		return gone, err
	})
}

// Connection implements [records.Connections].
func (s *Store) Connection(ctx context.Context, userID, id string) (records.Connection, error) {
	item, err := ofUser[connectionItem](ctx, s, userID, connectionPrefix, id)
	return item.connection(), explain(err, "read connection %s of user %s", id, userID)
}

// ConnectionsOfUser implements [records.Connections].
func (s *Store) ConnectionsOfUser(ctx context.Context, userID string) ([]records.Connection, error) {
	if !keyable(userID) {
		return nil, nil
	}
	items, err := query[connectionItem](ctx, s, tables.Sessions, userKey(userID), connectionPrefix)
	var out []records.Connection
	for _, i := range items {
		out = append(out, i.connection())
	}
	records.SortConnections(out)
	return out, explain(err, "list the connections of user %s", userID)
}

// RotateConnection implements [records.Connections]. A rotation whose answer was
// lost is known by the hash that it left, as the last one or the one before.
func (s *Store) RotateConnection(ctx context.Context, userID, id, old, next string, at, expires time.Time) (records.Connection, error) {
	what := "rotate connection " + id + " of user " + userID
	if !keyable(userID, id) {
		return records.Connection{}, absent("%s", what)
	}
	found, changed, unsure, err := s.apply(ctx, update{
		tables.Sessions, connectionKey(userID, id),
		"SET #refresh_hash = :next, #former_hash = :old, #rotated_at = :at, #until = :until, #expires_at = :expires_at",
		"#refresh_hash = :old",
		values{":old": old, ":next": next, ":at": nanos(at), ":until": nanos(expires), ":expires_at": expiry(expires)},
	})
	if err != nil {
		return records.Connection{}, explain(err, "%s", what)
	}
	item, err := decode[connectionItem](found)
	switch {
	case err != nil:
		return records.Connection{}, explain(err, "%s", what)
	case item.PK == "":
		return records.Connection{}, absent("%s", what)
	case changed || unsure && (item.RefreshHash == next || item.FormerHash == next):
		return item.connection(), nil
	}
	return item.connection(), fault.New(fault.Conflict, "%s: another secret is its own", what)
}

// TouchConnection implements [records.Connections].
func (s *Store) TouchConnection(ctx context.Context, userID, id string, at time.Time) error {
	return s.touch(ctx, userID, connectionPrefix+id, at)
}

// EndConnection implements [records.Connections]. It is a transaction for the sake
// of its token: with it, a retry after a lost answer is not told that there was
// none.
func (s *Store) EndConnection(ctx context.Context, userID, id string) error {
	what := "end connection " + id + " of user " + userID
	if !keyable(userID, id) {
		return absent("%s", what)
	}
	t := s.begin()
	t.delete(tables.Sessions, connectionKey(userID, id), "attribute_exists(#pk)", nil)
	no, err := t.commit(ctx)
	if no != nil {
		return absent("%s", what)
	}
	return explain(err, "%s", what)
}
