package oauth_test

import (
	"testing"
	"testing/synctest"
	"time"

	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
	"wikibot.io/services/auth/internal/oauth"
)

// TestRefreshReuse (RFC 9700 section 4.14.2): a refresh token that was used before
// ends the connection, however long ago that was; one that never was does not.
func TestRefreshReuse(t *testing.T) {
	for _, c := range []struct {
		why   string
		steps int // refreshes between the theft and the use
	}{{"the last one, after the grace", 1}, {"the one before", 2}, {"one of long ago", 40}} {
		synctest.Test(t, func(t *testing.T) {
			s, ada, id, stolen := connected(t)
			now := stolen
			for range c.steps {
				time.Sleep(61 * time.Second)
				now = s.answered(s.call("/oauth/token", refreshing(id, now.Refresh)))
			}
			time.Sleep(61 * time.Second)
			cred, _ := identity.ParseCredential(identity.RefreshPrefix, stolen.Refresh)
			guess := identity.NewCredential(cred.UserID, cred.ID).String(identity.RefreshPrefix)
			status, m := s.call("/oauth/token", refreshing(id, guess))
			wantError(t, c.why+": a guess", status, m, 400, "invalid_grant")
			if len(s.connections(ada)) != 1 {
				t.Fatalf("%s: a guess ended the connection", c.why)
			}
			status, m = s.call("/oauth/token", refreshing(id, stolen.Refresh))
			wantError(t, c.why, status, m, 400, "invalid_grant")
			if len(s.connections(ada)) != 0 {
				t.Errorf("%s: the connection lives on", c.why)
			}
			status, m = s.call("/oauth/token", refreshing(id, now.Refresh))
			wantError(t, c.why+": then the good one", status, m, 400, "invalid_grant")
		})
	}
}

// TestRefreshForAnotherClient: and it does not end what it was given to.
func TestRefreshForAnotherClient(t *testing.T) {
	s, _, id, token := connected(t)
	for _, other := range []string{s.register(callback), oauth.CommandLine, documentID} {
		status, m := s.call("/oauth/token", refreshing(other, token.Refresh))
		wantError(t, other, status, m, 400, "invalid_grant")
	}
	s.answered(s.call("/oauth/token", refreshing(id, token.Refresh)))
}

// TestTokenForOneWikiAtAnother (RFC 9700 section 4.10.2): its audience is the one
// wiki's MCP URL, whatever other resource is named later.
func TestTokenForOneWikiAtAnother(t *testing.T) {
	s, ada, id, token := connected(t)
	s.wiki(s.person("bob"), "bob", true)
	for _, resource := range []string{s.hosts.Wiki("bob", "/mcp"), s.hosts.Wiki("ada", ""), base, ""} {
		if a, err := s.verifier.VerifyAccess(t.Context(), token.Access, resource); err == nil {
			t.Errorf("good for %q: %+v", resource, a)
		}
	}
	if _, err := s.verifier.VerifyAccess(t.Context(), token.Access, s.hosts.Wiki("ada", "/mcp")); err != nil {
		t.Error(err)
	}
	status, m := s.call("/oauth/token", refreshing(id, token.Refresh, "resource", s.hosts.Wiki("bob", "/mcp")))
	wantError(t, "refreshed for another", status, m, 400, "invalid_target")
	status, m = s.call("/oauth/token", redemption(id, s.code(ada, id, "ada"), "resource", s.hosts.Wiki("bob", "/mcp")))
	wantError(t, "redeemed for another", status, m, 400, "invalid_target")
}

// TestWikiOfTheSameNameIsAnother: a connection is to a wiki, not to its name.
func TestWikiOfTheSameNameIsAnother(t *testing.T) {
	s, ada, id, token := connected(t)
	if err := s.records.DeleteWiki(t.Context(), s.connections(ada)[0].WikiID, nil); err != nil {
		t.Fatal(err)
	}
	s.wiki(ada, "ada", false) // her username: she may have it again
	status, m := s.call("/oauth/token", refreshing(id, token.Refresh))
	wantError(t, "refreshed", status, m, 400, "invalid_grant")
}

// TestScopeEscalation: at consent, at the token endpoint, at refresh.
func TestScopeEscalation(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	s.wiki(ada, "ada", false)
	id := s.register(callback)
	code := s.decide(ada, s.asks(id, "ada", "scope", "wiki:read"), "write", "allow").Get("code")
	token := s.answered(s.call("/oauth/token", redemption(id, code, "scope", "wiki:write")))
	if token.Scope != "wiki:read" {
		t.Errorf("redeemed with %q", token.Scope)
	}
	for _, scope := range []string{"wiki:write", "wiki:read wiki:write", "account"} {
		status, m := s.call("/oauth/token", refreshing(id, token.Refresh, "scope", scope))
		wantError(t, scope, status, m, 400, "invalid_scope")
	}
	if got := s.connections(ada)[0].Role; got != records.Viewer {
		t.Errorf("the connection is %s", got)
	}
}
