package provider_test

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"wikibot.io/pkg/fault"
	"wikibot.io/services/auth/provider"
	"wikibot.io/services/auth/provider/providertest"
)

const redirect = "http://localhost:8080/auth/callback"

// random is what the caller of a provider makes: 256 bits, base64url.
func random() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // it never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func newAttempt(choice string) provider.Attempt {
	return provider.Attempt{State: random(), Nonce: random(), Verifier: random(), Choice: choice, RedirectURI: redirect}
}

// visitor is somebody before a browser.
type visitor interface {
	SignIn(authURL, username string) (string, error)
	Cancel(authURL string) (string, error)
}

// goThere begins the attempt and comes back with what the browser brings.
func goThere(t *testing.T, p provider.Provider, at visitor, a provider.Attempt, username string) url.Values {
	t.Helper()
	to, err := p.Begin(t.Context(), a)
	if err != nil {
		t.Fatalf("Begin: %v", err)
	}
	back, err := at.SignIn(to, username)
	if err != nil {
		t.Fatal(err)
	}
	return callback(t, a, back)
}

// callback reads the query of the address that the browser was sent to, and checks
// what the caller would check.
func callback(t *testing.T, a provider.Attempt, back string) url.Values {
	t.Helper()
	u, err := url.Parse(back)
	if err != nil || !strings.HasPrefix(back, redirect+"?") {
		t.Fatalf("the browser was sent to %q (%v), not to the redirect URI", back, err)
	}
	if got := u.Query().Get("state"); got != a.State {
		t.Fatalf("the state came back as %q, not as %q", got, a.State)
	}
	return u.Query()
}

func signIn(t *testing.T, p provider.Provider, at visitor, choice, username string) provider.Person {
	t.Helper()
	a := newAttempt(choice)
	who, err := p.Finish(t.Context(), a, goThere(t, p, at, a, username))
	if err != nil {
		t.Fatalf("Finish: %v", err)
	}
	return who
}

func startOIDC(t *testing.T, o providertest.OIDCOptions) *providertest.OIDC {
	t.Helper()
	o.Redirects = []string{redirect}
	p, err := providertest.NewOIDC(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func newOIDC(t *testing.T, o provider.OIDCOptions) provider.Provider {
	t.Helper()
	p, err := provider.OIDC(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func startWorkOS(t *testing.T, o providertest.WorkOSOptions) (*providertest.WorkOS, provider.Provider) {
	t.Helper()
	o.Redirects = []string{redirect}
	w, err := providertest.NewWorkOS(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	p, err := provider.WorkOS(provider.WorkOSOptions{ClientID: "client_test", APIKey: "sk_test", BaseURL: w.URL()})
	if err != nil {
		t.Fatal(err)
	}
	return w, p
}

// want fails unless err is of that kind, and none of the secrets is in it: not in
// the message, which people see, and not in the cause, which the log shows.
func want(t *testing.T, err error, kind fault.Kind, secrets ...string) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Fatalf("got %v (%s), want an error that is %q", err, fault.KindOf(err), kind)
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		for _, s := range secrets {
			if s != "" && strings.Contains(e.Error(), s) {
				t.Errorf("the error tells a secret: %v", e)
			}
		}
	}
}

// counting counts the requests that leave.
type counting struct{ n atomic.Int32 }

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return http.DefaultTransport.RoundTrip(r)
}
