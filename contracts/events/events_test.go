package events_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"
)

var update = flag.Bool("update", false, "write golden files that do not exist yet")

func samples(t *testing.T) map[events.Type]*eventsv1.Envelope {
	t.Helper()
	commit := &eventsv1.Commit{
		OldHead: "1111111111111111111111111111111111111111", NewHead: "2222222222222222222222222222222222222222",
		Sequence: 7, PageCount: 3,
		Changes: []*eventsv1.PageChange{{Kind: eventsv1.PageChange_KIND_RENAMED, Path: "New/Näme", OldPath: "Old name"}},
	}
	out := map[events.Type]*eventsv1.Envelope{}
	for _, data := range []any{
		&eventsv1.UserCreated{UserId: "u1", Username: "ada"},
		&eventsv1.UserDeleted{UserId: "u1"},
		&eventsv1.WikiCreated{Slug: "ada", Name: "Ada's notes", OwnerId: "u1", Public: true},
		&eventsv1.WikiUpdated{Slug: "ada", Name: "Notes", Public: false},
		&eventsv1.WikiDeleted{Slug: "ada", OwnerId: "u1"},
		&eventsv1.GrantChanged{UserId: "u2", Role: "editor"},
		&eventsv1.PageSaved{Commit: commit},
		&eventsv1.PageRenamed{Commit: commit},
		&eventsv1.PageDeleted{Commit: commit},
		&eventsv1.IndexUpdated{Commit: commit.NewHead},
	} {
		env, err := events.New(time.Unix(1764000000, 0).UTC(), "w1", &events.Actor{UserId: "u1", Name: "Ada", Agent: "Claude Code"}, data)
		if err != nil {
			t.Fatal(err)
		}
		env.Id = "01jd0000000000000000000000"
		env.TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
		out[events.Type(env.Type)] = env
	}
	return out
}

// An event in an outbox, an archive or a dead-letter queue outlives the code
// that wrote it: a golden file that fails here means a reader has been broken.
func TestGoldenEventsDecodeForEver(t *testing.T) {
	want := samples(t)
	for kind, env := range want {
		path := filepath.Join("testdata", string(kind)+".v1.json")
		if _, err := os.Stat(path); os.IsNotExist(err) && *update {
			line, err := events.Marshal(env)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, append(line, '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		line, err := os.ReadFile(path)
		if err != nil {
			t.Fatalf("%v; a new type needs a golden file: go test ./events -update", err)
		}
		got, err := events.Unmarshal(line)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if diff := cmp.Diff(env, got, protocmp.Transform()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
		again, err := events.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(line), string(again)+"\n"); diff != "" {
			t.Errorf("%s is written differently now (-golden +now):\n%s", path, diff)
		}
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	for name, line := range map[string]string{
		"no JSON":              `page.saved`,
		"no id":                `{"type":"page.saved","time":"2026-01-01T00:00:00Z","page_saved":{}}`,
		"no data":              `{"id":"a","type":"page.saved","time":"2026-01-01T00:00:00Z"}`,
		"type of another kind": `{"id":"a","type":"page.saved","time":"2026-01-01T00:00:00Z","page_deleted":{}}`,
	} {
		if env, err := events.Unmarshal([]byte(line)); err == nil {
			t.Errorf("%s: decoded as %v", name, env)
		}
	}
}

// A consumer deployed before its producer must not choke on what it cannot know.
func TestUnmarshalIgnoresUnknownFields(t *testing.T) {
	env, err := events.Unmarshal([]byte(`{"id":"a","type":"user.deleted","time":"2026-01-01T00:00:00Z","mood":"fine","user_deleted":{"user_id":"u1","why":"left"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(env.GetUserDeleted(), &eventsv1.UserDeleted{UserId: "u1"}) {
		t.Errorf("got %v", env)
	}
}
