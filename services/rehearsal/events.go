package rehearsal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"wikibot.io/pkg/event/eventbridge/eventbridgetest"
	"wikibot.io/services/rehearsal/iam"
	"wikibot.io/services/rehearsal/runtimeapi"
	"wikibot.io/services/rehearsal/template"
)

// declaredRetry is what rules' targets and functions say about retries.
type declaredRetry struct {
	MaximumRetryAttempts     *int
	MaximumEventAgeInSeconds *int
}

// retry returns nil for AWS's own defaults.
func (d *declaredRetry) retry(attempts int, age time.Duration) *eventbridgetest.Retry {
	if d == nil || d.MaximumRetryAttempts == nil && d.MaximumEventAgeInSeconds == nil {
		return nil
	}
	r := &eventbridgetest.Retry{MaxAttempts: attempts, MaxAge: age}
	if d.MaximumRetryAttempts != nil {
		r.MaxAttempts = *d.MaximumRetryAttempts
	}
	if d.MaximumEventAgeInSeconds != nil {
		r.MaxAge = time.Duration(*d.MaximumEventAgeInSeconds) * time.Second
	}
	return r
}

type declaredRule struct {
	EventBusName       string
	State              string
	EventPattern       json.RawMessage
	ScheduleExpression string
	Targets            []declaredTarget
}

type declaredTarget struct {
	Arn, ID          string
	Input            string
	InputPath        string
	InputTransformer *struct {
		InputPathsMap map[string]string
		InputTemplate string
	}
	RetryPolicy      *declaredRetry
	DeadLetterConfig *struct{ Arn string }
}

// queues makes the queues.
func (r *Rehearsal) startQueues() {
	for _, q := range r.deployment.Resources("AWS::SQS::Queue") {
		var d struct{ VisibilityTimeout int }
		_ = q.Decode(&d) // another form of the number would be the template package's to refuse
		r.queues.Add(q.Name(), time.Duration(d.VisibilityTimeout)*time.Second)
	}
}

// queue finds a queue by anything that it is called.
func (r *Rehearsal) queue(ref string) (*eventbridgetest.Queue, error) {
	res, ok := r.deployment.Find(ref)
	if ok && res.Type == "AWS::SQS::Queue" {
		if q := r.queues.Queue(res.Name()); q != nil {
			return q, nil
		}
	}
	return nil, fmt.Errorf("%s is no queue of the deployment", ref)
}

// defaultBus is the bus that every account has.
const defaultBus = "default"

// startBuses makes the buses and puts the rules on them.
func (r *Rehearsal) startBuses() error {
	names := []string{defaultBus}
	for _, b := range r.deployment.Resources("AWS::Events::EventBus") {
		names = append(names, b.Name())
	}
	var wrong []error
	for _, name := range names {
		bus, err := eventbridgetest.NewBus(eventbridgetest.BusOptions{Name: name, Speed: r.opts.Speed})
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		r.buses[name] = bus
	}
	for _, res := range r.deployment.Resources("AWS::Events::Rule") {
		if err := r.addRule(res); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", res.Path(), err))
		}
	}
	return errors.Join(wrong...)
}

// addRule puts a rule on its bus, unless no target of it is rehearsed: alarms
// and the like.
func (r *Rehearsal) addRule(res template.Resource) error {
	var d declaredRule
	if err := res.Decode(&d); err != nil {
		return err
	}
	if d.State == "DISABLED" {
		r.note("%s is disabled", res.Path())
		return nil
	}
	name := d.EventBusName[strings.LastIndexByte(d.EventBusName, '/')+1:]
	if name == "" {
		name = defaultBus
	}
	bus := r.buses[name]
	if bus == nil {
		return fmt.Errorf("there is no bus %s", name)
	}
	rule := eventbridgetest.Rule{Name: res.Name(), Pattern: string(d.EventPattern)}
	var wrong []error
	for _, t := range d.Targets {
		target, ok, err := r.target(res, t)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("target %s: %w", t.ID, err))
		}
		if ok {
			rule.Targets = append(rule.Targets, target)
		}
	}
	if err := errors.Join(wrong...); err != nil || len(rule.Targets) == 0 {
		return err
	}
	if d.ScheduleExpression != "" {
		r.schedules = append(r.schedules, schedule{res.Name(), d.ScheduleExpression, bus})
	}
	return bus.AddRule(rule)
}

// target makes a rule's target of a function. ok is false for what is not
// rehearsed.
func (r *Rehearsal) target(rule template.Resource, d declaredTarget) (t eventbridgetest.Target, ok bool, err error) {
	f, ok := r.byARN(d.Arn)
	if !ok {
		r.note("%s: its target %s is not rehearsed", rule.Path(), d.Arn)
		return t, false, nil
	}
	if d.InputPath != "" {
		return t, false, errors.New("an input path is not rehearsed")
	}
	if err := r.permitted(f, "events.amazonaws.com", rule.ARN()); err != nil {
		return t, false, err
	}
	t = eventbridgetest.Target{ID: d.ID, Input: d.Input, Retry: d.RetryPolicy.retry(185, 24*time.Hour), Invoke: r.asyncs[f.Service].Invoke}
	if d.InputTransformer != nil {
		t.Transformer = &eventbridgetest.Transformer{Paths: d.InputTransformer.InputPathsMap, Template: d.InputTransformer.InputTemplate}
	}
	if d.DeadLetterConfig != nil {
		if t.DeadLetters, err = r.queue(d.DeadLetterConfig.Arn); err != nil {
			return t, false, err
		}
		if err := r.queueTakes(d.DeadLetterConfig.Arn, "events.amazonaws.com", rule.ARN()); err != nil {
			return t, false, err
		}
	}
	return t, true, nil
}

// startAsyncs readies the asynchronous invocation of every function.
func (r *Rehearsal) startAsyncs(policies map[string]iam.Policy) error {
	configs := map[string]template.Resource{}
	for _, c := range r.deployment.Resources("AWS::Lambda::EventInvokeConfig") {
		if name, _ := c.Properties["FunctionName"].(string); name != "" {
			if f, ok := r.byARN(name); ok {
				configs[f.Service] = c
			}
		}
	}
	var wrong []error
	for service, f := range r.functions {
		o := eventbridgetest.AsyncOptions{Function: f.resource.ARN() + ":$LATEST", Speed: r.opts.Speed, Handle: handle(f)}
		if c, ok := configs[service]; ok {
			if err := r.asyncConfig(c, f, policies, &o); err != nil {
				wrong = append(wrong, fmt.Errorf("%s: %w", c.Path(), err))
				continue
			}
		}
		a, err := eventbridgetest.NewAsync(o)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		r.asyncs[service] = a
	}
	return errors.Join(wrong...)
}

func (r *Rehearsal) asyncConfig(c template.Resource, f *Function, policies map[string]iam.Policy, o *eventbridgetest.AsyncOptions) error {
	var d struct {
		declaredRetry
		Qualifier         string
		DestinationConfig struct {
			OnFailure *struct{ Destination string }
		}
	}
	if err := c.Decode(&d); err != nil {
		return err
	}
	if d.Qualifier != "" && d.Qualifier != "$LATEST" {
		return fmt.Errorf("the qualifier %q is not rehearsed", d.Qualifier)
	}
	o.Retry = d.retry(2, 6*time.Hour)
	on := d.DestinationConfig.OnFailure
	if on == nil {
		return nil
	}
	var err error
	if o.OnFailure, err = r.queue(on.Destination); err != nil {
		return err
	}
	// Lambda sends the record in the function's own role.
	return policies[f.role].Decide(iam.Request{Action: "sqs:SendMessage", Resource: o.OnFailure.ARN()})
}

// handle invokes a function for an event.
func handle(f *Function) func(context.Context, []byte) ([]byte, error) {
	return func(ctx context.Context, payload []byte) ([]byte, error) {
		out, err := f.Invoke(ctx, payload)
		if errors.Is(err, runtimeapi.ErrThrottled) {
			return nil, fmt.Errorf("%w: %w", eventbridgetest.ErrThrottled, err)
		}
		if failed, ok := errors.AsType[*runtimeapi.FunctionError](err); ok {
			out, _ = json.Marshal(map[string]string{"errorType": failed.Type, "errorMessage": failed.Message})
		}
		return out, err
	}
}

// busCalls hands PutEvents to the bus that the entries name.
func (r *Rehearsal) busCalls(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	var in struct {
		Entries []struct{ EventBusName string }
	}
	if err == nil {
		err = json.Unmarshal(body, &in)
	}
	name := defaultBus
	if err == nil && len(in.Entries) > 0 && in.Entries[0].EventBusName != "" {
		name = in.Entries[0].EventBusName[strings.LastIndexByte(in.Entries[0].EventBusName, '/')+1:]
	}
	bus := r.buses[name]
	if bus == nil {
		bus = r.buses[defaultBus] // which says that it is not the one
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	bus.ServeHTTP(w, req)
}
