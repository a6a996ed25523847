package dynamolocal

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"wikibot.io/pkg/records/dynamo/tables"
)

// CreateTables creates every table of the fleet, or only some, with its expiry and
// its stream, and returns their full names: the prefix and the table's own.
func CreateTables(ctx context.Context, client *dynamodb.Client, prefix string, only ...tables.Name) (map[tables.Name]string, error) {
	names := map[tables.Name]string{}
	for _, t := range tables.All {
		if len(only) > 0 && !slices.Contains(only, t.Name) {
			continue
		}
		full := prefix + string(t.Name)
		if _, err := client.CreateTable(ctx, input(t, full)); err != nil {
			return nil, fmt.Errorf("create table %s: %w", full, err)
		}
		if t.Expires {
			_, err := client.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
				TableName:               &full,
				TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String(tables.ExpiryTime), Enabled: aws.Bool(true)},
			})
			if err != nil {
				return nil, fmt.Errorf("let items of table %s expire: %w", full, err)
			}
		}
		names[t.Name] = full
	}
	return names, nil
}

func input(t tables.Table, full string) *dynamodb.CreateTableInput {
	in := &dynamodb.CreateTableInput{TableName: &full, BillingMode: types.BillingModePayPerRequest}
	key := func(name string, kind types.KeyType) {
		in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{AttributeName: &name, AttributeType: types.ScalarAttributeTypeS})
		in.KeySchema = append(in.KeySchema, types.KeySchemaElement{AttributeName: &name, KeyType: kind})
	}
	key(tables.PartitionKey, types.KeyTypeHash)
	if t.Sorted {
		key(tables.SortKey, types.KeyTypeRange)
	}
	if t.Stream {
		in.StreamSpecification = &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewAndOldImages}
	}
	return in
}

// DeleteTables deletes what CreateTables created.
func DeleteTables(ctx context.Context, client *dynamodb.Client, names map[tables.Name]string) error {
	for _, full := range names {
		if _, err := client.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &full}); err != nil {
			return fmt.Errorf("delete table %s: %w", full, err)
		}
	}
	return nil
}
