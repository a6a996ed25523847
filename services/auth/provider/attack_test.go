package provider_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"wikibot.io/pkg/fault"
	"wikibot.io/services/auth/provider"
	"wikibot.io/services/auth/provider/providertest"
)

// secrets are what no error may tell.
var secrets = []string{secret, "the code", "the access token", "the refresh token"}

func TestOIDCCodeReplay(t *testing.T) {
	idp := startOIDC(t, providertest.OIDCOptions{})
	p := newOIDC(t, provider.OIDCOptions{Issuer: idp.URL(), ClientID: "wikibot"})
	a := newAttempt("")
	q := goThere(t, p, idp, a, "ada")
	if _, err := p.Finish(t.Context(), a, q); err != nil {
		t.Fatal(err)
	}
	_, err := p.Finish(t.Context(), a, q)
	want(t, err, fault.Unauthenticated, q.Get("code"), a.Verifier)
}

// RFC 9700 4.5: a code of the attacker, or of the victim, in the other's browser.
func TestOIDCCodeInjection(t *testing.T) {
	idp := startOIDC(t, providertest.OIDCOptions{ClientSecret: secret})
	p := newOIDC(t, provider.OIDCOptions{Issuer: idp.URL(), ClientID: "wikibot", ClientSecret: secret})
	theirs, mine := newAttempt(""), newAttempt("")
	q := goThere(t, p, idp, theirs, "ada")
	_, err := p.Finish(t.Context(), mine, q)
	want(t, err, fault.Unauthenticated, q.Get("code"), secret)
}

// RFC 9700 4.5.3.2: a code from an attempt that somebody took the verifier's place
// in, so that only the nonce tells.
func TestOIDCWrongNonce(t *testing.T) {
	idp := startOIDC(t, providertest.OIDCOptions{})
	p := newOIDC(t, provider.OIDCOptions{Issuer: idp.URL(), ClientID: "wikibot"})
	a := newAttempt("")
	q := goThere(t, p, idp, a, "ada")
	a.Nonce = random()
	_, err := p.Finish(t.Context(), a, q)
	want(t, err, fault.Unauthenticated)
}

// RFC 9700 4.8.2: the challenge is taken out of the address on the way.
func TestOIDCPKCEDowngrade(t *testing.T) {
	idp := startOIDC(t, providertest.OIDCOptions{ClientSecret: secret})
	p := newOIDC(t, provider.OIDCOptions{Issuer: idp.URL(), ClientID: "wikibot", ClientSecret: secret})
	a := newAttempt("")
	to, err := p.Begin(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	back, err := idp.SignIn(without(t, to, "code_challenge", "code_challenge_method"), "ada")
	if err != nil {
		t.Fatal(err)
	}
	if _, err = p.Finish(t.Context(), a, callback(t, a, back)); err == nil {
		t.Error("a code without a challenge was redeemed")
	}
}

// An attempt without its random values would protect nobody: it is a mistake of
// the caller, who learns of it before a browser does.
func TestAttemptWithoutProtection(t *testing.T) {
	oidc := newForger(t).provider(t)
	_, workOS := startWorkOS(t, providertest.WorkOSOptions{})
	for name, spoil := range map[string]func(*provider.Attempt){
		"no state":       func(a *provider.Attempt) { a.State = "" },
		"no nonce":       func(a *provider.Attempt) { a.Nonce = "" },
		"no verifier":    func(a *provider.Attempt) { a.Verifier = "" },
		"short verifier": func(a *provider.Attempt) { a.Verifier = a.Verifier[:42] },
		"no redirect":    func(a *provider.Attempt) { a.RedirectURI = "" },
	} {
		a := newAttempt("")
		spoil(&a)
		for _, p := range []provider.Provider{oidc, workOS} {
			_, begin := p.Begin(t.Context(), a)
			_, finish := p.Finish(t.Context(), a, url.Values{"code": {"x"}})
			if fault.KindOf(begin) != fault.Internal || fault.KindOf(finish) != fault.Internal {
				t.Errorf("%s: Begin gave %v, Finish %v", name, begin, finish)
			}
		}
	}
}

func TestForgedIDTokens(t *testing.T) {
	f := newForger(t)
	der, err := x509.MarshalPKIXPublicKey(&f.key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rs256 := f.sign
	hash := sha256.Sum256([]byte("another access token"))
	type m = map[string]any
	for _, tc := range []struct {
		name, why string
		claims    func(m)
		sign      func(m) string
	}{
		{name: "alg none", why: "nobody signed it", sign: unsigned},
		{name: "HS256 by the client secret", why: "OpenID Connect allows it; then each client could sign for itself", sign: func(c m) string { return hs256([]byte(secret), c) }},
		{name: "HS256 by the public key", why: "the classic confusion: everybody has that key", sign: func(c m) string { return hs256(public, c) }},
		{name: "another key", why: "with the right kid", sign: func(c m) string { return f.signed(t, jose.RS256, other, c) }},
		{name: "an algorithm that was not announced", why: "the issuer says which it uses", sign: func(c m) string { return f.signed(t, jose.PS256, f.key, c) }},
		{name: "changed", why: "the signature is of other claims", sign: func(c m) string {
			s := strings.Split(rs256(c), ".")
			c["sub"] = "somebody else"
			return s[0] + "." + strings.Split(unsigned(c), ".")[1] + "." + s[2]
		}},
		{name: "no token", why: "an OAuth server that knows no OpenID Connect", sign: func(m) string { return "" }},
		{name: "not a token", why: "garbage", sign: func(m) string { return "x.y.z" }},
		{name: "another issuer", why: "mix-up", claims: func(c m) { c["iss"] = "https://id.example.org/realms/two" }},
		{name: "issuer with a slash", why: "compared byte for byte", claims: func(c m) { c["iss"] = forged + "/" }},
		{name: "another client", why: "a token that some other site got", claims: func(c m) { c["aud"] = "another" }},
		{name: "for several, by nobody", why: "Core 3.1.3.7 rule 4", claims: func(c m) { c["aud"] = []string{"wikibot", "another"} }},
		{name: "for several, by another", why: "rule 5", claims: func(c m) { c["aud"], c["azp"] = []string{"wikibot", "another"}, "another" }},
		{name: "by another", why: "rule 5", claims: func(c m) { c["azp"] = "another" }},
		{name: "expired", why: "rule 9", claims: func(c m) { c["exp"] = time.Now().Add(-time.Minute).Unix() }},
		{name: "without an end", why: "rule 9", claims: func(c m) { delete(c, "exp") }},
		{name: "of the future", why: "nbf of RFC 7519", claims: func(c m) { c["nbf"] = time.Now().Add(time.Hour).Unix() }},
		{name: "another nonce", why: "replayed from another attempt", claims: func(c m) { c["nonce"] = random() }},
		{name: "no nonce", why: "one that was got by a renewal", claims: func(c m) { delete(c, "nonce") }},
		{name: "another access token", why: "at_hash", claims: func(c m) { c["at_hash"] = base64.RawURLEncoding.EncodeToString(hash[:16]) }},
		{name: "no subject", why: "everybody would be the same person", claims: func(c m) { delete(c, "sub") }},
		{name: "endless subject", why: "Core 2 allows 255", claims: func(c m) { c["sub"] = strings.Repeat("x", 256) }},
		{name: "subject with a zero", why: "two subjects that look the same", claims: func(c m) { c["sub"] = "ada\x00" }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f.claims, f.sign = func(m) {}, rs256
			if tc.claims != nil {
				f.claims = tc.claims
			}
			if tc.sign != nil {
				f.sign = tc.sign
			}
			who, err := f.signIn(t, f.provider(t), nil)
			if err == nil {
				t.Fatalf("%s: it was believed: %v", tc.why, who.Identities)
			}
			want(t, err, fault.Unauthenticated, secrets...)
		})
	}
}

// Of two ID tokens for several clients the right one is let in, so that the cases
// above fail for the reason that they name.
func TestIDTokenForSeveral(t *testing.T) {
	f := newForger(t)
	f.claims = func(c map[string]any) { c["aud"], c["azp"] = []string{"wikibot", "another"}, "wikibot" }
	if _, err := f.signIn(t, f.provider(t), nil); err != nil {
		t.Error(err)
	}
}

// RFC 9207: an honest issuer says who answers; who does not, or is another, is a
// mix-up, be it with a code or with an error.
func TestMixUp(t *testing.T) {
	for _, tc := range []struct {
		name      string
		announced bool
		more      url.Values
		ok        bool
	}{
		{"right and announced", true, url.Values{"iss": {forged}}, true},
		{"right and not announced", false, url.Values{"iss": {forged}}, true},
		{"none and not announced", false, nil, true},
		{"none and announced", true, nil, false},
		{"wrong", true, url.Values{"iss": {"https://evil.example.org"}}, false},
		{"wrong and not announced", false, url.Values{"iss": {"https://evil.example.org"}}, false},
		{"with a slash", true, url.Values{"iss": {forged + "/"}}, false},
		{"empty", false, url.Values{"iss": {""}}, false},
		{"two", true, url.Values{"iss": {forged, "https://evil.example.org"}}, false},
		{"two codes", false, url.Values{"code": {"the code", "x"}}, false},
		{"no code", false, url.Values{"code": {}}, false},
		{"an error of another", true, url.Values{"iss": {"https://evil.example.org"}, "error": {"access_denied"}}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newForger(t)
			f.document = func(d map[string]any) { d["authorization_response_iss_parameter_supported"] = tc.announced }
			_, err := f.signIn(t, f.provider(t), tc.more)
			if tc.ok {
				if err != nil {
					t.Error(err)
				}
				return
			}
			want(t, err, fault.Unauthenticated, secrets...)
			for _, r := range f.requests() {
				if strings.HasSuffix(r, "/token") {
					t.Error("the code was sent off")
				}
			}
		})
	}
}

// Core 5.3.2: the userinfo is another answer, and may be somebody else's.
func TestUserinfoOfAnother(t *testing.T) {
	f := newForger(t)
	f.claims = func(c map[string]any) { delete(c, "email"); delete(c, "email_verified") }
	f.userinfo = map[string]any{"sub": "248289761001", "email": "ada@example.org", "email_verified": "true"}
	who, err := f.signIn(t, f.provider(t), nil)
	if err != nil || who.Email != "ada@example.org" || !who.EmailVerified {
		t.Fatalf("the person is %v: %v", who, err)
	}
	for _, sub := range []any{"248289761002", "", nil} {
		f.userinfo["sub"] = sub
		_, err := f.signIn(t, f.provider(t), nil)
		want(t, err, fault.Unauthenticated, secrets...)
	}
}

// An address is vouched for only together with itself: the flag of one answer
// does not verify the address of another.
func TestVerifiedByAnotherAnswer(t *testing.T) {
	f := newForger(t)
	for _, flag := range []any{false, "false", "yes", 1, nil, []string{"true"}} {
		f.claims = func(c map[string]any) { c["email_verified"] = flag }
		f.userinfo = map[string]any{"sub": "248289761001", "email": "other@example.org", "email_verified": true}
		who, err := f.signIn(t, f.provider(t), nil)
		if err != nil || who.EmailVerified || who.Email != "ada@example.org" {
			t.Errorf("email_verified %v made %v: %v", flag, who, err)
		}
	}
	f.claims = func(c map[string]any) { delete(c, "email") } // and the flag stays
	f.userinfo = map[string]any{"sub": "248289761001", "email": "other@example.org"}
	who, err := f.signIn(t, f.provider(t), nil)
	if err != nil || who.EmailVerified {
		t.Errorf("the flag without an address verified %q: %v", who.Email, err)
	}
}

// Names come from outside, and end up on pages and in logs.
func TestHostileProfile(t *testing.T) {
	f := newForger(t)
	for _, tc := range []struct{ claim, value, email, name, nickname string }{
		{"email", "ada@example.org\r\nBcc: x@example.org", "", "Ada Lovelace", "ada"},
		{"email", "ada", "", "Ada Lovelace", "ada"},
		{"email", "<ada@example.org>", "", "Ada Lovelace", "ada"},
		{"email", strings.Repeat("a", 300) + "@example.org", "", "Ada Lovelace", "ada"},
		{"name", "Ada\x1b[31m\u202e Lovelace\n", "ada@example.org", "Ada[31m Lovelace", "ada"},
		{"name", strings.Repeat("é", 1000), "ada@example.org", strings.Repeat("é", 100), "ada"},
		{"preferred_username", "ada.lovelace@corp.example.org", "ada@example.org", "Ada Lovelace", "ada.lovelace"},
		{"preferred_username", "", "ada@example.org", "Ada Lovelace", ""},
	} {
		f.claims = func(c map[string]any) { c[tc.claim] = tc.value }
		f.userinfo = map[string]any{"sub": "248289761001"}
		who, err := f.signIn(t, f.provider(t), nil)
		if err != nil || who.Email != tc.email || who.Name != tc.name || who.Nickname != tc.nickname || who.EmailVerified && tc.email == "" {
			t.Errorf("%s %q made %q, %q, %q: %v", tc.claim, tc.value, who.Email, who.Name, who.Nickname, err)
		}
	}
}

// RFC 9700 4.12: a redirect would have the browser's code, or our secret, posted
// to somebody else.
func TestRedirectAtAnEndpoint(t *testing.T) {
	for _, path := range []string{"/realms/one/.well-known/openid-configuration", "/token", "/keys", "/userinfo"} {
		for _, status := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect} {
			f := newForger(t)
			f.claims = func(c map[string]any) { delete(c, "email") }
			f.instead[path] = func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "https://evil.example.org/"+path)
				w.WriteHeader(status)
			}
			_, err := f.signIn(t, f.provider(t), nil)
			want(t, err, fault.Unavailable, secrets...)
			for _, r := range f.requests() {
				if strings.Contains(r, "evil") {
					t.Errorf("a redirect of %s was followed: %s", path, r)
				}
			}
		}
	}
}

func TestHugeAnswers(t *testing.T) {
	for _, path := range []string{"/realms/one/.well-known/openid-configuration", "/token", "/keys", "/userinfo"} {
		f := newForger(t)
		f.claims = func(c map[string]any) { delete(c, "email") }
		f.instead[path] = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.Copy(w, io.MultiReader(strings.NewReader(`{"x":"`), bytes.NewReader(bytes.Repeat([]byte("x"), 2<<20)), strings.NewReader(`"}`)))
		}
		_, err := f.signIn(t, f.provider(t), nil)
		want(t, err, fault.Unavailable, secrets...)
		if len(err.Error()) > 1000 {
			t.Errorf("the error of %s has %d bytes", path, len(err.Error()))
		}
	}
}

// Each method gives up within ten seconds, however many calls it makes.
func TestSlowAnswers(t *testing.T) {
	for _, path := range []string{"/realms/one/.well-known/openid-configuration", "/token", "/keys", "/userinfo"} {
		f := newForger(t)
		synctest.Test(t, func(t *testing.T) {
			f.claims = func(c map[string]any) { delete(c, "email") }
			f.instead[path] = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
			start := time.Now()
			_, err := f.signIn(t, f.provider(t), nil)
			want(t, err, fault.Unavailable, secrets...)
			if took := time.Since(start); took != 10*time.Second {
				t.Errorf("%s held us up for %v", path, took)
			}
			synctest.Wait()
		})
	}
}

// A caller who has less time than that gets the answer in it.
func TestSlowAnswersToTheHurried(t *testing.T) {
	f := newForger(t)
	synctest.Test(t, func(t *testing.T) {
		f.instead[wellKnown] = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		_, err := f.provider(t).Begin(ctx, newAttempt(""))
		want(t, err, fault.Unavailable)
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// What a failing endpoint writes may repeat what it was sent, and is not for logs.
func TestEndpointRepeatsSecrets(t *testing.T) {
	for _, path := range []string{"/realms/one/.well-known/openid-configuration", "/token", "/keys", "/userinfo"} {
		for _, status := range []int{200, 400, 401, 500} {
			f := newForger(t)
			f.claims = func(c map[string]any) { delete(c, "email") }
			f.instead[path] = func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(status)
				_, _ = io.WriteString(w, `{"error_description":"`+strings.Join(secrets, " ")+`"`) // and breaks off
			}
			if _, err := f.signIn(t, f.provider(t), nil); err != nil {
				want(t, err, fault.KindOf(err), secrets...)
				continue
			}
			t.Errorf("%s answered %d, and was believed", path, status)
		}
	}
}

// The renewal of one person's session must not become that of another's.
func TestRenewalOfAnother(t *testing.T) {
	f := newForger(t)
	p := f.provider(t)
	who, err := f.signIn(t, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(map[string]any){
		"another subject": func(c map[string]any) { c["sub"] = "somebody else" },
		"another client":  func(c map[string]any) { c["aud"] = "another" },
		"another issuer":  func(c map[string]any) { c["iss"] = "https://evil.example.org" },
	} {
		f.claims = spoil
		if _, err := p.Renew(t.Context(), who.Held); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
