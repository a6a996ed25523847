package rehearsal_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"wikibot.io/contracts/routes"
	"wikibot.io/services/auth/provider/providertest"
	"wikibot.io/services/rehearsal"
	"wikibot.io/services/rehearsal/chaos"
	"wikibot.io/services/rehearsal/visitor"
)

// providerSecret is what Parameter Store has, and the provider.
const providerSecret = "a secret of the tests"

// atProvider starts a fleet at which people sign in with a real provider.
func atProvider(t *testing.T, set ...func(*rehearsal.Options)) (*rehearsal.Rehearsal, *providertest.OIDC) {
	t.Helper()
	idp, err := providertest.NewOIDC(providertest.OIDCOptions{ClientSecret: providerSecret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := idp.Close(); err != nil {
			t.Error(err)
		}
	})
	r := start(t, append(set, func(o *rehearsal.Options) {
		o.SignIn = &rehearsal.SignIn{Kind: "oidc", Issuer: idp.URL(), ClientID: "wikibot", Secret: providerSecret}
	}, trusting(t, idp.URL()))...)
	idp.Allow(r.URL() + "/auth/callback")
	return r, idp
}

// trusting has the templates as a stage that trusts an issuer has them: the two
// functions are told, and the keys are fetched by the clock.
func trusting(t *testing.T, issuer string) func(*rehearsal.Options) {
	list, err := json.Marshal([]map[string]string{{"issuer": issuer, "role": "viewer"}})
	if err != nil {
		t.Fatal(err)
	}
	return func(o *rehearsal.Options) {
		o.Templates = broken(t, func(rs map[string]resource) {
			for _, id := range []string{"AuthFunction", "McpFunction"} {
				if f := rs[id]; f != nil {
					f["Properties"].(map[string]any)["Environment"].(map[string]any)["Variables"].(map[string]any)["WIKIBOT_TRUSTED_ISSUERS"] = string(list)
				}
			}
			for from, to := range map[string]string{"AuthForgetDepartedSchedule": "AuthFetchIssuerKeysSchedule", "AuthForgetDepartedInvokes": "AuthFetchIssuerKeysInvokes"} {
				if rs[from] == nil {
					continue
				}
				text, _ := json.Marshal(rs[from]) // it was JSON before
				text = []byte(strings.NewReplacer("forget-departed", "fetch-issuer-keys", "AuthForgetDeparted", "AuthFetchIssuerKeys").Replace(string(text)))
				var copied map[string]any
				if err := json.Unmarshal(text, &copied); err != nil {
					t.Fatal(err)
				}
				rs[to] = copied
			}
		})
	}
}

// person is somebody with a browser who signs in at the provider.
func person(t *testing.T, r *rehearsal.Rehearsal, address string) *visitor.Visitor {
	t.Helper()
	v, err := visitor.New(r.URL())
	if err != nil {
		t.Fatal(err)
	}
	v.From(address)
	return v
}

// signInAt goes to the provider and back, and chooses a username if it is asked.
// Each step is repeated while it cannot be done for the time being.
func signInAt(ctx context.Context, t *testing.T, v *visitor.Visitor, idp *providertest.OIDC, name string) error {
	for range 30 {
		begun := insist(ctx, t, "begin sign-in", func(ctx context.Context) (visitor.Answer, error) {
			return v.Get(ctx, v.Root("/auth/login?return_to=%2Fapp%2F"), false, "Accept", "text/html")
		})
		to := begun.Header.Get("Location")
		if !strings.HasPrefix(to, idp.URL()) {
			return fmt.Errorf("it leads to %q (%d), not to the provider: %.300s", to, begun.Status, begun.Body)
		}
		back, err := idp.SignIn(to, name)
		if err != nil {
			return err
		}
		done, err := v.Get(ctx, back, false, "Accept", "text/html")
		if err != nil || done.Status != http.StatusSeeOther {
			continue // the attempt is used up: begin anew, as the page says
		}
		if !strings.HasPrefix(done.Header.Get("Location"), "/auth/welcome") {
			return nil
		}
		a := insist(ctx, t, "choose a username", func(ctx context.Context) (visitor.Answer, error) { return v.Welcome(ctx, name) })
		if a.Status == http.StatusSeeOther {
			return nil
		}
		// It was done, and nobody heard of it: the next attempt finds who they are.
	}
	return fmt.Errorf("%s was never let in", name)
}

// Parameter Store, which has the secret at the provider, is away while functions
// start, and comes back; then it is away once more. Who is in notices nothing of
// either, and who wants in is told to come again only until it was read once.
func TestParameterStoreIsAway(t *testing.T) {
	r, idp := atProvider(t)
	down := rehearsal.Weather{Parameters: chaos.Rates{Fail: 1}}
	if err := r.SetWeather(down); err != nil {
		t.Fatal(err)
	}
	r.Reset() // whatever was read is forgotten
	ada := person(t, r, "127.0.0.2")
	a, err := ada.Get(t.Context(), ada.Root("/auth/login"), false, "Accept", "text/html")
	if err != nil || a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" || !strings.Contains(string(a.Body), "<html") {
		t.Errorf("sign-in without its secret: status %d, Retry-After %q, %v, want a page that says 503: %.300s", a.Status, a.Header.Get("Retry-After"), err, a.Body)
	}
	if a, err := ada.Get(t.Context(), ada.Root("/.well-known/jwks.json"), true); err != nil || a.Status != http.StatusOK {
		t.Errorf("the public keys meanwhile: status %d, %v", a.Status, err)
	}
	if err := r.SetWeather(rehearsal.Weather{}); err != nil {
		t.Fatal(err)
	}
	r.Reset()
	if err := signInAt(t.Context(), t, ada, idp, "ada"); err != nil {
		t.Fatal(err)
	}
	if err := r.SetWeather(down); err != nil {
		t.Fatal(err)
	}
	if err := signInAt(t.Context(), t, person(t, r, "127.0.0.3"), idp, "bea"); err != nil {
		t.Errorf("a process that knows the secret does not let in: %v", err)
	}
	r.Reset()
	if a, err := ada.Get(t.Context(), ada.Root("/api/me"), false); err != nil || a.Status != http.StatusOK {
		t.Errorf("somebody who is in: status %d, %v", a.Status, err)
	}
	unrefused(t, r)
}

// What is asked of a deployment is answered well by one with a provider, and not by
// one that cannot read its secret.
func TestSmokeAtAProvider(t *testing.T) {
	r, _ := atProvider(t)
	smoke := func() (string, error) {
		cmd := exec.Command(repository+"/scripts/smoke", r.URL())
		cmd.Env = append(os.Environ(), "WAIT=0")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if said, err := smoke(); err != nil {
		t.Errorf("%v\n%s", err, said)
	}
	if err := r.SetWeather(rehearsal.Weather{Parameters: chaos.Rates{Fail: 1}}); err != nil {
		t.Fatal(err)
	}
	r.Reset()
	if said, err := smoke(); err == nil || !strings.Contains(said, "FAILED  the sign-in page") {
		t.Errorf("without the secret: %v\n%s", err, said)
	}
}

// People sign in at a provider while tables, Secrets Manager and Parameter Store
// fail: all of them get in, each is one user, and who signs out stays out.
func TestSignInAtAProviderInAStorm(t *testing.T) {
	r, idp := atProvider(t)
	weather := badTables
	weather.Others, weather.Parameters = rehearsal.Storm.Others, rehearsal.Storm.Parameters
	if err := r.SetWeather(weather); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for n, name := range []string{"ada", "bea"} {
		ids := map[string]bool{}
		for device := range 2 {
			v := person(t, r, fmt.Sprintf("127.0.%d.%d", 1+n, 2+device))
			if err := signInAt(ctx, t, v, idp, name); err != nil {
				t.Fatal(err)
			}
			me := insist(ctx, t, "who am I", func(ctx context.Context) (visitor.Answer, error) { return v.Get(ctx, v.Root("/api/me"), false) })
			var said struct {
				User struct {
					ID       string `json:"id"`
					Username string `json:"username"`
				} `json:"user"`
			}
			if err := json.Unmarshal(me.Body, &said); err != nil || me.Status != http.StatusOK {
				t.Fatalf("who am I: %d %v: %s", me.Status, err, me.Body)
			}
			ids[string(me.Body)] = true
			if device == 1 {
				signOutForGood(ctx, t, v)
			}
		}
		if len(ids) != 1 {
			t.Errorf("%s is several people: %v", name, ids)
		}
	}
	if err := r.SetWeather(rehearsal.Weather{}); err != nil {
		t.Fatal(err)
	}
	settle(t, r)
	unrefused(t, r)
}

// signOutForGood signs a browser out and goes on with the cookies that it had.
func signOutForGood(ctx context.Context, t *testing.T, v *visitor.Visitor) {
	t.Helper()
	cookies := v.Cookies()
	out := insist(ctx, t, "sign out", func(ctx context.Context) (visitor.Answer, error) { return v.SignOut(ctx) })
	if out.Status != http.StatusSeeOther && out.Status != http.StatusOK {
		t.Errorf("sign out: status %d: %.300s", out.Status, out.Body)
		return
	}
	for _, door := range []struct{ method, path string }{{http.MethodGet, "/api/me"}, {http.MethodPost, "/auth/refresh"}} {
		a := insist(ctx, t, "go on", func(ctx context.Context) (visitor.Answer, error) {
			return v.Send(ctx, door.method, v.Root(door.path), "Cookie", cookies, "Origin", v.Root(""))
		})
		if a.Status != http.StatusUnauthorized {
			t.Errorf("%s with the cookies of a session that has ended: status %d, want 401: %.300s", door.path, a.Status, a.Body)
		}
	}
}

// A trusted issuer's tokens open wikis at the function for agents, which lives in
// a network without a way out: another one fetches the keys, by the clock.
func TestForeignTokensOpenWikis(t *testing.T) {
	r, idp := atProvider(t)
	ada := person(t, r, "127.0.0.2")
	if err := signInAt(t.Context(), t, ada, idp, "ada"); err != nil {
		t.Fatal(err)
	}
	if a, err := ada.CreateWiki(t.Context(), "ada", false); err != nil || a.Status != http.StatusCreated {
		t.Fatalf("create wiki: %d, %v: %s", a.Status, err, a.Body)
	}
	bea := person(t, r, "127.0.0.3")
	if err := signInAt(t.Context(), t, bea, idp, "bea"); err != nil {
		t.Fatal(err)
	}
	stranger, err := providertest.NewOIDC(providertest.OIDCOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	resource := ada.Wiki("/mcp")
	const reads, writes = `list_notes`, `write_note`
	page := map[string]any{"path": "By foreigner", "content": "x"}
	for _, c := range []struct {
		why    string
		by     *providertest.OIDC
		access providertest.Access
		tool   string
		want   int
	}{
		{"the owner reads", idp, providertest.Access{Username: "ada", Audience: resource}, reads, http.StatusOK},
		{"without a scope of ours it may do what the issuer is trusted with", idp, providertest.Access{Username: "ada", Audience: resource}, writes, http.StatusForbidden},
		{"a scope of ours says more", idp, providertest.Access{Username: "ada", Audience: resource, Scope: "openid wiki:write"}, writes, http.StatusOK},
		{"another's wiki", idp, providertest.Access{Username: "bea", Audience: resource, Scope: "wiki:read"}, reads, http.StatusNotFound},
		{"somebody without an account", idp, providertest.Access{Username: "eve", Audience: resource}, reads, http.StatusUnauthorized},
		{"another wiki's token", idp, providertest.Access{Username: "ada", Audience: strings.Replace(resource, "ada.", "bea.", 1)}, reads, http.StatusUnauthorized},
		{"it has expired", idp, providertest.Access{Username: "ada", Audience: resource, Life: -time.Hour}, reads, http.StatusUnauthorized},
		{"an issuer that nobody trusts", stranger, providertest.Access{Username: "ada", Audience: resource}, reads, http.StatusUnauthorized},
		{"one that uses a trusted one's name", stranger, providertest.Access{Username: "ada", Audience: resource, Issuer: idp.URL()}, reads, http.StatusUnauthorized},
		{"one that uses ours", idp, providertest.Access{Username: "ada", Audience: resource, Issuer: r.URL()}, reads, http.StatusUnauthorized},
	} {
		token, err := c.by.AccessToken(c.access)
		if err != nil {
			t.Fatal(err)
		}
		a, err := ada.ToolAs(t.Context(), token, c.tool, page)
		if err != nil || a.Status != c.want {
			t.Errorf("%s: status %d, %v, want %d: %.300s", c.why, a.Status, err, c.want, a.Body)
		}
	}
	rotated(t, r, idp, ada)
	unrefused(t, r)
}

// rotated signs with a key that was not there when the keys were copied: it opens
// nothing until they are copied again, and then it does.
func rotated(t *testing.T, r *rehearsal.Rehearsal, idp *providertest.OIDC, ada *visitor.Visitor) {
	t.Helper()
	if err := idp.RotateKeys(); err != nil {
		t.Fatal(err)
	}
	token, err := idp.AccessToken(providertest.Access{Username: "ada", Audience: ada.Wiki("/mcp")})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{http.StatusUnauthorized, http.StatusOK} {
		r.Reset() // processes look for a key that they do not know every ten seconds at most
		if a, err := ada.ToolAs(t.Context(), token, "list_notes", nil); err != nil || a.Status != want {
			t.Errorf("after the issuer's rotation: status %d, %v, want %d: %.300s", a.Status, err, want, a.Body)
		}
		if out, err := r.Function(routes.Auth).Invoke(t.Context(), []byte(`{"schedule":"fetch-issuer-keys"}`)); err != nil {
			t.Errorf("fetch the keys: %v: %s", err, out)
		}
	}
}
