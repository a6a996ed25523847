package oauth_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"wikibot.io/pkg/records"
	"wikibot.io/services/auth/internal/oauth"
)

func TestRequestsThatAreToldToTheClient(t *testing.T) {
	s := newSite(t)
	id := s.register(callback)
	for _, c := range []struct {
		why  string
		more []string
		want string
	}{
		{"no response type", []string{"response_type", ""}, "invalid_request"},
		{"implicit flow", []string{"response_type", "token"}, "unsupported_response_type"},
		{"hybrid flow", []string{"response_type", "code id_token"}, "unsupported_response_type"},
		{"answers in the fragment", []string{"response_mode", "fragment"}, "invalid_request"},
		{"no PKCE", []string{"code_challenge", "", "code_challenge_method", ""}, "invalid_request"},
		{"PKCE without a method is plain", []string{"code_challenge_method", ""}, "invalid_request"},
		{"plain PKCE", []string{"code_challenge_method", "plain"}, "invalid_request"},
		{"a method of another case", []string{"code_challenge_method", "s256"}, "invalid_request"},
		{"a challenge too short", []string{"code_challenge", "abc"}, "invalid_request"},
		{"a challenge that is none", []string{"code_challenge", strings.Repeat("%", 43)}, "invalid_request"},
		{"no resource", []string{"resource", ""}, "invalid_target"},
		{"resource elsewhere", []string{"resource", "https://example.com/mcp"}, "invalid_target"},
		{"the root as resource", []string{"resource", base}, "invalid_target"},
		{"a scope that is not ours", []string{"scope", "admin"}, "invalid_scope"},
		{"request object", []string{"request", "eyJ"}, "request_not_supported"},
		{"request by reference", []string{"request_uri", "https://x.example/r"}, "request_uri_not_supported"},
		{"silently", []string{"prompt", "none"}, "consent_required"},
	} {
		ada := s.person("p" + sprint(s.asked.Load())) // each may ask twenty times a minute
		q := s.asks(id, "ada", c.more...)
		got := sentTo(t, s.visit(ada.cookie, "/oauth/authorize?"+q.Encode()), callback)
		if got.Get("error") != c.want || got.Get("state") != someState || got.Get("iss") != base || got.Get("code") != "" {
			t.Errorf("%s: %v, want %s", c.why, got, c.want)
		}
	}
}

func TestRepeatedParameters(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	s.wiki(ada, "ada", false)
	id := s.register(callback)
	for name, want := range map[string]string{
		"state": "invalid_request", "code_challenge": "invalid_request", "scope": "invalid_request", "response_type": "invalid_request", "resource": "invalid_target",
	} {
		q := s.asks(id, "ada", "scope", "wiki:read")
		q.Add(name, q.Get(name))
		if got := sentTo(t, s.visit(ada.cookie, "/oauth/authorize?"+q.Encode()), callback); got.Get("error") != want {
			t.Errorf("%s twice: %v", name, got)
		}
	}
	for _, name := range []string{"client_id", "redirect_uri"} {
		q := s.asks(id, "ada")
		q.Add(name, q.Get(name))
		wantPage(t, name+" twice", s.visit(ada.cookie, "/oauth/authorize?"+q.Encode()), http.StatusBadRequest, "This link is broken")
	}
}

func TestSignInComesFirstAndKeepsTheWholeRequest(t *testing.T) {
	s := newSite(t)
	id := s.register(callback)
	q := s.asks(id, "ada", "scope", "wiki:read")
	rw := s.visit("", "/oauth/authorize?"+q.Encode())
	to := must(url.Parse(rw.Header().Get("Location")))
	back := must(url.Parse(to.Query().Get("return_to")))
	if rw.Code != http.StatusSeeOther || to.Path != "/auth/login" || back.Path != "/oauth/authorize" || back.Query().Encode() != q.Encode() {
		t.Errorf("%d to %s, back to %s", rw.Code, to, back)
	}
	if s.hosts.ReturnTo(to.Query().Get("return_to"), "") == "" {
		t.Error("the sign-in would not lead back")
	}
}

func TestConsentPage(t *testing.T) {
	s := newSite(t)
	ada, bob := s.person("ada"), s.person("bob")
	w := s.wiki(ada, "ada", false)
	s.grant(w, bob, records.Viewer)
	s.wiki(ada, "open", true)
	id := s.register(callback, "https://agent.example.com/cb", "cursor://agent/cb")
	for _, c := range []struct {
		why    string
		who    person
		slug   string
		more   []string
		says   []string
		silent []string
	}{
		{"the owner", ada, "ada", nil, []string{"Connect “Test agent” to Notes of ada?", "ada.wikibot.localhost:8080", "Nobody has checked who this is", "A program on this computer 127.0.0.1:3118", "ada@example.org", "Read and write", "Use another account"}, nil},
		{"only reading was asked for", ada, "ada", []string{"scope", "wiki:read"}, []string{"It may read, and change nothing."}, []string{"Read and write"}},
		{"who may only read", bob, "ada", nil, []string{"It may read, and change nothing: you may not write in this wiki yourself"}, []string{"Read and write"}},
		{"a stranger in a public wiki", bob, "open", nil, []string{"It may read, and change nothing"}, []string{"Read and write"}},
		{"to a site", ada, "ada", []string{"redirect_uri", "https://agent.example.com/cb"}, []string{"Then on to agent.example.com"}, []string{"this computer 127"}},
		{"to an app", ada, "ada", []string{"redirect_uri", "cursor://agent/cb"}, []string{"The app that opens cursor: links"}, nil},
	} {
		rw := s.visit(c.who.cookie, "/oauth/authorize?"+s.asks(id, c.slug, c.more...).Encode())
		ticketOf(t, rw)
		for _, says := range c.says {
			if !strings.Contains(text(rw), says) {
				t.Errorf("%s: the page does not say %q: %s", c.why, says, text(rw))
			}
		}
		for _, silent := range c.silent {
			if strings.Contains(text(rw), silent) {
				t.Errorf("%s: the page says %q", c.why, silent)
			}
		}
	}
}

// TestRightsAreTheLowestOfAll: asked for, chosen, allowed.
func TestRightsAreTheLowestOfAll(t *testing.T) {
	s := newSite(t)
	ada, bob := s.person("ada"), s.person("bob")
	w := s.wiki(ada, "ada", false)
	s.grant(w, bob, records.Viewer)
	id := s.register(callback)
	for _, c := range []struct {
		why           string
		who           person
		scope, chosen string
		want          string
	}{
		{"all of it", ada, "", "write", "wiki:read wiki:write"},
		{"lowered", ada, "", "read", "wiki:read"},
		{"nothing chosen", ada, "", "", "wiki:read"},
		{"raised above what was asked", ada, "wiki:read", "write", "wiki:read"},
		{"raised above the role", bob, "", "write", "wiki:read"},
		{"nonsense chosen", ada, "", "admin", "wiki:read"},
	} {
		q := s.asks(id, "ada", "scope", c.scope)
		code := s.decide(c.who, q, c.chosen, "allow").Get("code")
		if got := s.answered(s.call("/oauth/token", redemption(id, code))); got.Scope != c.want {
			t.Errorf("%s: %s, want %s", c.why, got.Scope, c.want)
		}
	}
}

func TestPersonSaysNo(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	s.wiki(ada, "ada", false)
	q := s.asks(s.register(callback), "ada")
	ticket := s.ticket(ada, q)
	for _, then := range []string{"deny", "deny", "allow"} { // the first decision counts
		rw := s.submit(ada.cookie, "/oauth/authorize", url.Values{"ticket": {ticket}, "rights": {"write"}, "decision": {then}})
		got := sentTo(t, rw, callback)
		if got.Get("error") != "access_denied" || got.Get("state") != someState || got.Get("iss") != base || got.Get("code") != "" {
			t.Errorf("%s: %v", then, got)
		}
	}
}

// TestPressedTwice: a consent that is submitted again leads to the same place, and
// once the code is fetched, to a page that says so.
func TestPressedTwice(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	s.wiki(ada, "ada", false)
	id := s.register(callback)
	form := url.Values{"ticket": {s.ticket(ada, s.asks(id, "ada"))}, "rights": {"write"}, "decision": {"allow"}}
	first := s.submit(ada.cookie, "/oauth/authorize", form).Header().Get("Location")
	form.Set("rights", "read")
	if again := s.submit(ada.cookie, "/oauth/authorize", form).Header().Get("Location"); again != first {
		t.Errorf("then to %s, at first to %s", again, first)
	}
	code := must(url.Parse(first)).Query().Get("code")
	if got := s.answered(s.call("/oauth/token", redemption(id, code))); got.Scope != "wiki:read wiki:write" {
		t.Errorf("scope %s is not of the first decision", got.Scope)
	}
	wantPage(t, "after all", s.submit(ada.cookie, "/oauth/authorize", form), http.StatusOK, "Answered already")
	if n := len(s.connections(ada)); n != 1 {
		t.Errorf("%d connections, want one", n)
	}
}

func TestOnlyRedirectNeedNotBeNamed(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	s.wiki(ada, "ada", false)
	ticketOf(t, s.visit(ada.cookie, "/oauth/authorize?"+s.asks(s.register(callback), "ada", "redirect_uri", "").Encode()))
	two := s.asks(s.register(callback, "https://agent.example.com/cb"), "ada", "redirect_uri", "")
	wantPage(t, "two to choose from", s.visit(ada.cookie, "/oauth/authorize?"+two.Encode()), http.StatusBadRequest, "may not send you back there")
}

func TestCommandLineAsksForTheAccountAlone(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	for _, c := range []struct {
		why, name, value, want string
	}{
		{"a wiki as resource", "resource", s.hosts.Wiki("ada", "/mcp"), "invalid_target"},
		{"another scope", "scope", "wiki:read", "invalid_scope"},
	} {
		q := s.asks(oauth.CommandLine, "ada", "resource", base, c.name, c.value)
		if got := sentTo(t, s.visit(ada.cookie, "/oauth/authorize?"+q.Encode()), callback); got.Get("error") != c.want {
			t.Errorf("%s: %v", c.why, got)
		}
	}
	q := s.asks(oauth.CommandLine, "ada", "resource", base+"/", "scope", "account", "device_name", "x\u202e\n<b>"+strings.Repeat("y", 100))
	rw := s.visit(ada.cookie, "/oauth/authorize?"+q.Encode())
	ticketOf(t, rw)
	if strings.Contains(rw.Body.String(), "<b>y") || strings.Contains(rw.Body.String(), "\u202e") || strings.Contains(text(rw), strings.Repeat("y", 60)) {
		t.Error("the device's name is not bounded text")
	}
}
