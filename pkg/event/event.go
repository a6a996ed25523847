package event

import (
	"context"
	"time"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"
	"wikibot.io/contracts/subscriptions"
)

// Handler consumes one event. It must be idempotent. A nil error means its
// effect is on stable storage; any error means "deliver again".
type Handler func(ctx context.Context, env *eventsv1.Envelope) error

// Subscription is one consumer's interest.
type Subscription struct {
	Name   string // "service.purpose": names its retries and its dead letters, so it never changes
	Types  []events.Type
	Handle Handler
}

// On attaches a handler to a row of the table of subscriptions.
func On(row subscriptions.Subscription, h Handler) Subscription {
	return Subscription{Name: row.Name, Types: row.Types, Handle: h}
}

// Policy bounds the retries of a delivery.
type Policy struct {
	MaxAttempts int           // then it is a dead letter
	MaxAge      time.Duration // likewise after a failed attempt, counted from the event's time or its redrive
	FirstDelay  time.Duration // longest pause after the first attempt; doubled after every other, with full jitter
	MaxDelay    time.Duration
	Timeout     time.Duration // of one attempt
}

// DefaultPolicy is used where nothing else is configured.
var DefaultPolicy = Policy{MaxAttempts: 20, MaxAge: 24 * time.Hour, FirstDelay: time.Second, MaxDelay: 10 * time.Minute, Timeout: 5 * time.Minute}
