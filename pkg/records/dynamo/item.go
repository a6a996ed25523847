package dynamo

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records/dynamo/tables"
)

// attributes is an item, a key or an expression's values, encoded.
type attributes = map[string]types.AttributeValue

// maxKey is how long the longest of our keys may be: a sort key's bound in
// DynamoDB. Nothing that the fleet accepts comes near it.
const maxKey = 1024

// keyable reports whether a string can be part of a key. What cannot is nowhere.
func keyable(parts ...string) bool {
	for _, p := range parts {
		if p == "" || len(p) > maxKey-16 {
			return false
		}
	}
	return true
}

// needKeys returns Invalid for what cannot be part of a key: name, value, ...
func needKeys(what string, pairs ...string) error {
	var wrong []fault.Field
	for i := 0; i < len(pairs); i += 2 {
		if !keyable(pairs[i+1]) {
			wrong = append(wrong, fault.Field{Name: pairs[i], Msg: "is missing or too long"})
		}
	}
	return fault.InvalidFields(what, wrong)
}

func key(pk string) attributes {
	return attributes{tables.PartitionKey: &types.AttributeValueMemberS{Value: pk}}
}

func sorted(pk, sk string) attributes {
	k := key(pk)
	k[tables.SortKey] = &types.AttributeValueMemberS{Value: sk}
	return k
}

// digest makes a key of what may be long, may hold anything and may be personal:
// keys show up in traces and metrics.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// nanos and instant are how times are kept: Unix nanoseconds, absent or 0 for
// never.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func instant(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

var name = regexp.MustCompile(`#[a-z_0-9]+`)

// names finds the names in expressions. Every attribute is written "#attribute",
// because the list of reserved words is long and grows.
func names(expressions ...string) map[string]string {
	out := map[string]string{}
	for _, e := range expressions {
		for _, n := range name.FindAllString(e, -1) {
			out[n] = n[1:]
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// values are an expression's, by name: ":name". What is an attribute's value
// already stays as it is.
type values map[string]any

func (v values) encode() (attributes, error) {
	if len(v) == 0 {
		return nil, nil
	}
	out := attributes{}
	for name, value := range v {
		if done, ok := value.(types.AttributeValue); ok {
			out[name] = done
			continue
		}
		encoded, err := attributevalue.Marshal(value)
		if err != nil {
			return nil, err
		}
		out[name] = encoded
	}
	return out, nil
}

// filled makes of no bytes nothing, which is absent: what is empty but there would
// be kept as that, and be something else to a condition.
func filled(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// decode reads an item into one of the item types.
func decode[T any](a attributes) (T, error) {
	var item T
	err := attributevalue.UnmarshalMap(a, &item)
	return item, err
}
