package dynamo_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/records/dynamo"
)

func TestEmitted(t *testing.T) {
	line := func(env *eventsv1.Envelope) string {
		b, err := events.Marshal(env)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	saved := newStep(t, "w", "", commit(1)).Event
	renamed, err := events.New(time.Now(), "w", nil, &eventsv1.WikiUpdated{Slug: "s", Name: "N"})
	if err != nil {
		t.Fatal(err)
	}
	filled, err := events.Unmarshal([]byte(line(saved)))
	if err != nil {
		t.Fatal(err)
	}
	events.CommitOf(filled).Sequence, events.CommitOf(filled).PageCount = 7, 3
	user := func(data any) (*eventsv1.Envelope, dynamo.Image) {
		env, err := events.New(time.Now(), "", nil, data)
		if err != nil {
			t.Fatal(err)
		}
		return env, dynamo.Image{EventID: env.Id, Event: line(env)}
	}
	begun, beginning := user(&eventsv1.UserCreated{UserId: "u", Username: "ada"})
	ended, end := user(&eventsv1.UserDeleted{UserId: "u"})
	save := dynamo.Image{EventID: saved.Id, Event: line(saved), Sequence: 7, PageCount: 3}
	update := dynamo.Image{EventID: renamed.Id, Event: line(renamed), Sequence: 7, PageCount: 3}
	for _, c := range []struct {
		why           string
		before, after dynamo.Image
		want          *eventsv1.Envelope
	}{
		{"an item comes to be with an event", dynamo.Image{}, update, renamed},
		{"an item comes to be without one", dynamo.Image{}, dynamo.Image{}, nil},
		{"another event is brought", save, update, renamed},
		{"a page event learns its step and the pages after it", update, save, filled},
		{"a change that brings none", save, dynamo.Image{EventID: save.EventID, Event: save.Event, Sequence: 8}, nil},
		{"a user begins", dynamo.Image{}, beginning, begun},
		{"a user signs out, leaves or comes back", beginning, beginning, nil},
		{"a user is forgotten", beginning, end, ended},
		{"what is left of a forgotten user expires", end, dynamo.Image{}, nil},
		{"an item goes, by expiry or otherwise", save, dynamo.Image{}, nil},
	} {
		got, err := dynamo.Emitted(c.before, c.after)
		if err != nil {
			t.Errorf("%s: %v", c.why, err)
		}
		if diff := cmp.Diff(c.want, got, protocmp.Transform()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.why, diff)
		}
	}
	for why, after := range map[string]dynamo.Image{
		"no event under its id": {EventID: "x"},
		"what is no event":      {EventID: "x", Event: `{"type":`},
		"the event of another":  {EventID: "x", Event: line(saved)},
	} {
		if env, err := dynamo.Emitted(dynamo.Image{}, after); err == nil {
			t.Errorf("%s: emitted %v", why, env)
		}
	}
}
