package dynamo_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"wikibot.io/pkg/records/dynamo"
	"wikibot.io/pkg/records/dynamo/dynamolocal"
	"wikibot.io/pkg/records/dynamo/tables"
)

// server is the one emulator of this test process.
var server *dynamolocal.Server

// TestMain starts the emulator, and ends it after the tests.
//
// TestDriversAgree takes a second for each of its sequences, so it tries few
// unless -rapid.checks asks for more.
func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		if err := f.Value.Set("15"); err != nil {
			panic(err)
		}
	}
	os.Exit(func() int {
		s, err := dynamolocal.Start(context.Background())
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer s.Close()
		server = s
		return m.Run()
	}())
}

var prefixes atomic.Int64

// fresh creates tables that the test's end deletes.
func fresh(t *testing.T) map[tables.Name]string {
	t.Helper()
	client := server.DynamoDB()
	names, err := dynamolocal.CreateTables(t.Context(), client, "t"+strconv.FormatInt(prefixes.Add(1), 10)+"-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := dynamolocal.DeleteTables(context.Background(), client, names); err != nil {
			t.Error(err)
		}
	})
	return names
}

// open returns a store on tables.
func open(t *testing.T, names map[tables.Name]string, o dynamo.Options, set ...func(*dynamodb.Options)) *dynamo.Store {
	t.Helper()
	o.Tables = names
	if o.Client == nil {
		o.Client = server.DynamoDB(set...)
	}
	s, err := dynamo.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
