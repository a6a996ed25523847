package events

import (
	"fmt"
	"slices"
	"sort"

	"google.golang.org/protobuf/proto"

	eventsv1 "wikibot.io/contracts/events/v1"
)

// Shorten returns the event such that [Marshal] makes at most limit bytes of it:
// itself if it is small enough, else a copy of which as many of the last page
// changes as needed are left away and counted in ChangesOmitted. Pages that were
// only relinked go before any other, so that what a person would name as the
// change stays. An event that is too large for another reason is an error.
//
// What carries events has limits (an item of a table, an entry of a bus) while a
// commit may touch any number of pages. The whole list is in the wiki's history,
// from OldHead to NewHead.
func Shorten(env *eventsv1.Envelope, limit int) (*eventsv1.Envelope, error) {
	line, err := Marshal(env)
	if err != nil || len(line) <= limit {
		return env, err
	}
	short := proto.CloneOf(env)
	commit := CommitOf(short)
	all, before := commit.GetChanges(), commit.GetChangesOmitted()
	slices.SortStableFunc(all, func(a, b *eventsv1.PageChange) int { return rank(a) - rank(b) })
	cut := func(n int) (int, error) {
		commit.Changes, commit.ChangesOmitted = all[:n], before+int64(len(all)-n)
		line, err := Marshal(short)
		return len(line), err
	}
	// With each change the line grows, so the most that fit can be halved for.
	over := sort.Search(len(all), func(n int) bool {
		var is int
		if err == nil {
			is, err = cut(n)
		}
		return is > limit
	})
	if err != nil {
		return nil, err
	}
	if over == 0 {
		return nil, fmt.Errorf("shorten event %s of type %s: it cannot be made to fit %d bytes", env.GetId(), env.GetType(), limit)
	}
	_, err = cut(over - 1)
	return short, err
}

// rank puts what a person did before what followed from it.
func rank(c *eventsv1.PageChange) int {
	if c.GetKind() == eventsv1.PageChange_KIND_RELINKED {
		return 1
	}
	return 0
}
