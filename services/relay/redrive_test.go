package relay_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/event/deadletter"
	"wikibot.io/pkg/event/eventbridge"
	"wikibot.io/pkg/event/eventbridge/eventbridgetest"
	"wikibot.io/pkg/fault"

	"wikibot.io/services/relay/internal/redrive"
)

// redriver returns the operator's command for one of the fleet's queues, and what
// it prints.
func (f *fleet) redriver(t *testing.T, queue string) (redrive.Command, *bytes.Buffer) {
	t.Helper()
	q, err := deadletter.New(eventbridgetest.QueueClient(f.queues), f.queues.Add(queue, 0).URL())
	must(t, err)
	p, err := eventbridge.New(eventbridge.Options{Client: eventbridgetest.Client(f.bus), Bus: "wikibot"})
	must(t, err)
	out := new(bytes.Buffer)
	return redrive.Command{Queue: q, Publisher: p, Out: out, Limit: 1000, Hidden: 5 * time.Minute}, out
}

// stubborn fails until it is mended.
type stubborn struct {
	mu     sync.Mutex
	kind   fault.Kind
	left   int // failures; negative: until mended
	called int
}

func (s *stubborn) handle(name string, _ *eventsv1.Envelope) error {
	if name != "wiki.bootstrap" {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.called++
	if s.left == 0 {
		return nil
	}
	s.left--
	return fault.New(s.kind, "disk full")
}

func (s *stubborn) mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = 0
}

func TestConsumerThatFailsForAWhile(t *testing.T) {
	for _, c := range []struct {
		why    string
		kind   fault.Kind
		fails  int
		calls  int
		within time.Duration
		dead   bool
	}{
		{"what passes within seconds is over within the invocation", fault.Unavailable, 4, 5, 10 * time.Second, false},
		{"a mistake is tried again minutes later", fault.Internal, 2, 3, 5 * time.Minute, false},
		{"what fails three times is a dead letter", fault.Internal, 3, 3, 5 * time.Minute, true},
		{"what is unavailable for longer is one too, after more attempts", fault.Unavailable, -1, 18, 5 * time.Minute, true},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &stubborn{kind: c.kind, left: c.fails}
				f := newFleet(t, eventbridgetest.Chaos{}, s.handle)
				env := created(t, "w", 1)
				start := time.Now()
				send(t, f.relay, shard([2]item{nil, carrying(t, env)}))
				f.settle(t)
				if took := time.Since(start); s.called != c.calls || took > c.within {
					t.Errorf("%d calls in %v", s.called, took)
				}
				if dead := len(f.letters("failed-wiki")); (dead == 1) != c.dead || (f.done["wiki.bootstrap"][env.Id] == 1) == c.dead {
					t.Errorf("%d dead letters, handled %v", dead, f.done["wiki.bootstrap"])
				}
				if f.done["embedding.index"][env.Id] != 1 {
					t.Error("another consumer did not get the event")
				}
			})
		})
	}
}

// The whole story: a consumer that cannot be helped, a dead letter, an operator
// who looks, mends and redrives.
func TestRedriveBringsThePoisonThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stubborn{kind: fault.Internal, left: -1}
		f := newFleet(t, eventbridgetest.Chaos{}, s.handle)
		env := created(t, "w", 1)
		send(t, f.relay, shard([2]item{nil, carrying(t, env)}))
		f.settle(t)

		cmd, out := f.redriver(t, "failed-wiki")
		must(t, cmd.List(t.Context()))
		for _, part := range []string{env.Id, "wiki.created", "wiki.bootstrap", "RetriesExhausted", "disk full", "listed"} {
			if !strings.Contains(out.String(), part) {
				t.Errorf("the list lacks %q: %s", part, out)
			}
		}
		if len(f.letters("failed-wiki")) != 1 {
			t.Fatal("listing took the letter away")
		}

		// Too early: it comes back as another dead letter.
		time.Sleep(time.Second)
		must(t, cmd.Redrive(t.Context()))
		f.settle(t)
		if len(f.letters("failed-wiki")) != 1 || f.done["wiki.bootstrap"][env.Id] != 0 {
			t.Errorf("dead letters %v", f.letters("failed-wiki"))
		}

		s.mend()
		must(t, cmd.Redrive(t.Context()))
		f.settle(t)
		if len(f.letters("failed-wiki")) != 0 || f.done["wiki.bootstrap"][env.Id] != 1 {
			t.Errorf("dead letters %v, handled %v", f.letters("failed-wiki"), f.done["wiki.bootstrap"])
		}
	})
}

// A target that could not be invoked, too, leaves what can be redriven.
func TestRedriveOfATargetThatCouldNotBeInvoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, eventbridgetest.Chaos{Unreachable: 1}, always)
		env := created(t, "w", 1)
		send(t, f.relay, shard([2]item{nil, carrying(t, env)}))
		f.settle(t)
		if len(f.letters("dead-wiki.bootstrap")) != 1 || f.done["wiki.bootstrap"][env.Id] != 0 {
			t.Fatalf("dead letters: %v", f.letters("dead-wiki.bootstrap"))
		}
		f.bus.SetChaos(eventbridgetest.Chaos{})
		cmd, _ := f.redriver(t, "dead-wiki.bootstrap")
		must(t, cmd.Redrive(t.Context()))
		f.settle(t)
		if len(f.letters("dead-wiki.bootstrap")) != 0 || f.done["wiki.bootstrap"][env.Id] != 1 {
			t.Errorf("handled: %v", f.done)
		}
	})
}

func TestRedriveLeavesWhatItCannotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, eventbridgetest.Chaos{}, always)
		q := f.queues.Add("failed-wiki", 0)
		good := created(t, "w", 1)
		q.Send("hello\x1b[2J", nil)
		q.Send(`{"table":"wikis","keys":{"pk":{"S":"w"}}}`, map[string]string{"reason": "too large"})
		send(t, f.relay, shard([2]item{nil, poisoned("bad")}))
		for _, l := range f.letters("dead-relay") {
			q.Send(l.Body, l.Attributes)
		}
		dead, err := deadletter.New(eventbridgetest.QueueClient(f.queues), q.URL())
		must(t, err)
		must(t, dead.Send(t.Context(), "why", map[string]any{"event": carryingJSON(t, good)}))
		time.Sleep(time.Second)

		cmd, out := f.redriver(t, "failed-wiki")
		if err := cmd.Redrive(t.Context()); err == nil || !strings.Contains(err.Error(), "3 letters") {
			t.Errorf("error: %v", err)
		}
		f.settle(t)
		if got := f.published(t); len(got) != 1 || got[0] != good.Id || len(q.Messages()) != 3 {
			t.Errorf("published %v, %d letters left", got, len(q.Messages()))
		}
		if strings.Contains(out.String(), "\x1b") || !strings.Contains(out.String(), "did not fit") {
			t.Errorf("printed %q", out)
		}
		// What is left is visible again.
		if again, err := dead.Receive(t.Context(), time.Minute); err != nil || len(again) != 3 {
			t.Errorf("%d visible, %v", len(again), err)
		}
	})
}

func TestRedriveOfSomeOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, eventbridgetest.Chaos{}, always)
		q := f.queues.Add("failed-wiki", 0)
		var evs []*eventsv1.Envelope
		for i := range 25 {
			env := created(t, fmt.Sprint("w", i), 1)
			evs = append(evs, env)
			q.Send(fmt.Sprintf(`{"subscription":"s%d","event":%s}`, i%5, carryingJSON(t, env)), nil)
		}
		time.Sleep(time.Second)
		cmd, _ := f.redriver(t, "failed-wiki")
		cmd.Subscription = "s3"
		must(t, cmd.Redrive(t.Context()))
		if len(q.Messages()) != 20 {
			t.Errorf("by subscription: %d left", len(q.Messages()))
		}
		cmd.Subscription, cmd.Events = "", []string{evs[0].Id, evs[24].Id, evs[3].Id}
		must(t, cmd.Redrive(t.Context()))
		if len(q.Messages()) != 18 {
			t.Errorf("by event: %d left", len(q.Messages()))
		}
		cmd.Events, cmd.Limit = nil, 7
		must(t, cmd.Redrive(t.Context()))
		if len(q.Messages()) != 11 {
			t.Errorf("with a limit: %d left", len(q.Messages()))
		}
	})
}

// While the bus is down nothing is deleted.
func TestRedriveWhileTheBusIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, eventbridgetest.Chaos{Refuse: 1}, always)
		q := f.queues.Add("failed-wiki", 0)
		for i := range 12 {
			q.Send(fmt.Sprintf(`{"event":%s}`, carryingJSON(t, created(t, fmt.Sprint("w", i), 1))), nil)
		}
		time.Sleep(time.Second)
		cmd, out := f.redriver(t, "failed-wiki")
		if err := cmd.Redrive(t.Context()); !fault.Is(err, fault.Unavailable) || len(q.Messages()) != 12 {
			t.Errorf("%v, %d letters left", err, len(q.Messages()))
		}
		if n := strings.Count(out.String(), "\n"); n != 1 {
			t.Errorf("tried %d letters on a bus that is down", n)
		}
		f.bus.SetChaos(eventbridgetest.Chaos{})
		must(t, cmd.Redrive(t.Context()))
		if len(q.Messages()) != 0 {
			t.Errorf("%d letters left", len(q.Messages()))
		}
	})
}
