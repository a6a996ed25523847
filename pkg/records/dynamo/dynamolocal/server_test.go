package dynamolocal_test

import (
	"net"
	"strings"
	"testing"

	"wikibot.io/pkg/records/dynamo/dynamolocal"
	"wikibot.io/pkg/records/dynamo/tables"
)

func TestServerCreatesTablesAndEnds(t *testing.T) {
	s, err := dynamolocal.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	names, err := dynamolocal.CreateTables(t.Context(), s.DynamoDB(), "a-")
	if err != nil {
		t.Fatal(err)
	}
	if len(names) != len(tables.All) || names[tables.Users] != "a-users" {
		t.Errorf("tables %v", names)
	}
	if err := dynamolocal.DeleteTables(t.Context(), s.DynamoDB(), names); err != nil {
		t.Error(err)
	}
	s.Close()
	s.Close()
	if c, err := net.Dial("tcp", strings.TrimPrefix(s.Endpoint, "http://")); err == nil {
		c.Close()
		t.Error("it still answers after Close")
	}
}

// Tests that need the emulator fail without it, and say what to do.
func TestMissingEmulatorIsSaid(t *testing.T) {
	t.Setenv(dynamolocal.Env, t.TempDir())
	if _, err := dynamolocal.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "scripts/dynamodb-local") {
		t.Errorf("error %v does not say what to run", err)
	}
}
