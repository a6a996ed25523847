package oauth_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"golang.org/x/oauth2"

	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
	"wikibot.io/services/auth/internal/oauth"
)

// library is golang.org/x/oauth2 as a client: it knows nothing of us but the
// addresses.
func (s *site) library(id string) (context.Context, *oauth2.Config) {
	meta := jsonOf(s.t, s.send(http.MethodGet, "/.well-known/oauth-authorization-server", "").Body)
	at := func(name string) string { return meta[name].(string) }
	return context.WithValue(s.t.Context(), oauth2.HTTPClient, &http.Client{Transport: s}), &oauth2.Config{
		ClientID: id, RedirectURL: callback, Scopes: []string{identity.ScopeRead, identity.ScopeWrite},
		Endpoint: oauth2.Endpoint{AuthURL: at("authorization_endpoint"), TokenURL: at("token_endpoint"), DeviceAuthURL: at("device_authorization_endpoint")},
	}
}

// TestLibraryConnectsAndRefreshes: an independent client goes the whole way, also
// with the header that it tries first.
func TestLibraryConnectsAndRefreshes(t *testing.T) {
	for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleAutoDetect, oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams} {
		s := newSite(t)
		ada := s.person("ada")
		w := s.wiki(ada, "ada", false)
		id := s.register(callback)
		ctx, c := s.library(id)
		c.Endpoint.AuthStyle = style
		v := oauth2.GenerateVerifier()
		to := must(url.Parse(c.AuthCodeURL("xyz", oauth2.S256ChallengeOption(v), oauth2.SetAuthURLParam("resource", s.hosts.Wiki("ada", "/mcp")))))
		got := s.decide(ada, to.Query(), "write", "allow")
		if got.Get("state") != "xyz" || got.Get("iss") != base {
			t.Fatalf("answer %v", got)
		}
		token, err := c.Exchange(ctx, got.Get("code"), oauth2.VerifierOption(v), oauth2.SetAuthURLParam("resource", s.hosts.Wiki("ada", "/mcp")))
		if err != nil {
			t.Fatal(err)
		}
		access, err := s.verifier.VerifyAccess(ctx, token.AccessToken, s.hosts.Wiki("ada", "/mcp"))
		if err != nil || access.UserID != ada.ID || access.ClientID != id || access.Scope != "wiki:read wiki:write" {
			t.Errorf("access token %+v, %v", access, err)
		}
		made := s.connections(ada)
		if len(made) != 1 || made[0].ID != access.ConnectionID || made[0].WikiID != w.ID || made[0].Role != records.Editor || made[0].ClientName != "Test agent" || made[0].ClientHost != "" {
			t.Errorf("connections %+v", made)
		}
		again, err := c.TokenSource(ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
		if err != nil || again.RefreshToken == token.RefreshToken || again.AccessToken == token.AccessToken {
			t.Errorf("refreshed %v, %v", again, err)
		}
	}
}

// TestCommandLineByBrowser: wikibot login, with the browser on the same computer.
func TestCommandLineByBrowser(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	ctx, c := s.library(oauth.CommandLine)
	c.Scopes = []string{"account"}
	v := oauth2.GenerateVerifier()
	to := must(url.Parse(c.AuthCodeURL("xyz", oauth2.S256ChallengeOption(v), oauth2.SetAuthURLParam("device_name", "laptop"))))
	page := s.visit(ada.cookie, to.RequestURI())
	if says := text(page); !strings.Contains(says, "The wikibot command line on “laptop” wants to act as you") || !strings.Contains(says, "127.0.0.1:3118") {
		t.Errorf("the page says %s", says)
	}
	token, err := c.Exchange(ctx, s.decide(ada, to.Query(), "", "allow").Get("code"), oauth2.VerifierOption(v))
	if err != nil {
		t.Fatal(err)
	}
	s.wantPersonal(ada, token, "laptop")
}

// wantPersonal checks the command line's answer against the session that it is of.
func (s *site) wantPersonal(p person, token *oauth2.Token, name string) {
	s.t.Helper()
	cred, ok := identity.ParseCredential(identity.PersonalPrefix, token.AccessToken)
	if !ok || token.RefreshToken != "" || cred.UserID != p.ID || token.ExpiresIn != 90*24*60*60 {
		s.t.Fatalf("token %+v", token)
	}
	got := must(s.records.Session(s.t.Context(), p.ID, cred.ID))
	if got.Kind != records.CommandLine || got.Name != name || got.SecretHash != cred.Hash() {
		s.t.Errorf("session %+v", got)
	}
	if len(s.connections(p)) != 0 {
		s.t.Error("the command line has a connection")
	}
}

// TestCommandLineByCode: wikibot login on a computer without a browser. The
// library polls by the clock, which is the test's own.
func TestCommandLineByCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		ada := s.person("ada")
		ctx, c := s.library(oauth.CommandLine)
		c.Scopes = []string{"account"}
		d, err := c.DeviceAuth(ctx, oauth2.SetAuthURLParam("device_name", "server"))
		if err != nil || d.Interval != 5 || d.VerificationURI != base+"/oauth/device" || !strings.Contains(d.VerificationURIComplete, d.UserCode) {
			t.Fatalf("%+v, %v", d, err)
		}
		type result struct {
			token *oauth2.Token
			err   error
		}
		got := make(chan result)
		go func() {
			token, err := c.DeviceAccessToken(ctx, d)
			got <- result{token, err}
		}()
		synctest.Wait()
		page := s.visit(ada.cookie, must(url.Parse(d.VerificationURIComplete)).RequestURI())
		for _, want := range []string{d.UserCode, "“server”", "If somebody sent you this link or this code, cancel", "198.51."} {
			if !strings.Contains(text(page), want) {
				t.Errorf("the page does not say %q: %s", want, text(page))
			}
		}
		rw := s.submit(ada.cookie, "/oauth/device", url.Values{"ticket": {ticketOf(t, page)}, "decision": {"allow"}})
		wantPage(t, "approved", rw, http.StatusOK, "The command line is signed in")
		r := <-got
		if r.err != nil {
			t.Fatal(r.err)
		}
		s.wantPersonal(ada, r.token, "server")
	})
}

func TestMetadata(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"} {
		rw := s.send(http.MethodGet, path, "", "Origin", "https://inspector.example.com", "MCP-Protocol-Version", "2025-11-25")
		m := jsonOf(t, rw.Body)
		if rw.Code != http.StatusOK || m["issuer"] != base || m["token_endpoint"] != base+"/oauth/token" || rw.Header().Get("Access-Control-Allow-Origin") != "*" ||
			rw.Header().Get("Access-Control-Allow-Credentials") != "" || rw.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %v %v", path, rw.Code, rw.Header(), m)
		}
		for name, want := range map[string]string{
			"code_challenge_methods_supported": "[S256]", "token_endpoint_auth_methods_supported": "[none]", "response_types_supported": "[code]",
			"client_id_metadata_document_supported": "true", "authorization_response_iss_parameter_supported": "true", "scopes_supported": "[wiki:read wiki:write]",
		} {
			if got := sprint(m[name]); got != want {
				t.Errorf("%s: %s is %s, want %s", path, name, got, want)
			}
		}
	}
	oidc := jsonOf(t, s.send(http.MethodGet, "/.well-known/openid-configuration", "").Body)
	for _, name := range []string{"jwks_uri", "subject_types_supported", "id_token_signing_alg_values_supported", "authorization_endpoint"} {
		if oidc[name] == nil {
			t.Errorf("discovery lacks %s, which OpenID Connect requires", name)
		}
	}
}

func TestScriptsOfOtherOrigins(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/oauth/token", "/oauth/register", "/oauth/revoke", "/.well-known/oauth-authorization-server"} {
		rw := s.send(http.MethodOptions, path, "", "Origin", "https://x.example.com", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type,mcp-protocol-version")
		h := rw.Header()
		if rw.Code != http.StatusNoContent || h.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(h.Get("Access-Control-Allow-Headers"), "MCP-Protocol-Version") || h.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %d %v", path, rw.Code, h)
		}
	}
	// A refusal can be read by the script as well.
	if rw := s.send(http.MethodPost, "/oauth/token", "", "Origin", "https://x.example.com"); rw.Header().Get("Access-Control-Allow-Origin") != "*" {
		t.Error(rw.Header())
	}
	// What people decide is not for scripts of others.
	for _, path := range []string{"/oauth/authorize", "/oauth/device"} {
		if rw := s.send(http.MethodOptions, path, "", "Origin", "https://x.example.com"); rw.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %v", path, rw.Header())
		}
	}
	for _, path := range []string{"/oauth/token", "/oauth/register", "/oauth/revoke", "/oauth/device_authorization"} {
		if rw := s.send(http.MethodGet, path, ""); rw.Code != http.StatusMethodNotAllowed || rw.Header().Get("Allow") == "" {
			t.Errorf("GET %s: %d", path, rw.Code)
		}
	}
}
