package relay_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"context"

	lambdaevents "github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/event/deadletter"
	"wikibot.io/pkg/event/eventbridge/eventbridgetest"
	"wikibot.io/pkg/fault"

	"wikibot.io/services/relay"
)

// send hands records to a relay and returns the positions of those that failed.
func send(t *testing.T, s *relay.Service, records []lambdaevents.DynamoDBEventRecord) (failed []int) {
	t.Helper()
	resp, err := s.HandleStream(t.Context(), lambdaevents.DynamoDBEvent{Records: records})
	must(t, err)
	for _, f := range resp.BatchItemFailures {
		for i, r := range records {
			if r.Change.SequenceNumber == f.ItemIdentifier {
				failed = append(failed, i)
			}
		}
	}
	return failed
}

// published returns the ids of the events on the bus, in their order.
func (f *fleet) published(t *testing.T) (ids []string) {
	t.Helper()
	for _, e := range f.bus.Archive() {
		env, err := events.Unmarshal(e.Detail)
		must(t, err)
		ids = append(ids, env.Id)
	}
	return ids
}

func TestPublishesInOrder(t *testing.T) {
	f := newFleet(t, eventbridgetest.Chaos{}, always)
	var changes [][2]item
	var want []string
	last := map[string]item{}
	for i := range 25 {
		wiki := fmt.Sprint("w", i%3)
		env := saved(t, wiki, int64(i+1))
		changes = append(changes, [2]item{last[wiki], carrying(t, env)})
		last[wiki] = carrying(t, env)
		want = append(want, env.Id)
	}
	if failed := send(t, f.relay, shard(changes...)); failed != nil {
		t.Errorf("failed: %v", failed)
	}
	if diff := cmp.Diff(want, f.published(t)); diff != "" {
		t.Error(diff)
	}
}

func TestChangesWithoutAnEvent(t *testing.T) {
	f := newFleet(t, eventbridgetest.Chaos{}, always)
	it := carrying(t, saved(t, "w", 1))
	failed := send(t, f.relay, shard(
		[2]item{it, it}, // something else of the item changed
		[2]item{nil, {"pk": lambdaevents.NewStringAttribute("w")}}, // carries none
		[2]item{it, nil}, // expired
		[2]item{nil, nil},
	))
	if failed != nil || len(f.published(t)) != 0 || len(f.letters("dead-relay")) != 0 {
		t.Errorf("failed %v, published %v, dead letters %v", failed, f.published(t), f.letters("dead-relay"))
	}
}

// A record that can never be published goes to the dead letters with everything
// that is known of it, and those behind it go on.
func TestPoisonDoesNotHoldUpTheShard(t *testing.T) {
	wrongType := carrying(t, saved(t, "w", 1))
	wrongType["event"] = lambdaevents.NewNumberAttribute("1")
	brokenNumber := carrying(t, saved(t, "w", 1))
	brokenNumber["sequence"] = lambdaevents.NewNumberAttribute("1.5")
	for why, c := range map[string]struct {
		after item
		keeps string // in the dead letter
	}{
		"an event that cannot be decoded":              {poisoned("bad"), `"EventID":"bad"`},
		"an attribute of the wrong type":               {wrongType, `"after":`},
		"a sequence that is no whole number":           {brokenNumber, `"after":`},
		"an event that is too large for bus and queue": {carrying(t, created(t, "w", 300<<10)), `"table":"dev-wikis"`},
	} {
		t.Run(why, func(t *testing.T) {
			f := newFleet(t, eventbridgetest.Chaos{}, always)
			first, second := saved(t, "a", 1), saved(t, "b", 1)
			failed := send(t, f.relay, shard([2]item{nil, carrying(t, first)}, [2]item{nil, c.after}, [2]item{nil, carrying(t, second)}))
			if failed != nil {
				t.Errorf("failed: %v", failed)
			}
			if diff := cmp.Diff([]string{first.Id, second.Id}, f.published(t)); diff != "" {
				t.Error(diff)
			}
			letters := f.letters("dead-relay")
			if len(letters) != 1 || !strings.Contains(letters[0].Body, c.keeps) || !strings.Contains(letters[0].Body, `{"pk":{"S":"w1"}}`) || letters[0].Attributes["reason"] == "" {
				t.Errorf("dead letters: %+v", letters)
			}
			if log := f.log.String(); strings.Contains(log, secret) || !strings.Contains(log, "event dead letter") || !strings.Contains(log, "sequence_number=1001") {
				t.Errorf("log: %s", log)
			}
		})
	}
}

// answers is a Publisher with a given answer for each event.
type answers map[string]error

func (a answers) Publish(_ context.Context, evs []*eventsv1.Envelope) (errs []error) {
	for _, env := range evs {
		errs = append(errs, a[env.Id])
	}
	return errs
}

// letterbox is a DeadLetters that may be out of order.
type letterbox struct {
	err  error
	kept []any
}

func (l *letterbox) Send(_ context.Context, _ string, letter any) error {
	if l.err == nil {
		l.kept = append(l.kept, letter)
	}
	return l.err
}

func TestWhichRecordsComeAgain(t *testing.T) {
	later, never := fault.New(fault.Unavailable, "later"), fault.New(fault.Invalid, "never")
	for _, c := range []struct {
		why     string
		answers []error
		boxErr  error
		failed  []int
		letters int
	}{
		{"none", []error{nil, nil, nil}, nil, nil, 0},
		{"everything from the first that failed on, in order", []error{nil, later, nil, later}, nil, []int{1, 2, 3}, 0},
		{"an error of no kind counts as one that passes", []error{nil, io.ErrUnexpectedEOF}, nil, []int{1}, 0},
		{"not what is buried", []error{never, nil, never}, nil, nil, 2},
		{"what is dead behind a failure is buried when it comes again", []error{never, later, never}, nil, []int{1, 2}, 1},
		{"what cannot even be buried", []error{nil, never, nil}, later, []int{1, 2}, 0},
		{"nothing is dropped because the letter is refused", []error{never, nil}, never, []int{0, 1}, 0},
	} {
		var changes [][2]item
		publisher := answers{}
		for i, err := range c.answers {
			env := saved(t, fmt.Sprint("w", i), 1)
			publisher[env.Id] = err
			changes = append(changes, [2]item{nil, carrying(t, env)})
		}
		box := &letterbox{err: c.boxErr}
		s, err := relay.New(relay.Deps{Publisher: publisher, DeadLetters: box, Log: slog.New(slog.DiscardHandler)})
		must(t, err)
		if diff := cmp.Diff(c.failed, send(t, s, shard(changes...))); diff != "" || len(box.kept) != c.letters {
			t.Errorf("%s: %d letters; failed:\n%s", c.why, len(box.kept), diff)
		}
	}
}

// brokenQueues fails for as long as it shall.
type brokenQueues struct {
	http.Handler
	broken bool
}

func (b *brokenQueues) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if b.broken {
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprint(w, `{"__type":"InternalError"}`)
		return
	}
	b.Handler.ServeHTTP(w, r)
}

func TestDeadLetterQueueThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, eventbridgetest.Chaos{}, always)
		queues := &brokenQueues{f.queues, true}
		s := f.newRelay(t, f.bus, queues)
		env := saved(t, "w", 1)
		records := shard([2]item{nil, poisoned("bad")}, [2]item{nil, carrying(t, env)})
		if diff := cmp.Diff([]int{0, 1}, send(t, s, records)); diff != "" {
			t.Error(diff)
		}
		queues.broken = false
		if failed := send(t, s, records); failed != nil || len(f.letters("dead-relay")) != 1 {
			t.Errorf("failed %v, dead letters %v", failed, f.letters("dead-relay"))
		}
	})
}

// Whatever the bus, the queues' neighbours and the consumers do: every event has
// reached every subscription that listens to it, or lies in a dead letter.
func TestNothingIsLost(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 2))
				p := func(most float64) float64 { return random.Float64() * most }
				failing := p(0.3)
				broken := map[string]bool{}
				f := newFleet(t, eventbridgetest.Chaos{
					Seed: seed, Refuse: p(0.6), Forget: p(0.3), RefuseEntry: p(0.6), Unreachable: p(0.6), Duplicate: p(0.3), Delay: time.Duration(p(float64(time.Minute))),
				}, func(name string, env *eventsv1.Envelope) error {
					if broken[env.Id] || rand.Float64() < failing {
						return fault.New(fault.Internal, "not today")
					}
					return nil
				})
				evs, changes := randomStream(t, random, broken)
				pump(t, f.relay, shard(changes...), random)
				f.settle(t)
				if lost := f.lost(t, evs); len(lost) > 0 {
					t.Errorf("lost: %v\nbus: %+v", lost, f.bus.Counters())
				}
				if strings.Contains(f.log.String(), secret) {
					t.Error("the log shows a page's path")
				}
			})
		})
	}
}

// randomStream makes changes of a few wikis, some of them poison; broken is
// filled with events that every consumer fails on.
func randomStream(t *testing.T, random *rand.Rand, broken map[string]bool) (evs []*eventsv1.Envelope, changes [][2]item) {
	t.Helper()
	last := map[string]item{}
	for i := range 40 {
		wiki := fmt.Sprint("w", random.IntN(4))
		env := saved(t, wiki, int64(i+1))
		if last[wiki] == nil {
			env = created(t, wiki, 10)
		}
		it := carrying(t, env)
		switch random.IntN(12) {
		case 0:
			it = poisoned(env.Id)
		case 1:
			broken[env.Id] = true
		}
		changes = append(changes, [2]item{last[wiki], it})
		last[wiki] = it
		evs = append(evs, env)
	}
	return evs, changes
}

// The time a relay may take is bounded: a bus that is down must not use up a
// function's minute, or the records could not even be reported as failed.
func TestBusThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, eventbridgetest.Chaos{Refuse: 1}, always)
		var changes [][2]item
		for i := range 100 {
			changes = append(changes, [2]item{nil, carrying(t, saved(t, fmt.Sprint("w", i), 1))})
		}
		start := time.Now()
		if failed := send(t, f.relay, shard(changes...)); len(failed) != 100 || time.Since(start) > 5*time.Second {
			t.Errorf("%d failed after %v", len(failed), time.Since(start))
		}
	})
}

func TestNeedsEverything(t *testing.T) {
	log := slog.New(slog.NewTextHandler(new(bytes.Buffer), nil))
	for why, d := range map[string]relay.Deps{
		"no publisher":    {DeadLetters: &letterbox{}, Log: log},
		"no dead letters": {Publisher: answers{}, Log: log},
		"no log":          {Publisher: answers{}, DeadLetters: &letterbox{}},
	} {
		if _, err := relay.New(d); err == nil {
			t.Errorf("%s: accepted", why)
		}
	}
}

// A letter that held no event when it was written may hold one for a program
// that is newer; what it never held stays unreadable.
func TestRecover(t *testing.T) {
	env := saved(t, "w", 4)
	line, err := events.Marshal(env)
	must(t, err)
	after := fmt.Sprintf(`{"EventID":%q,"Event":%q,"Sequence":4,"PageCount":7}`, env.Id, line)
	l, err := relay.Recover(deadletter.Message{Body: `{"table":"wikis","before":{},"after":` + after + `}`})
	if err != nil || l.Event.GetId() != env.Id {
		t.Errorf("%+v, %v", l, err)
	}
	for why, body := range map[string]string{
		"by reference alone":       `{"table":"wikis","keys":{"pk":{"S":"w"}}}`,
		"no event in it":           `{"table":"wikis","before":` + after + `,"after":` + after + `}`,
		"still cannot be decoded":  `{"table":"wikis","after":{"EventID":"x","Event":"{}"}}`,
		"not written by the relay": `{"hello":"world"}`,
	} {
		if l, err := relay.Recover(deadletter.Message{Body: body}); err == nil {
			t.Errorf("%s: %+v", why, l)
		}
	}
}
