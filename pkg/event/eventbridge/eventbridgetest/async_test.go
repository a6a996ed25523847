package eventbridgetest_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/event/eventbridge/eventbridgetest"
)

func TestAsynchronousInvocation(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		why    string
		fails  func(attempt int) error
		retry  *eventbridgetest.Retry
		runs   int
		took   [2]time.Duration // at least, at most
		record string           // condition; "" when it succeeded
	}{
		{"at once", func(int) error { return nil }, nil, 1, [2]time.Duration{0, 0}, ""},
		{"after two errors, a minute and two later", func(n int) error { return map[bool]error{true: broken}[n <= 2] }, nil, 3, [2]time.Duration{3 * time.Minute, 4 * time.Minute}, ""},
		{"never", func(int) error { return broken }, nil, 3, [2]time.Duration{3 * time.Minute, 4 * time.Minute}, "RetriesExhausted"},
		{"without retries", func(int) error { return broken }, &eventbridgetest.Retry{MaxAge: time.Hour}, 1, [2]time.Duration{0, 0}, "RetriesExhausted"},
		{"too old for its second retry", func(int) error { return broken }, &eventbridgetest.Retry{MaxAttempts: 2, MaxAge: 2 * time.Minute}, 2, [2]time.Duration{time.Minute, 2 * time.Minute}, "EventAgeExceeded"},
		{"throttled for a while, which does not count", func(n int) error { return map[bool]error{true: eventbridgetest.ErrThrottled}[n <= 9] }, nil, 10, [2]time.Duration{8 * time.Minute, 15 * time.Minute}, ""},
		{"throttled for ever", func(int) error { return eventbridgetest.ErrThrottled }, &eventbridgetest.Retry{MaxAttempts: 2, MaxAge: time.Minute}, 6, [2]time.Duration{30 * time.Second, time.Minute}, "EventAgeExceeded"},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dead := eventbridgetest.NewQueues("http://sqs.test").Add("dead", 0)
				runs := 0
				a, err := eventbridgetest.NewAsync(eventbridgetest.AsyncOptions{
					Function: "wiki", Retry: c.retry, OnFailure: dead,
					Handle: func(context.Context, []byte) ([]byte, error) { runs++; return nil, c.fails(runs) },
				})
				if err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				if err := a.Invoke(t.Context(), []byte(`{"subscription":"a.b"}`)); err != nil {
					t.Fatal(err)
				}
				wait(t, a)
				took := time.Since(start)
				if runs != c.runs || took < c.took[0] || took > c.took[1] {
					t.Errorf("%d runs in %v", runs, took)
				}
				checkRecord(t, dead, c.record)
			})
		})
	}
}

// checkRecord compares the dead letters with the one record that is expected.
func checkRecord(t *testing.T, dead *eventbridgetest.Queue, condition string) {
	t.Helper()
	letters := dead.Messages()
	if condition == "" {
		if len(letters) != 0 {
			t.Errorf("dead letters: %v", letters)
		}
		return
	}
	if len(letters) != 1 {
		t.Fatalf("%d dead letters", len(letters))
	}
	var record map[string]any
	if err := json.Unmarshal([]byte(letters[0].Body), &record); err != nil {
		t.Fatal(err)
	}
	about, _ := record["requestContext"].(map[string]any)
	if about["condition"] != condition || about["functionArn"] != "arn:aws:lambda:us-east-1:000000000000:function:wiki:$LATEST" || about["requestId"] == "" {
		t.Errorf("record: %s", letters[0].Body)
	}
	if diff := cmp.Diff(map[string]any{"subscription": "a.b"}, record["requestPayload"]); diff != "" {
		t.Error(diff)
	}
	_, err := time.Parse(time.RFC3339, record["timestamp"].(string))
	if record["version"] != "1.0" || err != nil {
		t.Errorf("record: %s", letters[0].Body)
	}
	if failure, ran := record["responsePayload"].(map[string]any); ran && failure["errorMessage"] != "broken" {
		t.Errorf("record: %s", letters[0].Body)
	}
}

func TestConcurrencyIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running, most atomic.Int32
		a, err := eventbridgetest.NewAsync(eventbridgetest.AsyncOptions{Function: "f", Concurrency: 2, Handle: func(context.Context, []byte) ([]byte, error) {
			most.Store(max(most.Load(), running.Add(1)))
			time.Sleep(time.Second)
			running.Add(-1)
			return nil, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			if err := a.Invoke(t.Context(), []byte("{}")); err != nil {
				t.Fatal(err)
			}
		}
		wait(t, a)
		if most.Load() != 2 || a.Counters().Succeeded != 10 {
			t.Errorf("at most %d at once: %+v", most.Load(), a.Counters())
		}
	})
}
