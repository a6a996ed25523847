package dynamo_test

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/records/dynamo"
	"wikibot.io/pkg/records/dynamo/tables"
)

// outbox reads the streams of the tables that have one, as the relay does.
type outbox struct {
	client  *dynamodbstreams.Client
	streams []*stream
	events  []*eventsv1.Envelope // all so far, in the order in which they were read
	records int
}

type stream struct {
	arn  string
	last map[string]*string // by shard, the sequence number read last
}

// streams finds the streams of tables, from their beginning.
func streams(t *testing.T, names map[tables.Name]string) (list []*stream) {
	t.Helper()
	for _, table := range tables.All {
		if !table.Stream {
			continue
		}
		full := names[table.Name]
		out, err := server.DynamoDB().DescribeTable(context.Background(), &dynamodb.DescribeTableInput{TableName: &full})
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, &stream{*out.Table.LatestStreamArn, map[string]*string{}})
	}
	return list
}

// watch returns what reads the events of the test that was given the tables.
func watch(t *testing.T, names map[tables.Name]string) *outbox {
	t.Helper()
	sets.mu.Lock()
	defer sets.mu.Unlock()
	o := &outbox{client: server.Streams()}
	for _, s := range sets.all[names[tables.Users]].streams {
		o.streams = append(o.streams, &stream{s.arn, maps.Clone(s.last)})
	}
	return o
}

// Events returns all events so far. Between the streams there is no order: those
// of users go before those of wikis, which they cause, but for the ends of users.
func (o *outbox) Events(t *testing.T) []*eventsv1.Envelope {
	t.Helper()
	before := len(o.events)
	for _, s := range o.streams {
		o.read(t, s)
	}
	slices.SortStableFunc(o.events[before:], func(a, b *eventsv1.Envelope) int {
		return cmp.Compare(len(a.GetUserDeleted().GetUserId()), len(b.GetUserDeleted().GetUserId()))
	})
	return o.events
}

func (o *outbox) read(t *testing.T, s *stream) {
	t.Helper()
	out, err := o.client.DescribeStream(context.Background(), &dynamodbstreams.DescribeStreamInput{StreamArn: &s.arn})
	if err != nil {
		t.Fatal(err)
	}
	for _, shard := range out.StreamDescription.Shards {
		id := *shard.ShardId
		for at := o.from(t, s, id); at != nil; {
			page, err := o.client.GetRecords(context.Background(), &dynamodbstreams.GetRecordsInput{ShardIterator: at})
			if _, trimmed := errors.AsType[*types.TrimmedDataAccessException](err); trimmed {
				at = o.from(t, s, id) // the emulator now and then forgets where a shard begins
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			at = page.NextShardIterator
			for _, r := range page.Records {
				o.take(t, r)
				s.last[id] = r.Dynamodb.SequenceNumber
			}
			if len(page.Records) == 0 {
				break
			}
		}
	}
}

// from returns where to read a shard on.
func (o *outbox) from(t *testing.T, s *stream, shard string) *string {
	t.Helper()
	in := &dynamodbstreams.GetShardIteratorInput{StreamArn: &s.arn, ShardId: &shard, ShardIteratorType: types.ShardIteratorTypeTrimHorizon}
	if last := s.last[shard]; last != nil {
		in.ShardIteratorType, in.SequenceNumber = types.ShardIteratorTypeAfterSequenceNumber, last
	}
	out, err := o.client.GetShardIterator(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out.ShardIterator
}

func (o *outbox) take(t *testing.T, r types.Record) {
	t.Helper()
	o.records++
	env, err := dynamo.Emitted(image(t, r.Dynamodb.OldImage), image(t, r.Dynamodb.NewImage))
	if err != nil {
		t.Fatal(err)
	}
	if env != nil {
		o.events = append(o.events, env)
	}
}

func image(t *testing.T, a map[string]types.AttributeValue) (i dynamo.Image) {
	t.Helper()
	text := func(name string) string {
		if v, ok := a[name].(*types.AttributeValueMemberS); ok {
			return v.Value
		}
		return ""
	}
	number := func(name string) int64 {
		v, ok := a[name].(*types.AttributeValueMemberN)
		if !ok {
			return 0
		}
		n, err := strconv.ParseInt(v.Value, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return dynamo.Image{EventID: text("event_id"), Event: text("event"), Sequence: number("sequence"), PageCount: number("page_count")}
}
