package eventbridgetest_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/event/eventbridge/eventbridgetest"
)

// sink is a target that keeps what it gets.
type sink struct {
	mu  sync.Mutex
	got []string
	err error
}

func (s *sink) invoke(_ context.Context, input []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, string(input))
	return s.err
}

func bus(t *testing.T, o eventbridgetest.BusOptions) *eventbridgetest.Bus {
	t.Helper()
	o.Name = "wikibot"
	b, err := eventbridgetest.NewBus(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func add(t *testing.T, b *eventbridgetest.Bus, r eventbridgetest.Rule) {
	t.Helper()
	if err := b.AddRule(r); err != nil {
		t.Fatal(err)
	}
}

func wait(t *testing.T, b interface{ Wait(context.Context) error }) {
	t.Helper()
	if err := b.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func entry(kind, detail string) types.PutEventsRequestEntry {
	return types.PutEventsRequestEntry{EventBusName: aws.String("wikibot"), Source: aws.String("wikibot"), DetailType: aws.String(kind), Detail: aws.String(detail)}
}

func put(ctx context.Context, b *eventbridgetest.Bus, entries ...types.PutEventsRequestEntry) (*eventbridge.PutEventsOutput, error) {
	return eventbridgetest.Client(b).PutEvents(ctx, &eventbridge.PutEventsInput{Entries: entries},
		func(o *eventbridge.Options) { o.Retryer = aws.NopRetryer{} })
}

func TestLimitsOfPutEvents(t *testing.T) {
	b := bus(t, eventbridgetest.BusOptions{})
	large := func(n int) string { return `{"x":"` + strings.Repeat("x", n) + `"}` }
	of := func(change func(*types.PutEventsRequestEntry)) types.PutEventsRequestEntry {
		e := entry("page.saved", "{}")
		change(&e)
		return e
	}
	for _, c := range []struct {
		why     string
		entries []types.PutEventsRequestEntry
		whole   string   // error code of the call
		codes   []string // of the entries
	}{
		{"ten entries", repeat(10), "", make([]string, 10)},
		{"eleven entries", repeat(11), "ValidationException", nil},
		{"just below 256 KB", []types.PutEventsRequestEntry{entry("a", large(256<<10-8-7-1-1))}, "", []string{""}},
		{"256 KB", []types.PutEventsRequestEntry{entry("a", large(256<<10-8-7-1))}, "ValidationException", nil},
		{"256 KB together", []types.PutEventsRequestEntry{entry("a", large(128<<10)), entry("a", large(128<<10))}, "ValidationException", nil},
		{"a detail that is no object fails alone", []types.PutEventsRequestEntry{entry("a", "[]"), entry("a", "{}"), entry("a", "{")}, "", []string{"MalformedDetail", "", "MalformedDetail"}},
		{"a missing field fails alone", []types.PutEventsRequestEntry{of(func(e *types.PutEventsRequestEntry) { e.Source = nil }), entry("a", "{}")}, "", []string{"InvalidArgument", ""}},
		{"an entry without anything", []types.PutEventsRequestEntry{{EventBusName: aws.String("wikibot")}}, "ValidationException", nil},
		{"a long type", []types.PutEventsRequestEntry{entry(strings.Repeat("x", 129), "{}")}, "", []string{"InvalidArgument"}},
		{"AWS's own sources", []types.PutEventsRequestEntry{of(func(e *types.PutEventsRequestEntry) { e.Source = aws.String("aws.s3") })}, "", []string{"NotAuthorizedForSourceException"}},
		{"the bus by ARN", []types.PutEventsRequestEntry{of(func(e *types.PutEventsRequestEntry) { e.EventBusName = aws.String(b.ARN()) })}, "", []string{""}},
		{"another bus", []types.PutEventsRequestEntry{of(func(e *types.PutEventsRequestEntry) { e.EventBusName = aws.String("other") })}, "ResourceNotFoundException", nil},
	} {
		out, err := put(t.Context(), b, c.entries...)
		if c.whole != "" {
			var api smithy.APIError
			if !errors.As(err, &api) || api.ErrorCode() != c.whole {
				t.Errorf("%s: %v", c.why, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.why, err)
			continue
		}
		var codes []string
		for _, r := range out.Entries {
			codes = append(codes, aws.ToString(r.ErrorCode))
		}
		if diff := cmp.Diff(c.codes, codes); diff != "" {
			t.Errorf("%s:\n%s", c.why, diff)
		}
	}
}

func repeat(n int) (es []types.PutEventsRequestEntry) {
	for range n {
		es = append(es, entry("page.saved", "{}"))
	}
	return es
}

func TestRulesOverTheWire(t *testing.T) {
	b := bus(t, eventbridgetest.BusOptions{})
	var saved, all sink
	add(t, b, eventbridgetest.Rule{Name: "saved", Pattern: `{"source":["wikibot"],"detail-type":["page.saved"]}`, Targets: []eventbridgetest.Target{{
		ID: "wiki", Invoke: saved.invoke,
		Transformer: &eventbridgetest.Transformer{Paths: map[string]string{"event": "$.detail"}, Template: `{"subscription":"a.b","event":<event>}`},
	}}})
	add(t, b, eventbridgetest.Rule{Name: "all", Pattern: `{"source":["wikibot"]}`, Targets: []eventbridgetest.Target{{ID: "all", Invoke: all.invoke, Input: `{"constant":true}`}}})

	server := httptest.NewServer(b)
	defer server.Close()
	client := eventbridge.New(eventbridge.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), Credentials: credentials.NewStaticCredentialsProvider("k", "s", ""),
	})
	if _, err := client.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{entry("page.saved", `{"id": "1"}`), entry("page.deleted", `{"id":"2"}`)}}); err != nil {
		t.Fatal(err)
	}
	wait(t, b)
	if diff := cmp.Diff([]string{`{"subscription":"a.b","event":{"id":"1"}}`}, saved.got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{`{"constant":true}`, `{"constant":true}`}, all.got); diff != "" {
		t.Error(diff)
	}
}

func TestTargetThatCannotBeInvoked(t *testing.T) {
	retry := &eventbridgetest.Retry{MaxAttempts: 3, MaxAge: time.Hour}
	for _, c := range []struct {
		why       string
		err       error
		retry     *eventbridgetest.Retry
		attempts  int
		exhausted string
	}{
		{"retries are counted", errors.New("busy"), retry, 4, "MaximumRetryAttempts"},
		{"an event grows too old", errors.New("busy"), &eventbridgetest.Retry{MaxAttempts: 185, MaxAge: time.Minute}, 0, "MaximumEventAgeInSeconds"},
		{"what is refused for good is not retried", eventbridgetest.ErrRefused, retry, 1, ""},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				queues := eventbridgetest.NewQueues("http://sqs.test")
				dead := queues.Add("dead", 0)
				b := bus(t, eventbridgetest.BusOptions{})
				s := sink{err: c.err}
				add(t, b, eventbridgetest.Rule{Name: "r", Pattern: `{"source":["wikibot"]}`, Targets: []eventbridgetest.Target{{
					ID: "f", Invoke: s.invoke, Input: `{"in":1}`, Retry: c.retry, DeadLetters: dead,
				}}})
				if _, err := put(t.Context(), b, entry("page.saved", "{}")); err != nil {
					t.Fatal(err)
				}
				wait(t, b)
				if c.attempts != 0 && len(s.got) != c.attempts {
					t.Errorf("%d attempts", len(s.got))
				}
				letters := dead.Messages()
				if len(letters) != 1 || letters[0].Body != `{"in":1}` || letters[0].Attributes["EXHAUSTED_RETRY_CONDITION"] != c.exhausted || letters[0].Attributes["RULE_ARN"] == "" {
					t.Errorf("dead letters: %+v", letters)
				}
			})
		})
	}
}

func TestChaosIsCountedAndLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus(t, eventbridgetest.BusOptions{Chaos: eventbridgetest.Chaos{
			Seed: 7, Refuse: 0.2, Forget: 0.1, RefuseEntry: 0.2, Unreachable: 0.3, Duplicate: 0.2, Delay: time.Second,
		}})
		var s sink
		add(t, b, eventbridgetest.Rule{Name: "r", Pattern: `{"source":["wikibot"]}`, Targets: []eventbridgetest.Target{{ID: "f", Invoke: s.invoke}}})
		for range 100 {
			_, _ = put(t.Context(), b, entry("page.saved", "{}")) // some fail, as they shall
		}
		wait(t, b)
		n := b.Counters()
		if n.Delivered != n.Accepted+n.Duplicated || len(s.got) != n.Delivered {
			t.Errorf("%d delivered: %+v", len(s.got), n)
		}
		if n.Refused == 0 || n.Unaccepted == 0 || n.Duplicated == 0 || n.Retried == 0 {
			t.Errorf("some misbehaviour never happened: %+v", n)
		}
	})
}

func TestArchiveAndSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus(t, eventbridgetest.BusOptions{})
		var fresh, every, tick sink
		add(t, b, eventbridgetest.Rule{Name: "fresh", Pattern: `{"source":["wikibot"],"replay-name":[{"exists":false}]}`, Targets: []eventbridgetest.Target{{ID: "a", Invoke: fresh.invoke}}})
		add(t, b, eventbridgetest.Rule{Name: "every", Pattern: `{"source":["wikibot"]}`, Targets: []eventbridgetest.Target{{ID: "b", Invoke: every.invoke}}})
		add(t, b, eventbridgetest.Rule{Name: "tick", Targets: []eventbridgetest.Target{{ID: "c", Invoke: tick.invoke, Input: `{"schedule":"tidy"}`}}})
		start := time.Now()
		for i := range 3 {
			if i > 0 {
				time.Sleep(time.Minute)
			}
			if _, err := put(t.Context(), b, entry("page.saved", "{}")); err != nil {
				t.Fatal(err)
			}
		}
		wait(t, b)
		if n, err := b.Replay("again", start.Add(time.Second), start.Add(2*time.Minute)); n != 1 || err != nil {
			t.Errorf("replayed %d, %v", n, err)
		}
		if err := b.Fire("tick"); err != nil {
			t.Error(err)
		}
		if b.Fire("tock") == nil {
			t.Error("fired a rule that does not exist")
		}
		wait(t, b)
		if len(fresh.got) != 3 || len(every.got) != 4 || len(b.Archive()) != 3 {
			t.Errorf("fresh %d, every %d, archive %d", len(fresh.got), len(every.got), len(b.Archive()))
		}
		if diff := cmp.Diff([]string{`{"schedule":"tidy"}`}, tick.got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTargetsThatAWSWouldRefuse(t *testing.T) {
	b := bus(t, eventbridgetest.BusOptions{})
	ok := func(context.Context, []byte) error { return nil }
	for why, target := range map[string]eventbridgetest.Target{
		"no function":      {ID: "a"},
		"two inputs":       {ID: "a", Invoke: ok, Input: "{}", Transformer: &eventbridgetest.Transformer{Template: "{}"}},
		"too many retries": {ID: "a", Invoke: ok, Retry: &eventbridgetest.Retry{MaxAttempts: 186, MaxAge: time.Hour}},
		"too old":          {ID: "a", Invoke: ok, Retry: &eventbridgetest.Retry{MaxAge: 25 * time.Hour}},
		"too young":        {ID: "a", Invoke: ok, Retry: &eventbridgetest.Retry{MaxAge: time.Second}},
		"input no JSON":    {ID: "a", Invoke: ok, Input: "{"},
	} {
		if err := b.AddRule(eventbridgetest.Rule{Name: "r", Pattern: `{"source":["wikibot"]}`, Targets: []eventbridgetest.Target{target}}); err == nil {
			t.Errorf("%s: accepted", why)
		}
	}
}
