package endpoint_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"wikibot.io/services/rehearsal/chaos"
	"wikibot.io/services/rehearsal/endpoint"
	"wikibot.io/services/rehearsal/iam"
)

// table answers any call with what one item costs, and remembers the bodies.
type table struct {
	mu     sync.Mutex
	bodies []string
}

func (d *table) calls() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.bodies)
}

func (d *table) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	d.mu.Lock()
	d.bodies = append(d.bodies, string(body))
	d.mu.Unlock()
	answer := `{"ConsumedCapacity":{"TableName":"wikis","CapacityUnits":0.5}}`
	if strings.Contains(r.Header.Get("X-Amz-Target"), "Transact") {
		answer = `{"ConsumedCapacity":[{"TableName":"wikis","CapacityUnits":4},{"TableName":"names","CapacityUnits":2}]}`
	}
	_, _ = io.WriteString(w, answer)
}

type door struct {
	client *dynamodb.Client
	table  *table
	dice   *chaos.Dice
	meter  *endpoint.Meter
}

func newDoor(t *testing.T, key string) *door {
	t.Helper()
	d := &door{table: &table{}, dice: chaos.New(1), meter: endpoint.NewMeter()}
	policy, err := iam.Parse(map[string]any{"Statement": []any{
		map[string]any{"Effect": "Allow", "Action": []any{"dynamodb:GetItem", "dynamodb:PutItem"}, "Resource": "arn:aws:dynamodb:us-east-1:123456789012:table/wikis"},
		map[string]any{"Effect": "Allow", "Action": "dynamodb:ConditionCheckItem", "Resource": "arn:aws:dynamodb:us-east-1:123456789012:table/names"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	e, err := endpoint.New(endpoint.Deps{
		API:     endpoint.DynamoDB{Place: endpoint.Place{Region: "us-east-1", Account: "123456789012"}},
		Next:    d.table,
		Callers: map[string]endpoint.Caller{"AKIAWIKI": {Name: "wiki", Role: "arn:aws:iam::123456789012:role/wiki", Policy: policy}},
		Dice:    d.dice, Meter: d.meter, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	d.client = dynamodb.New(dynamodb.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: key, SecretAccessKey: "x"}, nil
		}),
	})
	return d
}

func (d *door) get(table string) error {
	_, err := d.client.GetItem(context.Background(), &dynamodb.GetItemInput{TableName: aws.String(table), Key: map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "a"}}})
	return err
}

func (d *door) transact(checked string) error {
	item := map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "a"}}
	_, err := d.client.TransactWriteItems(context.Background(), &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Put: &types.Put{TableName: aws.String("wikis"), Item: item}},
		{ConditionCheck: &types.ConditionCheck{TableName: aws.String(checked), Key: item, ConditionExpression: aws.String("attribute_exists(pk)")}},
	}})
	return err
}

func code(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func TestOnlyWhatTheRoleAllowsIsDone(t *testing.T) {
	d := newDoor(t, "AKIAWIKI")
	for _, c := range []struct {
		why  string
		call func() error
		want string
	}{
		{"the function's own table", func() error { return d.get("wikis") }, ""},
		{"a table that no statement names", func() error { return d.get("users") }, "AccessDeniedException"},
		{"a transaction of which every item is allowed", func() error { return d.transact("names") }, ""},
		{"a transaction with one item that is not", func() error { return d.transact("wikis") }, "AccessDeniedException"},
		{"an action that no statement names", func() error {
			_, err := d.client.ListTables(context.Background(), &dynamodb.ListTablesInput{})
			return err
		}, "AccessDeniedException"},
	} {
		if got := code(c.call()); got != c.want {
			t.Errorf("%s: %q, want %q", c.why, got, c.want)
		}
	}
	if got := d.table.calls(); got != 2 {
		t.Errorf("%d calls reached the table, want 2", got)
	}
	if got := len(d.meter.Refused()); got != 3 {
		t.Errorf("%d refusals are known, want 3", got)
	}
	if got := code(newDoor(t, "AKIAEVE").get("wikis")); got != "UnrecognizedClientException" {
		t.Errorf("a call by nobody known: %q", got)
	}
}

func TestCapacityIsCountedByFunctionActionAndTable(t *testing.T) {
	d := newDoor(t, "AKIAWIKI")
	for range 3 {
		if err := d.get("wikis"); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.transact("names"); err != nil {
		t.Fatal(err)
	}
	want := map[endpoint.Kind]endpoint.Count{
		{Function: "wiki", Action: "GetItem", Resource: "wikis"}:            {Calls: 3, Units: 1.5},
		{Function: "wiki", Action: "TransactWriteItems", Resource: "wikis"}: {Calls: 1, Units: 4},
		{Function: "wiki", Action: "TransactWriteItems", Resource: "names"}: {Units: 2},
	}
	if diff := cmp.Diff(want, d.meter.Counts()); diff != "" {
		t.Error(diff)
	}
}

func TestCallsFailAsTheDiceSay(t *testing.T) {
	for _, c := range []struct {
		why   string
		rates chaos.Rates
		call  func(*door) error
		want  string
		done  int
	}{
		{"throttled: nothing was done", chaos.Rates{Throttle: 1}, func(d *door) error { return d.get("wikis") }, "ThrottlingException", 0},
		{"failed: nothing was done", chaos.Rates{Fail: 1}, func(d *door) error { return d.get("wikis") }, "InternalServerError", 0},
		{"a transaction meets another", chaos.Rates{Conflict: 1}, func(d *door) error { return d.transact("names") }, "TransactionCanceledException", 0},
		{"reads do not meet transactions", chaos.Rates{Conflict: 1}, func(d *door) error { return d.get("wikis") }, "", 1},
		{"lost: it was done, but nobody hears of it", chaos.Rates{Lose: 1}, func(d *door) error { return d.get("wikis") }, "EOF", 1},
	} {
		d := newDoor(t, "AKIAWIKI")
		d.dice.Set(c.rates)
		if got := code(c.call(d)); !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: %q, want %q", c.why, got, c.want)
		}
		if got := d.table.calls(); got != c.done {
			t.Errorf("%s: %d calls were done, want %d", c.why, got, c.done)
		}
	}
}

// A transaction that met another says so in a form that callers can read.
func TestConflictNamesTheItem(t *testing.T) {
	d := newDoor(t, "AKIAWIKI")
	d.dice.Set(chaos.Rates{Conflict: 1})
	err := d.transact("names")
	cancelled, ok := errors.AsType[*types.TransactionCanceledException](err)
	if !ok {
		t.Fatalf("%v is no cancelled transaction", err)
	}
	var codes []string
	for _, r := range cancelled.CancellationReasons {
		codes = append(codes, aws.ToString(r.Code))
	}
	if diff := cmp.Diff([]string{"None", "TransactionConflict"}, codes); diff != "" {
		t.Error(diff)
	}
}
