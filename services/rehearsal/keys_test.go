package rehearsal_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"wikibot.io/contracts/routes"
	"wikibot.io/services/rehearsal"
	"wikibot.io/services/rehearsal/visitor"
)

// Keys are looked at, and one is replaced, again and again while people read and
// agents call: nobody is refused, and no token that was good stops being so.
func TestKeysRotateUnderLoad(t *testing.T) {
	r := start(t)
	v := signUp(t, r, "ada", false)
	agent, tokens, err := v.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	known := keyIDs(t, v)
	var calls atomic.Int64
	var readers sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	for door, call := range map[string]func() (visitor.Answer, error){
		"browser": func() (visitor.Answer, error) { return v.View(t.Context(), "") },
		"app":     func() (visitor.Answer, error) { return v.Get(t.Context(), v.Root("/api/me"), false) },
		"agent":   func() (visitor.Answer, error) { return v.ToolAs(t.Context(), tokens.Access, "list_notes", nil) },
	} {
		readers.Go(func() {
			for ctx.Err() == nil {
				if a, err := call(); err != nil || a.Status != http.StatusOK {
					t.Errorf("%s, while keys are rotated: %d, %v: %.300s", door, a.Status, err, a.Body)
					return
				}
				calls.Add(1)
			}
		})
	}
	for round := range 4 {
		for _, name := range []string{"begin-rotation", "rotate-keys"} {
			tellAuth(t, r, name)
		}
		if round%2 == 1 {
			r.Reset() // processes that have just come know the keys of the moment alone
		}
		if next, a, err := agent.Renew(t.Context(), tokens.Refresh); err != nil || a.Status != http.StatusOK {
			t.Errorf("renew: %d, %v: %s", a.Status, err, a.Body)
		} else {
			tokens.Refresh = next.Refresh
			if a, err := v.ToolAs(t.Context(), next.Access, "list_notes", nil); err != nil || a.Status != http.StatusOK {
				t.Errorf("call with what was signed now: %d, %v: %s", a.Status, err, a.Body)
			}
		}
	}
	stop()
	readers.Wait()
	now := keyIDs(t, v)
	for id := range known {
		if !now[id] {
			t.Errorf("key %s, which tokens are signed with, is not published any more", id)
		}
	}
	if len(now) <= len(known) || calls.Load() < 20 {
		t.Errorf("%d keys before, %d after, %d calls: that shows nothing", len(known), len(now), calls.Load())
	}
	unrefused(t, r)
}

// When all keys are replaced, what they signed is worth nothing to whoever made
// or took it; people and agents who hold a secret of their own go on with that.
func TestReplacedKeysSignNothing(t *testing.T) {
	r := start(t)
	v := signUp(t, r, "ada", false)
	agent, tokens, err := v.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	known := keyIDs(t, v)
	tellAuth(t, r, "replace-keys")
	r.Reset() // or a quarter of an hour later
	for id := range keyIDs(t, v) {
		if known[id] {
			t.Errorf("key %s is still published", id)
		}
	}
	if a, err := v.ToolAs(t.Context(), tokens.Access, "list_notes", nil); err != nil || a.Status != http.StatusUnauthorized {
		t.Errorf("an access token of the old keys: %d, %v", a.Status, err)
	}
	if a, err := v.Get(t.Context(), v.Root("/api/me"), false); err != nil || a.Status != http.StatusUnauthorized {
		t.Errorf("a session of the old keys: %d, %v", a.Status, err)
	}
	if a, err := v.Post(t.Context(), v.Root("/auth/refresh"), nil); err != nil || a.Status != http.StatusOK {
		t.Errorf("the browser renews its session: %d, %v: %s", a.Status, err, a.Body)
	}
	if a, err := v.Get(t.Context(), v.Root("/api/me"), false); err != nil || a.Status != http.StatusOK {
		t.Errorf("and goes on: %d, %v", a.Status, err)
	}
	next, a, err := agent.Renew(t.Context(), tokens.Refresh)
	if err != nil || a.Status != http.StatusOK {
		t.Errorf("the agent renews its token: %d, %v: %s", a.Status, err, a.Body)
	}
	if a, err := v.ToolAs(t.Context(), next.Access, "list_notes", nil); err != nil || a.Status != http.StatusOK {
		t.Errorf("and goes on: %d, %v: %s", a.Status, err, a.Body)
	}
	unrefused(t, r)
}

// tellAuth runs a schedule, as scripts/operate does.
func tellAuth(t *testing.T, r *rehearsal.Rehearsal, schedule string) {
	t.Helper()
	if out, err := r.Function(routes.Auth).Invoke(t.Context(), fmt.Appendf(nil, `{"schedule":%q}`, schedule)); err != nil {
		t.Fatalf("%s: %v: %s", schedule, err, out)
	}
}

// keyIDs are the public keys as the origin has them: the edge keeps what it showed
// for minutes, so each call asks for an address of its own.
func keyIDs(t *testing.T, v *visitor.Visitor) map[string]bool {
	t.Helper()
	a, err := v.Get(t.Context(), v.Root("/.well-known/jwks.json?"+rand.Text()), true)
	if err != nil || a.Status != http.StatusOK {
		t.Fatalf("public keys: %d, %v", a.Status, err)
	}
	var set struct{ Keys []struct{ Kid string } }
	if err := json.Unmarshal(a.Body, &set); err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, k := range set.Keys {
		ids[k.Kid] = true
	}
	return ids
}
