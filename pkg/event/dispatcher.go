package event

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"wikibot.io/contracts/events"
)

const (
	// pollEvery bounds how late an event is noticed that another process wrote,
	// and how late a retry starts.
	pollEvery = time.Second
	// fanOutBatch is how many events share a transaction of FanOut.
	fanOutBatch = 100
	// laneBatch is how many deliveries of one wiki run in a row before others of
	// the subscription get the place.
	laneBatch = 16
	// defaultParallel is the number of deliveries of a subscription under way at
	// once.
	defaultParallel = 4
)

// Deps is what a Dispatcher needs.
type Deps struct {
	Outbox Outbox
	// Subscriptions of the whole fleet: an event is fanned out once, to those
	// known then, so a dispatcher that knows only some would lose it for others.
	Subscriptions []Subscription
	Policy        Policy // DefaultPolicy where zero
	Parallel      int    // deliveries at once per subscription; 4 where zero
	Log           *slog.Logger
	Wake          <-chan struct{}  // receives when this process has put an event in the outbox; may be nil
	Now           func() time.Time // time.Now where nil
}

// Dispatcher delivers events within one process. Of one wiki's events a
// subscription gets one at a time. That, not more, is why only one process at a
// time should run dispatchers on an outbox: with two, every event still arrives.
type Dispatcher struct {
	d      Deps
	routes map[events.Type][]string

	pumping sync.Mutex // one look at the outbox at a time

	mu    sync.Mutex
	lanes map[string]map[string]bool // subscription → wikis with a delivery under way
	freed chan struct{}              // closed, and replaced, whenever a lane ends
}

// NewDispatcher checks the dependencies and returns a Dispatcher at rest.
func NewDispatcher(d Deps) (*Dispatcher, error) {
	if d.Policy == (Policy{}) {
		d.Policy = DefaultPolicy
	}
	if d.Parallel == 0 {
		d.Parallel = defaultParallel
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if err := d.check(); err != nil {
		return nil, fmt.Errorf("make dispatcher: %w", err)
	}
	x := &Dispatcher{d: d, routes: map[events.Type][]string{}, lanes: map[string]map[string]bool{}, freed: make(chan struct{})}
	for _, s := range d.Subscriptions {
		x.lanes[s.Name] = map[string]bool{}
		for _, t := range s.Types {
			x.routes[t] = append(x.routes[t], s.Name)
		}
	}
	return x, nil
}

func (d Deps) check() error {
	var wrong []error
	if d.Outbox == nil || d.Log == nil {
		wrong = append(wrong, errors.New("Outbox and Log are needed"))
	}
	if p := d.Policy; p.MaxAttempts < 1 || p.MaxAge <= 0 || p.FirstDelay <= 0 || p.MaxDelay < p.FirstDelay || p.Timeout <= 0 {
		wrong = append(wrong, fmt.Errorf("policy %+v has a bound that is missing or too small", p))
	}
	if d.Parallel < 1 {
		wrong = append(wrong, fmt.Errorf("at least one delivery must be allowed at a time, not %d", d.Parallel))
	}
	seen := map[string]bool{}
	for _, s := range d.Subscriptions {
		if s.Name == "" || s.Handle == nil || len(s.Types) == 0 {
			wrong = append(wrong, fmt.Errorf("subscription %q lacks a name, a handler or types", s.Name))
		}
		if seen[s.Name] {
			wrong = append(wrong, fmt.Errorf("subscription %q is there twice", s.Name))
		}
		seen[s.Name] = true
		types := map[events.Type]bool{}
		for _, t := range s.Types {
			if types[t] {
				wrong = append(wrong, fmt.Errorf("subscription %q lists %q twice", s.Name, t))
			}
			types[t] = true
		}
	}
	return errors.Join(wrong...)
}

// Run delivers until ctx ends, then waits for the attempts under way; what is
// left stays in the outbox. It outlives failures of the outbox, which it logs.
// A caller that cannot wait may end the process: see the package comment.
func (x *Dispatcher) Run(ctx context.Context) {
	var lanes sync.WaitGroup
	defer lanes.Wait()
	x.reportUnclaimed(ctx)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		freed := x.whenFreed()
		if _, err := x.pump(ctx, &lanes); err != nil && ctx.Err() == nil {
			x.d.Log.ErrorContext(ctx, "event outbox", "err", err)
		}
		select {
		case <-ctx.Done():
		case <-x.d.Wake:
		case <-freed:
		case <-tick.C:
		}
	}
}

// Drain delivers what is due, including what that causes, and returns when
// nothing is due and nothing is under way; deliveries that wait for a later
// attempt do not count. It may be used with or without Run.
func (x *Dispatcher) Drain(ctx context.Context) error {
	var lanes sync.WaitGroup
	defer lanes.Wait()
	for {
		freed := x.whenFreed()
		idle, err := x.pump(ctx, &lanes)
		if err != nil {
			return fmt.Errorf("drain events: %w", err)
		}
		if idle {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("drain events: %w", ctx.Err())
		case <-freed:
		}
	}
}

// DeadLetters lists what was given up: see [DeadLetterBox].
func (x *Dispatcher) DeadLetters(ctx context.Context, after Key, limit int) ([]DeadLetter, error) {
	return x.d.Outbox.DeadLetters(ctx, after, limit)
}

// Redrive makes dead letters due again: see [DeadLetterBox].
func (x *Dispatcher) Redrive(ctx context.Context, keys ...Key) (int, error) {
	n, err := x.d.Outbox.Redrive(ctx, x.d.Now(), keys...)
	if err == nil && n > 0 {
		x.d.Log.InfoContext(ctx, "event redrive", "dead_letters", n)
	}
	return n, err
}

func (x *Dispatcher) reportUnclaimed(ctx context.Context) {
	var known []string
	for _, s := range x.d.Subscriptions {
		known = append(known, s.Name)
	}
	counts, err := x.d.Outbox.Unclaimed(ctx, known)
	if err != nil {
		x.d.Log.ErrorContext(ctx, "event outbox", "err", err)
	}
	for name, n := range counts {
		x.d.Log.WarnContext(ctx, "event deliveries that no subscription claims", "subscription", name, "deliveries", n)
	}
}

// pump fans new events out and starts as many deliveries as there are places
// for. idle means that there was nothing to do and nothing under way, from
// before the outbox was looked at until after.
func (x *Dispatcher) pump(ctx context.Context, lanes *sync.WaitGroup) (idle bool, err error) {
	x.pumping.Lock()
	defer x.pumping.Unlock()
	idle = x.underWay() == 0
	for {
		n, err := x.d.Outbox.FanOut(ctx, x.routes, fanOutBatch)
		if err != nil {
			return false, err
		}
		if n < fanOutBatch {
			break
		}
	}
	for _, s := range x.d.Subscriptions {
		started, err := x.start(ctx, lanes, s)
		if err != nil {
			return false, err
		}
		idle = idle && started == 0
	}
	return idle, nil
}

// start gives the free places of a subscription to wikis with due deliveries.
func (x *Dispatcher) start(ctx context.Context, lanes *sync.WaitGroup, s Subscription) (int, error) {
	busy := x.busy(s.Name)
	free := x.d.Parallel - len(busy)
	if free <= 0 {
		return 0, nil
	}
	due, err := x.d.Outbox.Due(ctx, s.Name, busy, x.d.Now(), x.d.Parallel*laneBatch)
	if err != nil {
		return 0, err
	}
	var order []string
	byWiki := map[string][]Delivery{}
	for _, d := range due {
		if byWiki[d.WikiID] == nil {
			order = append(order, d.WikiID)
		}
		if len(byWiki[d.WikiID]) < laneBatch {
			byWiki[d.WikiID] = append(byWiki[d.WikiID], d)
		}
	}
	order = order[:min(len(order), free)]
	for _, wiki := range order {
		x.mu.Lock()
		x.lanes[s.Name][wiki] = true
		x.mu.Unlock()
		lanes.Go(func() { x.lane(ctx, s, wiki, byWiki[wiki]) })
	}
	return len(order), nil
}

// lane delivers some events of one wiki to one subscription, one by one.
func (x *Dispatcher) lane(ctx context.Context, s Subscription, wiki string, ds []Delivery) {
	defer func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		delete(x.lanes[s.Name], wiki)
		close(x.freed)
		x.freed = make(chan struct{})
	}()
	for _, d := range ds {
		if ctx.Err() != nil {
			return
		}
		if err := x.deliver(ctx, s, d); err != nil {
			// The delivery is still due: without a pause its handler would run
			// again and again for as long as the outbox is out of order.
			select {
			case <-ctx.Done():
			case <-time.After(pollEvery):
			}
			return
		}
	}
}

func (x *Dispatcher) whenFreed() <-chan struct{} {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.freed
}

func (x *Dispatcher) underWay() (n int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, wikis := range x.lanes {
		n += len(wikis)
	}
	return n
}

func (x *Dispatcher) busy(subscription string) (wikis []string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for wiki := range x.lanes[subscription] {
		wikis = append(wikis, wiki)
	}
	return wikis
}
