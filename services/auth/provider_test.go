package auth_test

import (
	"net/http"
	"strings"
	"testing"

	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
	"wikibot.io/services/auth"
	"wikibot.io/services/auth/provider"
	"wikibot.io/services/auth/provider/providertest"
)

// people is somebody before a provider's own pages.
type people interface {
	SignIn(authURL, username string) (string, error)
	Cancel(authURL string) (string, error)
}

// TestRealProviders goes the whole way with both kinds of provider: discovery,
// PKCE, nonce, code and tokens are theirs.
func TestRealProviders(t *testing.T) {
	callback := base + "/auth/callback"
	idp, err := providertest.NewOIDC(providertest.OIDCOptions{ClientSecret: "secret", Redirects: []string{callback}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { idp.Close() })
	workOS, err := providertest.NewWorkOS(providertest.WorkOSOptions{Redirects: []string{callback}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { workOS.Close() })
	atIDP, err := provider.OIDC(provider.OIDCOptions{Issuer: idp.URL(), ClientID: "wikibot", ClientSecret: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	atWorkOS, err := provider.WorkOS(provider.WorkOSOptions{ClientID: "client_test", APIKey: "sk_test", BaseURL: workOS.URL()})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		p      provider.Provider
		people people
	}{{"OpenID Connect", atIDP, idp}, {"WorkOS", atWorkOS, workOS}} {
		t.Run(c.name, func(t *testing.T) { wholeWay(t, c.p, c.people) })
	}
}

func wholeWay(t *testing.T, p provider.Provider, at people) {
	s := newSiteWith(t, func(h web.Hosts, u auth.Users) (auth.SignIn, error) {
		return auth.Remote(auth.RemoteDeps{Hosts: h, Provider: p, Tickets: u.(records.Tickets)})
	})
	there := func(b *browser) string {
		return b.get(t, "/auth/login?return_to=/app/x&choice="+p.Choices()[0].ID).Header().Get("Location")
	}
	b := s.browser(t)
	back, err := at.SignIn(there(b), "ada")
	if err != nil {
		t.Fatal(err)
	}
	wantRedirect(t, b.get(t, back), "/auth/welcome")
	if got := suggested(t, b.get(t, "/auth/welcome").Body.String()); got != "ada" {
		t.Errorf("suggested %q", got)
	}
	wantRedirect(t, b.post(t, "/auth/welcome", "username", "countess"), "/app/x")

	again := s.browser(t)
	if back, err = at.SignIn(there(again), "ada"); err != nil {
		t.Fatal(err)
	}
	wantRedirect(t, again.get(t, back), "/app/x")
	if again.username(t) != "countess" {
		t.Errorf("signed in as %q", again.username(t))
	}
	if rw := again.get(t, back); rw.Header().Get("Location") != "/app/x" || again.session(t).Provider == "" {
		t.Errorf("reloaded: %d", rw.Code)
	}
	rw := again.post(t, "/auth/logout")
	if rw.Code != http.StatusOK || !strings.Contains(rw.Header().Get("Refresh"), "http") || again.username(t) != "" {
		t.Errorf("sign-out: %d, on to %q", rw.Code, rw.Header().Get("Refresh"))
	}

	if back, err = at.Cancel(there(again)); err != nil {
		t.Fatal(err)
	}
	if rw := again.get(t, back); rw.Code != http.StatusForbidden || !strings.Contains(rw.Body.String(), "called off") {
		t.Errorf("cancelled: %d %s", rw.Code, rw.Body)
	}
}
