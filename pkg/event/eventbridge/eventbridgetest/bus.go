package eventbridgetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// account and region are those of every ARN and event.
const (
	account = "000000000000"
	region  = "us-east-1"
)

// BusOptions says what a bus is called and how it behaves.
type BusOptions struct {
	// Name is the only bus that exists; entries name it, or its ARN.
	Name string
	// Speed is how many times shorter than on AWS pauses and ages are; 0 means 1.
	Speed float64
	Chaos Chaos
}

// Chaos is how often a bus misbehaves. Probabilities are between 0 and 1; the
// zero value behaves.
type Chaos struct {
	Seed        uint64
	Refuse      float64       // a call fails as a whole (500 or throttled), nothing was accepted
	Forget      float64       // a call fails as a whole although all was accepted
	RefuseEntry float64       // an entry is not accepted, for the time being
	Unreachable float64       // an attempt to invoke a target fails before the target learns of it
	Duplicate   float64       // a target is invoked twice for one event
	Delay       time.Duration // a delivery waits a random time up to this one, and so overtakes or is overtaken
}

// Counters count what a bus has done.
type Counters struct {
	Requests     int // PutEvents calls
	Refused      int // calls that failed as a whole by chance
	Accepted     int // entries
	Unaccepted   int // entries refused, by chance or for good
	Matched      int // pairs of an event and a target
	Delivered    int // invocations that a target took
	Duplicated   int // of these: repeated by chance
	Retried      int
	DeadLettered int
	Dropped      int // given up without a dead-letter queue
}

// Bus is one event bus with its rules and archive. It is an http.Handler for
// EventBridge's PutEvents, and safe for concurrent use.
type Bus struct {
	opts BusOptions
	work *work

	mu      sync.Mutex
	random  *rand.Rand
	rules   map[string]*rule
	archive []Event
	count   Counters
}

// Rule sends the events that match a pattern to its targets.
type Rule struct {
	Name string
	// Pattern is an event pattern as a template has it: exact values, prefix,
	// suffix, exists and anything-but with values. Empty for a schedule, which
	// runs by Fire alone.
	Pattern string
	Targets []Target
}

// Target is where a rule delivers to.
type Target struct {
	ID string
	// Invoke hands the input to the target; nil means that the target has it. An
	// error is retried, except one that wraps ErrRefused.
	Invoke func(ctx context.Context, input []byte) error
	// At most one of Input (constant JSON) and Transformer; without, the input is
	// the whole event.
	Input       string
	Transformer *Transformer
	Retry       *Retry // nil: AWS's default of 185 retries within 24 hours
	DeadLetters *Queue // may be nil
}

// Retry bounds what is tried again.
type Retry struct {
	MaxAttempts int           // retries, not counting the first attempt: MaximumRetryAttempts
	MaxAge      time.Duration // MaximumEventAgeInSeconds
}

// ErrRefused marks a target's error that EventBridge would not retry: no
// permission, no such target. The event goes straight to the dead letters.
var ErrRefused = errors.New("target refuses for good")

type rule struct {
	Rule
	pattern pattern // nil for a schedule
}

// NewBus returns a bus without rules.
func NewBus(o BusOptions) (*Bus, error) {
	if o.Name == "" {
		return nil, errors.New("make event bus: no name")
	}
	return &Bus{
		opts: o, work: newWork(o.Speed), rules: map[string]*rule{},
		random: rand.New(rand.NewPCG(o.Chaos.Seed, 1)),
	}, nil
}

// ARN names the bus.
func (b *Bus) ARN() string { return arn("events", "event-bus/"+b.opts.Name) }

func arn(service, name string) string {
	return fmt.Sprintf("arn:aws:%s:%s:%s:%s", service, region, account, name)
}

// AddRule adds a rule, or replaces the one of the same name. What the bus does
// not understand of it is an error.
func (b *Bus) AddRule(r Rule) error {
	made := &rule{Rule: r}
	made.Targets = slices.Clone(r.Targets)
	if r.Pattern != "" {
		p, err := parsePattern(r.Pattern)
		if err != nil {
			return fmt.Errorf("add rule %s: %w", r.Name, err)
		}
		made.pattern = p
	}
	for i := range made.Targets {
		t := &made.Targets[i]
		if err := t.check(); err != nil {
			return fmt.Errorf("add rule %s: target %q: %w", r.Name, t.ID, err)
		}
		if t.Retry == nil {
			t.Retry = &Retry{MaxAttempts: 185, MaxAge: 24 * time.Hour}
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rules[r.Name] = made
	return nil
}

func (t *Target) check() error {
	switch {
	case t.ID == "" || t.Invoke == nil:
		return errors.New("an ID and Invoke are needed")
	case t.Input != "" && t.Transformer != nil:
		return errors.New("has both a constant input and a transformer")
	case t.Input != "" && !json.Valid([]byte(t.Input)):
		return errors.New("constant input is no JSON")
	case t.Retry != nil && (t.Retry.MaxAttempts < 0 || t.Retry.MaxAttempts > 185):
		return fmt.Errorf("%d retries are not between 0 and 185", t.Retry.MaxAttempts)
	case t.Retry != nil && (t.Retry.MaxAge < time.Minute || t.Retry.MaxAge > 24*time.Hour):
		return fmt.Errorf("a maximum age of %v is not between a minute and a day", t.Retry.MaxAge)
	case t.Transformer != nil:
		return t.Transformer.check()
	}
	return nil
}

// Fire runs a rule as its schedule would. The event that targets without an
// input of their own get is EventBridge's "Scheduled Event".
func (b *Bus) Fire(name string) error {
	b.mu.Lock()
	r := b.rules[name]
	b.mu.Unlock()
	if r == nil {
		return fmt.Errorf("fire rule %s: no such rule", name)
	}
	e := Event{
		ID: uuid.NewString(), Source: "aws.events", DetailType: "Scheduled Event",
		Time: time.Now(), Resources: []string{arn("events", "rule/"+name)}, Detail: json.RawMessage("{}"),
	}
	b.deliver(e, r)
	return nil
}

// Wait returns when everything accepted has been delivered or given up.
func (b *Bus) Wait(ctx context.Context) error { return b.work.wait(ctx) }

// Close stops: what is not delivered yet is lost.
func (b *Bus) Close() { b.work.close() }

// Counters returns what has been done so far.
func (b *Bus) Counters() Counters {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.count
}

// SetChaos replaces how the bus misbehaves, from the next event on. The seed
// counts from here.
func (b *Bus) SetChaos(c Chaos) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.opts.Chaos = c
	b.random = rand.New(rand.NewPCG(c.Seed, 1))
}

// happens throws the dice.
func (b *Bus) happens(probability func(Chaos) float64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.random.Float64() < probability(b.opts.Chaos)
}

// note changes the counters.
func (b *Bus) note(change func(*Counters)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(&b.count)
}

// Event is one event on the bus.
type Event struct {
	ID         string // the bus's own, not that of the event in Detail
	Source     string
	DetailType string
	Time       time.Time
	Resources  []string
	Detail     json.RawMessage
	Replay     string // name of the replay, if this is one
}

// JSON is the event as rules match it and as targets without an input get it.
func (e Event) JSON() []byte {
	doc := map[string]any{
		"version": "0", "id": e.ID, "source": e.Source, "detail-type": e.DetailType,
		"account": account, "region": region, "time": e.Time.UTC().Format(time.RFC3339),
		"resources": append([]string{}, e.Resources...), "detail": e.Detail,
	}
	if e.Replay != "" {
		doc["replay-name"] = e.Replay
	}
	out, err := json.Marshal(doc)
	if err != nil {
		panic(fmt.Sprintf("encode event: %v", err)) // Detail was checked when it came in
	}
	return out
}

// names reports whether an entry means this bus.
func (b *Bus) names(bus string) bool {
	return bus == b.opts.Name || bus == b.ARN() || (bus == "" && strings.EqualFold(b.opts.Name, "default"))
}
