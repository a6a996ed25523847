package provider_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"wikibot.io/pkg/fault"
	"wikibot.io/services/auth/provider"
	"wikibot.io/services/auth/provider/providertest"
)

// promptOf is what a provider is asked to ask its people.
func promptOf(t *testing.T, p provider.Provider, choice string, fresh bool) url.Values {
	t.Helper()
	a := newAttempt(choice)
	a.Fresh = fresh
	to, err := p.Begin(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	asked := url.Values{}
	for name, values := range u.Query() {
		if strings.Contains(name, "prompt") {
			asked[name] = values
		}
	}
	return asked
}

// Who wants another account is not sent straight back in the one that they are in.
func TestOIDCFreshSignIn(t *testing.T) {
	for _, c := range []struct{ why, prompts, want string }{
		{"most issuers do not say which they know", ``, "select_account"},
		{"it knows", `"prompt_values_supported":["none","login","consent","select_account"],`, "select_account"},
		{"it knows to ask for the sign-in alone", `"prompt_values_supported":["none","login","consent"],`, "login"},
		{"it says that it knows nothing of use", `"prompt_values_supported":["none"],`, "select_account"},
	} {
		var base string
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{`+c.prompts+`"issuer":"`+base+`","authorization_endpoint":"`+base+`/a","token_endpoint":"`+base+`/t","jwks_uri":"`+base+`/k"}`)
		}))
		base = s.URL
		p := newOIDC(t, provider.OIDCOptions{Issuer: base, ClientID: "c"})
		if got := promptOf(t, p, "", true).Get("prompt"); got != c.want {
			t.Errorf("%s: prompt=%q, want %q", c.why, got, c.want)
		}
		if got := promptOf(t, p, "", false); len(got) != 0 {
			t.Errorf("%s: people who did not ask are asked: %v", c.why, got)
		}
		s.Close()
	}
}

// A provider as others run them takes the parameter, and goes on as ever.
func TestOIDCFreshSignInGoesTheWholeWay(t *testing.T) {
	idp := startOIDC(t, providertest.OIDCOptions{})
	p := newOIDC(t, provider.OIDCOptions{Issuer: idp.URL(), ClientID: "wikibot"})
	a := newAttempt("")
	a.Fresh = true
	if who, err := p.Finish(t.Context(), a, goThere(t, p, idp, a, "ada")); err != nil || who.Identities[0].Subject != "ada" {
		t.Errorf("%+v, %v", who, err)
	}
}

func TestWorkOSFreshSignIn(t *testing.T) {
	_, p := startWorkOS(t, providertest.WorkOSOptions{})
	for choice, want := range map[string]string{
		"google": "provider_query_params[prompt]=select_account", "github": "provider_query_params[prompt]=select_account",
		"microsoft": "provider_query_params[prompt]=select_account", "apple": "", "authkit": "prompt=login",
	} {
		got, err := url.QueryUnescape(promptOf(t, p, choice, true).Encode())
		if err != nil || got != want {
			t.Errorf("%s: asked for %q, want %q", choice, got, want)
		}
		if got := promptOf(t, p, choice, false); len(got) != 0 {
			t.Errorf("%s: people who did not ask are asked: %v", choice, got)
		}
	}
}

// spoken keeps what is posted.
type spoken struct{ body map[string]string }

func (s *spoken) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		s.body = map[string]string{}
		if err := json.Unmarshal(text, &s.body); err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(text))
	}
	return http.DefaultTransport.RoundTrip(r)
}

// WorkOS judges a sign-in by whose browser it is; ours is all that it would see.
func TestWorkOSIsToldWhoseBrowserItIs(t *testing.T) {
	w, _ := startWorkOS(t, providertest.WorkOSOptions{})
	s := new(spoken)
	p, err := provider.WorkOS(provider.WorkOSOptions{ClientID: "client_test", APIKey: "sk_test", BaseURL: w.URL(), Client: &http.Client{Transport: s}})
	if err != nil {
		t.Fatal(err)
	}
	a := newAttempt("google")
	a.Address, a.UserAgent = "2001:db8::1", "Firefox\x00 "+strings.Repeat("x", 9000)
	if _, err := p.Finish(t.Context(), a, goThere(t, p, w, a, "ada")); err != nil {
		t.Fatal(err)
	}
	if s.body["ip_address"] != "2001:db8::1" || !strings.HasPrefix(s.body["user_agent"], "Firefox x") || len(s.body["user_agent"]) != 500 {
		t.Errorf("told %q, %.60q", s.body["ip_address"], s.body["user_agent"])
	}
}

// What a provider says of somebody whom it refuses can name them. The log is not
// to know.
func TestRefusalsNameNobody(t *testing.T) {
	idp := startOIDC(t, providertest.OIDCOptions{})
	p := newOIDC(t, provider.OIDCOptions{Issuer: idp.URL(), ClientID: "wikibot"})
	a := newAttempt("")
	_, err := p.Finish(t.Context(), a, url.Values{"state": {a.State}, "error": {"access_denied"}, "error_description": {"E4711: user <ada@example.org> is not assigned"}})
	want(t, err, fault.Denied, "ada", "example.org")
	told := ""
	for e := err; e != nil; {
		told += e.Error()
		u, ok := e.(interface{ Unwrap() error })
		if !ok {
			break
		}
		e = u.Unwrap()
	}
	if !strings.Contains(told, "E4711") {
		t.Errorf("nor what it was about: %s", told)
	}
}
