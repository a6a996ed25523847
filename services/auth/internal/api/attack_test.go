package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wikibot.io/contracts/problem"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
)

// every lists all operations of the API, and a path that is none.
func every(sessionID, agentID string) []struct{ method, path, body string } {
	return []struct{ method, path, body string }{
		{"GET", "/api/account", ""},
		{"PATCH", "/api/account", `{"display_name":"Eve"}`},
		{"GET", "/api/account/sessions", ""},
		{"DELETE", "/api/account/sessions/" + sessionID, ""},
		{"DELETE", "/api/account/sessions", ""},
		{"GET", "/api/account/agents", ""},
		{"DELETE", "/api/account/agents/" + agentID, ""},
		{"GET", "/api/account/export", ""},
		{"POST", "/api/account/deletion", `{"username":"ada"}`},
		{"GET", "/api/account/nowhere", ""},
		{"PUT", "/api/account", "{}"},
	}
}

// TestMatrix walks every operation as everybody who has no browser's session of the
// person: nothing is answered, and nothing is done.
func TestMatrix(t *testing.T) {
	s := newSite(t)
	u := s.user(t, "ada")
	_, here := s.browser(t, u)
	_, personal := s.session(t, u, records.CommandLine, "wikibot on host")
	w := s.wiki(t, u, "engines")
	agent := s.agent(t, u, w, "Claude", "claude.ai")
	tokens, err := s.signer.Issue(t.Context(), u, here.ID, time.Now(), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	access, err := s.signer.IssueAccess(t.Context(), identity.Access{
		UserID: u.ID, ClientID: agent.ClientID, ConnectionID: agent.ID, Scope: identity.ScopeWrite, Resource: agent.Resource,
		IssuedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	wikiToken, hash := identity.NewWikiToken()
	if err := s.records.CreateToken(t.Context(), records.Token{ID: "t", Hash: hash, WikiID: w.ID, UserID: u.ID, Name: "t", Role: records.Editor, CreatedAt: time.Now()}); err != nil {
		t.Fatal(err)
	}
	gone, err := s.signer.Issue(t.Context(), records.User{ID: "gone", Username: "ada"}, "s", time.Now(), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	cookie := func(name, value string) client { return s.anonymous().with("Cookie", name+"="+value) }
	bearer := func(token string) client { return s.anonymous().with("Authorization", "Bearer "+token) }
	for _, v := range []struct {
		name   string
		as     client
		status int
	}{
		{"anonymous", s.anonymous(), 401},
		{"personal token", bearer(personal.String(identity.PersonalPrefix)), 403},
		{"personal token beside a session", bearer(personal.String(identity.PersonalPrefix)).with("Cookie", identity.RootCookie+"="+tokens.Root), 403},
		{"wiki token", bearer(wikiToken), 401},
		{"access token of an agent", bearer(access), 401},
		{"access token as cookie", cookie(identity.RootCookie, access), 401},
		{"the session as bearer", bearer(tokens.Root), 401},
		{"the wikis' session", cookie(identity.WikiCookie, tokens.Wikis), 401},
		{"the wikis' session as root cookie", cookie(identity.RootCookie, tokens.Wikis), 401},
		{"the session's secret as root cookie", cookie(identity.RootCookie, personal.String(identity.SessionPrefix)), 401},
		{"a user who is gone", cookie(identity.RootCookie, gone.Root), 401},
	} {
		for _, r := range every(here.ID, agent.ID) {
			if got := v.as.do(t, r.method, r.path, r.body); got.Code != v.status {
				t.Errorf("%s %s as %s: status %d, want %d: %s", r.method, r.path, v.name, got.Code, v.status, got.Body)
			}
		}
	}
	if kept, err := s.records.SessionsOfUser(t.Context(), u.ID); err != nil || len(kept) != 2 {
		t.Errorf("sessions %v, %v, want both", kept, err)
	}
	if _, err := s.records.Connection(t.Context(), u.ID, agent.ID); err != nil {
		t.Errorf("the agent: %v", err)
	}
	if got, err := s.records.User(t.Context(), u.ID); err != nil || got.DisplayName != "ada" {
		t.Errorf("the user: %+v, %v", got, err)
	}
}

// TestIDOR (CWE-639): the ids of other people's sessions and agents are ids of
// nothing, in the very words.
func TestIDOR(t *testing.T) {
	s := newSite(t)
	u, victim := s.user(t, "eve"), s.user(t, "ada")
	eve, _ := s.browser(t, u)
	_, theirs := s.browser(t, victim)
	agent := s.agent(t, victim, s.wiki(t, victim, "engines"), "Claude", "claude.ai")
	for _, c := range []struct{ path, id string }{
		{"/api/account/sessions/%s", theirs.ID}, {"/api/account/agents/%s", agent.ID},
	} {
		other := eve.do(t, http.MethodDelete, fmt.Sprintf(c.path, c.id), "").problem(http.StatusNotFound, problem.NotFound)
		none := eve.do(t, http.MethodDelete, fmt.Sprintf(c.path, "01arz3ndektsv4rrffq69g5fav"), "").problem(http.StatusNotFound, problem.NotFound)
		if other.Detail != none.Detail {
			t.Errorf("%q and %q", other.Detail, none.Detail)
		}
	}
	for _, id := range []string{"%00", "..%2f" + theirs.ID, strings.Repeat("x", 65), "%ff", theirs.ID + "%20", victim.ID + "%2f" + theirs.ID, "sessions%23" + theirs.ID} {
		for _, path := range []string{"/api/account/sessions/", "/api/account/agents/"} {
			if r := eve.do(t, http.MethodDelete, path+id, ""); r.Code != http.StatusNotFound && r.Code != http.StatusUnprocessableEntity {
				t.Errorf("%s%s: status %d: %s", path, id, r.Code, r.Body)
			}
		}
	}
	eve.do(t, http.MethodDelete, "/api/account/sessions", "").want(http.StatusNoContent, nil)
	if _, err := s.records.Session(t.Context(), victim.ID, theirs.ID); err != nil {
		t.Errorf("the victim's session: %v", err)
	}
	if _, err := s.records.Connection(t.Context(), victim.ID, agent.ID); err != nil {
		t.Errorf("the victim's agent: %v", err)
	}
}

// TestCSRF (CWE-352): a page of a wiki is same-site with the account, holds text by
// strangers, and cannot use it.
func TestCSRF(t *testing.T) {
	s := newSite(t)
	u := s.user(t, "ada")
	ada, here := s.browser(t, u)
	agent := s.agent(t, u, s.wiki(t, u, "engines"), "Claude", "claude.ai")
	for why, c := range map[string]client{
		"a wiki's page": ada.with("Sec-Fetch-Site", "same-site").with("Origin", "http://eve.wikibot.localhost:8080"),
		"another site":  ada.with("Sec-Fetch-Site", "cross-site"),
	} {
		for _, r := range every(here.ID, agent.ID) {
			if got := c.do(t, r.method, r.path, r.body); r.method != http.MethodGet && got.Code != http.StatusForbidden {
				t.Errorf("%s, %s %s: status %d, want 403", why, r.method, r.path, got.Code)
			}
		}
	}
	ada.do(t, http.MethodGet, "/api/account", "").want(http.StatusOK, nil)
	// A form of another page cannot even be spelled as JSON.
	ada.with("Content-Type", "text/plain").do(t, http.MethodPost, "/api/account/deletion", "").problem(http.StatusBadRequest, problem.Invalid)
}

// TestFlood (CWE-770): changes are counted by person and by address; reading is
// not.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		u, other := s.user(t, "eve"), s.user(t, "ada")
		eve, _ := s.browser(t, u)
		ada, _ := s.browser(t, other)
		refused := 0
		for range 30 {
			r := eve.do(t, http.MethodPatch, "/api/account", `{"display_name":"Eve"}`)
			if r.Code == http.StatusTooManyRequests {
				refused++
				if r.Header().Get("Retry-After") == "" {
					t.Error("nothing says when to come back")
				}
			}
		}
		if refused != 10 {
			t.Errorf("%d of 30 changes refused, want 10", refused)
		}
		eve.do(t, http.MethodGet, "/api/account", "").want(http.StatusOK, nil)
		eve.do(t, http.MethodGet, "/api/account/export", "").problem(http.StatusTooManyRequests, problem.TooMany)
		// The same address, another person.
		ada.do(t, http.MethodPatch, "/api/account", `{"display_name":"Ada"}`).problem(http.StatusTooManyRequests, problem.TooMany)
		time.Sleep(time.Minute)
		ada.do(t, http.MethodPatch, "/api/account", `{"display_name":"Ada"}`).want(http.StatusOK, nil)
	})
}

// TestDeletedAccountComesBackSignedOut: who deletes their account and takes it back
// is signed in on none of the devices that were, stolen ones included; agents are
// as connected as before.
func TestDeletedAccountComesBackSignedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		u := s.user(t, "ada")
		b, _ := s.browser(t, u)
		stolen, _ := s.browser(t, u)
		s.session(t, u, records.CommandLine, "wikibot on host")
		s.agent(t, u, s.wiki(t, u, "engines"), "Claude", "claude.ai")
		time.Sleep(time.Minute)
		b.do(t, http.MethodPost, "/api/account/deletion", `{"username":"ada"}`).want(http.StatusAccepted, nil)
		time.Sleep(time.Minute)
		if err := s.records.RestoreUser(t.Context(), u.ID); err != nil {
			t.Fatal(err)
		}
		for _, b := range []client{b, stolen} {
			b.do(t, http.MethodGet, "/api/account", "").problem(http.StatusUnauthorized, problem.Unauthenticated)
		}
		if left, err := s.records.SessionsOfUser(t.Context(), u.ID); err != nil || len(left) != 0 {
			t.Errorf("sessions left: %v, %v", left, err)
		}
		if left, err := s.records.ConnectionsOfUser(t.Context(), u.ID); err != nil || len(left) != 1 {
			t.Errorf("connections left: %v, %v", left, err)
		}
	})
}
