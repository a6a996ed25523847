package dynamo_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

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

// sets are the sets of tables that tests have created. The emulator slows down with
// each table that it has ever had, so a set serves one test after another.
var sets struct {
	mu   sync.Mutex
	all  map[string]*set // by the full name of the users' table
	idle []*set
}

// set is one table of each kind, and how far the streams are read that tell what
// tests did that are over.
type set struct {
	names   map[tables.Name]string
	streams []*stream
}

// fresh returns empty tables.
func fresh(t *testing.T) map[tables.Name]string {
	t.Helper()
	sets.mu.Lock()
	defer sets.mu.Unlock()
	var s *set
	if n := len(sets.idle); n > 0 {
		s, sets.idle = sets.idle[n-1], sets.idle[:n-1]
	} else {
		names, err := dynamolocal.CreateTables(t.Context(), server.DynamoDB(), fmt.Sprintf("t%d-", len(sets.all)))
		if err != nil {
			t.Fatal(err)
		}
		s = &set{names: names, streams: streams(t, names)}
		if sets.all == nil {
			sets.all = map[string]*set{}
		}
		sets.all[names[tables.Users]] = s
	}
	t.Cleanup(func() {
		if err := s.empty(); err != nil {
			t.Error(err)
			return // nobody gets these again
		}
		o := watch(t, s.names)
		for _, each := range o.streams {
			o.read(t, each)
		}
		sets.mu.Lock()
		defer sets.mu.Unlock()
		s.streams = o.streams
		sets.idle = append(sets.idle, s)
	})
	return s.names
}

// empty deletes all items.
func (s *set) empty() error {
	client, ctx := server.DynamoDB(), context.Background()
	for _, table := range tables.All {
		full := s.names[table.Name]
		for {
			page, err := client.Scan(ctx, &dynamodb.ScanInput{TableName: &full})
			if err != nil {
				return err
			}
			for some := range slices.Chunk(page.Items, 25) {
				requests := make([]types.WriteRequest, len(some))
				for i, item := range some {
					key := map[string]types.AttributeValue{tables.PartitionKey: item[tables.PartitionKey]}
					if table.Sorted {
						key[tables.SortKey] = item[tables.SortKey]
					}
					requests[i].DeleteRequest = &types.DeleteRequest{Key: key}
				}
				if _, err := client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{full: requests}}); err != nil {
					return err
				}
			}
			if len(page.Items) == 0 {
				break
			}
		}
	}
	return nil
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
