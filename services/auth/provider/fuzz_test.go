package provider_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"wikibot.io/pkg/fault"
	"wikibot.io/services/auth/provider"
)

// reply is a transport that has one answer for everything.
type reply struct {
	status int
	body   []byte
}

func (a reply) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(a.body)),
	}, nil
}

// FuzzWorkOSAnswer: whatever WorkOS answers, somebody is told by their user id or
// there is an error of a kind, and the session can be ended at WorkOS only.
func FuzzWorkOSAnswer(f *testing.F) {
	for _, s := range []string{
		`{"user":{"id":"user_1","email":"a@b.org"},"access_token":"x.eyJzaWQiOiJzZXNzaW9uXzEifQ.y","refresh_token":"r"}`,
		`{"user":{"id":"user_1"},"impersonator":{"email":"x"}}`, `{"code":"sso_required"}`, `{"error":{"code":1}}`, `[]`, ``,
	} {
		f.Add(200, []byte(s))
		f.Add(400, []byte(s))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		p, err := provider.WorkOS(provider.WorkOSOptions{ClientID: "c", APIKey: "k", Client: &http.Client{Transport: reply{status, body}}})
		if err != nil {
			t.Fatal(err)
		}
		who, err := p.Finish(t.Context(), newAttempt(""), url.Values{"code": {"x"}})
		if err != nil {
			if k := fault.KindOf(err); k == fault.Internal {
				t.Fatalf("an answer is no fault of ours: %v", err)
			}
			return
		}
		if len(who.Identities) == 0 || who.Identities[0].Subject == "" || who.EmailVerified && who.Email == "" {
			t.Errorf("it made %v", who)
		}
		if end := p.EndURL(who.Held, "https://wikibot.example/"); end != "" && !strings.HasPrefix(end, "https://api.workos.com/user_management/sessions/logout?") {
			t.Errorf("the session ends at %q", end)
		}
	})
}

// FuzzCallback: whatever query a browser brings, an issuer's code is redeemed only
// when the query says nothing against it.
func FuzzCallback(f *testing.F) {
	for _, s := range []string{"code=x", "code=x&iss=" + url.QueryEscape(forged), "error=access_denied", "code=x&code=y", "iss=&code=x", "code=%00"} {
		f.Add(s)
	}
	doc, _ := json.Marshal(map[string]string{ // strings alone
		"issuer": forged, "authorization_endpoint": forged, "token_endpoint": forged, "jwks_uri": forged,
	})
	f.Fuzz(func(t *testing.T, query string) {
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		p := newOIDC(t, provider.OIDCOptions{Issuer: forged, ClientID: "c", Client: &http.Client{Transport: reply{200, doc}}})
		_, err = p.Finish(t.Context(), newAttempt(""), q)
		if err == nil || fault.KindOf(err) == fault.Internal {
			t.Errorf("it gave %v", err)
		}
	})
}

// FuzzHeld: what is held was sealed by us, but what came before may be of another
// form; a browser is sent to https addresses alone, and each error has its kind.
func FuzzHeld(f *testing.F) {
	f.Add([]byte(`{"iss":"https://api.workos.com","sub":"user_1","refresh_token":"r","sid":"s"}`))
	f.Add([]byte(`{"iss":"` + forged + `","sub":"ada","refresh_token":"r","id_token":"x","end_session_endpoint":"https://id.example.org/end"}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, held []byte) {
		none := &http.Client{Transport: reply{503, nil}}
		w, err := provider.WorkOS(provider.WorkOSOptions{ClientID: "c", APIKey: "k", Client: none})
		if err != nil {
			t.Fatal(err)
		}
		o := newOIDC(t, provider.OIDCOptions{Issuer: forged, ClientID: "c", Client: none})
		for _, p := range []provider.Provider{w, o} {
			if end := p.EndURL(held, "https://wikibot.example/"); end != "" {
				if u, err := url.Parse(end); err != nil || u.Scheme != "https" || u.Host == "" {
					t.Errorf("the session ends at %q", end)
				}
			}
			_, err := p.Renew(t.Context(), held)
			if k := fault.KindOf(err); k != fault.Unauthenticated && k != fault.Unavailable {
				t.Errorf("Renew gave %v", err)
			}
		}
	})
}
