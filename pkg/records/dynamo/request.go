package dynamo

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"wikibot.io/pkg/records/dynamo/tables"
)

// get reads one item, strongly consistent; ok is false if there is none.
func get[T any](ctx context.Context, s *Store, n tables.Name, k attributes) (item T, ok bool, err error) {
	table, err := s.table(n)
	if err != nil {
		return item, false, err
	}
	out, err := send(ctx, s.call(), s.db.GetItem, &dynamodb.GetItemInput{TableName: &table, Key: k, ConsistentRead: aws.Bool(true)})
	if err != nil || len(out.Item) == 0 {
		return item, false, err
	}
	item, err = decode[T](out.Item)
	return item, err == nil, err
}

// query reads all items of a partition whose sort key has a prefix, strongly
// consistent, in the order of the sort key.
func query[T any](ctx context.Context, s *Store, n tables.Name, pk, prefix string) ([]T, error) {
	var items []T
	err := s.pages(ctx, n, pk, prefix, func(page []attributes) error {
		for _, a := range page {
			item, err := decode[T](a)
			if err != nil {
				return err
			}
			items = append(items, item)
		}
		return nil
	})
	return items, err
}

// pages is query, a page of up to 1 MB at a time.
func (s *Store) pages(ctx context.Context, n tables.Name, pk, prefix string, take func([]attributes) error) error {
	table, err := s.table(n)
	if err != nil {
		return err
	}
	condition, vals := "#pk = :pk", values{":pk": pk}
	if prefix != "" {
		condition, vals[":sk"] = condition+" AND begins_with(#sk, :sk)", prefix
	}
	encoded, err := vals.encode()
	if err != nil {
		return err
	}
	in := &dynamodb.QueryInput{
		TableName: &table, ConsistentRead: aws.Bool(true), KeyConditionExpression: &condition,
		ExpressionAttributeNames: names(condition), ExpressionAttributeValues: encoded,
	}
	for {
		out, err := send(ctx, s.call(), s.db.Query, in)
		if err != nil {
			return err
		}
		if err := take(out.Items); err != nil || len(out.LastEvaluatedKey) == 0 {
			return err
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

// update is one conditional change of one item.
type update struct {
	table     tables.Name
	key       attributes
	set       string // the whole update expression
	condition string
	values    values
}

// still adds the condition that an attribute is what was read.
func (u *update) still(attribute string, read any, absent bool) {
	if absent {
		u.condition += " AND attribute_not_exists(#" + attribute + ")"
		return
	}
	u.condition += " AND #" + attribute + " = :read_" + attribute
	u.values[":read_"+attribute] = read
}

// become adds to the update expression that an attribute gets a value, or none.
func (u *update) become(attribute string, value any, absent bool) {
	clause, part := "REMOVE ", "#"+attribute
	if !absent {
		clause, part = "SET ", part+" = :"+attribute
		u.values[":"+attribute] = value
	}
	if before, after, found := strings.Cut(u.set, clause); found {
		u.set = before + clause + part + ", " + after
	} else {
		u.set = strings.TrimSpace(u.set + " " + clause + part)
	}
}

// apply sends the update on its own. When the condition does not hold, changed
// is false and item is what lies there (nil for nothing); otherwise item is what
// lies there now. unsure says that an attempt before may have taken effect.
func (s *Store) apply(ctx context.Context, u update) (item attributes, changed, unsure bool, err error) {
	table, err := s.table(u.table)
	if err != nil {
		return nil, false, false, err
	}
	vals, err := u.values.encode()
	if err != nil {
		return nil, false, false, err
	}
	c := s.call()
	out, err := send(ctx, c, s.db.UpdateItem, &dynamodb.UpdateItemInput{
		TableName: &table, Key: u.key, UpdateExpression: &u.set, ConditionExpression: &u.condition,
		ExpressionAttributeNames: names(u.set, u.condition), ExpressionAttributeValues: vals,
		ReturnValues:                        types.ReturnValueAllNew,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return failed.Item, false, c.unsure, nil
	}
	if err != nil {
		return nil, false, c.unsure, err
	}
	return out.Attributes, true, c.unsure, nil
}

// tx is a transaction in the making: all of its changes or none.
type tx struct {
	s     *Store
	items []types.TransactWriteItem
	err   error
}

func (s *Store) begin() *tx { return &tx{s: s} }

// refusal is why a transaction's conditions kept it from happening.
type refusal struct {
	failed []bool
	old    []attributes // what lies under the keys whose conditions failed
}

func (t *tx) table(n tables.Name) *string {
	full, err := t.s.table(n)
	t.err = errors.Join(t.err, err)
	return &full
}

func (t *tx) encode(v values) attributes {
	a, err := v.encode()
	t.err = errors.Join(t.err, err)
	return a
}

func (t *tx) add(i types.TransactWriteItem) int {
	t.items = append(t.items, i)
	return len(t.items) - 1
}

const allOld = types.ReturnValuesOnConditionCheckFailureAllOld

// orNil is how the SDK wants an expression that is none.
func orNil(expression string) *string {
	if expression == "" {
		return nil
	}
	return &expression
}

// put adds an item, which is encoded unless it is already. It returns its place
// in the refusal, as the other parts do.
func (t *tx) put(n tables.Name, item any, condition string, v values) int {
	a, err := attributevalue.MarshalMap(item)
	t.err = errors.Join(t.err, err)
	return t.add(types.TransactWriteItem{Put: &types.Put{
		TableName: t.table(n), Item: a, ConditionExpression: orNil(condition),
		ExpressionAttributeNames: names(condition), ExpressionAttributeValues: t.encode(v), ReturnValuesOnConditionCheckFailure: allOld,
	}})
}

func (t *tx) update(u update) int {
	return t.add(types.TransactWriteItem{Update: &types.Update{
		TableName: t.table(u.table), Key: u.key, UpdateExpression: &u.set, ConditionExpression: orNil(u.condition),
		ExpressionAttributeNames: names(u.set, u.condition), ExpressionAttributeValues: t.encode(u.values), ReturnValuesOnConditionCheckFailure: allOld,
	}})
}

func (t *tx) delete(n tables.Name, k attributes, condition string, v values) int {
	return t.add(types.TransactWriteItem{Delete: &types.Delete{
		TableName: t.table(n), Key: k, ConditionExpression: orNil(condition),
		ExpressionAttributeNames: names(condition), ExpressionAttributeValues: t.encode(v), ReturnValuesOnConditionCheckFailure: allOld,
	}})
}

func (t *tx) check(n tables.Name, k attributes, condition string, v values) int {
	return t.add(types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
		TableName: t.table(n), Key: k, ConditionExpression: &condition,
		ExpressionAttributeNames: names(condition), ExpressionAttributeValues: t.encode(v), ReturnValuesOnConditionCheckFailure: allOld,
	}})
}

// commit sends the transaction. Its token makes a retry whose first attempt took
// effect find that out, for ten minutes. A refusal is no error.
func (t *tx) commit(ctx context.Context) (*refusal, error) {
	if t.err != nil {
		return nil, t.err
	}
	_, err := send(ctx, t.s.call(), t.s.db.TransactWriteItems, &dynamodb.TransactWriteItemsInput{
		TransactItems: t.items, ClientRequestToken: aws.String(rand.Text()),
	})
	canceled, ok := errors.AsType[*types.TransactionCanceledException](err)
	if !ok {
		return nil, err
	}
	r := &refusal{failed: make([]bool, len(t.items)), old: make([]attributes, len(t.items))}
	any := false
	for i, reason := range canceled.CancellationReasons {
		if i < len(t.items) && aws.ToString(reason.Code) == "ConditionalCheckFailed" {
			r.failed[i], r.old[i], any = true, reason.Item, true
		}
	}
	if !any {
		return nil, err
	}
	return r, nil
}
