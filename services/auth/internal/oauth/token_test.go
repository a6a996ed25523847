package oauth_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/records"
	"wikibot.io/services/auth/internal/oauth"
)

// TestWrongRedemptionsLeaveTheCodeGood: all that can be wrong is found before the
// code is spent.
func TestWrongRedemptionsLeaveTheCodeGood(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	s.wiki(ada, "ada", false)
	s.wiki(s.person("bob"), "bob", true)
	id, other := s.register(callback), s.register(callback)
	code := s.code(ada, id, "ada")
	for _, c := range []struct {
		why    string
		more   []string
		status int
		want   string
	}{
		{"another client", []string{"client_id", other}, 400, "invalid_grant"},
		{"unknown client", []string{"client_id", "wbc_unknown"}, 401, "invalid_client"},
		{"no client", []string{"client_id", ""}, 401, "invalid_client"},
		{"a secret", []string{"client_secret", "x"}, 401, "invalid_client"},
		{"an assertion", []string{"client_assertion", "x"}, 401, "invalid_client"},
		{"another redirect", []string{"redirect_uri", "http://127.0.0.1:3119/callback"}, 400, "invalid_grant"},
		{"another wiki", []string{"resource", s.hosts.Wiki("bob", "/mcp")}, 400, "invalid_target"},
		{"the root", []string{"resource", base}, 400, "invalid_target"},
		{"no verifier", []string{"code_verifier", ""}, 400, "invalid_request"},
		{"a short verifier", []string{"code_verifier", "short"}, 400, "invalid_request"},
		{"a long verifier", []string{"code_verifier", strings.Repeat("a", 129)}, 400, "invalid_request"},
		{"another verifier", []string{"code_verifier", strings.Repeat("a", 43)}, 400, "invalid_grant"},
		{"the challenge as verifier", []string{"code_verifier", challenge(verifier)}, 400, "invalid_grant"},
		{"no code", []string{"code", ""}, 400, "invalid_request"},
		{"another code", []string{"code", "x"}, 400, "invalid_grant"},
		{"no grant type", []string{"grant_type", ""}, 400, "invalid_request"},
		{"a password", []string{"grant_type", "password"}, 400, "unsupported_grant_type"},
		{"for itself", []string{"grant_type", "client_credentials"}, 400, "unsupported_grant_type"},
	} {
		status, m := s.call("/oauth/token", redemption(id, code, c.more...))
		wantError(t, c.why, status, m, c.status, c.want)
	}
	twice := redemption(id, code)
	twice.Add("code", code)
	status, m := s.call("/oauth/token", twice)
	wantError(t, "a parameter twice", status, m, 400, "invalid_request")
	many := redemption(id, code)
	many["resource"] = []string{s.hosts.Wiki("ada", "/mcp"), s.hosts.Wiki("bob", "/mcp")}
	status, m = s.call("/oauth/token", many)
	wantError(t, "several resources", status, m, 400, "invalid_target")

	s.answered(s.call("/oauth/token", redemption(id, code, "resource", s.hosts.Wiki("ada", "/"))))
}

func TestRedirectNeedNotBeRepeated(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	s.wiki(ada, "ada", false)
	id := s.register(callback)
	s.answered(s.call("/oauth/token", redemption(id, s.code(ada, id, "ada"), "redirect_uri", "")))
}

func TestTokenEndpointTakesFormsOnly(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		why, typ, body string
		status         int
	}{
		{"JSON", "application/json", `{"grant_type":"refresh_token"}`, 400},
		{"no type", "", "grant_type=refresh_token", 400},
		{"a type that is none", "///;;", "grant_type=refresh_token", 400},
		{"a type with a broken parameter", "application/x-www-form-urlencoded; =", "grant_type=refresh_token", 400},
		{"multipart", "multipart/form-data; boundary=x", "--x--", 400},
		{"a form that is none", formType, "a=%zz", 400},
		{"a form that is too large", formType, "a=" + strings.Repeat("b", 17<<10), 413},
	} {
		for _, path := range []string{"/oauth/token", "/oauth/revoke", "/oauth/device_authorization"} {
			rw := s.send(http.MethodPost, path, c.body, "Content-Type", c.typ)
			wantError(t, c.why+" at "+path, rw.Code, jsonOf(t, rw.Body), c.status, "invalid_request")
			if rw.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %v", c.why, rw.Header())
			}
		}
	}
	// Secrets do not stand in addresses.
	rw := s.send(http.MethodPost, "/oauth/token?grant_type=refresh_token&client_id=wibble&refresh_token=x", "", "Content-Type", formType)
	wantError(t, "in the query", rw.Code, jsonOf(t, rw.Body), 401, "invalid_client")
}

func TestAuthorizationHeaderOfAPublicClient(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	s.wiki(ada, "ada", false)
	id := s.register(callback)
	form := redemption(id, s.code(ada, id, "ada"))
	for why, header := range map[string]string{
		"a secret": basic(id, "secret"), "another client": basic("other", ""), "a bearer": "Bearer x", "nonsense": "Basic !",
	} {
		rw := s.send(http.MethodPost, "/oauth/token", form.Encode(), "Content-Type", formType, "Authorization", header)
		wantError(t, why, rw.Code, jsonOf(t, rw.Body), 401, "invalid_client")
		if rw.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%s: 401 without a challenge", why)
		}
	}
	rw := s.send(http.MethodPost, "/oauth/token", form.Encode(), "Content-Type", formType, "Authorization", basic(id, ""))
	s.answered(rw.Code, jsonOf(t, rw.Body))
}

func basic(name, secret string) string {
	r := &http.Request{Header: http.Header{}}
	r.SetBasicAuth(name, secret)
	return r.Header.Get("Authorization")
}

func TestCodeRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		ada := s.person("ada")
		s.wiki(ada, "ada", false)
		id := s.register(callback)
		form := url.Values{"ticket": {s.ticket(ada, s.asks(id, "ada"))}, "rights": {"write"}, "decision": {"allow"}}
		code := sentTo(t, s.submit(ada.cookie, "/oauth/authorize", form), callback).Get("code")
		time.Sleep(2*time.Minute + time.Second)
		status, m := s.call("/oauth/token", redemption(id, code))
		wantError(t, "after two minutes", status, m, 400, "invalid_grant")
		wantPage(t, "pressed again too late", s.submit(ada.cookie, "/oauth/authorize", form), http.StatusOK, "Answered already")
		time.Sleep(10 * time.Minute)
		wantPage(t, "pressed again much too late", s.submit(ada.cookie, "/oauth/authorize", form), http.StatusGone, "This request has run out")
	})
}

// TestAccessIsLookedAtEachTime: at consent, when the token is issued, when it is
// refreshed.
func TestAccessIsLookedAtEachTime(t *testing.T) {
	s := newSite(t)
	ada, bob := s.person("ada"), s.person("bob")
	w := s.wiki(ada, "ada", false)
	s.grant(w, bob, records.Editor)
	id := s.register(callback)
	connected := s.connect(bob, id, "ada")
	early, code := s.code(bob, id, "ada"), s.code(bob, id, "ada")
	ticket := s.ticket(bob, s.asks(id, "ada"))

	s.grant(w, bob, records.Viewer)
	lowered := s.answered(s.call("/oauth/token", refreshing(id, connected.Refresh)))
	if lowered.Scope != "wiki:read" {
		t.Errorf("refreshed scope %q of a viewer", lowered.Scope)
	}
	if issued := s.answered(s.call("/oauth/token", redemption(id, early))); issued.Scope != "wiki:read" || s.connections(bob)[0].Role != records.Viewer {
		t.Errorf("issued scope %q to a viewer", issued.Scope)
	}
	if err := s.records.DeleteGrant(t.Context(), w.ID, bob.ID, &eventsv1.Actor{UserId: ada.ID}); err != nil {
		t.Fatal(err)
	}
	wantPage(t, "consent", s.submit(bob.cookie, "/oauth/authorize", url.Values{"ticket": {ticket}, "rights": {"write"}, "decision": {"allow"}}), http.StatusNotFound, "There is no such wiki for you")
	status, m := s.call("/oauth/token", redemption(id, code))
	wantError(t, "issue", status, m, 400, "invalid_grant")
	status, m = s.call("/oauth/token", refreshing(id, lowered.Refresh))
	wantError(t, "refresh", status, m, 400, "invalid_grant")
}

func TestUserIsGone(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	s.wiki(ada, "ada", true)
	id := s.register(callback)
	connected, code := s.connect(ada, id, "ada"), s.code(ada, id, "ada")
	line := s.decide(ada, s.asks(oauth.CommandLine, "ada", "resource", ""), "", "allow").Get("code")
	if err := s.records.DeleteUser(t.Context(), ada.ID, time.Now()); err != nil {
		t.Fatal(err)
	}
	for why, form := range map[string]url.Values{
		"code": redemption(id, code), "refresh": refreshing(id, connected.Refresh), "command line": redemption(oauth.CommandLine, line),
	} {
		status, m := s.call("/oauth/token", form)
		wantError(t, why, status, m, 400, "invalid_grant")
	}
}

// TestRegisteredClientsAreForgotten: after a day unless somebody says yes, then 90
// days after the last use. They are told so that they register anew.
func TestRegisteredClientsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		ada := s.person("ada")
		s.wiki(ada, "ada", false)
		unused, used := s.register(callback), s.register(callback)
		token := s.connect(ada, used, "ada")
		time.Sleep(25 * time.Hour)
		ada.cookie = s.person("eve").cookie // of a day ago: anybody's will do for the page
		wantPage(t, "unused", s.visit(ada.cookie, "/oauth/authorize?"+s.asks(unused, "ada").Encode()), http.StatusBadRequest, "We do not know this program")
		for range 3 {
			time.Sleep(60 * 24 * time.Hour)
			token = s.answered(s.call("/oauth/token", refreshing(used, token.Refresh)))
		}
		time.Sleep(91 * 24 * time.Hour)
		status, m := s.call("/oauth/token", refreshing(used, token.Refresh))
		wantError(t, "not used for long", status, m, 401, "invalid_client")
	})
}
