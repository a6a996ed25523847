package provider_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wikibot.io/pkg/fault"
)

const wellKnown = "/realms/one/.well-known/openid-configuration"

func TestDiscoveryRefused(t *testing.T) {
	for _, tc := range []struct {
		why    string
		change func(map[string]any)
	}{
		{"another issuer: who answers here is not who was meant (Discovery 4.3)", func(d map[string]any) { d["issuer"] = "https://evil.example.org" }},
		{"a slash more is another issuer", func(d map[string]any) { d["issuer"] = forged + "/" }},
		{"no issuer", func(d map[string]any) { delete(d, "issuer") }},
		{"codes would go over the open network", func(d map[string]any) { d["token_endpoint"] = "http://id.example.org/token" }},
		{"people would type their password there", func(d map[string]any) { d["authorization_endpoint"] = "http://id.example.org/authorize" }},
		{"keys from the open network are anybody's", func(d map[string]any) { d["jwks_uri"] = "http://id.example.org/keys" }},
		{"an https issuer has no business on this machine", func(d map[string]any) { d["jwks_uri"] = "http://localhost/keys" }},
		{"it would run in the browser", func(d map[string]any) { d["authorization_endpoint"] = "javascript:alert(1)" }},
		{"the ID token would go there", func(d map[string]any) { d["end_session_endpoint"] = "http://id.example.org/end" }},
		{"no token endpoint", func(d map[string]any) { delete(d, "token_endpoint") }},
		{"only algorithms by which we could sign too", func(d map[string]any) {
			d["id_token_signing_alg_values_supported"] = []string{"HS256", "none"}
		}},
		{"not the shape of a document", func(d map[string]any) { d["scopes_supported"] = 7 }},
	} {
		f := newForger(t)
		f.document = tc.change
		_, err := f.provider(t).Begin(t.Context(), newAttempt(""))
		want(t, err, fault.Unavailable, secret)
		if n := len(f.requests()); n != 1 {
			t.Errorf("%s: there were %d requests", tc.why, n)
		}
	}
}

// An issuer that is down is asked again, but not by each who would like to sign in.
func TestDiscoveryPause(t *testing.T) {
	f := newForger(t)
	synctest.Test(t, func(t *testing.T) {
		p := f.provider(t)
		f.instead[wellKnown] = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
		for range 3 {
			_, err := p.Begin(t.Context(), newAttempt(""))
			want(t, err, fault.Unavailable)
		}
		if n := len(f.requests()); n != 1 {
			t.Errorf("a failing issuer was asked %d times at once", n)
		}
		delete(f.instead, wellKnown)
		time.Sleep(10 * time.Second)
		if _, err := p.Begin(t.Context(), newAttempt("")); err != nil {
			t.Errorf("after the pause: %v", err)
		}
	})
}

// The document is read again after a day; while it cannot be, the former one holds.
func TestDiscoveryAges(t *testing.T) {
	f := newForger(t)
	synctest.Test(t, func(t *testing.T) {
		p := f.provider(t)
		begin := func() string {
			to, err := p.Begin(t.Context(), newAttempt(""))
			if err != nil {
				t.Fatal(err)
			}
			before, _, _ := strings.Cut(to, "?")
			return before
		}
		begin()
		f.document = func(d map[string]any) { d["authorization_endpoint"] = "https://id.example.org/new" }
		if at := begin(); at != "https://id.example.org/authorize" {
			t.Errorf("it was read again at once: %s", at)
		}
		time.Sleep(24 * time.Hour)
		f.instead[wellKnown] = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
		if at := begin(); at != "https://id.example.org/authorize" {
			t.Errorf("an outage changed it: %s", at)
		}
		delete(f.instead, wellKnown)
		time.Sleep(10 * time.Second)
		if at := begin(); at != "https://id.example.org/new" {
			t.Errorf("after a day it is still %s", at)
		}
	})
}

// Many who want to sign in at once ask the issuer once, and the one who asked may
// go away meanwhile.
func TestDiscoveryTogether(t *testing.T) {
	f := newForger(t)
	synctest.Test(t, func(t *testing.T) {
		p := f.provider(t)
		release := make(chan struct{})
		f.instead[wellKnown] = func(w http.ResponseWriter, r *http.Request) {
			<-release
			f.mu.Lock()
			delete(f.instead, wellKnown)
			f.mu.Unlock()
			f.serve(w, r)
		}
		var wg sync.WaitGroup
		first, leave := context.WithCancel(t.Context())
		wg.Go(func() { _, _ = p.Begin(first, newAttempt("")) }) // what it gets, nobody waits for
		synctest.Wait()
		leave()
		for range 20 {
			wg.Go(func() {
				if _, err := p.Begin(t.Context(), newAttempt("")); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		close(release)
		wg.Wait()
		if n := len(f.requests()); n != 1 {
			t.Errorf("the issuer was asked %d times", n)
		}
	})
}

// How we authenticate follows the document; a code is sent once in any case, since
// the second time it looks stolen.
func TestTokenEndpointAuthentication(t *testing.T) {
	for _, tc := range []struct {
		why     string
		methods any
		basic   bool
	}{
		{"the default of Discovery 3", nil, true},
		{"both", []string{"client_secret_post", "client_secret_basic"}, true},
		{"post alone", []string{"client_secret_post"}, false},
		{"none that we know", []string{"private_key_jwt"}, true},
	} {
		f := newForger(t)
		f.document = func(d map[string]any) {
			if tc.methods != nil {
				d["token_endpoint_auth_methods_supported"] = tc.methods
			}
		}
		f.instead["/token"] = func(w http.ResponseWriter, r *http.Request) {
			id, password, ok := r.BasicAuth()
			password, _ = url.QueryUnescape(password)
			if ok != tc.basic || ok && (id != "wikibot" || password != secret) || ok == (r.PostFormValue("client_secret") == secret) {
				t.Errorf("%s: basic authentication is %v, the body is %v", tc.why, ok, r.PostForm)
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"error":"invalid_client"}`))
		}
		_, err := f.signIn(t, f.provider(t), nil)
		want(t, err, fault.Unavailable, secrets...)
		if n := strings.Count(strings.Join(f.requests(), "\n"), "POST "); n != 1 {
			t.Errorf("%s: the code was sent %d times", tc.why, n)
		}
	}
}

// The errors with which a browser comes back are worded by what one can do.
func TestAnswersWithErrors(t *testing.T) {
	f := newForger(t)
	p := f.provider(t)
	for code, kind := range map[string]fault.Kind{
		"access_denied":           fault.Denied,
		"invalid_scope":           fault.Denied,
		"unauthorized_client":     fault.Denied,
		"temporarily_unavailable": fault.Unavailable,
		"server_error":            fault.Unavailable,
		"login_required":          fault.Unauthenticated,
		"\x1b[31m<script>":        fault.Denied,
		"":                        fault.Denied,
	} {
		_, err := f.signIn(t, p, url.Values{"code": nil, "error": {code}, "error_description": {"<b>" + strings.Repeat("x", 5000)}})
		want(t, err, kind, "\x1b", strings.Repeat("x", 300))
		if e, ok := err.(*fault.Error); !ok || strings.ContainsAny(e.Msg, "<>\x1b") {
			t.Errorf("%q: people would see what somebody else wrote: %v", code, err)
		}
	}
}
