package deadletter_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/event/deadletter"
	"wikibot.io/pkg/event/eventbridge/eventbridgetest"
	"wikibot.io/pkg/fault"
)

func queue(t *testing.T) (*deadletter.Queue, *eventbridgetest.Queue) {
	t.Helper()
	queues := eventbridgetest.NewQueues("http://sqs.test")
	q := queues.Add("dead", 0)
	d, err := deadletter.New(eventbridgetest.QueueClient(queues), q.URL())
	if err != nil {
		t.Fatal(err)
	}
	return d, q
}

func TestSendReceiveDelete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, q := queue(t)
		// U+FFFF, which SQS refuses, may be part of a page's path.
		letter := map[string]string{"path": "a\uffffü\u2028😀<"}
		if err := d.Send(t.Context(), "bröken\n", letter); err != nil {
			t.Fatal(err)
		}
		got, err := d.Receive(t.Context(), time.Minute)
		if err != nil || len(got) != 1 {
			t.Fatalf("%v, %v", got, err)
		}
		var back map[string]string
		if err := json.Unmarshal([]byte(got[0].Body), &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(letter, back); diff != "" {
			t.Error(diff)
		}
		if got[0].Attributes["reason"] != "br?ken?" || got[0].Receives != 1 || !got[0].Sent.Equal(time.Now()) {
			t.Errorf("%+v", got[0])
		}
		if again, err := d.Receive(t.Context(), time.Minute); err != nil || len(again) != 0 {
			t.Errorf("a hidden letter was received: %v, %v", again, err)
		}
		if err := d.Release(t.Context(), got[0]); err != nil {
			t.Error(err)
		}
		got, err = d.Receive(t.Context(), time.Minute)
		if err != nil || len(got) != 1 {
			t.Fatalf("%v, %v", got, err)
		}
		if err := d.Delete(t.Context(), got[0]); err != nil || len(q.Messages()) != 0 {
			t.Errorf("%d letters are left, %v", len(q.Messages()), err)
		}
	})
}

func TestLettersThatCannotBeKept(t *testing.T) {
	d, _ := queue(t)
	if err := d.Send(t.Context(), "", strings.Repeat("x", 300<<10)); !fault.Is(err, fault.Invalid) {
		t.Errorf("too large: %v", err)
	}
	gone, err := deadletter.New(eventbridgetest.QueueClient(eventbridgetest.NewQueues("")), "http://sqs.test/0/gone")
	if err != nil {
		t.Fatal(err)
	}
	if err := gone.Send(t.Context(), "", "x"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("no such queue: %v", err)
	}
}

func TestRead(t *testing.T) {
	env, err := events.New(time.Now(), "w", nil, &eventsv1.WikiDeleted{Slug: "s"})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := events.Marshal(env)
	if err != nil {
		t.Fatal(err)
	}
	input := fmt.Sprintf(`{"subscription":"wiki.removal","event":%s}`, raw)
	record := func(payload string) string {
		return fmt.Sprintf(`{"version":"1.0","timestamp":"2026-11-23T12:00:00.000Z","requestContext":{"requestId":"r","functionArn":"f","condition":"RetriesExhausted","approximateInvokeCount":3},
			"requestPayload":%s,"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},"responsePayload":{"errorMessage":"disk full","errorType":"errorString"}}`, payload)
	}
	for _, c := range []struct {
		why  string
		m    deadletter.Message
		want deadletter.Letter
	}{
		{"of a rule's target", deadletter.Message{Body: input, Attributes: map[string]string{"ERROR_MESSAGE": "throttled"}}, deadletter.Letter{Subscription: "wiki.removal", Reason: "throttled"}},
		{"of a function", deadletter.Message{Body: record(input)}, deadletter.Letter{Subscription: "wiki.removal", Reason: "RetriesExhausted: disk full"}},
		{"of a function that never ran", deadletter.Message{Body: fmt.Sprintf(`{"requestContext":{"condition":"EventAgeExceeded"},"requestPayload":%s}`, input)}, deadletter.Letter{Subscription: "wiki.removal", Reason: "EventAgeExceeded"}},
		{"of the relay", deadletter.Message{Body: fmt.Sprintf(`{"event":%s,"table":"wikis"}`, raw), Attributes: map[string]string{"reason": "too large"}}, deadletter.Letter{Reason: "too large"}},
		{"EventBridge's own envelope", deadletter.Message{Body: fmt.Sprintf(`{"version":"0","id":"1","detail-type":"wiki.deleted","source":"wikibot","detail":%s}`, raw)}, deadletter.Letter{}},
	} {
		got, err := deadletter.Read(c.m)
		if err != nil {
			t.Errorf("%s: %v", c.why, err)
			continue
		}
		if got.Event.GetId() != env.Id || got.Subscription != c.want.Subscription || got.Reason != c.want.Reason {
			t.Errorf("%s: %+v", c.why, got)
		}
	}
	for _, c := range []struct {
		why, body string
		noEvent   bool
	}{
		{"no JSON", `hello`, false},
		{"a schedule's input", `{"schedule":"tidy"}`, true},
		{"a record around something else", record(`{"schedule":"tidy"}`), true},
		{"an event that cannot be decoded", `{"subscription":"a","event":{"id":"1"}}`, false},
		{"a newer writer's field would be lost", strings.Replace(input, `"version":1`, `"version":1,"novelty":true`, 1), false},
		{"a note of records that a stream has dropped", `{"requestContext":{"condition":"RecordAgeExceeded"},"DDBStreamBatchInfo":{"shardId":"s","startSequenceNumber":"1","endSequenceNumber":"9","batchSize":9,"streamArn":"arn"}}`, false},
		{"null", `null`, true},
		{"a list", `[]`, false},
	} {
		if _, err := deadletter.Read(deadletter.Message{Body: c.body}); err == nil || errors.Is(err, deadletter.ErrNoEvent) != c.noEvent {
			t.Errorf("%s: %v", c.why, err)
		}
	}
}

// Anybody who may write to the queue, and whatever a function answered, ends up
// here: whatever it is, it is read or left, without harm.
func FuzzRead(f *testing.F) {
	f.Add(`{"subscription":"a","event":{"id":"1","type":"wiki.deleted","time":"2026-01-01T00:00:00Z","wiki_deleted":{}}}`)
	f.Add(`{"requestPayload":{"event":{}},"responsePayload":[1]}`)
	f.Add(`{"detail-type":"x","detail":null}`)
	f.Fuzz(func(t *testing.T, body string) {
		l, err := deadletter.Read(deadletter.Message{Body: body})
		if err == nil && l.Event.GetId() == "" {
			t.Error("read no event, and no error")
		}
	})
}
