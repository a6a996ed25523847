package rehearsal

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"wikibot.io/services/rehearsal/template"
)

// declaredTable is AWS::DynamoDB::Table, as far as the emulator can follow it.
type declaredTable struct {
	AttributeDefinitions    []struct{ AttributeName, AttributeType string }
	KeySchema               []declaredKey
	GlobalSecondaryIndexes  []any
	LocalSecondaryIndexes   []any
	BillingMode             string
	TimeToLiveSpecification *struct {
		AttributeName string
		Enabled       bool
	}
	StreamSpecification *struct{ StreamViewType string }
}

type declaredKey struct{ AttributeName, KeyType string }

// createTables creates the tables as the templates describe them and returns
// their streams' ARNs by the tables' names.
func createTables(ctx context.Context, client *dynamodb.Client, d *template.Deployment) (map[string]string, error) {
	streams := map[string]string{}
	var wrong []error
	for _, r := range d.Resources("AWS::DynamoDB::Table") {
		stream, err := createTable(ctx, client, r)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", r.Path(), err))
		}
		if stream != "" {
			streams[r.Name()] = stream
		}
	}
	return streams, errors.Join(wrong...)
}

func createTable(ctx context.Context, client *dynamodb.Client, r template.Resource) (stream string, err error) {
	var t declaredTable
	if err := r.Decode(&t); err != nil {
		return "", err
	}
	if len(t.GlobalSecondaryIndexes)+len(t.LocalSecondaryIndexes) > 0 {
		return "", errors.New("secondary indexes are not rehearsed")
	}
	in := &dynamodb.CreateTableInput{TableName: aws.String(r.Name()), BillingMode: types.BillingModePayPerRequest}
	if t.BillingMode != string(in.BillingMode) {
		return "", fmt.Errorf("billing mode %q is not rehearsed", t.BillingMode)
	}
	for _, a := range t.AttributeDefinitions {
		in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{AttributeName: aws.String(a.AttributeName), AttributeType: types.ScalarAttributeType(a.AttributeType)})
	}
	for _, k := range t.KeySchema {
		in.KeySchema = append(in.KeySchema, types.KeySchemaElement{AttributeName: aws.String(k.AttributeName), KeyType: types.KeyType(k.KeyType)})
	}
	if t.StreamSpecification != nil {
		in.StreamSpecification = &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewType(t.StreamSpecification.StreamViewType)}
	}
	out, err := client.CreateTable(ctx, in)
	if err != nil {
		return "", fmt.Errorf("create table: %w", err)
	}
	if ttl := t.TimeToLiveSpecification; ttl != nil && ttl.Enabled {
		if _, err := client.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{TableName: in.TableName, TimeToLiveSpecification: &types.TimeToLiveSpecification{
			AttributeName: aws.String(ttl.AttributeName), Enabled: aws.Bool(true),
		}}); err != nil {
			return "", fmt.Errorf("set expiry: %w", err)
		}
	}
	return aws.ToString(out.TableDescription.LatestStreamArn), nil
}
