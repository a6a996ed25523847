package dynamo

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// packedNames is a list of names of packs, as an item holds it: binary. What a wiki's
// item weighs is what each step costs, and a chain of bases spelled out would take
// the typical one over the kilobyte that one write unit pays for. The first byte
// says how the rest is to be read.
type packedNames []string

const (
	spelledNames = iota // a JSON array
	packNames           // 20 bytes each: names of the form "pack-" and 40 hex digits
)

const packPrefix = "pack-"

// MarshalDynamoDBAttributeValue is called by the SDK.
func (n packedNames) MarshalDynamoDBAttributeValue() (types.AttributeValue, error) {
	if len(n) == 0 {
		return &types.AttributeValueMemberNULL{Value: true}, nil
	}
	packed := []byte{packNames}
	for _, name := range n {
		id, ok := strings.CutPrefix(name, packPrefix)
		raw, err := hex.DecodeString(id)
		if !ok || err != nil || len(raw) != 20 || hex.EncodeToString(raw) != id {
			plain, err := json.Marshal([]string(n))
			return &types.AttributeValueMemberB{Value: append([]byte{spelledNames}, plain...)}, err
		}
		packed = append(packed, raw...)
	}
	return &types.AttributeValueMemberB{Value: packed}, nil
}

// UnmarshalDynamoDBAttributeValue is called by the SDK.
func (n *packedNames) UnmarshalDynamoDBAttributeValue(v types.AttributeValue) error {
	b, ok := v.(*types.AttributeValueMemberB)
	switch {
	case !ok || len(b.Value) == 0:
		return fmt.Errorf("read names of packs: a value of type %T or without content", v)
	case b.Value[0] == spelledNames:
		return json.Unmarshal(b.Value[1:], (*[]string)(n))
	case b.Value[0] != packNames || len(b.Value)%20 != 1:
		return fmt.Errorf("read names of packs: %d bytes of form %d", len(b.Value), b.Value[0])
	}
	*n = nil
	for rest := b.Value[1:]; len(rest) > 0; rest = rest[20:] {
		*n = append(*n, packPrefix+hex.EncodeToString(rest[:20]))
	}
	return nil
}
