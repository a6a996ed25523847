package eventbridge

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/fault"
)

// Source is the source of every event that wikibot publishes; rules match it.
const Source = "wikibot"

// EventBridge's limits on PutEvents ("Amazon EventBridge quotas"). A larger size
// has been announced for the bus alone; what stands behind it, functions and
// queues, is only sure to take this one.
const (
	maxEntries = 10
	maxBytes   = 256 << 10 // exclusive: of an entry, and of a call's entries together
)

// entry makes an event ready to be sent. An error is Invalid.
func (p *Publisher) entry(env *eventsv1.Envelope) (types.PutEventsRequestEntry, error) {
	detail, err := events.Marshal(env)
	if err != nil {
		return types.PutEventsRequestEntry{}, fault.Wrap(err, fault.Invalid, "publish event %s", env.GetId())
	}
	e := types.PutEventsRequestEntry{
		EventBusName: aws.String(p.opts.Bus),
		Source:       aws.String(Source),
		DetailType:   aws.String(env.GetType()),
		Detail:       aws.String(string(detail)),
		Time:         aws.Time(env.GetTime().AsTime()),
		TraceHeader:  traceHeader(env.GetTraceParent()),
	}
	if env.GetWikiId() != "" {
		e.Resources = []string{env.GetWikiId()}
	}
	over := sizeOf(e) - (maxBytes - 1)
	if over <= 0 {
		return e, nil
	}
	short, err := events.Shorten(env, len(detail)-over)
	if err == nil {
		detail, err = events.Marshal(short)
	}
	if err != nil {
		return e, fault.Wrap(err, fault.Invalid, "publish event %s: %d bytes are too many", env.GetId(), sizeOf(e))
	}
	e.Detail = aws.String(string(detail))
	return e, nil
}

// sizeOf is how EventBridge counts ("Calculating PutEvents event entry size").
func sizeOf(e types.PutEventsRequestEntry) int {
	n := len(aws.ToString(e.Source)) + len(aws.ToString(e.DetailType)) + len(aws.ToString(e.Detail))
	for _, r := range e.Resources {
		n += len(r)
	}
	if e.Time != nil {
		n += 14
	}
	return n
}

// traceHeader turns a traceparent (W3C Trace Context, section 3.2) into X-Ray's
// form ("Tracing header"): the first 8 digits of the trace id stand apart. It is
// nil for what is no traceparent.
func traceHeader(parent string) *string {
	f := strings.Split(parent, "-")
	if len(f) != 4 || !hexadecimal(f[0], 2) || f[0] == "ff" || !hexadecimal(f[1], 32) || !hexadecimal(f[2], 16) || !hexadecimal(f[3], 2) ||
		strings.Trim(f[1], "0") == "" || strings.Trim(f[2], "0") == "" {
		return nil
	}
	sampled := "0"
	if strings.ContainsAny(f[3][1:], "13579bdf") {
		sampled = "1"
	}
	return aws.String("Root=1-" + f[1][:8] + "-" + f[1][8:] + ";Parent=" + f[2] + ";Sampled=" + sampled)
}

func hexadecimal(s string, digits int) bool {
	return len(s) == digits && strings.Trim(s, "0123456789abcdef") == ""
}
