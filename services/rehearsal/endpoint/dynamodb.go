package endpoint

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"wikibot.io/services/rehearsal/chaos"
	"wikibot.io/services/rehearsal/iam"
)

// DynamoDB describes DynamoDB's calls.
type DynamoDB struct{ Place Place }

// onTable is what the parts of a request have in common.
type onTable struct{ TableName, IndexName string }

// Calls names the action and table of each item of a transaction, each table of
// a batch, and otherwise the table or index of the call.
func (a DynamoDB) Calls(action string, body []byte) ([]iam.Request, error) {
	var in struct {
		onTable
		TransactItems []map[string]onTable
		RequestItems  map[string]any
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, fmt.Errorf("%s: %w", action, err)
	}
	switch action {
	case "TransactWriteItems", "TransactGetItems":
		verbs := map[string]string{"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem", "Get": "GetItem"}
		var calls []iam.Request
		for _, item := range in.TransactItems {
			for verb, on := range item {
				if verbs[verb] == "" {
					return nil, fmt.Errorf("%s: unknown item %q", action, verb)
				}
				calls = append(calls, a.call(verbs[verb], on))
			}
		}
		return calls, nil
	case "BatchGetItem", "BatchWriteItem":
		var calls []iam.Request
		for table := range in.RequestItems {
			calls = append(calls, a.call(action, onTable{TableName: table}))
		}
		return calls, nil
	case "ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction":
		return nil, fmt.Errorf("%s: the rehearsal does not read PartiQL", action)
	}
	return []iam.Request{a.call(action, in.onTable)}, nil
}

func (a DynamoDB) call(action string, on onTable) iam.Request {
	if on.TableName == "" {
		return iam.Request{Action: "dynamodb:" + action, Resource: "*"}
	}
	arn := on.TableName
	if !strings.HasPrefix(arn, "arn:") {
		arn = a.Place.arn("dynamodb", "table/"+arn)
	}
	if on.IndexName != "" {
		arn += "/index/" + on.IndexName
	}
	return iam.Request{Action: "dynamodb:" + action, Resource: arn}
}

// Error is an error answer in DynamoDB's words.
func (DynamoDB) Error(status int, kind, message string) Refusal {
	return Refusal{Status: status, Body: map[string]any{"__type": "com.amazonaws.dynamodb.v20120810#" + kind, "message": message, "Message": message}}
}

var writes = []string{"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem"}

// Fault answers a call that is to fail.
func (a DynamoDB) Fault(f chaos.Fault, action string, items int) (Refusal, bool) {
	switch f {
	case chaos.Throttle:
		return a.Error(http.StatusBadRequest, "ThrottlingException", "Throughput exceeds the current capacity of your table or index."), true
	case chaos.Fail:
		return a.Error(http.StatusInternalServerError, "InternalServerError", "The request processing has failed because of an unknown error."), true
	case chaos.Conflict:
		return a.conflict(action, items)
	}
	return Refusal{}, false
}

// conflict is what a write meets that touches the items of a transaction under
// way. A transaction says which of its items met it.
func (a DynamoDB) conflict(action string, items int) (Refusal, bool) {
	switch action {
	case "TransactWriteItems", "TransactGetItems":
		reasons := slices.Repeat([]map[string]any{{"Code": "None"}}, items)
		codes := slices.Repeat([]string{"None"}, items)
		if items > 0 {
			reasons[items-1] = map[string]any{"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
			codes[items-1] = "TransactionConflict"
		}
		refusal := a.Error(http.StatusBadRequest, "TransactionCanceledException",
			"Transaction cancelled, please refer cancellation reasons for specific reasons ["+strings.Join(codes, ", ")+"]")
		refusal.Body.(map[string]any)["CancellationReasons"] = reasons
		return refusal, true
	case "PutItem", "UpdateItem", "DeleteItem":
		return a.Error(http.StatusBadRequest, "TransactionConflictException", "Transaction is ongoing for the item"), true
	}
	return Refusal{}, false
}

// Prepare asks for the consumed capacity.
func (DynamoDB) Prepare(action string, body []byte) []byte {
	if !slices.Contains(writes, action) && !slices.Contains([]string{"GetItem", "Query", "Scan", "BatchGetItem", "TransactGetItems"}, action) {
		return body
	}
	var in map[string]json.RawMessage
	if json.Unmarshal(body, &in) != nil || in["ReturnConsumedCapacity"] != nil {
		return body
	}
	in["ReturnConsumedCapacity"] = json.RawMessage(`"TOTAL"`)
	out, err := json.Marshal(in)
	if err != nil {
		return body
	}
	return out
}

// Consumed reads the capacity units by table.
func (DynamoDB) Consumed(_ string, answer []byte) map[string]float64 {
	type capacity struct {
		TableName     string
		CapacityUnits float64
	}
	var out struct{ ConsumedCapacity json.RawMessage }
	if json.Unmarshal(answer, &out) != nil || out.ConsumedCapacity == nil {
		return nil
	}
	var list []capacity
	if json.Unmarshal(out.ConsumedCapacity, &list) != nil {
		list = make([]capacity, 1)
		if json.Unmarshal(out.ConsumedCapacity, &list[0]) != nil {
			return nil
		}
	}
	units := map[string]float64{}
	for _, c := range list {
		units[c.TableName] += c.CapacityUnits
	}
	return units
}
