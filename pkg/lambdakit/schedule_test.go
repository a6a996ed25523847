package lambdakit

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

func TestSchedulesAndRounds(t *testing.T) {
	type far struct {
		After string `json:"after,omitempty"`
	}
	var out strings.Builder
	h, err := NewHandler(Function{
		Log: NewLog(&out, slog.LevelInfo), Metrics: &out,
		Schedules: map[string]func(context.Context) error{"once": func(context.Context) error { return nil }},
		Rounds: map[string]func(context.Context, string) (any, error){
			"round":  func(_ context.Context, after string) (any, error) { return far{after + "+"}, nil },
			"broken": func(context.Context, string) (any, error) { return far{"x"}, errors.New("broken") },
			"panics": func(context.Context, string) (any, error) { panic("at the disco") },
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ why, payload, answer, fails string }{
		{"a schedule has nothing to say", `{"schedule":"once"}`, `null`, ""},
		{"and does all at once", `{"schedule":"once","after":"b"}`, "", "in parts"},
		{"a round begins at the beginning", `{"schedule":"round"}`, `{"after":"+"}`, ""},
		{"or where the last call ended", `{"schedule":"round","after":"b"}`, `{"after":"b+"}`, ""},
		{"one that failed came nowhere", `{"schedule":"broken"}`, "", "broken"},
		{"one that panics does not take the process along", `{"schedule":"panics"}`, "", "disco"},
		{"what is in neither list is a mistake", `{"schedule":"none"}`, "", "none of the name"},
		{"where to begin is no trigger", `{"after":"b"}`, "", "none of request"},
	} {
		got, err := h.Invoke(t.Context(), json.RawMessage(c.payload))
		if c.fails != "" {
			if err == nil || !strings.Contains(err.Error(), c.fails) || got != nil {
				t.Errorf("%s: %v, %v", c.why, got, err)
			}
			continue
		}
		if raw, _ := json.Marshal(got); err != nil || string(raw) != c.answer {
			t.Errorf("%s: %s, %v; want %s", c.why, raw, err, c.answer)
		}
	}
	if !strings.Contains(out.String(), `"schedule":"round"`) {
		t.Errorf("a round is not in the log:\n%s", out.String())
	}
}

func TestNameOfAScheduleIsOneThing(t *testing.T) {
	_, err := NewHandler(Function{
		Log:       slog.New(slog.DiscardHandler),
		Schedules: map[string]func(context.Context) error{"a": nil},
		Rounds:    map[string]func(context.Context, string) (any, error){"a": nil},
	})
	if err == nil {
		t.Error("a name that is a schedule and a round")
	}
}
