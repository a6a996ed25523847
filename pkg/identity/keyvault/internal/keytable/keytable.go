// Package keytable reads and changes the one item of the table "keys": see
// package keyvault for what it holds.
package keytable

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/lestrrat-go/jwx/v2/jwk"

	"wikibot.io/pkg/records/dynamo/tables"
)

// sessions is the partition key of the item.
const sessions = "sessions"

// ErrNone says that no key was ever published.
var ErrNone = errors.New("the table of keys holds none")

// ErrChanged says that the item is not what the writer thought it was.
var ErrChanged = errors.New("the table of keys was changed meanwhile")

// State is the item.
type State struct {
	SecretVersion string `dynamodbav:"secret_version"`
	Changed       int64  `dynamodbav:"changed"` // Unix second
	Keys          []Key  `dynamodbav:"keys"`    // oldest first
}

// Key is a key that sessions may be signed with.
type Key struct {
	KID       string `dynamodbav:"kid"`
	Created   int64  `dynamodbav:"created"`    // Unix second
	SignsFrom int64  `dynamodbav:"signs_from"` // Unix second
	JWK       string `dynamodbav:"jwk"`        // the public half
}

// Table is the table.
type Table struct {
	client *dynamodb.Client
	name   string
}

// New returns the table of that full name.
func New(client *dynamodb.Client, name string) (*Table, error) {
	if client == nil || name == "" {
		return nil, errors.New("open table of keys: client and table name are both needed")
	}
	return &Table{client, name}, nil
}

// Read returns the item as all writes that were acknowledged before left it, or
// ErrNone.
func (t *Table) Read(ctx context.Context) (State, error) {
	out, err := t.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:      &t.name,
		Key:            map[string]types.AttributeValue{tables.PartitionKey: &types.AttributeValueMemberS{Value: sessions}},
		ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return State{}, fmt.Errorf("read the table of keys: %w", err)
	}
	if len(out.Item) == 0 {
		return State{}, ErrNone
	}
	var s State
	if err := attributevalue.UnmarshalMap(out.Item, &s); err != nil {
		return State{}, fmt.Errorf("read the table of keys: %w", err)
	}
	return s, nil
}

// Swap makes next the item if the present one still names the secret version
// old; "" means that there must be none. Else it returns ErrChanged. A change
// that was made although its answer got lost counts as made.
func (t *Table) Swap(ctx context.Context, old string, next State) error {
	item, err := attributevalue.MarshalMap(next)
	if err != nil {
		return fmt.Errorf("write the table of keys: %w", err)
	}
	item[tables.PartitionKey] = &types.AttributeValueMemberS{Value: sessions}
	in := &dynamodb.PutItemInput{TableName: &t.name, Item: item, ConditionExpression: aws.String("attribute_not_exists(pk)")}
	if old != "" {
		in.ConditionExpression = aws.String("secret_version = :old")
		in.ExpressionAttributeValues = map[string]types.AttributeValue{":old": &types.AttributeValueMemberS{Value: old}}
	}
	if _, err = t.client.PutItem(ctx, in); err == nil {
		return nil
	}
	// Versions are named by ids that nobody else uses, so if the item names ours
	// the write was ours.
	if now, readErr := t.Read(ctx); readErr == nil && now.SecretVersion == next.SecretVersion {
		return nil
	}
	if _, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return ErrChanged
	}
	return fmt.Errorf("write the table of keys: %w", err)
}

// Public returns the public keys, newest first.
func (s State) Public() (jwk.Set, error) {
	set := jwk.NewSet()
	for i := len(s.Keys) - 1; i >= 0; i-- {
		key, err := jwk.ParseKey([]byte(s.Keys[i].JWK))
		if err != nil {
			return nil, fmt.Errorf("read key %q of the table of keys: %w", s.Keys[i].KID, err)
		}
		if err := set.AddKey(key); err != nil {
			return nil, fmt.Errorf("list key %q of the table of keys: %w", s.Keys[i].KID, err)
		}
	}
	return set, nil
}

// Superseded returns the time from which on another key signs in place of key i,
// and whether there is one.
func (s State) Superseded(i int) (time.Time, bool) {
	if i+1 >= len(s.Keys) {
		return time.Time{}, false
	}
	return time.Unix(s.Keys[i+1].SignsFrom, 0), true
}
