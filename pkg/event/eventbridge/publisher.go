package eventbridge

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go"

	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/fault"
)

// Options says where events go and how long to try.
type Options struct {
	Client *eventbridge.Client
	Bus    string // name or ARN
	// Attempts bounds the calls made for one batch; 0 means 6. Between them lie
	// pauses of up to FirstDelay (0: 100 ms), doubled each time, up to MaxDelay
	// (0: 2 s).
	Attempts             int
	FirstDelay, MaxDelay time.Duration
}

// callTimeout bounds one PutEvents call, which usually takes some 20 ms.
const callTimeout = 10 * time.Second

// Publisher puts events on a bus. It is safe for concurrent use.
type Publisher struct{ opts Options }

// New returns a Publisher.
func New(o Options) (*Publisher, error) {
	o.Attempts = cmp.Or(o.Attempts, 6)
	o.FirstDelay = cmp.Or(o.FirstDelay, 100*time.Millisecond)
	o.MaxDelay = cmp.Or(o.MaxDelay, 2*time.Second)
	if o.Client == nil || o.Bus == "" {
		return nil, errors.New("make event publisher: Client and Bus are needed")
	}
	if o.Attempts < 1 || o.FirstDelay < 0 || o.MaxDelay < o.FirstDelay {
		return nil, errors.New("make event publisher: a bound of the retries is too small")
	}
	return &Publisher{opts: o}, nil
}

// Publish puts events on the bus in the order given. The result has an entry
// for each event:
//   - nil: it is on the bus;
//   - fault.Invalid: the bus will never accept it;
//   - fault.Unavailable: it may be on the bus or not; publish it again later.
//
// After a batch that could not be published whole, later events are not tried
// and Unavailable: who keeps order has to come back for them anyway, and a bus
// that is down is not asked over and over.
func (p *Publisher) Publish(ctx context.Context, evs []*eventsv1.Envelope) []error {
	out := make([]error, len(evs))
	var todo []entry
	for i, env := range evs {
		e, err := p.entry(env)
		if err != nil {
			out[i] = err
			continue
		}
		todo = append(todo, entry{e, i, env.GetId()})
	}
	for len(todo) > 0 {
		n := batchOf(todo)
		done := p.publishBatch(ctx, todo[:n], out)
		todo = todo[n:]
		if done {
			continue
		}
		for _, e := range todo {
			out[e.index] = fault.New(fault.Unavailable, "publish event %s: not tried, because one before it could not be published", e.id)
		}
		return out
	}
	return out
}

// entry is one event on its way.
type entry struct {
	types.PutEventsRequestEntry
	index int // within the events of the call
	id    string
}

// batchOf returns how many entries, from the first, fit into one call.
func batchOf(todo []entry) (n int) {
	total := 0
	for n < len(todo) && n < maxEntries {
		total += sizeOf(todo[n].PutEventsRequestEntry)
		if n > 0 && total >= maxBytes {
			break
		}
		n++
	}
	return n
}

// publishBatch tries until every entry is settled or time is over, and reports
// whether none is left Unavailable.
func (p *Publisher) publishBatch(ctx context.Context, batch []entry, out []error) bool {
	limit := p.opts.FirstDelay
	for attempt := 1; ; attempt++ {
		left, split, hopeless := p.attempt(ctx, batch, out)
		if split {
			return p.oneByOne(ctx, batch, out)
		}
		if len(left) == 0 {
			return true
		}
		batch = left
		if hopeless || attempt == p.opts.Attempts || !pause(ctx, rand.N(limit+1)) {
			return false
		}
		limit = min(2*limit, p.opts.MaxDelay)
	}
}

// oneByOne finds the entries because of which EventBridge refuses a whole call.
func (p *Publisher) oneByOne(ctx context.Context, batch []entry, out []error) bool {
	for i := range batch {
		if !p.publishBatch(ctx, batch[i:i+1], out) {
			for _, e := range batch[i+1:] {
				out[e.index] = fault.New(fault.Unavailable, "publish event %s: not tried, because one before it could not be published", e.id)
			}
			return false
		}
	}
	return true
}

// attempt makes one call and writes its outcome to out. It returns the entries
// to try again; whether the call was refused because of some entry that it does
// not name; and whether trying again soon is of no use.
func (p *Publisher) attempt(ctx context.Context, batch []entry, out []error) (left []entry, split, hopeless bool) {
	res, err := p.call(ctx, batch)
	if err != nil {
		v := verdictOn(err)
		if v == invalid && len(batch) > 1 {
			return nil, true, false
		}
		for _, e := range batch {
			if v == invalid {
				out[e.index] = fault.Wrap(err, fault.Invalid, "publish event %s: refused for good", e.id)
				continue
			}
			out[e.index] = fault.Wrap(err, fault.Unavailable, "publish event %s", e.id)
			left = append(left, e)
		}
		return left, false, v == misconfigured
	}
	for i, r := range res.Entries {
		e := batch[i]
		code := aws.ToString(r.ErrorCode)
		switch {
		case code == "":
			out[e.index] = nil
		case verdicts[code] == invalid:
			out[e.index] = fault.New(fault.Invalid, "publish event %s: refused for good: %s: %s", e.id, code, aws.ToString(r.ErrorMessage))
		default:
			out[e.index] = fault.New(fault.Unavailable, "publish event %s: %s: %s", e.id, code, aws.ToString(r.ErrorMessage))
			left = append(left, e)
			hopeless = hopeless || verdicts[code] == misconfigured
		}
	}
	return left, false, hopeless
}

func (p *Publisher) call(ctx context.Context, batch []entry) (*eventbridge.PutEventsOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	in := &eventbridge.PutEventsInput{}
	for _, e := range batch {
		in.Entries = append(in.Entries, e.PutEventsRequestEntry)
	}
	res, err := p.opts.Client.PutEvents(ctx, in, func(o *eventbridge.Options) { o.Retryer = aws.NopRetryer{} })
	if err == nil && len(res.Entries) != len(batch) {
		err = errors.New("the answer does not have one result for each entry")
	}
	return res, err
}

// verdict is what an error code says about trying again.
type verdict int

const (
	transient     verdict = iota // soon; also for codes that are not known: no event is given up for want of a row
	misconfigured                // later, when somebody has mended the deployment: it is not the event's fault
	invalid                      // never
)

// verdicts by error code, of an entry (API reference, "PutEventsResultEntry") or
// of a call.
var verdicts = map[string]verdict{
	"InvalidArgument":     invalid,
	"MalformedDetail":     invalid,
	"ValidationException": invalid,

	"AccessDeniedException":               misconfigured,
	"InvalidAccountIdException":           misconfigured,
	"NotAuthorizedForSourceException":     misconfigured,
	"NotAuthorizedForDetailTypeException": misconfigured,
	"ResourceNotFoundException":           misconfigured,
	"UnrecognizedClientException":         misconfigured,
}

func verdictOn(err error) verdict {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return verdicts[api.ErrorCode()]
	}
	return transient
}

// pause waits, unless there would be no time left afterwards.
func pause(ctx context.Context, d time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= d {
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
