package tables_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/contracts/routes"
	"wikibot.io/pkg/records/dynamo/tables"
)

// What a function may do is worth a look whenever it changes.
func TestAccess(t *testing.T) {
	got := map[routes.Service]map[tables.Name]string{}
	for s, access := range tables.Access {
		got[s] = map[tables.Name]string{}
		for n, actions := range access {
			got[s][n] = strings.Join(actions, " ")
		}
	}
	page := map[tables.Name]string{
		tables.Users: "GetItem", tables.Names: "GetItem", tables.Grants: "GetItem", tables.Keys: "GetItem",
		tables.Wikis: "GetItem UpdateItem", tables.Tokens: "GetItem UpdateItem", tables.Idempotency: "GetItem PutItem",
		tables.Sessions: "GetItem UpdateItem",
	}
	want := map[routes.Service]map[tables.Name]string{
		routes.Auth: {
			tables.Users: "BatchGetItem ConditionCheckItem DeleteItem GetItem PutItem UpdateItem",
			tables.Names: "GetItem PutItem UpdateItem", tables.Keys: "GetItem PutItem",
			tables.Sessions: "BatchWriteItem DeleteItem GetItem PutItem Query UpdateItem",
			tables.Tickets:  "GetItem PutItem UpdateItem",
			tables.Wikis:    "GetItem UpdateItem", tables.Grants: "GetItem Query", tables.Tokens: "BatchGetItem Query",
		},
		routes.Management: {
			tables.Users: "GetItem UpdateItem", tables.Names: "GetItem PutItem UpdateItem", tables.Keys: "GetItem",
			tables.Wikis:  "ConditionCheckItem GetItem PutItem UpdateItem",
			tables.Grants: "BatchWriteItem DeleteItem GetItem PutItem Query", tables.Activities: "DeleteItem GetItem UpdateItem",
			tables.Sessions:    "GetItem UpdateItem",
			tables.Tokens:      "BatchGetItem BatchWriteItem DeleteItem GetItem PutItem Query",
			tables.Idempotency: "BatchWriteItem Query",
		},
		routes.Wiki: page,
		routes.MCP:  page,
		routes.GitHTTP: {
			tables.Users: "GetItem", tables.Names: "GetItem", tables.Grants: "GetItem", tables.Keys: "GetItem",
			tables.Wikis: "GetItem", tables.Tokens: "GetItem UpdateItem", tables.Sessions: "GetItem UpdateItem",
		},
		routes.Embedding: {tables.Wikis: "GetItem UpdateItem"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("access (-want +got):\n%s", diff)
	}
}

// A name that no method has would grant nothing and be noticed in production.
func TestCallsNameMethods(t *testing.T) {
	for s, methods := range tables.Calls {
		for _, m := range methods {
			if tables.Methods[m] == nil {
				t.Errorf("%s calls %s, which is no method of the records", s, m)
			}
		}
	}
}
