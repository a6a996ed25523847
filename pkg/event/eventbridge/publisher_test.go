package eventbridge_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/event/eventbridge"
	"wikibot.io/pkg/event/eventbridge/eventbridgetest"
	"wikibot.io/pkg/fault"
)

// saved returns a page.saved event with a path of about the given length.
func saved(t *testing.T, wiki string, length int) *eventsv1.Envelope {
	t.Helper()
	env, err := events.New(time.Now(), wiki, nil, &eventsv1.PageSaved{Commit: &eventsv1.Commit{
		NewHead: "h", Changes: []*eventsv1.PageChange{{Kind: eventsv1.PageChange_KIND_EDITED, Path: strings.Repeat("p", length)}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// created returns an event that cannot be shortened, with a name of the given length.
func created(t *testing.T, wiki string, length int) *eventsv1.Envelope {
	t.Helper()
	env, err := events.New(time.Now(), wiki, nil, &eventsv1.WikiCreated{Name: strings.Repeat("n", length)})
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// front stands before a bus: it keeps the calls, and may answer them itself.
type front struct {
	bus     *eventbridgetest.Bus
	replace func(n int, ids []string) (status int, code string) // 0: let the bus answer

	mu    sync.Mutex
	calls [][]string // ids of the events in each call
	raw   []map[string]any
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var req struct{ Entries []map[string]any }
	if err := json.Unmarshal(body, &req); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var ids []string
	for _, e := range req.Entries {
		var detail struct{ ID string }
		_ = json.Unmarshal([]byte(e["Detail"].(string)), &detail)
		ids = append(ids, detail.ID)
	}
	f.mu.Lock()
	f.calls = append(f.calls, ids)
	f.raw = append(f.raw, req.Entries...)
	n := len(f.calls)
	f.mu.Unlock()
	if f.replace != nil {
		if status, code := f.replace(n, ids); status != 0 {
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"__type":%q,"message":"no"}`, code)
			return
		}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	f.bus.ServeHTTP(w, r)
}

func publisher(t *testing.T, chaos eventbridgetest.Chaos) (*eventbridge.Publisher, *front) {
	t.Helper()
	bus, err := eventbridgetest.NewBus(eventbridgetest.BusOptions{Name: "wikibot", Chaos: chaos})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(bus.Close)
	f := &front{bus: bus}
	p, err := eventbridge.New(eventbridge.Options{Client: eventbridgetest.Client(f), Bus: "wikibot"})
	if err != nil {
		t.Fatal(err)
	}
	return p, f
}

func ids(evs []*eventsv1.Envelope) (out []string) {
	for _, e := range evs {
		out = append(out, e.Id)
	}
	return out
}

// archived returns the ids of the events on the bus, in their order.
func (f *front) archived(t *testing.T) (out []string) {
	for _, e := range f.bus.Archive() {
		env, err := events.Unmarshal(e.Detail)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, env.Id)
	}
	return out
}

func kinds(errs []error) (out []fault.Kind) {
	for _, err := range errs {
		out = append(out, fault.KindOf(err))
	}
	return out
}

func TestEntry(t *testing.T) {
	p, f := publisher(t, eventbridgetest.Chaos{})
	env := saved(t, "w1", 3)
	env.TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	user, err := events.New(time.Now(), "", nil, &eventsv1.UserCreated{UserId: "u"})
	if err != nil {
		t.Fatal(err)
	}
	user.TraceParent = "no trace parent"
	if errs := p.Publish(t.Context(), []*eventsv1.Envelope{env, user}); errs[0] != nil || errs[1] != nil {
		t.Fatal(errs)
	}
	detail, err := events.Marshal(env)
	if err != nil {
		t.Fatal(err)
	}
	sent := f.raw[0]["Time"].(float64)
	if d := env.Time.AsTime().Sub(time.UnixMilli(int64(sent * 1000))).Abs(); d > 2*time.Millisecond {
		t.Errorf("time is off by %v", d)
	}
	delete(f.raw[0], "Time")
	if diff := cmp.Diff(map[string]any{
		"EventBusName": "wikibot", "Source": "wikibot", "DetailType": "page.saved", "Detail": string(detail), "Resources": []any{"w1"},
		"TraceHeader": "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1",
	}, f.raw[0]); diff != "" {
		t.Error(diff)
	}
	if f.raw[1]["Resources"] != nil || f.raw[1]["TraceHeader"] != nil {
		t.Errorf("an event without wiki and trace: %v", f.raw[1])
	}
}

func TestBatchesStayWithinTheLimits(t *testing.T) {
	for _, c := range []struct {
		why   string
		sizes []int
		want  []int // events per call
	}{
		{"ten a call", slices.Repeat([]int{1}, 25), []int{10, 10, 5}},
		{"or less than 256 KB", slices.Repeat([]int{100 << 10}, 5), []int{2, 2, 1}},
		{"a large one among small ones", []int{1, 255 << 10, 3 << 10, 1, 1}, []int{2, 3}},
	} {
		p, f := publisher(t, eventbridgetest.Chaos{})
		var evs []*eventsv1.Envelope
		for _, n := range c.sizes {
			evs = append(evs, created(t, "w", n))
		}
		for _, err := range p.Publish(t.Context(), evs) {
			if err != nil {
				t.Errorf("%s: %v", c.why, err)
			}
		}
		var got []int
		for _, call := range f.calls {
			got = append(got, len(call))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s:\n%s", c.why, diff)
		}
		if diff := cmp.Diff(ids(evs), f.archived(t)); diff != "" {
			t.Errorf("%s: the order on the bus:\n%s", c.why, diff)
		}
	}
}

// An event of a commit that touches thousands of pages goes out with fewer page
// changes; the commit, and the number of those left away, say where the rest is.
func TestOversizeIsShortened(t *testing.T) {
	p, f := publisher(t, eventbridgetest.Chaos{})
	env := saved(t, "w", 1)
	for range 1000 {
		env.GetPageSaved().Commit.Changes = append(env.GetPageSaved().Commit.Changes, &eventsv1.PageChange{Path: strings.Repeat("p", 500)})
	}
	if errs := p.Publish(t.Context(), []*eventsv1.Envelope{env}); errs[0] != nil {
		t.Fatal(errs[0])
	}
	got, err := events.Unmarshal(f.bus.Archive()[0].Detail)
	if err != nil {
		t.Fatal(err)
	}
	c := got.GetPageSaved().GetCommit()
	if n := len(c.Changes); got.Id != env.Id || n < 400 || n+int(c.ChangesOmitted) != 1001 {
		t.Errorf("%d changes and %d more", n, c.ChangesOmitted)
	}
}

func TestOversizeDoesNotHoldUpOthers(t *testing.T) {
	p, f := publisher(t, eventbridgetest.Chaos{})
	evs := []*eventsv1.Envelope{created(t, "w", 1), created(t, "w", 256<<10), created(t, "w", 1)}
	if diff := cmp.Diff([]fault.Kind{"", fault.Invalid, ""}, kinds(p.Publish(t.Context(), evs))); diff != "" {
		t.Error(diff)
	}
	if len(f.calls) != 1 {
		t.Errorf("%d calls", len(f.calls))
	}
}

// One second of a bus that fails every other thing: everything arrives, and what
// was accepted is not sent again.
func TestPartialFailuresAreRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := publisher(t, eventbridgetest.Chaos{Seed: 3, RefuseEntry: 0.4})
		var evs []*eventsv1.Envelope
		for range 10 {
			evs = append(evs, saved(t, "w", 1))
		}
		for i, err := range p.Publish(t.Context(), evs) {
			if err != nil {
				t.Errorf("event %d: %v", i, err)
			}
		}
		if got := f.archived(t); len(got) != 10 || len(f.calls) < 2 {
			t.Errorf("%d on the bus after %d calls", len(got), len(f.calls))
		}
	})
}

func TestBusThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := publisher(t, eventbridgetest.Chaos{Refuse: 1})
		var evs []*eventsv1.Envelope
		for range 25 {
			evs = append(evs, saved(t, "w", 1))
		}
		start := time.Now()
		errs := p.Publish(t.Context(), evs)
		if diff := cmp.Diff(slices.Repeat([]fault.Kind{fault.Unavailable}, 25), kinds(errs)); diff != "" {
			t.Error(diff)
		}
		// 0.1 + 0.2 + 0.4 + 0.8 + 1.6 s at most.
		if took := time.Since(start); len(f.calls) != 6 || took > 3100*time.Millisecond {
			t.Errorf("%d calls in %v", len(f.calls), took)
		}
	})
}

func TestGivesUpBeforeTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := publisher(t, eventbridgetest.Chaos{Refuse: 1})
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		errs := p.Publish(ctx, []*eventsv1.Envelope{saved(t, "w", 1)})
		if !fault.Is(errs[0], fault.Unavailable) || ctx.Err() != nil {
			t.Errorf("%v; there was no time left: %v", errs[0], ctx.Err())
		}
	})
}

// A deployment that lacks a permission or a bus fails all events alike: asking
// again at once is of no use, and the events are not to blame.
func TestMisconfigurationIsNotTheEventsFault(t *testing.T) {
	for _, code := range []string{"AccessDeniedException", "ResourceNotFoundException", "UnrecognizedClientException"} {
		p, f := publisher(t, eventbridgetest.Chaos{})
		f.replace = func(int, []string) (int, string) { return http.StatusBadRequest, code }
		errs := p.Publish(t.Context(), []*eventsv1.Envelope{saved(t, "w", 1)})
		if !fault.Is(errs[0], fault.Unavailable) || len(f.calls) != 1 {
			t.Errorf("%s: %v after %d calls", code, errs[0], len(f.calls))
		}
	}
}

// A call that is refused because of one entry must not take the others along.
func TestRefusedCallIsTakenApart(t *testing.T) {
	p, f := publisher(t, eventbridgetest.Chaos{})
	evs := []*eventsv1.Envelope{saved(t, "w", 1), saved(t, "w", 1), saved(t, "w", 1)}
	f.replace = func(_ int, in []string) (int, string) {
		if slices.Contains(in, evs[1].Id) {
			return http.StatusBadRequest, "ValidationException"
		}
		return 0, ""
	}
	if diff := cmp.Diff([]fault.Kind{"", fault.Invalid, ""}, kinds(p.Publish(t.Context(), evs))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{evs[0].Id, evs[2].Id}, f.archived(t)); diff != "" {
		t.Error(diff)
	}
}

// No event is given up because of an error code that is new.
func TestUnknownErrorsAreTransient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := publisher(t, eventbridgetest.Chaos{})
		f.replace = func(n int, _ []string) (int, string) {
			if n <= 2 {
				return http.StatusBadRequest, "BrandNewException"
			}
			return 0, ""
		}
		if errs := p.Publish(t.Context(), []*eventsv1.Envelope{saved(t, "w", 1)}); errs[0] != nil {
			t.Error(errs[0])
		}
	})
}

func TestOptions(t *testing.T) {
	client := eventbridgetest.Client(nil)
	for why, o := range map[string]eventbridge.Options{
		"no client":     {Bus: "b"},
		"no bus":        {Client: client},
		"no attempts":   {Client: client, Bus: "b", Attempts: -1},
		"pauses shrink": {Client: client, Bus: "b", FirstDelay: time.Second, MaxDelay: time.Millisecond},
	} {
		if _, err := eventbridge.New(o); err == nil {
			t.Errorf("%s: accepted", why)
		}
	}
	if p, err := eventbridge.New(eventbridge.Options{Client: client, Bus: "b"}); err != nil || len(p.Publish(t.Context(), nil)) != 0 {
		t.Error(errors.Join(err))
	}
}
