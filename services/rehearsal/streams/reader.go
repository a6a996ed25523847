package streams

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// reader reads one shard in order.
type reader struct {
	poller   *Poller
	shard    string
	latest   bool
	iterator *string
	last     string // sequence number of the last record read
	spare    []types.Record
	ended    bool
	trimmed  bool // the last attempt met records that are gone
}

// maxRecords is what one GetRecords may return.
const maxRecords = 1000

// batch returns the next records, none if there are none now. open is false when
// the shard has ended and nothing of it is left.
func (r *reader) batch(ctx context.Context) (batch []types.Record, open bool, err error) {
	var deadline time.Time
	for {
		if err := r.read(ctx); err != nil {
			return nil, true, err
		}
		if len(r.spare) == 0 || len(r.spare) >= r.poller.BatchSize || r.ended {
			break
		}
		if deadline.IsZero() {
			deadline = time.Now().Add(r.poller.Window)
		}
		if !time.Now().Before(deadline) {
			break
		}
		if !sleep(ctx, min(r.poller.Poll, time.Until(deadline))) {
			return nil, true, ctx.Err()
		}
	}
	n := min(len(r.spare), r.poller.BatchSize)
	batch, r.spare = r.spare[:n:n], r.spare[n:]
	return batch, !r.ended || len(r.spare) > 0, nil
}

// read adds what the shard has to the spare records, unless they fill a batch.
func (r *reader) read(ctx context.Context) error {
	if r.ended || len(r.spare) >= r.poller.BatchSize {
		return nil
	}
	if r.iterator == nil {
		if err := r.seek(ctx); err != nil {
			return err
		}
	}
	limit := int32(min(r.poller.BatchSize-len(r.spare), maxRecords)) //nolint:gosec // at most 1000
	out, err := r.poller.Client.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: r.iterator, Limit: &limit})
	if err != nil {
		return r.lost(err)
	}
	r.trimmed = false
	for _, rec := range out.Records {
		if rec.Dynamodb != nil {
			r.last = deref(rec.Dynamodb.SequenceNumber)
		}
	}
	r.spare = append(r.spare, out.Records...)
	r.iterator = out.NextShardIterator
	r.ended = r.iterator == nil
	return nil
}

// lost lets the next attempt find its place anew. Iterators live for 15 minutes;
// and what they point to may have been forgotten, after 24 hours on AWS and now
// and then in the emulator, which then still knows the record before. If it does
// not, the oldest record that there is comes next.
func (r *reader) lost(err error) error {
	if _, expired := errors.AsType[*types.ExpiredIteratorException](err); expired {
		r.iterator = nil
	}
	if _, trimmed := errors.AsType[*types.TrimmedDataAccessException](err); trimmed {
		r.iterator = nil
		if r.trimmed {
			r.last, r.latest = "", false
		}
		r.trimmed = true
	}
	return err
}

// seek gets an iterator behind the last record read, or to where the mapping starts.
func (r *reader) seek(ctx context.Context) error {
	in := &dynamodbstreams.GetShardIteratorInput{StreamArn: &r.poller.Stream, ShardId: &r.shard, ShardIteratorType: types.ShardIteratorTypeTrimHorizon}
	switch {
	case r.last != "":
		in.ShardIteratorType, in.SequenceNumber = types.ShardIteratorTypeAfterSequenceNumber, &r.last
	case r.latest:
		in.ShardIteratorType = types.ShardIteratorTypeLatest
	}
	out, err := r.poller.Client.GetShardIterator(ctx, in)
	if err != nil {
		return err
	}
	r.iterator = out.ShardIterator
	return nil
}
