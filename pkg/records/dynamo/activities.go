package dynamo

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/dynamo/tables"
)

// activityItem is the last activity in a wiki, in the table activities.
type activityItem struct {
	PK       string `dynamodbav:"pk"` // the wiki's id
	Sequence int64  `dynamodbav:"sequence"`
	At       int64  `dynamodbav:"at"`
	Name     string `dynamodbav:"name"`
	Agent    string `dynamodbav:"agent"`
	Page     string `dynamodbav:"page"`
	Kind     string `dynamodbav:"kind"`
}

// PutActivity implements [records.Activities]. It looks for the wiki after it has
// written: a transaction that checks the wiki would stand in the way of those who
// write pages. A wiki deleted before that look is noticed here, one deleted after
// it is forgotten with all the rest.
func (s *Store) PutActivity(ctx context.Context, a records.Activity) error {
	what := "store the last activity of wiki " + a.WikiID
	if !keyable(a.WikiID) {
		return nil
	}
	_, _, _, err := s.apply(ctx, update{
		tables.Activities, key(a.WikiID), "SET #sequence = :sequence, #at = :at, #name = :name, #agent = :agent, #page = :page, #kind = :kind",
		free + " OR #sequence < :sequence",
		values{":sequence": a.Sequence, ":at": nanos(a.At), ":name": a.Name, ":agent": a.Agent, ":page": a.Page, ":kind": a.Kind},
	})
	if err != nil {
		return explain(err, "%s", what)
	}
	_, err = s.Wiki(ctx, a.WikiID)
	if fault.Is(err, fault.NotFound) {
		err = s.forgetActivity(ctx, a.WikiID)
	}
	return explain(err, "%s", what)
}

// Activity implements [records.Activities].
func (s *Store) Activity(ctx context.Context, wikiID string) (records.Activity, error) {
	what := "read the last activity of wiki " + wikiID
	if !keyable(wikiID) {
		return records.Activity{}, absent("%s", what)
	}
	i, ok, err := get[activityItem](ctx, s, tables.Activities, key(wikiID))
	if err == nil && !ok {
		err = absent("%s", what)
	}
	return records.Activity{
		WikiID: i.PK, Sequence: i.Sequence, At: instant(i.At), Name: i.Name, Agent: i.Agent, Page: i.Page, Kind: i.Kind,
	}, explain(err, "%s", what)
}

func (s *Store) forgetActivity(ctx context.Context, wikiID string) error {
	table, err := s.table(tables.Activities)
	if err != nil {
		return err
	}
	_, err = send(ctx, s.call(), s.db.DeleteItem, &dynamodb.DeleteItemInput{TableName: &table, Key: key(wikiID)})
	return err
}

// ForgetWiki implements [records.Activities]. Nothing can be added about a wiki
// that is deleted, so it works off what is there, in batches. What leads to
// something else goes after it, so that whoever repeats the call after a failure
// finds all that is left.
func (s *Store) ForgetWiki(ctx context.Context, wikiID string) error {
	what := "forget wiki " + wikiID
	if !keyable(wikiID) {
		return nil
	}
	_, err := s.Wiki(ctx, wikiID)
	if err == nil {
		return fault.New(fault.Conflict, "%s: it has not been deleted", what)
	}
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	for _, forget := range []func(context.Context, string) error{
		s.forgetGrants, s.forgetTokens, s.forgetIdempotency, s.forgetActivity,
	} {
		if err := forget(ctx, wikiID); err != nil {
			return explain(err, "%s", what)
		}
	}
	return nil
}

func (s *Store) forgetGrants(ctx context.Context, wikiID string) error {
	return forget(ctx, s, tables.Grants, "wiki#"+wikiID, func(g grantItem) []attributes {
		return []attributes{grantKeys(g.WikiID, g.UserID)[1]}
	})
}

func (s *Store) forgetTokens(ctx context.Context, wikiID string) error {
	return forget(ctx, s, tables.Tokens, "wiki#"+wikiID, func(n tokenName) []attributes {
		return []attributes{tokenKey(n.Hash)}
	})
}

func (s *Store) forgetIdempotency(ctx context.Context, wikiID string) error {
	return forget(ctx, s, tables.Idempotency, wikiID, func(idempotencyItem) []attributes { return nil })
}

// forget deletes a partition, a page at a time: first what its items lead to,
// then the items.
func forget[T any](ctx context.Context, s *Store, n tables.Name, pk string, leadsTo func(T) []attributes) error {
	return s.pages(ctx, n, pk, "", func(page []attributes) error {
		var far, near []attributes
		for _, a := range page {
			item, err := decode[T](a)
			if err != nil {
				return err
			}
			far = append(far, leadsTo(item)...)
			near = append(near, attributes{tables.PartitionKey: a[tables.PartitionKey], tables.SortKey: a[tables.SortKey]})
		}
		if err := s.deleteAll(ctx, n, far); err != nil {
			return err
		}
		return s.deleteAll(ctx, n, near)
	})
}

func (s *Store) deleteAll(ctx context.Context, n tables.Name, keys []attributes) error {
	table, err := s.table(n)
	if err != nil {
		return err
	}
	return s.inBatches(ctx, keys, 25, func(some []attributes) ([]attributes, error) {
		requests := make([]types.WriteRequest, len(some))
		for i, k := range some {
			requests[i].DeleteRequest = &types.DeleteRequest{Key: k}
		}
		out, err := send(ctx, s.call(), s.db.BatchWriteItem, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{table: requests}})
		if err != nil {
			return nil, err
		}
		var left []attributes
		for _, r := range out.UnprocessedItems[table] {
			left = append(left, r.DeleteRequest.Key)
		}
		return left, nil
	})
}

// inBatches works off keys, so many at a time. A batch returns those that it
// left, because the table was busy: they are tried again after a pause, as often
// as a request is.
func (s *Store) inBatches(ctx context.Context, keys []attributes, size int, batch func([]attributes) ([]attributes, error)) error {
	for keys, idle := slices.Clone(keys), 0; len(keys) > 0; {
		n := min(size, len(keys))
		left, err := batch(keys[:n])
		if err != nil {
			return err
		}
		if keys = append(keys[n:], left...); len(left) < n {
			idle = 0
			continue
		}
		if idle++; idle == maxAttempts {
			return fault.New(fault.Unavailable, "work off %d items: the table is busy", len(keys))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(rand.N(min(longPause, firstPause<<idle))):
		}
	}
	return nil
}
