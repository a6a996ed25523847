package management_test

import (
	"net/http"
	"testing"
	"time"

	"wikibot.io/contracts/events"
	"wikibot.io/contracts/problem"
	"wikibot.io/pkg/records"
	"wikibot.io/services/management"
)

// TestGitSwitch: it turns on its own, whoever sees the wiki sees it, and each
// turn is told once.
func TestGitSwitch(t *testing.T) {
	f := newFleet(t)
	u := f.user(t, "ada", records.Free)
	w, _ := f.wiki(t, u, "ada", true)
	ada, stranger := f.as(t, u), f.as(t, f.user(t, "eve", records.Free))
	for _, c := range []struct {
		why, body string
		git       bool
		updates   int
	}{
		{"as it was made", `{}`, true, 0},
		{"off", `{"git":false}`, false, 1},
		{"off again", `{"git":false}`, false, 0},
		{"another setting leaves it off", `{"name":"Notes"}`, false, 1},
		{"on, with others", `{"git":true,"name":"Ada's notes","public":true}`, true, 1},
		{"on again", `{"git":true}`, true, 0},
	} {
		var changed struct{ Wiki management.Wiki }
		ada.do(t, http.MethodPatch, "/api/wikis/ada", c.body).want(http.StatusOK, &changed)
		if got := changed.Wiki; got.Git != c.git || !got.Public || got.GitURL == "" {
			t.Errorf("%s: changed to %+v", c.why, got)
		}
		var seen wikiDetail
		stranger.do(t, http.MethodGet, "/api/wikis/ada", "").want(http.StatusOK, &seen)
		if seen.Wiki.Git != c.git {
			t.Errorf("%s: others see git %t, want %t", c.why, seen.Wiki.Git, c.git)
		}
		if now, err := f.records.Wiki(t.Context(), w.ID); err != nil || now.GitOff == c.git {
			t.Errorf("%s: the record has it off %t, %v", c.why, now.GitOff, err)
		}
		if n := f.updates(t, w.ID); n != c.updates {
			t.Errorf("%s: %d times wiki.updated, want %d", c.why, n, c.updates)
		}
	}
	p := ada.do(t, http.MethodPatch, "/api/wikis/ada", `{"git":"off"}`).problem(http.StatusUnprocessableEntity, problem.Invalid)
	if len(p.Errors) != 1 || p.Errors[0].Field != "git" {
		t.Errorf("not a boolean: %+v", p)
	}
}

// updates takes what is in the outbox and counts the wiki's updates among it.
func (f *fleet) updates(t *testing.T, wikiID string) int {
	t.Helper()
	const subscription = "test.updates"
	if _, err := f.records.FanOut(t.Context(), map[events.Type][]string{events.WikiUpdated: {subscription}}, 100); err != nil {
		t.Fatal(err)
	}
	due, err := f.records.Due(t.Context(), subscription, nil, time.Now().Add(time.Minute), 100)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, d := range due {
		if d.WikiID == wikiID {
			n++
		}
		if err := f.records.Done(t.Context(), d.Key); err != nil {
			t.Fatal(err)
		}
	}
	return n
}
