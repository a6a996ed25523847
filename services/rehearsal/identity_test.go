package rehearsal_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"wikibot.io/services/rehearsal"
	"wikibot.io/services/rehearsal/chaos"
	"wikibot.io/services/rehearsal/visitor"
)

// badTables are bad weather of the records alone, worse than the storm's.
var badTables = rehearsal.Weather{DynamoDB: chaos.Rates{Throttle: 0.12, Fail: 0.12, Conflict: 0.05, Lose: 0.1}}

// insist repeats one step until it is done, told for good that it will not be, or
// time is up. Whatever is temporary has to say so.
func insist(ctx context.Context, t *testing.T, what string, step func(context.Context) (visitor.Answer, error)) visitor.Answer {
	t.Helper()
	for ctx.Err() == nil {
		a, err := step(ctx)
		switch {
		case err != nil: // nobody knows whether it was done
		case a.Status == http.StatusServiceUnavailable && a.Header.Get("Retry-After") == "":
			t.Fatalf("%s: 503 without Retry-After: %.300s", what, a.Body)
		case a.Status == http.StatusServiceUnavailable, a.Status == http.StatusBadGateway:
		case a.Status >= 500:
			t.Fatalf("%s: status %d, which is no word for bad weather: %.300s", what, a.Status, a.Body)
		default:
			return a
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Fatalf("%s: never answered", what)
	return visitor.Answer{}
}

// While the tables throttle, fail and lose answers, people sign in, agents are
// connected, renewed and cut off: everything ends well for whoever tries again,
// and nothing is half done. Nothing of what was good once is good twice.
func TestIdentityInBadWeather(t *testing.T) {
	r := start(t)
	var people sync.WaitGroup
	names := []string{"ada", "bea", "eve"}
	visitors := map[string]*visitor.Visitor{}
	for n, name := range names {
		visitors[name] = signUp(t, r, name, false)
		visitors[name].From(fmt.Sprint("127.0.0.", 2+n))
	}
	if err := r.SetWeather(badTables); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for _, name := range names {
		people.Go(func() { connectInBadWeather(ctx, t, visitors[name], name) })
	}
	people.Wait()
	if err := r.SetWeather(rehearsal.Weather{}); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for _, c := range r.Meter().Counts() {
		failed += c.Failed
	}
	if failed < 20 {
		t.Errorf("%d calls failed: the weather was too fair to show anything", failed)
	}
	settle(t, r)
	unrefused(t, r)
}

func connectInBadWeather(ctx context.Context, t *testing.T, v *visitor.Visitor, name string) {
	// A sign-in on another device; the first one that succeeds is a session.
	a := insist(ctx, t, "sign in", func(ctx context.Context) (visitor.Answer, error) { return v.SignIn(ctx, name) })
	if a.Status != http.StatusSeeOther {
		t.Errorf("%s signs in: status %d: %.300s", name, a.Status, a.Body)
		return
	}
	var agent *visitor.Agent
	insist(ctx, t, "register", func(ctx context.Context) (a visitor.Answer, err error) {
		agent, a, err = v.Register(ctx)
		return a, err
	})
	if agent == nil {
		t.Errorf("%s: the agent was not registered", name)
		return
	}
	for n := range 2 {
		state := fmt.Sprint("attempt ", n)
		var ticket, code string
		v.From(fmt.Sprintf("127.%d.%d.1", len(name), n+2*int(name[0]-96))) // what one address may do in a minute is limited
		a := insist(ctx, t, "open the consent page", func(ctx context.Context) (a visitor.Answer, err error) {
			ticket, a, err = agent.Ask(ctx, state)
			return a, err
		})
		if ticket == "" {
			t.Errorf("%s is not asked for consent: %d %s: %.3000s", name, a.Status, a.Header.Get("Location"), a.Body)
			return
		}
		// The button is pressed until the browser is led back: always to the same code.
		codes := map[string]bool{}
		for range 2 {
			a := insist(ctx, t, "allow", func(ctx context.Context) (a visitor.Answer, err error) {
				code, a, err = agent.Allow(ctx, ticket)
				return a, err
			})
			if a.Status != http.StatusSeeOther {
				t.Errorf("%s allows, with ticket %q: %d: %.3000s", name, ticket, a.Status, a.Body)
			}
			codes[code] = true
		}
		if len(codes) != 1 || code == "" {
			t.Errorf("%s: one consent led to the codes %v", name, codes)
			return
		}
		redeemInBadWeather(ctx, t, v, agent, state, code)
	}
}

// redeemInBadWeather redeems one code by three processes of the agent at a time.
// At most one is given tokens. Since a second redemption ends what the first one
// made, nobody may be left with tokens that work after it was refused.
func redeemInBadWeather(ctx context.Context, t *testing.T, v *visitor.Visitor, agent *visitor.Agent, state, code string) {
	var tokens visitor.Tokens
	a := insist(ctx, t, "redeem", func(ctx context.Context) (a visitor.Answer, err error) {
		tokens, a, err = agent.Redeem(ctx, state, code)
		return a, err
	})
	if a.Status == http.StatusOK {
		renewInBadWeather(ctx, t, v, agent, tokens)
	} else if a.Status != http.StatusBadRequest || !strings.Contains(string(a.Body), "invalid_grant") {
		t.Errorf("redeem: status %d: %.300s", a.Status, a.Body)
	}
	again, a, err := visitor.Tokens{}, visitor.Answer{}, error(nil)
	a = insist(ctx, t, "redeem again", func(ctx context.Context) (visitor.Answer, error) {
		again, a, err = agent.Redeem(ctx, state, code)
		return a, err
	})
	if a.Status != http.StatusBadRequest || again.Access != "" {
		t.Errorf("a code was redeemed twice: status %d: %.300s", a.Status, a.Body)
	}
}

// renewInBadWeather rotates a refresh token, calls with what comes of it, and
// revokes it, after which nothing is good.
func renewInBadWeather(ctx context.Context, t *testing.T, v *visitor.Visitor, agent *visitor.Agent, tokens visitor.Tokens) {
	for range 3 {
		var next visitor.Tokens
		a := insist(ctx, t, "renew", func(ctx context.Context) (a visitor.Answer, err error) {
			next, a, err = agent.Renew(ctx, tokens.Refresh)
			return a, err
		})
		if a.Status != http.StatusOK {
			t.Errorf("a refresh token that is due, or was a moment ago, is refused: %d: %.300s", a.Status, a.Body)
			return
		}
		tokens = next
	}
	use := func(ctx context.Context) (visitor.Answer, error) {
		return v.ToolAs(ctx, tokens.Access, "list_notes", map[string]any{})
	}
	if a := insist(ctx, t, "call", use); a.Status != http.StatusOK {
		t.Errorf("call with a fresh access token: status %d: %.300s", a.Status, a.Body)
	}
	if a := insist(ctx, t, "revoke", func(ctx context.Context) (visitor.Answer, error) { return agent.Revoke(ctx, tokens.Refresh) }); a.Status != http.StatusOK {
		t.Errorf("revoke: status %d: %.300s", a.Status, a.Body)
	}
	if a := insist(ctx, t, "call", use); a.Status != http.StatusUnauthorized {
		t.Errorf("call after the revocation was confirmed: status %d: %.300s", a.Status, a.Body)
	}
	if a := insist(ctx, t, "renew", func(ctx context.Context) (a visitor.Answer, err error) {
		_, a, err = agent.Renew(ctx, tokens.Refresh)
		return a, err
	}); a.Status != http.StatusBadRequest {
		t.Errorf("renew after the revocation was confirmed: status %d: %.300s", a.Status, a.Body)
	}
}
