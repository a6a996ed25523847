package streams

import (
	"context"
	"encoding/json"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// span is a run of records that succeeds or fails together.
type span struct {
	records  []types.Record
	attempts int // that failed
}

// deliver hands a batch to the function, however often it takes. It reports
// whether the batch was dealt with: false means that ctx ended.
func (p *Poller) deliver(ctx context.Context, shard string, batch []types.Record) bool {
	todo := []span{{records: batch}} // the next one last
	for len(todo) > 0 {
		if ctx.Err() != nil {
			return false
		}
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if old := p.tooOld(s.records); old > 0 {
			if !p.bury(ctx, shard, span{s.records[:old], s.attempts}, "RecordAgeExceeded") {
				return false
			}
			if old < len(s.records) {
				todo = append(todo, span{records: s.records[old:]})
			}
			continue
		}
		failed := p.try(ctx, s.records)
		switch {
		case failed == len(s.records):
			continue
		case failed > 0:
			todo = append(todo, span{records: s.records[failed:]})
			continue
		case failed == allFailed && p.Halve && len(s.records) > 1:
			// Halving does not count as an attempt. A response that names the
			// first record as failed has halved the batch already: at nothing.
			half := len(s.records) / 2
			todo = append(todo, span{s.records[half:], s.attempts}, span{s.records[:half], s.attempts})
		case p.Retries >= 0 && s.attempts >= p.Retries:
			if !p.bury(ctx, shard, span{s.records, s.attempts + 1}, "RetryAttemptsExhausted") {
				return false
			}
			continue
		default:
			todo = append(todo, span{s.records, s.attempts + 1})
		}
		if !sleep(ctx, p.backoff(s.attempts)) {
			return false
		}
	}
	return true
}

func (p *Poller) backoff(attempts int) time.Duration {
	return min(p.Poll<<min(attempts, 10), p.MaxBackoff)
}

// tooOld returns how many records at the front are older than the mapping allows.
func (p *Poller) tooOld(records []types.Record) int {
	if p.MaxAge <= 0 {
		return 0
	}
	n := 0
	for _, r := range records {
		if r.Dynamodb == nil || r.Dynamodb.ApproximateCreationDateTime == nil || time.Since(*r.Dynamodb.ApproximateCreationDateTime) <= p.MaxAge {
			break
		}
		n++
	}
	return n
}

// allFailed: the function failed as a whole, or said what makes no sense.
const allFailed = -1

// try invokes the function once and returns the place of the first record that
// failed, the number of records if none did, or allFailed.
func (p *Poller) try(ctx context.Context, records []types.Record) int {
	payload, err := event(p.Stream, records)
	if err != nil {
		p.Log.Error("cannot write the event", "stream", p.Stream, "err", err)
		return allFailed
	}
	response, err := p.Invoke(ctx, payload)
	if err != nil {
		p.Log.Warn("the function failed a batch", "function", p.Function, "records", len(records), "err", err)
		return allFailed
	}
	if !p.Partial {
		return len(records)
	}
	return firstFailed(response, records)
}

// firstFailed reads a batch response. One that names a record that was not sent
// means that the whole batch failed; so does one that cannot be read.
func firstFailed(response []byte, records []types.Record) int {
	var out struct {
		Failures []struct {
			ID *string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(response, &out); err != nil {
		return allFailed
	}
	places := map[string]int{}
	for i, r := range records {
		if r.Dynamodb != nil {
			places[deref(r.Dynamodb.SequenceNumber)] = i
		}
	}
	first := len(records)
	for _, f := range out.Failures {
		place, known := places[deref(f.ID)]
		if !known {
			return allFailed
		}
		first = min(first, place)
	}
	return first
}

// bury sends the record of a failure to the destination.
func (p *Poller) bury(ctx context.Context, shard string, s span, condition string) bool {
	record, err := failure(p.Mapping, shard, s, condition)
	if err != nil {
		p.Log.Error("cannot write the record of a failure", "stream", p.Stream, "err", err)
		return true
	}
	for attempt := 0; ; attempt++ {
		if err = p.DeadLetter(ctx, record); err == nil {
			return true
		}
		p.Log.Warn("cannot keep the record of a failure", "stream", p.Stream, "err", err)
		if !sleep(ctx, p.backoff(attempt)) {
			return false
		}
	}
}
