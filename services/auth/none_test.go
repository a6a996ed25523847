package auth_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"wikibot.io/pkg/account"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/web"
	"wikibot.io/services/auth"
)

func newSiteWithout(t *testing.T) *site {
	t.Helper()
	return newSiteWith(t, func(h web.Hosts, _ auth.Users) (auth.SignIn, error) { return auth.None(h) })
}

func TestSignInThatIsNotSetUp(t *testing.T) {
	s := newSiteWithout(t)
	for why, rw := range map[string]interface {
		Result() *http.Response
	}{
		"the page":               s.send(t, http.MethodGet, "/auth/login", nil),
		"on the way to a wiki":   s.send(t, http.MethodGet, "/auth/login?return_to=http://ada.wikibot.localhost:8080/", nil),
		"another driver's form":  s.post(t, "/auth/login", "email", "ada@example.org", "username", "ada"),
		"a form of another type": s.send(t, http.MethodPost, "/auth/login", strings.NewReader("{}"), "Origin", base, "Content-Type", "application/json"),
	} {
		res := rw.Result()
		if res.StatusCode != http.StatusServiceUnavailable || len(res.Cookies()) != 0 || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: status %d, cookies %v, want 503 and none", why, res.StatusCode, res.Cookies())
		}
	}
	page := s.send(t, http.MethodGet, "/auth/login", nil).Body.String()
	if !strings.Contains(page, "<h1>Nobody can sign in yet</h1>") || !strings.Contains(page, "Sign-in is not set up on this installation.") || strings.Contains(page, "<form") {
		t.Errorf("page %s", page)
	}
	if _, err := s.records.UserByEmail(t.Context(), "ada@example.org"); err == nil {
		t.Error("a user was made")
	}
}

// TestEverythingElseWorksWithoutSignIn: an installation that loses its identity
// provider must not lose its sessions.
func TestEverythingElseWorksWithoutSignIn(t *testing.T) {
	s := newSiteWithout(t)
	ada, err := account.Register(t.Context(), s.records, account.Registration{Email: "ada@example.org", Username: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := s.signer.Issue(t.Context(), ada, "s1", time.Now(), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	cookie := identity.RootCookie + "=" + tokens.Root
	wantRedirect(t, s.send(t, http.MethodGet, "/auth/login?return_to=/app/x", nil, "Cookie", cookie), "/app/x")
	if rw := s.send(t, http.MethodGet, "/auth/logout", nil, "Cookie", cookie); rw.Code != http.StatusOK {
		t.Errorf("sign-out page: %d", rw.Code)
	}
	wantRedirect(t, s.post(t, "/auth/logout"), "/auth/logged-out")
	for _, path := range []string{"/.well-known/jwks.json", "/auth/logged-out"} {
		if rw := s.send(t, http.MethodGet, path, nil); rw.Code != http.StatusOK {
			t.Errorf("%s: %d", path, rw.Code)
		}
	}
}
