// Package redrive brings dead letters back onto the bus. It is the inside of the
// operator's command of that name: it prints a line per letter, deletes a letter
// only after its event was published, and leaves what it cannot read where it is.
//
// Received letters stay hidden while the command looks at the rest, so that it
// meets none twice; those it leaves are made visible again at the end.
package redrive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/event/deadletter"
	"wikibot.io/pkg/fault"

	"wikibot.io/services/relay"
)

// Queue is the dead-letter queue.
type Queue interface {
	// Receive returns some letters and hides them; none when none is visible.
	Receive(ctx context.Context, hidden time.Duration) ([]deadletter.Message, error)
	Delete(ctx context.Context, m deadletter.Message) error
	// Release makes a received letter visible again.
	Release(ctx context.Context, m deadletter.Message) error
}

// Command is one run. Out gets a line per letter.
type Command struct {
	Queue     Queue
	Publisher relay.Publisher // for Redrive alone
	Out       io.Writer
	// Subscription and Events choose letters; all where empty.
	Subscription string
	Events       []string
	Limit        int           // letters looked at
	Hidden       time.Duration // how long one stays hidden meanwhile; whole seconds
}

// List prints the letters and leaves them.
func (c Command) List(ctx context.Context) error {
	return c.each(ctx, func(m deadletter.Message, l deadletter.Letter) (bool, error) {
		c.print(m, l, "listed")
		return false, nil
	})
}

// Redrive publishes the events of the letters and deletes the letters. The error
// says how many it had to leave although they were chosen.
func (c Command) Redrive(ctx context.Context) error {
	return c.each(ctx, func(m deadletter.Message, l deadletter.Letter) (bool, error) {
		if err := c.Publisher.Publish(ctx, []*eventsv1.Envelope{l.Event})[0]; err != nil {
			c.print(m, l, "left: "+strconv.Quote(err.Error()))
			return false, err
		}
		if err := c.Queue.Delete(ctx, m); err != nil {
			c.print(m, l, "published, but left: "+strconv.Quote(err.Error()))
			return false, err
		}
		c.print(m, l, "published")
		return true, nil
	})
}

// each calls fn with the chosen letters that can be read, until none is visible.
// fn reports whether it has removed the letter. An Unavailable error ends it:
// what fails for one would fail for all.
func (c Command) each(ctx context.Context, fn func(deadletter.Message, deadletter.Letter) (bool, error)) (err error) {
	var left []deadletter.Message
	defer func() {
		for _, m := range left { // even after an interrupt
			err = errors.Join(err, c.Queue.Release(context.WithoutCancel(ctx), m))
		}
	}()
	start, failed := time.Now(), 0
	for seen := 0; seen < c.Limit; {
		letters, err := c.Queue.Receive(ctx, c.Hidden)
		if err != nil {
			return err
		}
		if len(letters) == 0 {
			break
		}
		for i, m := range letters {
			if seen++; seen > c.Limit || m.Sent.After(start) {
				// A letter that came meanwhile may be one that this run has caused.
				left = append(left, m)
				continue
			}
			l, err := relay.Recover(m)
			if err != nil {
				c.print(m, l, "unreadable: "+strconv.Quote(err.Error()))
				failed++
			}
			if err != nil || !c.chosen(l) {
				left = append(left, m)
				continue
			}
			removed, err := fn(m, l)
			if !removed {
				left = append(left, m)
			}
			if err != nil {
				failed++
			}
			if fault.Is(err, fault.Unavailable) || ctx.Err() != nil {
				left = append(left, letters[i+1:]...)
				return cmp.Or(err, ctx.Err())
			}
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d letters are left that could not be read or published", failed)
	}
	return nil
}

func (c Command) chosen(l deadletter.Letter) bool {
	return (c.Subscription == "" || c.Subscription == l.Subscription) &&
		(len(c.Events) == 0 || slices.Contains(c.Events, l.Event.GetId()))
}

// print writes a letter's line. Reasons are foreign text, so they are quoted.
func (c Command) print(m deadletter.Message, l deadletter.Letter, outcome string) {
	fmt.Fprintf(c.Out, "%s  %s  %-14s %-20s wiki=%s event=%s reason=%s  %s\n",
		m.Sent.UTC().Format(time.RFC3339), m.ID, cmp.Or(l.Event.GetType(), "-"), cmp.Or(l.Subscription, "-"),
		cmp.Or(l.Event.GetWikiId(), "-"), cmp.Or(l.Event.GetId(), "-"), strconv.Quote(l.Reason), outcome)
}
