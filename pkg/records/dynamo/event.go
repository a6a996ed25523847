package dynamo

import (
	"fmt"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/fault"
)

// maxEvent is how long an event may be, in bytes, before page changes are left
// away. With it a wiki's item stays below the 4 KB that one read unit pays for,
// whatever the last commit touched.
const maxEvent = 3 << 10

// Image is what an item says, before or after a change, about the event that it
// carries. Zero when the item carries none or does not exist.
type Image struct {
	EventID   string // attribute "event_id"
	Event     string // attribute "event": as encoded by events.Marshal
	Sequence  int64  // attribute "sequence" of a wiki
	PageCount int64  // attribute "page_count" of a wiki
}

// Emitted returns the event that a change of an item caused, or nil if it caused
// none. An error means that the item carries what cannot be an event.
//
// A change emits when it brings another event: most attributes change without
// one. A page event's step and page count are those of the item, since the
// writer of a step does not know them before it is taken.
func Emitted(before, after Image) (*eventsv1.Envelope, error) {
	if after.EventID == "" || after.EventID == before.EventID {
		return nil, nil
	}
	env, err := events.Unmarshal([]byte(after.Event))
	if err != nil {
		return nil, fmt.Errorf("read the event %s of an item: %w", after.EventID, err)
	}
	if env.GetId() != after.EventID {
		return nil, fmt.Errorf("read the event %s of an item: it is the event %s", after.EventID, env.GetId())
	}
	if commit := events.CommitOf(env); commit != nil {
		commit.Sequence, commit.PageCount = after.Sequence, after.PageCount
	}
	return env, nil
}

// carried is an event as an item carries it.
type carried struct{ id, line string }

// carry encodes an event, shortened if it must be.
func carry(env *eventsv1.Envelope) (carried, error) {
	short, err := events.Shorten(env, maxEvent)
	if err != nil {
		return carried{}, fault.Wrap(err, fault.Invalid, "event: it is too long")
	}
	line, err := events.Marshal(short)
	if err != nil {
		return carried{}, err
	}
	return carried{env.GetId(), string(line)}, nil
}

// caused makes an event of the driver's own and encodes it.
func (s *Store) caused(wikiID string, actor *eventsv1.Actor, data any) (carried, error) {
	env, err := events.New(s.now(), wikiID, actor, data)
	if err != nil {
		return carried{}, err
	}
	return carry(env)
}
