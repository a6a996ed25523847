package relay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	lambdaevents "github.com/aws/aws-lambda-go/events"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"
	"wikibot.io/contracts/routes"
	"wikibot.io/contracts/subscriptions"

	"wikibot.io/pkg/event"
	"wikibot.io/pkg/event/deadletter"
	"wikibot.io/pkg/event/eventbridge"
	"wikibot.io/pkg/event/eventbridge/eventbridgetest"
	"wikibot.io/pkg/lambdakit"

	"wikibot.io/services/relay"
)

// handle is what a subscription does with an event.
type handle func(subscription string, env *eventsv1.Envelope) error

func always(string, *eventsv1.Envelope) error { return nil }

// fleet is everything between a stream and the consumers, wired as a deployment
// wires it: a rule per row of the table of subscriptions, a function per service,
// dead letters behind each of them.
type fleet struct {
	bus    *eventbridgetest.Bus
	queues *eventbridgetest.Queues
	asyncs []*eventbridgetest.Async
	relay  *relay.Service
	log    *bytes.Buffer

	mu   sync.Mutex
	done map[string]map[string]int // subscription → event → how often it was handled
}

func newFleet(t *testing.T, chaos eventbridgetest.Chaos, h handle) *fleet {
	t.Helper()
	f := &fleet{queues: eventbridgetest.NewQueues("http://sqs.test"), done: map[string]map[string]int{}, log: new(bytes.Buffer)}
	var err error
	f.bus, err = eventbridgetest.NewBus(eventbridgetest.BusOptions{Name: "wikibot", Chaos: chaos})
	must(t, err)
	t.Cleanup(f.bus.Close)
	functions := map[routes.Service]*eventbridgetest.Async{}
	for _, row := range subscriptions.Table {
		if functions[row.Service] == nil {
			functions[row.Service] = f.function(t, row.Service, h)
		}
		must(t, f.bus.AddRule(rule(row, functions[row.Service], f.queues.Add("dead-"+row.Name, 0))))
	}
	f.relay = f.newRelay(t, f.bus, f.queues)
	return f
}

// newRelay makes a relay to a bus and queues, or to what stands before them.
func (f *fleet) newRelay(t *testing.T, bus, queues http.Handler) *relay.Service {
	t.Helper()
	publisher, err := eventbridge.New(eventbridge.Options{Client: eventbridgetest.Client(bus), Bus: "wikibot"})
	must(t, err)
	dead, err := deadletter.New(eventbridgetest.QueueClient(queues), f.queues.Add("dead-relay", 0).URL())
	must(t, err)
	s, err := relay.New(relay.Deps{Publisher: publisher, DeadLetters: dead, Log: slog.New(slog.NewTextHandler(f.log, nil))})
	must(t, err)
	return s
}

func rule(row subscriptions.Subscription, target *eventbridgetest.Async, dead *eventbridgetest.Queue) eventbridgetest.Rule {
	types, _ := json.Marshal(row.Types)
	return eventbridgetest.Rule{
		Name:    row.Name,
		Pattern: fmt.Sprintf(`{"source":["wikibot"],"detail-type":%s}`, types),
		Targets: []eventbridgetest.Target{{
			ID: string(row.Service), Invoke: target.Invoke, DeadLetters: dead,
			Transformer: &eventbridgetest.Transformer{
				Paths:    map[string]string{"event": "$.detail"},
				Template: fmt.Sprintf(`{"subscription":%q,"event":<event>}`, row.Name),
			},
			Retry: &eventbridgetest.Retry{MaxAttempts: 5, MaxAge: time.Hour},
		}},
	}
}

// function runs a service's subscriptions as its Lambda function would.
func (f *fleet) function(t *testing.T, s routes.Service, h handle) *eventbridgetest.Async {
	t.Helper()
	var subs []event.Subscription
	for _, row := range subscriptions.Of(s) {
		f.done[row.Name] = map[string]int{}
		subs = append(subs, event.On(row, func(_ context.Context, env *eventsv1.Envelope) error {
			if err := h(row.Name, env); err != nil {
				return err
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			f.done[row.Name][env.Id]++
			return nil
		}))
	}
	handler, err := lambdakit.NewHandler(lambdakit.Function{Service: string(s), Subscriptions: subs, Log: slog.New(slog.DiscardHandler), Metrics: io.Discard})
	must(t, err)
	a, err := eventbridgetest.NewAsync(eventbridgetest.AsyncOptions{
		Function: string(s), OnFailure: f.queues.Add("failed-"+string(s), 0), Concurrency: 4,
		Handle: func(ctx context.Context, payload []byte) ([]byte, error) {
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			_, err := handler.Invoke(ctx, payload)
			return nil, err
		},
	})
	must(t, err)
	t.Cleanup(a.Close)
	f.asyncs = append(f.asyncs, a)
	return a
}

// settle waits until nothing is under way any more.
func (f *fleet) settle(t *testing.T) {
	t.Helper()
	must(t, f.bus.Wait(t.Context()))
	for _, a := range f.asyncs {
		must(t, a.Wait(t.Context()))
	}
}

// pump takes a shard's records to a relay as Lambda does: in batches, from the
// first failed one on again, and sometimes although all was well.
func pump(t *testing.T, s *relay.Service, records []lambdaevents.DynamoDBEventRecord, random *rand.Rand) {
	t.Helper()
	for round := 0; len(records) > 0; round++ {
		if round > 1000 {
			t.Fatal("the shard is held up")
		}
		n := min(len(records), 1+random.IntN(20))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		resp, err := s.HandleStream(ctx, lambdaevents.DynamoDBEvent{Records: records[:n]})
		cancel()
		must(t, err)
		if random.Float64() < 0.1 {
			continue // the answer was lost
		}
		if len(resp.BatchItemFailures) > 0 {
			n = slices.IndexFunc(records, func(r lambdaevents.DynamoDBEventRecord) bool {
				return r.Change.SequenceNumber == resp.BatchItemFailures[0].ItemIdentifier
			})
			time.Sleep(time.Second)
		}
		records = records[n:]
	}
}

// lost returns the pairs of a subscription and an event that are nowhere: not
// handled, and in no dead letter.
func (f *fleet) lost(t *testing.T, evs []*eventsv1.Envelope) (lost []string) {
	t.Helper()
	buried := map[string]bool{} // "subscription event", or " event" for all subscriptions
	names := []string{"dead-relay"}
	for _, row := range subscriptions.Table {
		names = append(names, "dead-"+row.Name, "failed-"+string(row.Service))
	}
	for _, name := range names {
		for _, m := range f.letters(name) {
			l, err := deadletter.Read(m)
			if err != nil {
				var own relay.Letter
				if json.Unmarshal([]byte(m.Body), &own) != nil || own.After == nil {
					t.Errorf("dead letter that nobody can read: %s", m.Body)
					continue
				}
				buried[" "+own.After.EventID] = true
				continue
			}
			buried[l.Subscription+" "+l.Event.Id] = true
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, row := range subscriptions.Table {
		for _, env := range evs {
			if !slices.Contains(row.Types, events.Type(env.Type)) {
				continue
			}
			if f.done[row.Name][env.Id] == 0 && !buried[row.Name+" "+env.Id] && !buried[" "+env.Id] {
				lost = append(lost, row.Name+" "+env.Id)
			}
		}
	}
	return lost
}

// letters returns a queue's letters without receiving them.
func (f *fleet) letters(queue string) (ms []deadletter.Message) {
	for _, m := range f.queues.Queue(queue).Messages() {
		ms = append(ms, deadletter.Message{ID: m.ID, Body: m.Body, Attributes: m.Attributes, Sent: m.Sent})
	}
	return ms
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// secret stands in every page's path; no log may show it.
const secret = "hidden-agenda"

// saved returns a page.saved event.
func saved(t *testing.T, wiki string, sequence int64) *eventsv1.Envelope {
	t.Helper()
	env, err := events.New(time.Now(), wiki, &events.Actor{UserId: "u"}, &eventsv1.PageSaved{Commit: &eventsv1.Commit{
		NewHead: "h" + strconv.FormatInt(sequence, 10), Sequence: sequence, PageCount: 7,
		Changes: []*eventsv1.PageChange{{Kind: eventsv1.PageChange_KIND_EDITED, Path: secret}},
	}})
	must(t, err)
	return env
}

// created returns a wiki.created event with a name of the given length.
func created(t *testing.T, wiki string, length int) *eventsv1.Envelope {
	t.Helper()
	env, err := events.New(time.Now(), wiki, nil, &eventsv1.WikiCreated{Slug: wiki, Name: strings.Repeat("n", length)})
	must(t, err)
	return env
}

type item = map[string]lambdaevents.DynamoDBAttributeValue

// carrying returns an item that carries an event.
func carrying(t *testing.T, env *eventsv1.Envelope) item {
	t.Helper()
	line, err := events.Marshal(env)
	must(t, err)
	it := item{
		"pk": lambdaevents.NewStringAttribute(env.WikiId), "event_id": lambdaevents.NewStringAttribute(env.Id),
		"event": lambdaevents.NewStringAttribute(string(line)), "title": lambdaevents.NewStringAttribute(secret),
	}
	if c := events.CommitOf(env); c != nil {
		it["sequence"] = lambdaevents.NewNumberAttribute(strconv.FormatInt(c.Sequence, 10))
		it["page_count"] = lambdaevents.NewNumberAttribute(strconv.FormatInt(c.PageCount, 10))
	}
	return it
}

// poisoned returns an item whose event nobody can decode.
func poisoned(id string) item {
	return item{"pk": lambdaevents.NewStringAttribute("w"), "event_id": lambdaevents.NewStringAttribute(id), "event": lambdaevents.NewStringAttribute(`{"id":"` + id + `","type":"` + secret + `"}`)}
}

// shard makes the records of changes of one item after another: before, after.
func shard(changes ...[2]item) (rs []lambdaevents.DynamoDBEventRecord) {
	for i, c := range changes {
		r := lambdaevents.DynamoDBEventRecord{
			EventSource: "aws:dynamodb", EventSourceArn: "arn:aws:dynamodb:us-east-1:000000000000:table/dev-wikis/stream/2026-11-23T00:00:00.000",
			EventName: "MODIFY",
		}
		r.Change.SequenceNumber = strconv.Itoa(1000 + i)
		r.Change.Keys = item{"pk": lambdaevents.NewStringAttribute("w" + strconv.Itoa(i))}
		r.Change.OldImage, r.Change.NewImage = c[0], c[1]
		rs = append(rs, r)
	}
	return rs
}

// carryingJSON returns an event as it travels.
func carryingJSON(t *testing.T, env *eventsv1.Envelope) json.RawMessage {
	t.Helper()
	line, err := events.Marshal(env)
	must(t, err)
	return line
}
