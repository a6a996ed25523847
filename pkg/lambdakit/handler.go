package lambdakit

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	lambdaevents "github.com/aws/aws-lambda-go/events"

	"wikibot.io/pkg/event"
)

// Handler answers the invocations of one function.
type Handler struct {
	f             Function
	subscriptions map[string]event.Subscription
	metrics       *metrics
	first         sync.Once
}

// NewHandler checks the function and returns its handler, which is what [Start]
// serves.
func NewHandler(f Function) (*Handler, error) {
	if f.Log == nil {
		return nil, errors.New("make function: log missing")
	}
	if f.HTTP != nil {
		if err := f.Edge.Check(); err != nil {
			return nil, fmt.Errorf("make function: edge keys: %w", err)
		}
	}
	if f.Metrics == nil {
		f.Metrics = os.Stdout
	}
	f.Service = cmp.Or(f.Service, "unnamed")
	h := &Handler{f: f, subscriptions: map[string]event.Subscription{}, metrics: &metrics{w: f.Metrics, log: f.Log}}
	for _, s := range f.Subscriptions {
		if _, twice := h.subscriptions[s.Name]; twice || s.Handle == nil {
			return nil, fmt.Errorf("make function: subscription %s is there twice or has no handler", s.Name)
		}
		h.subscriptions[s.Name] = s
	}
	for name := range f.Rounds {
		if _, twice := f.Schedules[name]; twice {
			return nil, fmt.Errorf("make function: schedule %s is there twice", name)
		}
	}
	return h, nil
}

// payload is what any of a function's triggers may send.
type payload struct {
	lambdaevents.LambdaFunctionURLRequest
	Subscription string          `json:"subscription"`
	Event        json.RawMessage `json:"event"`
	Schedule     string          `json:"schedule"`
	After        string          `json:"after"`
	Records      []struct {
		EventSource string `json:"eventSource"`
	} `json:"Records"`
}

// Invoke handles one invocation. Its result is a
// *events.LambdaFunctionURLStreamingResponse, an events.DynamoDBEventResponse,
// what a round says of itself, or nil.
func (h *Handler) Invoke(ctx context.Context, raw json.RawMessage) (any, error) {
	h.first.Do(h.countColdStart)
	var p payload
	if err := json.Unmarshal(raw, &p); err != nil {
		return nil, fmt.Errorf("decode invocation: %w", err)
	}
	isHTTP, isStream := p.RequestContext.HTTP.Method != "", len(p.Records) > 0
	kinds := 0
	for _, is := range []bool{isHTTP, isStream, p.Subscription != "", p.Schedule != ""} {
		if is {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return nil, errors.New("decode invocation: it is none of request, event, stream records or schedule, or several at once")
	case isHTTP:
		return h.serve(ctx, &p.LambdaFunctionURLRequest)
	case isStream:
		return h.stream(ctx, raw, p)
	case p.Subscription != "":
		return nil, h.deliver(ctx, p.Subscription, p.Event)
	default:
		return h.schedule(ctx, p.Schedule, p.After)
	}
}

func (h *Handler) stream(ctx context.Context, raw json.RawMessage, p payload) (any, error) {
	for _, r := range p.Records {
		if h.f.Stream == nil || r.EventSource != "aws:dynamodb" {
			return nil, fmt.Errorf("handle records: nobody here takes those of %q", r.EventSource)
		}
	}
	var batch lambdaevents.DynamoDBEvent
	if err := json.Unmarshal(raw, &batch); err != nil {
		return nil, fmt.Errorf("decode stream records: %w", err)
	}
	ctx, cancel := withMargin(ctx)
	defer cancel()
	var res lambdaevents.DynamoDBEventResponse
	err := shield(func() (err error) {
		res, err = h.f.Stream(ctx, batch)
		return err
	})
	if err != nil {
		return nil, err
	}
	if res.BatchItemFailures == nil {
		res.BatchItemFailures = []lambdaevents.DynamoDBBatchItemFailure{} // null would mean that all failed
	}
	return res, nil
}

// schedule runs a schedule or a call of a round.
func (h *Handler) schedule(ctx context.Context, name, after string) (any, error) {
	once, isOnce := h.f.Schedules[name]
	part, isPart := h.f.Rounds[name]
	switch {
	case !isOnce && !isPart:
		return nil, fmt.Errorf("run schedule: there is none of the name %q here", name)
	case isOnce && after != "":
		return nil, fmt.Errorf("run schedule %s after %q: it cannot be done in parts", name, after)
	}
	ctx, cancel := withMargin(ctx)
	defer cancel()
	began := time.Now()
	var result any
	err := shield(func() (err error) {
		if isOnce {
			return once(ctx)
		}
		result, err = part(ctx, after)
		return err
	})
	h.logOutcome(ctx, "schedule", err, "schedule", name, "took", time.Since(began))
	if err != nil {
		return nil, err
	}
	return result, nil
}

// countColdStart is called with the first invocation. How long the start took
// stands in Lambda's own report of it.
func (h *Handler) countColdStart() {
	h.metrics.write(map[string]string{"Service": h.f.Service}, metric{"ColdStart", "Count", 1, []string{"Service"}})
}

// margin is the part of an invocation's time that is kept for saying that the
// rest was not enough: a quarter, half a second at most.
func margin(remaining time.Duration) time.Duration { return min(remaining/4, 500*time.Millisecond) }

// withMargin ends the context a little before Lambda would end the process.
func withMargin(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-margin(time.Until(deadline))))
}
