package events_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"
)

// many returns an event of n changes, all but the one at main relinks.
func many(t *testing.T, n, main int) *eventsv1.Envelope {
	t.Helper()
	c := &eventsv1.Commit{OldHead: strings.Repeat("1", 40), NewHead: strings.Repeat("2", 40)}
	for i := range n {
		kind := eventsv1.PageChange_KIND_RELINKED
		if i == main {
			kind = eventsv1.PageChange_KIND_RENAMED
		}
		c.Changes = append(c.Changes, &eventsv1.PageChange{Kind: kind, Path: fmt.Sprint("Page ", i)})
	}
	env, err := events.New(time.Unix(1764000000, 0).UTC(), "w1", &events.Actor{Name: "Ada"}, &eventsv1.PageRenamed{Commit: c})
	if err != nil {
		t.Fatal(err)
	}
	return env
}

func size(t *testing.T, env *eventsv1.Envelope) int {
	t.Helper()
	line, err := events.Marshal(env)
	if err != nil {
		t.Fatal(err)
	}
	return len(line)
}

func TestShortenKeepsWhatFits(t *testing.T) {
	for _, n := range []int{1, 2, 30, 5000} {
		env := many(t, n, n-1)
		given, whole := proto.CloneOf(env), size(t, env)
		none := many(t, 0, 0)
		for _, limit := range []int{whole, whole - 1, 3000, size(t, none) + 25} {
			short, err := events.Shorten(env, limit)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(given, env, protocmp.Transform()); diff != "" {
				t.Fatalf("the caller's event was changed (-was +is):\n%s", diff)
			}
			got := events.CommitOf(short)
			if size(t, short) > limit {
				t.Errorf("%d changes within %d bytes: made %d", n, limit, size(t, short))
			}
			if len(got.Changes)+int(got.ChangesOmitted) != n {
				t.Errorf("%d changes within %d bytes: %d kept and %d omitted", n, limit, len(got.Changes), got.ChangesOmitted)
			}
			if whole <= limit && got.ChangesOmitted != 0 {
				t.Errorf("%d changes within %d bytes: %d omitted for nothing", n, limit, got.ChangesOmitted)
			}
			// The change of a person's own stays as long as any does, wherever it stood.
			if len(got.Changes) > 0 && got.ChangesOmitted > 0 && got.Changes[0].Kind != eventsv1.PageChange_KIND_RENAMED {
				t.Errorf("%d changes within %d bytes: the first is %v", n, limit, got.Changes[0])
			}
			if got.ChangesOmitted > 0 && size(t, short) < limit-60 {
				t.Errorf("%d changes within %d bytes: only %d used", n, limit, size(t, short))
			}
			again, err := events.Shorten(short, size(t, none)+25)
			if err != nil {
				t.Fatal(err)
			}
			if c := events.CommitOf(again); len(c.Changes)+int(c.ChangesOmitted) != n {
				t.Errorf("shortened twice: %d kept and %d omitted of %d", len(c.Changes), c.ChangesOmitted, n)
			}
		}
	}
}

func TestShortenRefuses(t *testing.T) {
	if env, err := events.Shorten(many(t, 3, 0), 100); err == nil {
		t.Errorf("made %v", env)
	}
	env, err := events.New(time.Now(), "w1", nil, &eventsv1.WikiCreated{Name: strings.Repeat("n", 200)})
	if err != nil {
		t.Fatal(err)
	}
	if env, err := events.Shorten(env, 200); err == nil {
		t.Errorf("made %v of an event that has no changes", env)
	}
}
