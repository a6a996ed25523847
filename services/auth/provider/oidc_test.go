package provider_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
	"wikibot.io/services/auth/provider"
	"wikibot.io/services/auth/provider/providertest"
)

const secret = "the secret of the client"

func TestOIDCSignIn(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		idp       providertest.OIDCOptions
		secret    string
		username  string
		verified  bool
	}{
		{name: "confidential", why: "the usual application, with a secret", idp: providertest.OIDCOptions{ClientSecret: secret}, secret: secret, username: "ada", verified: true},
		{name: "public", why: "an issuer may give no secret; PKCE stands in for it", username: "grace", verified: true},
		{name: "unverified", why: "what the issuer does not vouch for must not be taken as vouched for", username: "unverified-eve"},
		{name: "lean ID token", why: "many issuers tell the e-mail address by the userinfo alone", idp: providertest.OIDCOptions{LeanToken: true}, username: "ada", verified: true},
		{name: "lean and unverified", why: "the userinfo vouches no more than the ID token", idp: providertest.OIDCOptions{LeanToken: true}, username: "unverified-eve"},
		{name: "no refresh tokens", why: "it is an offer of the issuer, which some do not make", idp: providertest.OIDCOptions{NoRefresh: true}, username: "ada", verified: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			idp := startOIDC(t, tc.idp)
			p := newOIDC(t, provider.OIDCOptions{Issuer: idp.URL(), ClientID: "wikibot", ClientSecret: tc.secret})
			got := signIn(t, p, idp, "", tc.username)
			person, err := providertest.PersonOf(tc.username)
			if err != nil {
				t.Fatal(err)
			}
			want := provider.Person{
				Identities: []records.Identity{{Provider: idp.URL(), Subject: tc.username}},
				Email:      person.Email, EmailVerified: tc.verified, Name: person.Name, Nickname: tc.username,
			}
			if d := cmp.Diff(want, got, cmpopts.IgnoreFields(provider.Person{}, "Held")); d != "" {
				t.Errorf("%s:\n%s", tc.why, d)
			}
			if len(got.Held) == 0 {
				t.Error("nothing is held: nobody could end the session at the issuer")
			}
		})
	}
}

func TestOIDCChoices(t *testing.T) {
	for _, tc := range []struct{ label, want string }{{"", "id.example.org"}, {"Example", "Example"}} {
		p := newOIDC(t, provider.OIDCOptions{Issuer: "https://id.example.org/realms/one", ClientID: "c", Label: tc.label})
		if got := p.Choices(); len(got) != 1 || got[0].Label != tc.want || got[0].ID == "" {
			t.Errorf("with the label %q the choices are %v", tc.label, got)
		}
	}
}

func TestOIDCConfiguration(t *testing.T) {
	for _, tc := range []struct {
		why string
		o   provider.OIDCOptions
		ok  bool
	}{
		{"an issuer on the web", provider.OIDCOptions{Issuer: "https://id.example.org", ClientID: "c"}, true},
		{"an issuer on this machine, by name", provider.OIDCOptions{Issuer: "http://localhost:9000", ClientID: "c"}, true},
		{"an issuer on this machine, by address", provider.OIDCOptions{Issuer: "http://[::1]:9000/realms/x", ClientID: "c"}, true},
		{"who listens on the way reads the secret", provider.OIDCOptions{Issuer: "http://id.example.org", ClientID: "c"}, false},
		{"a name that only begins like this machine", provider.OIDCOptions{Issuer: "http://localhost.example.org", ClientID: "c"}, false},
		{"no client", provider.OIDCOptions{Issuer: "https://id.example.org"}, false},
		{"no issuer", provider.OIDCOptions{ClientID: "c"}, false},
		{"Discovery 1.0 section 2 knows no query", provider.OIDCOptions{Issuer: "https://id.example.org?x=1", ClientID: "c"}, false},
		{"nor a fragment", provider.OIDCOptions{Issuer: "https://id.example.org#x", ClientID: "c"}, false},
		{"nor a user", provider.OIDCOptions{Issuer: "https://u:p@id.example.org", ClientID: "c"}, false},
	} {
		if _, err := provider.OIDC(tc.o); (err == nil) != tc.ok {
			t.Errorf("%s: %q gave %v", tc.why, tc.o.Issuer, err)
		}
	}
}

// The address has all that the protocol asks for, and nothing is asked before
// somebody wants to sign in, nor twice.
func TestOIDCBegin(t *testing.T) {
	idp := startOIDC(t, providertest.OIDCOptions{})
	asked := &counting{}
	p := newOIDC(t, provider.OIDCOptions{Issuer: idp.URL(), ClientID: "wikibot", Client: &http.Client{Transport: asked}})
	if p.EndURL(nil, redirect) != "" || asked.n.Load() != 0 {
		t.Fatal("the issuer was asked, or known, before the first attempt")
	}
	a := newAttempt("")
	a.LoginHint = "ada@example.org"
	for range 3 {
		to, err := p.Begin(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(to)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		if len(q.Get("code_challenge")) != 43 || q.Get("code_challenge") == a.Verifier {
			t.Errorf("the challenge is %q", q.Get("code_challenge"))
		}
		q.Del("code_challenge")
		want := url.Values{
			"client_id": {"wikibot"}, "response_type": {"code"}, "response_mode": {"query"}, "redirect_uri": {redirect},
			"state": {a.State}, "nonce": {a.Nonce}, "code_challenge_method": {"S256"},
			"scope": {"openid email profile offline_access"}, "login_hint": {"ada@example.org"},
		}
		if d := cmp.Diff(want, q); d != "" {
			t.Error(d)
		}
	}
	if n := asked.n.Load(); n != 1 {
		t.Errorf("the issuer was asked %d times for its document", n)
	}
	a.Choice = "google"
	if _, err := p.Begin(t.Context(), a); !fault.Is(err, fault.Invalid) {
		t.Errorf("an unknown choice gave %v", err)
	}
}

func TestOIDCCancelled(t *testing.T) {
	idp := startOIDC(t, providertest.OIDCOptions{})
	p := newOIDC(t, provider.OIDCOptions{Issuer: idp.URL(), ClientID: "wikibot"})
	a := newAttempt("")
	to, err := p.Begin(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	back, err := idp.Cancel(to)
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Finish(t.Context(), a, callback(t, a, back))
	want(t, err, fault.Denied)
}

func TestOIDCRenew(t *testing.T) {
	idp := startOIDC(t, providertest.OIDCOptions{ClientSecret: secret})
	p := newOIDC(t, provider.OIDCOptions{Issuer: idp.URL(), ClientID: "wikibot", ClientSecret: secret})
	first := signIn(t, p, idp, "", "ada").Held
	second, err := p.Renew(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Renew(t.Context(), first); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("a spent refresh token gave %v", err)
	}
	// The browser that asks may go away at any moment: the answer must not be lost.
	gone, leave := context.WithCancel(t.Context())
	leave()
	third, err := p.Renew(gone, second)
	if err != nil {
		t.Fatalf("a browser that has gone away lost its session: %v", err)
	}
	if err := idp.RotateKeys(); err != nil {
		t.Fatal(err)
	}
	if third, err = p.Renew(t.Context(), third); err != nil {
		t.Fatalf("after the issuer's keys were rotated: %v", err)
	}
	idp.EndSessions("ada")
	_, err = p.Renew(t.Context(), third)
	want(t, err, fault.Unauthenticated, secret)
}

// Some issuers leave refresh tokens as they are, and say so by giving no new one.
func TestOIDCRenewKeeps(t *testing.T) {
	idp := startOIDC(t, providertest.OIDCOptions{KeepRefresh: true})
	p := newOIDC(t, provider.OIDCOptions{Issuer: idp.URL(), ClientID: "wikibot"})
	held := signIn(t, p, idp, "", "ada").Held
	for range 3 {
		var err error
		if held, err = p.Renew(t.Context(), held); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOIDCRenewNothing(t *testing.T) {
	idp := startOIDC(t, providertest.OIDCOptions{NoRefresh: true})
	p := newOIDC(t, provider.OIDCOptions{Issuer: idp.URL(), ClientID: "wikibot"})
	for name, held := range map[string][]byte{
		"no refresh token": signIn(t, p, idp, "", "ada").Held,
		"nothing":          nil,
		"not ours":         []byte(`{"refresh_token":"x"}`),
		"another issuer's": []byte(`{"iss":"https://former.example.org","sub":"ada","refresh_token":"x"}`),
	} {
		if _, err := p.Renew(t.Context(), held); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A session goes on while the issuer cannot be asked: nobody knows that it ended.
func TestOIDCRenewUnreachable(t *testing.T) {
	idp := startOIDC(t, providertest.OIDCOptions{})
	p := newOIDC(t, provider.OIDCOptions{Issuer: idp.URL(), ClientID: "wikibot"})
	held := signIn(t, p, idp, "", "ada").Held
	if err := idp.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := p.Renew(t.Context(), held)
	want(t, err, fault.Unavailable)
}

// A secret that was changed at the issuer is our fault: nobody is signed out for it.
func TestOIDCRenewWrongSecret(t *testing.T) {
	idp := startOIDC(t, providertest.OIDCOptions{ClientSecret: secret})
	right := newOIDC(t, provider.OIDCOptions{Issuer: idp.URL(), ClientID: "wikibot", ClientSecret: secret})
	wrong := newOIDC(t, provider.OIDCOptions{Issuer: idp.URL(), ClientID: "wikibot", ClientSecret: "a former one"})
	held := signIn(t, right, idp, "", "ada").Held
	_, err := wrong.Renew(t.Context(), held)
	want(t, err, fault.Unavailable, "a former one")
	if _, err := right.Renew(t.Context(), held); err != nil {
		t.Errorf("the refresh token was spent by that: %v", err)
	}
}

func TestOIDCEnd(t *testing.T) {
	idp := startOIDC(t, providertest.OIDCOptions{})
	p := newOIDC(t, provider.OIDCOptions{Issuer: idp.URL(), ClientID: "wikibot"})
	held := signIn(t, p, idp, "", "ada").Held
	// Another process, which has asked the issuer for nothing, knows where to go too.
	other := newOIDC(t, provider.OIDCOptions{Issuer: idp.URL(), ClientID: "wikibot"})
	const home = "http://localhost:8080/auth/logged-out"
	end := p.EndURL(held, home)
	if end == "" || other.EndURL(held, home) != end {
		t.Fatalf("the session ends at %q, by another process at %q", end, other.EndURL(held, home))
	}
	back, err := idp.SignIn(end, "")
	if err != nil {
		t.Fatal(err)
	}
	if back != home {
		t.Errorf("after the end the browser was sent to %q", back)
	}
	if _, err := p.Renew(t.Context(), held); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("the session lives on: %v", err)
	}
}
