package oauth_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wikibot.io/pkg/identity"
)

func TestRefreshWithinTheGraceGivesTheSameAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		ada := s.person("ada")
		s.wiki(ada, "ada", false)
		id := s.register(callback)
		first := s.connect(ada, id, "ada")
		second := s.answered(s.call("/oauth/token", refreshing(id, first.Refresh)))
		time.Sleep(59 * time.Second)
		again := s.answered(s.call("/oauth/token", refreshing(id, first.Refresh)))
		if again.Refresh != second.Refresh || second.Refresh == first.Refresh {
			t.Error("a repeat was given another refresh token")
		}
		s.answered(s.call("/oauth/token", refreshing(id, second.Refresh)))
		if n := len(s.connections(ada)); n != 1 {
			t.Errorf("%d connections", n)
		}
	})
}

// TestRefreshAtTheSameTime: clients that refresh twice at once go on.
func TestRefreshAtTheSameTime(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	s.wiki(ada, "ada", false)
	id := s.register(callback)
	first := s.connect(ada, id, "ada")
	got := make([]string, 6)
	s.from = "198.51.100.1:1"
	var all sync.WaitGroup
	for i := range got {
		all.Go(func() {
			resp, err := direct{s.handler}.RoundTrip(formRequest(t, base+"/oauth/token", refreshing(id, first.Refresh)))
			if err == nil && resp.StatusCode == 200 {
				got[i], _ = jsonOf(t, resp.Body)["refresh_token"].(string)
			}
		})
	}
	all.Wait()
	for _, token := range got {
		if token == "" || token != got[0] {
			t.Fatalf("answers %v, want one and the same", got)
		}
	}
	s.answered(s.call("/oauth/token", refreshing(id, got[0])))
}

func TestRefreshScope(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	s.wiki(ada, "ada", false)
	id := s.register(callback)
	wide, narrow := s.connect(ada, id, "ada"), s.connect(ada, id, "ada", "scope", "wiki:read")
	less := s.answered(s.call("/oauth/token", refreshing(id, wide.Refresh, "scope", "wiki:read", "resource", s.hosts.Wiki("ada", ""))))
	if less.Scope != "wiki:read" {
		t.Errorf("narrowed to %q", less.Scope)
	}
	// It was narrowed for that one token.
	if all := s.answered(s.call("/oauth/token", refreshing(id, less.Refresh))); all.Scope != "wiki:read wiki:write" {
		t.Errorf("then %q", all.Scope)
	}
	status, m := s.call("/oauth/token", refreshing(id, narrow.Refresh, "scope", "wiki:read wiki:write"))
	wantError(t, "widened", status, m, 400, "invalid_scope")
	status, m = s.call("/oauth/token", refreshing(id, narrow.Refresh, "resource", s.hosts.Wiki("bob", "/mcp")))
	wantError(t, "elsewhere", status, m, 400, "invalid_target")
	if same := s.answered(s.call("/oauth/token", refreshing(id, narrow.Refresh, "scope", "openid offline_access"))); same.Scope != "wiki:read" {
		t.Errorf("by habit: %q", same.Scope)
	}
}

func TestConnectionExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		ada := s.person("ada")
		s.wiki(ada, "ada", false)
		s.clients = document(map[string]any{"client_id": documentID, "redirect_uris": []string{callback}})
		token := s.connect(ada, documentID, "ada")
		time.Sleep(90*24*time.Hour + time.Second)
		status, m := s.call("/oauth/token", refreshing(documentID, token.Refresh))
		wantError(t, "after 90 days", status, m, 400, "invalid_grant")
	})
}

// TestRefreshNeedsNoDocument: a site that is away for a moment does not log its
// users out.
func TestRefreshNeedsNoDocument(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	s.wiki(ada, "ada", false)
	s.clients = document(map[string]any{"client_id": documentID, "redirect_uris": []string{callback}})
	token := s.connect(ada, documentID, "ada")
	fetched := s.fetched
	s.answered(s.call("/oauth/token", refreshing(documentID, token.Refresh)))
	if s.fetched != fetched {
		t.Error("the document was fetched")
	}
}

func TestRevocation(t *testing.T) {
	for _, c := range []struct {
		why  string
		of   func(answer) string
		ends bool
	}{
		{"refresh token", func(a answer) string { return a.Refresh }, true},
		{"access token", func(a answer) string { return a.Access }, true},
		{"no token of ours", func(answer) string { return "gho_xyz" }, false},
		{"a token of nobody", func(answer) string {
			return identity.NewCredential("01h00000000000000000000000", "01h00000000000000000000001").String(identity.RefreshPrefix)
		}, false},
		{"the right ids, another secret", func(a answer) string {
			cred, _ := identity.ParseCredential(identity.RefreshPrefix, a.Refresh)
			return identity.NewCredential(cred.UserID, cred.ID).String(identity.RefreshPrefix)
		}, false},
		{"an access token that was tampered with", func(a answer) string { return a.Access[:len(a.Access)-4] + "AAAA" }, false},
	} {
		s := newSite(t)
		ada := s.person("ada")
		s.wiki(ada, "ada", false)
		id := s.register(callback)
		token := s.connect(ada, id, "ada")
		for range 2 { // it may be repeated
			rw := s.send("POST", "/oauth/revoke", form("token", c.of(token), "client_id", id), "Content-Type", formType)
			if rw.Code != 200 || rw.Header().Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("%s: %d %s", c.why, rw.Code, rw.Body)
			}
		}
		if got := len(s.connections(ada)) == 0; got != c.ends {
			t.Errorf("%s: ended %t", c.why, got)
		}
		status, m := s.call("/oauth/token", refreshing(id, token.Refresh))
		if c.ends {
			wantError(t, c.why, status, m, 400, "invalid_grant")
		} else {
			s.answered(status, m)
		}
	}
}

func TestRevocationByAnotherClient(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	s.wiki(ada, "ada", false)
	id := s.register(callback)
	token := s.connect(ada, id, "ada")
	for _, secret := range []string{token.Refresh, token.Access} {
		status, m := s.call("/oauth/revoke", values("token", secret, "client_id", "wbc_other"))
		wantError(t, "another client", status, m, 400, "invalid_grant")
	}
	status, m := s.call("/oauth/revoke", values("client_id", id))
	wantError(t, "no token", status, m, 400, "invalid_request")
	if len(s.connections(ada)) != 1 {
		t.Error("it was ended")
	}
}
