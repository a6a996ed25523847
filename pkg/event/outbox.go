package event

import (
	"context"
	"time"

	"wikibot.io/contracts/events"
)

// Outbox is what a Dispatcher needs from the records driver. Its methods are
// safe for concurrent use and durable when they return nil; any error means
// that nothing was changed and that the call may be repeated.
type Outbox interface {
	// FanOut takes up to limit new events, oldest first, and replaces each by
	// one delivery per subscription that routes names for its type, all in one
	// transaction; an event without a subscription is done. It returns how many
	// events it took.
	FanOut(ctx context.Context, routes map[events.Type][]string, limit int) (int, error)

	// Due returns up to limit deliveries of a subscription whose time has come,
	// longest due first, leaving out those of the wikis in skip. It does not
	// claim them.
	Due(ctx context.Context, subscription string, skip []string, now time.Time, limit int) ([]Delivery, error)

	// Done removes a delivery that has succeeded, and the event with its last one.
	Done(ctx context.Context, k Key) error

	// Retry notes a failed attempt and when to try again.
	Retry(ctx context.Context, k Key, due time.Time, reason string) error

	// Bury notes a failed attempt and makes the delivery a dead letter.
	Bury(ctx context.Context, k Key, reason string) error

	DeadLetterBox
}

// DeadLetterBox is where deliveries lie that have been given up. Its promises
// are those of Outbox.
type DeadLetterBox interface {
	// DeadLetters returns up to limit dead letters, oldest event first, beginning
	// after a key; the zero Key begins at the first.
	DeadLetters(ctx context.Context, after Key, limit int) ([]DeadLetter, error)

	// Redrive makes dead letters due at now, with all attempts and their whole
	// age before them again. It returns how many of the keys were dead letters.
	Redrive(ctx context.Context, now time.Time, keys ...Key) (int, error)

	// Unclaimed counts the deliveries, dead or not, of subscriptions that are not
	// among the known ones.
	Unclaimed(ctx context.Context, known []string) (map[string]int, error)
}

// Key names a delivery.
type Key struct {
	EventID      string
	Subscription string
}

// Delivery is one event on its way to one subscription.
type Delivery struct {
	Key
	WikiID   string
	Body     []byte    // as encoded by events.Marshal
	Since    time.Time // the event's time, or that of the last redrive
	Attempts int       // failed so far
}

// DeadLetter is a delivery that was given up.
type DeadLetter struct {
	Delivery
	Reason string // why the last attempt failed
}
