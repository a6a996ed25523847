package iam_test

import (
	"encoding/json"
	"strings"
	"testing"

	"wikibot.io/services/rehearsal/iam"
)

const table = "arn:aws:dynamodb:us-east-1:123456789012:table/wikis-AB12"

func parse(t *testing.T, statements string) iam.Policy {
	t.Helper()
	var doc any
	if err := json.Unmarshal([]byte(`{"Version":"2012-10-17","Statement":`+statements+`}`), &doc); err != nil {
		t.Fatal(err)
	}
	p, err := iam.Parse(doc)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestDecide(t *testing.T) {
	leading := `[{"Effect":"Allow","Action":"dynamodb:GetItem","Resource":"*","Condition":{"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["user#*"]}}}]`
	for _, c := range []struct {
		why, statements  string
		action, resource string
		keys             map[string][]string
		allowed          bool
	}{
		{"what is named is allowed", `[{"Effect":"Allow","Action":["dynamodb:GetItem","dynamodb:Query"],"Resource":["` + table + `"]}]`, "dynamodb:GetItem", table, nil, true},
		{"a lone statement need not be in a list", `{"Effect":"Allow","Action":"dynamodb:getitem","Resource":"` + table + `"}`, "dynamodb:GetItem", table, nil, true},
		{"what is not named is refused", `[{"Effect":"Allow","Action":"dynamodb:GetItem","Resource":"` + table + `"}]`, "dynamodb:PutItem", table, nil, false},
		{"another table is another resource", `[{"Effect":"Allow","Action":"dynamodb:GetItem","Resource":"` + table + `"}]`, "dynamodb:GetItem", table + "2", nil, false},
		{"an index is not its table", `[{"Effect":"Allow","Action":"dynamodb:Query","Resource":"` + table + `"}]`, "dynamodb:Query", table + "/index/a", nil, false},
		{"a wildcard ends an action", `[{"Effect":"Allow","Action":"dynamodb:Get*","Resource":"` + table + `"}]`, "dynamodb:GetItem", table, nil, true},
		{"a wildcard in the middle of a resource", `[{"Effect":"Allow","Action":"*","Resource":"arn:aws:*:table/wikis-*"}]`, "dynamodb:GetItem", table, nil, true},
		{"a deny wins over any allow", `[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"dynamodb:DeleteTable","Resource":"*"}]`, "dynamodb:DeleteTable", table, nil, false},
		{"all but one action", `[{"Effect":"Allow","NotAction":"dynamodb:DeleteTable","Resource":"*"}]`, "dynamodb:DeleteTable", table, nil, false},
		{"all leading keys fit", leading, "dynamodb:GetItem", table, map[string][]string{"dynamodb:LeadingKeys": {"user#1", "user#2"}}, true},
		{"one leading key does not fit", leading, "dynamodb:GetItem", table, map[string][]string{"dynamodb:LeadingKeys": {"user#1", "wiki#2"}}, false},
	} {
		t.Run(c.why, func(t *testing.T) {
			err := parse(t, c.statements).Decide(iam.Request{Action: c.action, Resource: c.resource, Keys: c.keys})
			if (err == nil) != c.allowed {
				t.Errorf("%s on %s: %v, want allowed: %v", c.action, c.resource, err, c.allowed)
			}
		})
	}
}

// What the package would have to guess at is an error, not a surprise later.
func TestParseRefusesWhatItDoesNotKnow(t *testing.T) {
	var doc any
	if err := json.Unmarshal([]byte(`{"Statement":[
		{"Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"NumericLessThan":{"aws:x":"1"}}},
		{"Effect":"Maybe","Action":"a:b","Resource":"*"},
		{"Effect":"Allow","Action":"a:b","Resource":{"Ref":"X"}},
		{"Effect":"Allow","Action":"a:b"}]}`), &doc); err != nil {
		t.Fatal(err)
	}
	_, err := iam.Parse(doc)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"NumericLessThan", "Maybe", "statement 2", "statement 3"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not tell of %s", err, want)
		}
	}
}
