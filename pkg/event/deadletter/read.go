package deadletter

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"
)

// Letter is what a dead letter says.
type Letter struct {
	// Subscription that did not get the event; empty where the letter names none,
	// because it was written before the event was routed.
	Subscription string
	Reason       string // as the writer put it; foreign text
	Event        *eventsv1.Envelope
}

// Delivery is what the target of a subscription's rule gets, and what a dead
// letter holds therefore.
type Delivery struct {
	Subscription string          `json:"subscription,omitempty"`
	Event        json.RawMessage `json:"event"`
}

// body has the fields of every shape of letter.
type body struct {
	Delivery
	// EventBridge's own envelope, where a target's input is not transformed.
	DetailType string          `json:"detail-type"`
	Detail     json.RawMessage `json:"detail"`
	// Lambda's record of a failed invocation ("Capturing records of Lambda
	// asynchronous invocations").
	RequestContext struct {
		Condition string `json:"condition"`
	} `json:"requestContext"`
	RequestPayload  json.RawMessage `json:"requestPayload"`
	ResponsePayload json.RawMessage `json:"responsePayload"`
	// Lambda's note of stream records that it gave up because they were too old
	// ("Retain discarded records"): it says where they were, not what.
	Stream *struct {
		Shard string `json:"shardId"`
		First string `json:"startSequenceNumber"`
		Last  string `json:"endSequenceNumber"`
		Size  int    `json:"batchSize"`
		ARN   string `json:"streamArn"`
	} `json:"DDBStreamBatchInfo"`
}

// ErrNoEvent says that a letter holds no event where this package knows to look.
var ErrNoEvent = errors.New("the letter holds no event")

// Read takes the event out of a letter of any shape. An error means that it must
// be left for somebody, or something newer, that understands it.
func Read(m Message) (Letter, error) {
	l, err := read([]byte(m.Body))
	if err != nil {
		return l, fmt.Errorf("read dead letter %s: %w", m.ID, err)
	}
	l.Reason = cmp.Or(l.Reason, m.Attributes[reasonAttribute], m.Attributes["ERROR_MESSAGE"])
	return l, nil
}

func read(text []byte) (Letter, error) {
	var b body
	if err := json.Unmarshal(text, &b); err != nil {
		return Letter{}, err
	}
	switch {
	case b.RequestPayload != nil:
		var inner body
		if err := json.Unmarshal(b.RequestPayload, &inner); err != nil {
			return Letter{}, err
		}
		l, err := inner.letter()
		l.Reason = reasonOf(b)
		return l, err
	default:
		return b.letter()
	}
}

func (b body) letter() (Letter, error) {
	if s := b.Stream; s != nil {
		return Letter{}, fmt.Errorf("it only names %d records that were given up: %s to %s of %s in %s", s.Size, s.First, s.Last, s.Shard, s.ARN)
	}
	raw := b.Event
	if raw == nil && b.DetailType != "" {
		raw = b.Detail
	}
	if raw == nil {
		return Letter{}, ErrNoEvent
	}
	env, err := events.Unmarshal(raw)
	if err != nil {
		return Letter{}, err
	}
	// A field that is not known would be lost when the event is written again.
	if err := (protojson.UnmarshalOptions{}).Unmarshal(raw, new(eventsv1.Envelope)); err != nil {
		return Letter{}, fmt.Errorf("event %s was written by a newer version: %w", env.GetId(), err)
	}
	return Letter{Subscription: b.Subscription, Event: env}, nil
}

// reasonOf reads why a function's invocation was given up.
func reasonOf(b body) string {
	var failure struct {
		Message string `json:"errorMessage"`
	}
	_ = json.Unmarshal(b.ResponsePayload, &failure) // of any shape, or absent
	return strings.Trim(b.RequestContext.Condition+": "+failure.Message, ": ")
}
