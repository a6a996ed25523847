package dynamo

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
)

func TestPackNamesComeBack(t *testing.T) {
	id := strings.Repeat("0123456789", 4)
	for why, c := range map[string]struct {
		names []string
		bytes int
	}{
		"none":                             {nil, 0},
		"one of git's form":                {[]string{"pack-" + id}, 21},
		"a chain":                          {[]string{"pack-" + id, "pack-" + strings.Repeat("f", 40)}, 41},
		"another form":                     {[]string{"a"}, 6},
		"one of them of another form":      {[]string{"pack-" + id, "b"}, 54},
		"upper case is another name":       {[]string{"pack-" + strings.Repeat("A", 40)}, 50},
		"an id of another hash's length":   {[]string{"pack-" + id + id}, 90},
		"a name with what JSON must quote": {[]string{"\"\n\x00"}, 15},
	} {
		item := wikiItem{PK: "w", BasePacks: c.names}
		encoded, err := attributevalue.MarshalMap(item)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := encoded["base_packs"].(*types.AttributeValueMemberB)
		if b == nil && encoded["base_packs"] != nil || b != nil && len(b.Value) != c.bytes || b == nil && c.bytes > 0 {
			t.Errorf("%s: encoded as %v, want %d bytes", why, encoded["base_packs"], c.bytes)
		}
		got, err := decode[wikiItem](encoded)
		if err != nil {
			t.Errorf("%s: %v", why, err)
		}
		if diff := cmp.Diff(c.names, []string(got.BasePacks)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", why, diff)
		}
	}
}

// An item that somebody has scribbled on is an error, not a list of other packs.
func TestPackNamesRefuseWhatTheyAreNot(t *testing.T) {
	for why, v := range map[string]types.AttributeValue{
		"text":            &types.AttributeValueMemberS{Value: "pack-1"},
		"empty":           &types.AttributeValueMemberB{},
		"half an id":      &types.AttributeValueMemberB{Value: make([]byte, 11)},
		"an id too short": &types.AttributeValueMemberB{Value: append([]byte{packNames}, make([]byte, 19)...)},
		"no JSON":         &types.AttributeValueMemberB{Value: []byte{spelledNames, '['}},
		"a later form":    &types.AttributeValueMemberB{Value: append([]byte{2}, make([]byte, 20)...)},
	} {
		if got, err := decode[wikiItem](attributes{"base_packs": v}); err == nil {
			t.Errorf("%s: read as %v", why, got.BasePacks)
		}
	}
}
