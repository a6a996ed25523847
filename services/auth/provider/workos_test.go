package provider_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
	"wikibot.io/services/auth/provider"
	"wikibot.io/services/auth/provider/providertest"
)

const broker = "https://api.workos.com"

func TestWorkOSSignIn(t *testing.T) {
	for _, tc := range []struct {
		choice, called, behind string
		why                    string
	}{
		{"google", "GoogleOAuth", "https://accounts.google.com", "its subject is the one that Google would tell us"},
		{"github", "GitHubOAuth", "https://github.com", "the numeric id of the user"},
		{"microsoft", "MicrosoftOAuth", "https://login.microsoftonline.com/common/v2.0", "over all tenants"},
		{"apple", "AppleOAuth", "https://appleid.apple.com", "of the developer team"},
		{"authkit", "", "", "nobody is behind an e-mail code"},
		{"", "GoogleOAuth", "https://accounts.google.com", "no choice is the first one"},
	} {
		t.Run("by "+tc.choice, func(t *testing.T) {
			w, p := startWorkOS(t, providertest.WorkOSOptions{})
			got := signIn(t, p, w, tc.choice, "ada")
			want := provider.Person{
				Identities: []records.Identity{{Provider: broker, Subject: w.UserID("ada")}},
				Email:      "ada@example.org", EmailVerified: true, Name: "Ada",
			}
			if tc.behind != "" {
				want.Identities = append(want.Identities, records.Identity{Provider: tc.behind, Subject: w.ProviderSubject(tc.called, "ada")})
			}
			if d := cmp.Diff(want, got, cmpopts.IgnoreFields(provider.Person{}, "Held")); d != "" {
				t.Errorf("%s:\n%s", tc.why, d)
			}
		})
	}
}

// Who signs in by several ways has them all.
func TestWorkOSSeveralIdentities(t *testing.T) {
	w, p := startWorkOS(t, providertest.WorkOSOptions{})
	signIn(t, p, w, "github", "ada")
	got := signIn(t, p, w, "google", "ada").Identities
	if len(got) != 3 || got[0].Provider != broker {
		t.Errorf("the identities are %v", got)
	}
}

// WorkOS vouches for the address or it does not; a list of identities that cannot
// be had keeps nobody out.
func TestWorkOSWithoutIdentities(t *testing.T) {
	w, p := startWorkOS(t, providertest.WorkOSOptions{LetUnverified: true})
	w.Fail("/user_management/users/"+w.UserID("unverified-eve")+"/identities", http.StatusInternalServerError)
	got := signIn(t, p, w, "google", "unverified-eve")
	if len(got.Identities) != 1 || got.EmailVerified || got.Email == "" {
		t.Errorf("the person is %v", got)
	}
}

func TestWorkOSChoices(t *testing.T) {
	_, p := startWorkOS(t, providertest.WorkOSOptions{})
	want := []provider.Choice{
		{ID: "google", Label: "Google"}, {ID: "github", Label: "GitHub"}, {ID: "microsoft", Label: "Microsoft"},
		{ID: "apple", Label: "Apple"}, {ID: "authkit", Label: "e-mail or SSO"},
	}
	if d := cmp.Diff(want, p.Choices()); d != "" {
		t.Error(d)
	}
	if _, err := p.Begin(t.Context(), newAttempt("myspace")); !fault.Is(err, fault.Invalid) {
		t.Errorf("an unknown choice gave %v", err)
	}
}

func TestWorkOSBegin(t *testing.T) {
	p, err := provider.WorkOS(provider.WorkOSOptions{ClientID: "client_1", APIKey: "sk_1"})
	if err != nil {
		t.Fatal(err)
	}
	a := newAttempt("github")
	a.LoginHint = "ada@example.org"
	to, err := p.Begin(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Del("code_challenge")
	want := url.Values{
		"client_id": {"client_1"}, "response_type": {"code"}, "redirect_uri": {redirect}, "provider": {"GitHubOAuth"},
		"state": {a.State}, "code_challenge_method": {"S256"}, "login_hint": {"ada@example.org"},
	}
	if d := cmp.Diff(want, q); d != "" || u.Host != "api.workos.com" || u.Path != "/user_management/authorize" {
		t.Errorf("%s\n%s", to, d)
	}
}

func TestWorkOSConfiguration(t *testing.T) {
	for _, tc := range []struct {
		why string
		o   provider.WorkOSOptions
		ok  bool
	}{
		{"as it is", provider.WorkOSOptions{ClientID: "c", APIKey: "k"}, true},
		{"a domain of our own", provider.WorkOSOptions{ClientID: "c", APIKey: "k", BaseURL: "https://auth.example.org/"}, true},
		{"no key", provider.WorkOSOptions{ClientID: "c"}, false},
		{"no client", provider.WorkOSOptions{APIKey: "k"}, false},
		{"the key would be read on the way", provider.WorkOSOptions{ClientID: "c", APIKey: "k", BaseURL: "http://auth.example.org"}, false},
	} {
		if _, err := provider.WorkOS(tc.o); (err == nil) != tc.ok {
			t.Errorf("%s: %v", tc.why, err)
		}
	}
}

func TestWorkOSCancelled(t *testing.T) {
	w, p := startWorkOS(t, providertest.WorkOSOptions{})
	a := newAttempt("google")
	to, err := p.Begin(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	back, err := w.Cancel(to)
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Finish(t.Context(), a, callback(t, a, back))
	want(t, err, fault.Denied)
}

// What WorkOS wants of people first is worded for them, in either shape of error.
func TestWorkOSDemands(t *testing.T) {
	w, p := startWorkOS(t, providertest.WorkOSOptions{})
	try := func(username string) error {
		a := newAttempt("google")
		_, err := p.Finish(t.Context(), a, goThere(t, p, w, a, username))
		return err
	}
	want(t, try("unverified-eve"), fault.Denied) // as WorkOS comes, it asks for a code
	for _, code := range []string{
		"sso_required", "organization_selection_required", "mfa_enrollment", "mfa_challenge", "radar_email_challenge",
	} {
		w.Demand("ada", code)
		err := try("ada")
		want(t, err, fault.Denied)
		e, _ := errors.AsType[*fault.Error](err)
		if !strings.Contains(e.Msg, "e-mail or SSO") || strings.Contains(e.Msg, code) {
			t.Errorf("%s is worded for nobody: %s", code, e.Msg)
		}
	}
	w.Demand("ada", "something_new")
	want(t, try("ada"), fault.Unavailable)
	w.Demand("ada", "")
	held := signIn(t, p, w, "google", "ada").Held
	w.Demand("ada", "mfa_challenge")
	_, err := p.Renew(t.Context(), held)
	want(t, err, fault.Unauthenticated)
}

func TestWorkOSRenew(t *testing.T) {
	w, p := startWorkOS(t, providertest.WorkOSOptions{})
	first := signIn(t, p, w, "google", "ada").Held
	second, err := p.Renew(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Renew(t.Context(), first); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("a spent refresh token gave %v", err)
	}
	w.Fail("/user_management/authenticate", http.StatusBadGateway)
	_, err = p.Renew(t.Context(), second)
	want(t, err, fault.Unavailable, "sk_test")
	w.Fail("/user_management/authenticate", http.StatusTooManyRequests)
	_, err = p.Renew(t.Context(), second)
	want(t, err, fault.Unavailable, "sk_test")
	w.Fail("/user_management/authenticate", 0)
	if second, err = p.Renew(t.Context(), second); err != nil {
		t.Fatalf("the session was lost by an outage: %v", err)
	}
	if got := w.Sessions("ada"); len(got) != 1 {
		t.Errorf("a renewal has made sessions: %v", got)
	}
	w.EndSessions("ada")
	_, err = p.Renew(t.Context(), second)
	want(t, err, fault.Unauthenticated, "sk_test")
	if _, err := p.Renew(t.Context(), nil); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("nothing held gave %v", err)
	}
}

// A key that was changed at WorkOS signs nobody out.
func TestWorkOSWrongKey(t *testing.T) {
	w, p := startWorkOS(t, providertest.WorkOSOptions{})
	wrong, err := provider.WorkOS(provider.WorkOSOptions{ClientID: "client_test", APIKey: "sk_former", BaseURL: w.URL()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = wrong.Renew(t.Context(), signIn(t, p, w, "google", "ada").Held)
	want(t, err, fault.Unavailable, "sk_former")
}

func TestWorkOSEnd(t *testing.T) {
	w, p := startWorkOS(t, providertest.WorkOSOptions{})
	held := signIn(t, p, w, "google", "ada").Held
	held, err := p.Renew(t.Context(), held)
	if err != nil {
		t.Fatal(err)
	}
	const home = "http://localhost:8080/auth/logged-out"
	back, err := w.SignIn(p.EndURL(held, home), "")
	if err != nil {
		t.Fatal(err)
	}
	if back != home || len(w.Sessions("ada")) != 0 {
		t.Errorf("the browser was sent to %q; the sessions are %v", back, w.Sessions("ada"))
	}
	if got := p.EndURL([]byte("{}"), home); got != "" {
		t.Errorf("nothing held ends at %q", got)
	}
}

func TestWorkOSCodeReplay(t *testing.T) {
	w, p := startWorkOS(t, providertest.WorkOSOptions{})
	a := newAttempt("google")
	q := goThere(t, p, w, a, "ada")
	if _, err := p.Finish(t.Context(), a, q); err != nil {
		t.Fatal(err)
	}
	_, err := p.Finish(t.Context(), a, q)
	want(t, err, fault.Unauthenticated, q.Get("code"), a.Verifier, "sk_test")
}

// The code of somebody else, brought by a browser that has another verifier.
func TestWorkOSCodeInjection(t *testing.T) {
	w, p := startWorkOS(t, providertest.WorkOSOptions{})
	theirs, mine := newAttempt("google"), newAttempt("google")
	q := goThere(t, p, w, theirs, "ada")
	_, err := p.Finish(t.Context(), mine, q)
	want(t, err, fault.Unauthenticated, q.Get("code"), "sk_test")
}

// An address from which the challenge was taken away leads to a code without one;
// the verifier that comes with it gives that away.
func TestWorkOSPKCEDowngrade(t *testing.T) {
	w, p := startWorkOS(t, providertest.WorkOSOptions{})
	a := newAttempt("google")
	to, err := p.Begin(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	back, err := w.SignIn(without(t, to, "code_challenge", "code_challenge_method"), "ada")
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Finish(t.Context(), a, callback(t, a, back))
	want(t, err, fault.Unauthenticated)
}

// without takes parameters out of an address.
func without(t *testing.T, address string, names ...string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for _, n := range names {
		q.Del(n)
	}
	u.RawQuery = q.Encode()
	return u.String()
}
