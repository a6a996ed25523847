package main

import (
	"bytes"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/event/eventbridge/eventbridgetest"
)

func TestFlags(t *testing.T) {
	for _, c := range []struct{ why, args, problem string }{
		{"list", "--queue http://q/0/q --list", ""},
		{"redrive", "--queue http://q/0/q --bus wikibot --subscription wiki.removal --event 1 --event 2", ""},
		{"no queue", "--list", "--queue"},
		{"neither", "--queue http://q/0/q", "--list or --bus"},
		{"both", "--queue http://q/0/q --list --bus wikibot", "--list or --bus"},
		{"hidden for too short a time to be told apart", "--queue http://q/0/q --list --hidden 1s", "hidden"},
	} {
		var f flags
		parser, err := kong.New(&f)
		if err != nil {
			t.Fatal(err)
		}
		_, err = parser.Parse(strings.Fields(c.args))
		if c.problem == "" && err != nil || c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem)) {
			t.Errorf("%s: %v", c.why, err)
		}
	}
}

// The command finds region, credentials and endpoints where every tool of AWS
// does.
func TestRedriveOverTheWire(t *testing.T) {
	bus, err := eventbridgetest.NewBus(eventbridgetest.BusOptions{Name: "wikibot"})
	if err != nil {
		t.Fatal(err)
	}
	defer bus.Close()
	events := httptest.NewServer(bus)
	defer events.Close()
	queues := eventbridgetest.NewQueues("http://sqs.us-east-1.amazonaws.com")
	messages := httptest.NewServer(queues)
	defer messages.Close()
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_EVENTBRIDGE": events.URL, "AWS_ENDPOINT_URL_SQS": messages.URL, "AWS_REGION": "us-east-1",
		"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_PROFILE": "",
	} {
		t.Setenv(name, value)
	}
	q := queues.Add("dead", 0)
	q.Send(letter(t), nil)

	f := flags{Queue: q.URL(), List: true, Limit: 10, Hidden: time.Minute}
	out := new(bytes.Buffer)
	if err := run(t.Context(), f, out); err != nil || !strings.Contains(out.String(), "wiki.removal") || len(q.Messages()) != 1 {
		t.Fatalf("list: %v\n%s", err, out)
	}
	f.List, f.Bus = false, "wikibot"
	if err := run(t.Context(), f, out); err != nil || len(q.Messages()) != 0 || len(bus.Archive()) != 1 {
		t.Fatalf("redrive: %v\n%s", err, out)
	}
}

func letter(t *testing.T) string {
	env, err := events.New(time.Now(), "w", nil, &eventsv1.WikiDeleted{Slug: "s"})
	if err != nil {
		t.Fatal(err)
	}
	line, err := events.Marshal(env)
	if err != nil {
		t.Fatal(err)
	}
	return `{"subscription":"wiki.removal","event":` + string(line) + `}`
}
