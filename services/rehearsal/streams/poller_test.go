package streams_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/google/go-cmp/cmp"

	"wikibot.io/services/rehearsal/streams"
)

// river is a stream in memory. Iterators are "shard/position".
type river struct {
	mu     sync.Mutex
	shards []types.Shard
	items  map[string][]types.Record
	closed map[string]bool
}

func newRiver() *river {
	return &river{items: map[string][]types.Record{}, closed: map[string]bool{}}
}

func (r *river) shard(id, parent string) {
	s := types.Shard{ShardId: &id}
	if parent != "" {
		s.ParentShardId = &parent
	}
	r.shards = append(r.shards, s)
}

// put appends records whose sequence numbers are given.
func (r *river) put(shard string, numbers ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range numbers {
		now := time.Now()
		r.items[shard] = append(r.items[shard], types.Record{
			EventID: &n, EventName: types.OperationTypeInsert, Dynamodb: &types.StreamRecord{
				SequenceNumber: &n, ApproximateCreationDateTime: &now,
				Keys: map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "key " + n}},
			},
		})
	}
}

func (r *river) DescribeStream(context.Context, *dynamodbstreams.DescribeStreamInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.DescribeStreamOutput, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &dynamodbstreams.DescribeStreamOutput{StreamDescription: &types.StreamDescription{Shards: slices.Clone(r.shards)}}, nil
}

func (r *river) GetShardIterator(_ context.Context, in *dynamodbstreams.GetShardIteratorInput, _ ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetShardIteratorOutput, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := 0
	if in.ShardIteratorType == types.ShardIteratorTypeLatest {
		at = len(r.items[*in.ShardId])
	}
	return &dynamodbstreams.GetShardIteratorOutput{ShardIterator: aws.String(fmt.Sprintf("%s/%d", *in.ShardId, at))}, nil
}

func (r *river) GetRecords(_ context.Context, in *dynamodbstreams.GetRecordsInput, _ ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetRecordsOutput, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	shard, place, _ := strings.Cut(*in.ShardIterator, "/")
	at, err := strconv.Atoi(place)
	if err != nil {
		return nil, err
	}
	rest := r.items[shard][at:]
	rest = rest[:min(len(rest), int(*in.Limit))]
	out := &dynamodbstreams.GetRecordsOutput{Records: slices.Clone(rest)}
	if next := at + len(rest); !r.closed[shard] || next < len(r.items[shard]) {
		out.NextShardIterator = aws.String(fmt.Sprintf("%s/%d", shard, next))
	}
	return out, nil
}

// mill is the function, and the queue for what it could not do.
type mill struct {
	mu      sync.Mutex
	batches []string // sequence numbers, joined
	dead    []map[string]any
	behave  func(numbers []string) ([]byte, error)
}

func (m *mill) invoke(_ context.Context, payload []byte) ([]byte, error) {
	var in struct {
		Records []struct {
			Dynamodb struct{ SequenceNumber string }
		}
	}
	if err := json.Unmarshal(payload, &in); err != nil {
		return nil, err
	}
	var numbers []string
	for _, r := range in.Records {
		numbers = append(numbers, r.Dynamodb.SequenceNumber)
	}
	m.mu.Lock()
	m.batches = append(m.batches, strings.Join(numbers, ""))
	m.mu.Unlock()
	return m.behave(numbers)
}

func (m *mill) bury(_ context.Context, record []byte) error {
	var r map[string]any
	if err := json.Unmarshal(record, &r); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dead = append(m.dead, r)
	return nil
}

func (m *mill) buried() []string {
	var list []string
	for _, r := range m.dead {
		info := r["DDBStreamBatchInfo"].(map[string]any)
		list = append(list, fmt.Sprint(info["startSequenceNumber"], "-", info["endSequenceNumber"], " ", r["requestContext"].(map[string]any)["condition"]))
	}
	return list
}

var errFailed = errors.New("failed")

func fine([]string) ([]byte, error) { return []byte("{}"), nil }

// fails makes the function fail whenever one of the records is in the batch.
func fails(poison string) func([]string) ([]byte, error) {
	return func(numbers []string) ([]byte, error) {
		if slices.Contains(numbers, poison) {
			return nil, errFailed
		}
		return []byte("{}"), nil
	}
}

// names makes the function name that record as failed.
func names(poison string) func([]string) ([]byte, error) {
	return func(numbers []string) ([]byte, error) {
		if slices.Contains(numbers, poison) {
			return []byte(`{"batchItemFailures":[{"itemIdentifier":"` + poison + `"}]}`), nil
		}
		return []byte(`{"batchItemFailures":[]}`), nil
	}
}

func TestBatches(t *testing.T) {
	for _, c := range []struct {
		why     string
		mapping streams.Mapping
		behave  func([]string) ([]byte, error)
		batches []string
		dead    []string
	}{
		{"no more than a batch at once, in order", streams.Mapping{BatchSize: 2}, fine, []string{"ab", "cd"}, nil},
		{"a failed batch is tried again as often as allowed, then left behind", streams.Mapping{BatchSize: 2, Retries: 2}, fails("a"),
			[]string{"ab", "ab", "ab", "cd"}, []string{"a-b RetryAttemptsExhausted"}},
		{"halving finds the one that fails, and costs no attempt", streams.Mapping{Retries: 1, Halve: true}, fails("c"),
			[]string{"abcd", "ab", "cd", "c", "c", "d"}, []string{"c-c RetryAttemptsExhausted"}},
		{"what is before the first failed item is done", streams.Mapping{Retries: 1, Partial: true}, names("c"),
			[]string{"abcd", "cd", "cd"}, []string{"c-d RetryAttemptsExhausted"}},
		{"a response that names what was not sent fails the batch", streams.Mapping{BatchSize: 4, Partial: true}, func([]string) ([]byte, error) {
			return []byte(`{"batchItemFailures":[{"itemIdentifier":"z"}]}`), nil
		}, []string{"abcd"}, []string{"a-d RetryAttemptsExhausted"}},
		{"an empty identifier fails the batch", streams.Mapping{BatchSize: 4, Partial: true}, func([]string) ([]byte, error) {
			return []byte(`{"batchItemFailures":[{"itemIdentifier":""}]}`), nil
		}, []string{"abcd"}, []string{"a-d RetryAttemptsExhausted"}},
		{"without the setting, item failures mean nothing", streams.Mapping{}, names("a"), []string{"abcd"}, nil},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, m := newRiver(), &mill{behave: c.behave}
				r.shard("s", "")
				r.put("s", "a", "b", "c", "d")
				run(t, c.mapping, r, m, time.Minute)
				if diff := cmp.Diff(c.batches, m.batches); diff != "" {
					t.Errorf("batches (-want +got)\n%s", diff)
				}
				if diff := cmp.Diff(c.dead, m.buried()); diff != "" {
					t.Errorf("left behind (-want +got)\n%s", diff)
				}
			})
		})
	}
}

// run polls for a while.
func run(t *testing.T, m streams.Mapping, r *river, f *mill, during time.Duration) {
	t.Helper()
	m.Stream, m.Function = "arn:stream", "arn:function"
	p, err := streams.New(m, streams.Deps{Client: r, Invoke: f.invoke, DeadLetter: f.bury, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), during)
	defer cancel()
	p.Run(ctx)
}

func TestAFailingShardHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := newRiver(), &mill{behave: fails("a")}
		r.shard("bad", "")
		r.shard("good", "")
		r.put("bad", "a", "b")
		r.put("good", "x", "y")
		run(t, streams.Mapping{BatchSize: 1, Retries: -1}, r, m, 10*time.Second)
		if !slices.Contains(m.batches, "y") || slices.Contains(m.batches, "b") {
			t.Errorf("batches %v: want all of the good shard, and nothing behind what fails", m.batches)
		}
	})
}

func TestAShardWaitsForItsParent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := newRiver(), &mill{behave: fine}
		r.shard("child", "parent") // the list is in no promised order
		r.shard("parent", "")
		r.put("child", "c")
		r.put("parent", "a", "b")
		r.closed["parent"] = true
		run(t, streams.Mapping{BatchSize: 1}, r, m, 20*time.Second)
		if diff := cmp.Diff([]string{"a", "b", "c"}, m.batches); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWhatIsTooOldIsLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := newRiver(), &mill{behave: fails("a")}
		r.shard("s", "")
		r.put("s", "a")
		time.AfterFunc(40*time.Second, func() { r.put("s", "b") })
		run(t, streams.Mapping{BatchSize: 1, Retries: -1, MaxAge: time.Minute}, r, m, 3*time.Minute)
		if diff := cmp.Diff([]string{"a-a RecordAgeExceeded"}, m.buried()); diff != "" {
			t.Error(diff)
		}
		if last := m.batches[len(m.batches)-1]; last != "b" {
			t.Errorf("the last batch is %q, want the record behind the old one", last)
		}
	})
}

func TestAWindowGathersABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := newRiver(), &mill{behave: fine}
		r.shard("s", "")
		for i, n := range []string{"a", "b", "c", "d"} {
			time.AfterFunc(time.Duration(i)*time.Second, func() { r.put("s", n) })
		}
		run(t, streams.Mapping{BatchSize: 3, Window: 10 * time.Second}, r, m, time.Minute)
		if diff := cmp.Diff([]string{"abc", "d"}, m.batches); diff != "" {
			t.Error(diff)
		}
	})
}

func TestLatestLeavesOutWhatWasBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := newRiver(), &mill{behave: fine}
		r.shard("s", "")
		r.put("s", "a")
		time.AfterFunc(time.Second, func() { r.put("s", "b") })
		run(t, streams.Mapping{Latest: true}, r, m, time.Minute)
		if diff := cmp.Diff([]string{"b"}, m.batches); diff != "" {
			t.Error(diff)
		}
	})
}

func TestMappingsThatLambdaRefuses(t *testing.T) {
	_, err := streams.New(streams.Mapping{BatchSize: 10001, Retries: -2, Window: time.Hour}, streams.Deps{})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"stream and function", "batch size", "retry attempts", "window", "Client"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not tell of %s", err, want)
		}
	}
}
