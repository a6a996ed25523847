package providertest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"wikibot.io/services/auth/provider/providertest"
)

const redirect = "http://localhost:8080/auth/callback"

func TestPersonOf(t *testing.T) {
	for _, tc := range []struct {
		typed, why string
		want       providertest.Person
		wrong      bool
	}{
		{typed: "ada", why: "as it is", want: providertest.Person{Username: "ada", Name: "Ada", Email: "ada@example.org", Verified: true}},
		{typed: " Grace@Example.org ", why: "people type their address", want: providertest.Person{Username: "grace", Name: "Grace", Email: "grace@example.org", Verified: true}},
		{typed: "unverified-eve", why: "the name says it", want: providertest.Person{Username: "unverified-eve", Name: "Unverified-eve", Email: "unverified-eve@example.org"}},
		{typed: "", why: "nobody", wrong: true},
		{typed: "a:b", why: "the colon parts what access tokens are made of", wrong: true},
	} {
		got, err := providertest.PersonOf(tc.typed)
		if got != tc.want || (err != nil) != tc.wrong {
			t.Errorf("%q (%s) is %v, %v", tc.typed, tc.why, got, err)
		}
	}
}

func TestLoopbackOnly(t *testing.T) {
	if _, err := providertest.NewOIDC(providertest.OIDCOptions{Listen: "0.0.0.0:0"}); err == nil {
		t.Error("who believes everybody listens to everybody")
	}
}

// What a browser finds: a form that says what is wrong, with the name kept.
func TestLoginPage(t *testing.T) {
	p, err := providertest.NewOIDC(providertest.OIDCOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.Allow(redirect)
	resp, err := http.Get(p.URL() + "/authorize?" + url.Values{
		"client_id": {"wikibot"}, "redirect_uri": {redirect}, "response_type": {"code"}, "scope": {"openid"},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"},
	}.Encode())
	if err != nil {
		t.Fatal(err)
	}
	shown := body(t, resp)
	for _, part := range []string{`name="username"`, `>Sign in</button>`, `value="cancel"`} {
		if !strings.Contains(shown, part) {
			t.Errorf("the page has no %s:\n%s", part, shown)
		}
	}
	resp, err = http.PostForm(p.URL()+"/login", url.Values{"id": {resp.Request.URL.Query().Get("id")}, "username": {"a b<"}})
	if err != nil {
		t.Fatal(err)
	}
	if again := body(t, resp); !strings.Contains(again, `role="alert"`) || !strings.Contains(again, `value="a b&lt;"`) {
		t.Errorf("the page does not say what is wrong:\n%s", again)
	}
}

// The stand-in for WorkOS refuses what WorkOS refuses, so that a test that passes
// with it says something.
func TestWorkOSRefuses(t *testing.T) {
	w, err := providertest.NewWorkOS(providertest.WorkOSOptions{Redirects: []string{redirect}})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	good := url.Values{
		"client_id": {"client_test"}, "redirect_uri": {redirect}, "response_type": {"code"}, "provider": {"authkit"}, "state": {"s"},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"},
	}
	const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636 appendix B
	authorize := func(name, value string) (string, error) {
		q := url.Values{}
		for k, v := range good {
			q[k] = v
		}
		if name != "" {
			q.Set(name, value)
		}
		return w.SignIn(w.URL()+"/user_management/authorize?"+q.Encode(), "ada")
	}
	for name, value := range map[string]string{
		"client_id": "client_other", "redirect_uri": "https://evil.example.org/", "provider": "MySpaceOAuth",
		"response_type": "token", "code_challenge_method": "plain",
	} {
		if to, err := authorize(name, value); err == nil {
			t.Errorf("%s=%s led to %s", name, value, to)
		}
	}
	type m = map[string]string
	for _, tc := range []struct {
		why, code string
		change    m
	}{
		{"another client", "invalid_client", m{"client_id": "client_other"}},
		{"another key", "invalid_client", m{"client_secret": "sk_other"}},
		{"no verifier", "invalid_request", m{"code_verifier": ""}},
		{"another verifier", "invalid_grant", m{"code_verifier": strings.Repeat("x", 43)}},
		{"another code", "invalid_grant", m{"code": "x"}},
		{"another kind of grant", "unsupported_grant_type", m{"grant_type": "password"}},
		{"all as it should be", "", nil},
	} {
		back, err := authorize("", "")
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(back)
		if err != nil {
			t.Fatal(err)
		}
		g := m{"client_id": "client_test", "client_secret": "sk_test", "grant_type": "authorization_code", "code": u.Query().Get("code"), "code_verifier": verifier}
		for k, v := range tc.change {
			g[k] = v
		}
		raw, err := json.Marshal(g)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.Post(w.URL()+"/user_management/authenticate", "application/json", strings.NewReader(string(raw)))
		if err != nil {
			t.Fatal(err)
		}
		var answer struct {
			Error string `json:"error"`
		}
		text := body(t, resp)
		if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.Error != tc.code {
			t.Errorf("%s: %s", tc.why, text)
		}
	}
	resp, err := http.Get(w.URL() + "/user_management/users/" + w.UserID("ada") + "/identities")
	if err != nil {
		t.Fatal(err)
	}
	if body(t, resp); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("identities without the key: %d", resp.StatusCode)
	}
	if to, err := w.SignIn(w.URL()+"/user_management/sessions/logout?session_id=x&return_to=https://evil.example.org/", ""); err == nil {
		t.Errorf("the end of a session led to %s", to)
	}
}

func body(t *testing.T, resp *http.Response) string {
	t.Helper()
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
