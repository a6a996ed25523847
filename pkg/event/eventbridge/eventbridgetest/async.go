package eventbridgetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
)

// AsyncOptions says what is invoked, and how failures end.
type AsyncOptions struct {
	// Function names it in the records of failed invocations.
	Function string
	// Handle is one invocation. An error is a function error; the bytes beside it
	// are then the error's payload, and may be nil. An error that wraps
	// ErrThrottled means that the function did not run.
	Handle func(ctx context.Context, payload []byte) ([]byte, error)
	// Retry is the function's EventInvokeConfig; nil: AWS's default of 2 retries
	// within 6 hours.
	Retry     *Retry
	OnFailure *Queue // destination of the records of failed invocations; may be nil
	// Concurrency bounds how many invocations run at once; 0: no bound.
	Concurrency int
	Speed       float64 // as of a bus
}

// AsyncCounters count what became of invocations.
type AsyncCounters struct {
	Accepted  int
	Attempts  int
	Succeeded int
	Retried   int
	Failed    int // ended in a record, or were dropped where there is no destination
}

// ErrThrottled marks an invocation that did not take place for want of
// concurrency. It is retried until the event is too old, uncounted.
var ErrThrottled = errors.New("function is throttled")

// Async invokes a function as Lambda does for events: later, and again after
// errors ("Invoking a Lambda function asynchronously").
type Async struct {
	opts   AsyncOptions
	work   *work
	places chan struct{} // nil: no bound

	mu    sync.Mutex
	count AsyncCounters
}

// NewAsync returns an Async at rest.
func NewAsync(o AsyncOptions) (*Async, error) {
	if o.Retry == nil {
		o.Retry = &Retry{MaxAttempts: 2, MaxAge: 6 * time.Hour}
	}
	switch {
	case o.Handle == nil || o.Function == "":
		return nil, errors.New("make asynchronous invocation: Function and Handle are needed")
	case o.Retry.MaxAttempts < 0 || o.Retry.MaxAttempts > 2:
		return nil, fmt.Errorf("make asynchronous invocation of %s: %d retries are not between 0 and 2", o.Function, o.Retry.MaxAttempts)
	case o.Retry.MaxAge < time.Minute || o.Retry.MaxAge > 6*time.Hour:
		return nil, fmt.Errorf("make asynchronous invocation of %s: a maximum age of %v is not between a minute and 6 hours", o.Function, o.Retry.MaxAge)
	}
	a := &Async{opts: o, work: newWork(o.Speed)}
	if o.Concurrency > 0 {
		a.places = make(chan struct{}, o.Concurrency)
	}
	return a, nil
}

// Invoke takes a payload, JSON, and returns at once. It is what a Target invokes.
func (a *Async) Invoke(_ context.Context, payload []byte) error {
	if !json.Valid(payload) {
		return fmt.Errorf("invoke %s: payload is no JSON: %w", a.opts.Function, ErrRefused)
	}
	a.note(func(c *AsyncCounters) { c.Accepted++ })
	payload = slices.Clone(payload)
	a.work.run(func(ctx context.Context) { a.toFunction(ctx, payload) })
	return nil
}

// Wait returns when every invocation has succeeded or failed for good.
func (a *Async) Wait(ctx context.Context) error { return a.work.wait(ctx) }

// Close stops: what has not run yet is lost.
func (a *Async) Close() { a.work.close() }

// Counters returns what has been done so far.
func (a *Async) Counters() AsyncCounters {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.count
}

func (a *Async) note(change func(*AsyncCounters)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(&a.count)
}

// toFunction makes the attempts of one invocation.
func (a *Async) toFunction(ctx context.Context, payload []byte) {
	start := time.Now()
	record := failure{Version: "1.0", RequestPayload: payload}
	record.RequestContext.RequestID = uuid.NewString()
	record.RequestContext.FunctionARN = arn("lambda", "function:"+a.opts.Function) + ":$LATEST"
	errs, throttled := 0, 0
	for {
		out, err := a.attempt(ctx, payload)
		var wait time.Duration
		switch {
		case err == nil:
			a.note(func(c *AsyncCounters) { c.Succeeded++ })
			return
		case ctx.Err() != nil:
			return // closed
		case errors.Is(err, ErrThrottled):
			wait = min(time.Second<<min(throttled, 20), 5*time.Minute)
			throttled++
		default:
			errs++
			record.RequestContext.ApproximateInvokeCount = errs
			record.failed(out, err)
			if errs > a.opts.Retry.MaxAttempts {
				a.bury(record, "RetriesExhausted")
				return
			}
			wait = time.Duration(errs) * time.Minute // Lambda's: one minute, then two
		}
		wait = a.work.scaled(wait + rand.N(wait/10+1))
		if time.Since(start)+wait > a.work.scaled(a.opts.Retry.MaxAge) {
			a.bury(record, "EventAgeExceeded")
			return
		}
		a.note(func(c *AsyncCounters) { c.Retried++ })
		if !pause(ctx, wait) {
			return
		}
	}
}

func (a *Async) attempt(ctx context.Context, payload []byte) ([]byte, error) {
	if a.places != nil {
		select {
		case a.places <- struct{}{}:
			defer func() { <-a.places }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	a.note(func(c *AsyncCounters) { c.Attempts++ })
	return a.opts.Handle(ctx, slices.Clone(payload))
}

// failure is the record of a failed invocation ("Capturing records of Lambda
// asynchronous invocations").
type failure struct {
	Version        string `json:"version"`
	Timestamp      string `json:"timestamp"`
	RequestContext struct {
		RequestID              string `json:"requestId"`
		FunctionARN            string `json:"functionArn"`
		Condition              string `json:"condition"`
		ApproximateInvokeCount int    `json:"approximateInvokeCount"`
	} `json:"requestContext"`
	RequestPayload  json.RawMessage  `json:"requestPayload"`
	ResponseContext *responseContext `json:"responseContext,omitempty"` // absent if the function never ran
	ResponsePayload json.RawMessage  `json:"responsePayload,omitempty"`
}

type responseContext struct {
	StatusCode      int    `json:"statusCode"`
	ExecutedVersion string `json:"executedVersion"`
	FunctionError   string `json:"functionError"`
}

func (f *failure) failed(payload []byte, err error) {
	f.ResponseContext = &responseContext{StatusCode: 200, ExecutedVersion: "$LATEST", FunctionError: "Unhandled"}
	if !json.Valid(payload) {
		payload, _ = json.Marshal(map[string]string{"errorMessage": err.Error(), "errorType": "error"})
	}
	f.ResponsePayload = payload
}

func (a *Async) bury(f failure, condition string) {
	a.note(func(c *AsyncCounters) { c.Failed++ })
	if a.opts.OnFailure == nil {
		return
	}
	f.Timestamp = time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	f.RequestContext.Condition = condition
	body, err := json.Marshal(f)
	if err != nil {
		panic(fmt.Sprintf("encode record of failed invocation: %v", err)) // both payloads are valid JSON
	}
	a.opts.OnFailure.Send(string(body), nil)
}
