package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"wikibot.io/services/rehearsal/iam"
	"wikibot.io/services/rehearsal/streams"
	"wikibot.io/services/rehearsal/template"
)

type declaredSource struct {
	EventSourceArn, FunctionName              string
	Enabled                                   *bool
	StartingPosition                          string
	BatchSize                                 int
	MaximumBatchingWindowInSeconds            int
	MaximumRetryAttempts                      *int
	MaximumRecordAgeInSeconds                 *int
	BisectBatchOnFunctionError                bool
	ParallelizationFactor                     int
	TumblingWindowInSeconds                   int
	FilterCriteria                            any
	FunctionResponseTypes                     []string
	DestinationConfig                         struct{ OnFailure *struct{ Destination string } }
	SourceAccessConfigurations, ScalingConfig any
}

// startSources readies the pollers of the event source mappings.
func (r *Rehearsal) startSources(policies map[string]iam.Policy) error {
	var wrong []error
	for _, res := range r.deployment.Resources("AWS::Lambda::EventSourceMapping") {
		p, err := r.source(res, policies)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", res.Path(), err))
			continue
		}
		if p != nil {
			r.pollers = append(r.pollers, p)
		}
	}
	return errors.Join(wrong...)
}

func (r *Rehearsal) source(res template.Resource, policies map[string]iam.Policy) (*streams.Poller, error) {
	var d declaredSource
	if err := res.Decode(&d); err != nil {
		return nil, err
	}
	if d.Enabled != nil && !*d.Enabled {
		r.note("%s is not enabled", res.Path())
		return nil, nil
	}
	f, ok := r.byARN(d.FunctionName)
	table, known := r.deployment.Find(d.EventSourceArn)
	switch {
	case !ok:
		return nil, fmt.Errorf("its function %s is none of the fleet's", d.FunctionName)
	case !known || table.Type != "AWS::DynamoDB::Table":
		return nil, fmt.Errorf("its source %s is no table's stream", d.EventSourceArn)
	case d.ParallelizationFactor > 1 || d.TumblingWindowInSeconds > 0 || d.FilterCriteria != nil:
		return nil, errors.New("parallel batches of a shard, tumbling windows and filters are not rehearsed")
	case d.StartingPosition != "TRIM_HORIZON" && d.StartingPosition != "LATEST":
		return nil, fmt.Errorf("the starting position %q is none of a table's stream", d.StartingPosition)
	}
	if err := readsStream(policies[f.role], d.EventSourceArn); err != nil {
		return nil, err
	}
	m := streams.Mapping{
		Stream: d.EventSourceArn, Function: f.resource.ARN(), Latest: d.StartingPosition == "LATEST", BatchSize: d.BatchSize,
		Window: time.Duration(d.MaximumBatchingWindowInSeconds) * time.Second, Retries: -1, MaxAge: -1, Halve: d.BisectBatchOnFunctionError,
	}
	for _, t := range d.FunctionResponseTypes {
		m.Partial = m.Partial || t == "ReportBatchItemFailures"
	}
	if n := d.MaximumRetryAttempts; n != nil {
		m.Retries = *n
	}
	if n := d.MaximumRecordAgeInSeconds; n != nil && *n > 0 {
		m.MaxAge = time.Duration(*n) * time.Second
	}
	bury, err := r.burial(d, f, policies)
	if err != nil {
		return nil, err
	}
	return streams.New(m, streams.Deps{
		Client: r.emulator.Streams(), Invoke: f.Invoke, DeadLetter: bury, Log: r.log,
		// Lambda looks four times a second; a rehearsal has no reason to wait.
		Poll: pollEvery, MaxBackoff: time.Duration(float64(time.Minute) / r.opts.Speed),
	})
}

// pollEvery is the pause between looks at a stream.
const pollEvery = 50 * time.Millisecond

// burial sends a failure's record to the mapping's destination, in the role of
// the function, as Lambda does.
func (r *Rehearsal) burial(d declaredSource, f *Function, policies map[string]iam.Policy) (func(context.Context, []byte) error, error) {
	on := d.DestinationConfig.OnFailure
	if on == nil {
		return func(context.Context, []byte) error {
			r.log.Warn("records of a stream were given up, and nothing keeps their place", "function", f.Service)
			return nil
		}, nil
	}
	queue, err := r.queue(on.Destination)
	if err != nil {
		return nil, err
	}
	if err := policies[f.role].Decide(iam.Request{Action: "sqs:SendMessage", Resource: queue.ARN()}); err != nil {
		return nil, err
	}
	return func(_ context.Context, record []byte) error {
		queue.Send(string(record), nil)
		return nil
	}, nil
}

// poll starts the pollers.
func (r *Rehearsal) poll() {
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, p := range r.pollers {
		running.Go(func() { p.Run(ctx) })
	}
	r.closes(func() error {
		stop()
		running.Wait()
		return nil
	})
}
