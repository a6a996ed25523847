package keytable

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"wikibot.io/pkg/records/dynamo/tables"
)

// Issuer is the item of a foreign issuer.
type Issuer struct {
	Fetched int64  `dynamodbav:"fetched"` // Unix second
	JWKS    string `dynamodbav:"jwks"`    // its public keys (RFC 7517 section 5)
}

// issuerKey is no name that the item of our own keys has, whatever the issuer is
// called.
func issuerKey(issuer string) types.AttributeValue {
	return &types.AttributeValueMemberS{Value: "issuer " + issuer}
}

// ReadIssuer returns the item of an issuer, or ErrNone.
func (t *Table) ReadIssuer(ctx context.Context, issuer string) (Issuer, error) {
	out, err := t.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:      &t.name,
		Key:            map[string]types.AttributeValue{tables.PartitionKey: issuerKey(issuer)},
		ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return Issuer{}, fmt.Errorf("read the table of keys: %w", err)
	}
	if len(out.Item) == 0 {
		return Issuer{}, ErrNone
	}
	var i Issuer
	if err := attributevalue.UnmarshalMap(out.Item, &i); err != nil {
		return Issuer{}, fmt.Errorf("read the table of keys: %w", err)
	}
	return i, nil
}

// PutIssuer replaces the item of an issuer. The last one wins: who was slower
// brings keys that are minutes old at most.
func (t *Table) PutIssuer(ctx context.Context, issuer string, i Issuer) error {
	item, err := attributevalue.MarshalMap(i)
	if err != nil {
		return fmt.Errorf("write the table of keys: %w", err)
	}
	item[tables.PartitionKey] = issuerKey(issuer)
	if _, err := t.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &t.name, Item: item}); err != nil {
		return fmt.Errorf("write the table of keys: %w", err)
	}
	return nil
}
