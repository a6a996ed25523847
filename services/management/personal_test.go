package management_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"wikibot.io/contracts/events"
	"wikibot.io/contracts/problem"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
	"wikibot.io/services/management"
)

// personal returns a client that sends the token of "wikibot login", good until
// expires.
func (f *fleet) personal(t *testing.T, u records.User, expires time.Time) (client, records.Session) {
	t.Helper()
	c := identity.NewCredential(u.ID, events.NewID(time.Now()))
	s := records.Session{
		ID: c.ID, UserID: u.ID, Kind: records.CommandLine, Name: "wikibot on host", SecretHash: c.Hash(),
		CreatedAt: time.Now(), LastUsed: time.Now(), ExpiresAt: expires,
	}
	if err := f.records.CreateSession(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	return f.anonymous().with("Authorization", "Bearer "+c.String(identity.PersonalPrefix)), s
}

// TestPersonalTokenMayOnlyRead: the command line sees what its user sees, less the
// owner's secrets' list, and changes nothing.
func TestPersonalTokenMayOnlyRead(t *testing.T) {
	f := newFleet(t)
	u := f.user(t, "ada", records.Premium)
	f.wiki(t, u, "ada", false)
	f.wiki(t, f.user(t, "grace", records.Premium), "compilers", false)
	cli, session := f.personal(t, u, time.Now().Add(time.Hour))

	var me management.Me
	if cli.do(t, http.MethodGet, "/api/me", "").want(http.StatusOK, &me); me.ID != u.ID {
		t.Errorf("it is %+v", me)
	}
	var list wikiList
	if cli.do(t, http.MethodGet, "/api/wikis", "").want(http.StatusOK, &list); len(list.Wikis) != 1 {
		t.Errorf("wikis %+v", list.Wikis)
	}
	var detail wikiDetail
	if cli.do(t, http.MethodGet, "/api/wikis/ada", "").want(http.StatusOK, &detail); len(detail.Tokens) != 0 {
		t.Errorf("tokens, which are the owner's at a browser: %+v", detail.Tokens)
	}
	cli.do(t, http.MethodGet, "/api/wikis/compilers", "").problem(http.StatusNotFound, problem.NotFound)

	for _, r := range []struct{ method, path, body string }{
		{"POST", "/api/wikis", `{"slug":"more","name":"More"}`},
		{"PATCH", "/api/wikis/ada", `{"public":true}`},
		{"POST", "/api/wikis/ada/token", ""},
		{"DELETE", "/api/wikis/ada", `{"confirm":"ada"}`},
		{"PUT", "/api/nowhere", "{}"},
	} {
		if got := cli.do(t, r.method, r.path, r.body); got.Code != http.StatusForbidden {
			t.Errorf("%s %s: status %d, want 403: %s", r.method, r.path, got.Code, got.Body)
		}
	}

	if err := f.records.EndSession(t.Context(), u.ID, session.ID, time.Now(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	cli.do(t, http.MethodGet, "/api/me", "").problem(http.StatusUnauthorized, problem.Unauthenticated)
	over, _ := f.personal(t, u, time.Now().Add(-time.Second))
	over.do(t, http.MethodGet, "/api/me", "").problem(http.StatusUnauthorized, problem.Unauthenticated)
}

// TestBrowserSecretIsNoPersonalToken: what renews a browser's session opens nothing
// by itself, under either prefix.
func TestBrowserSecretIsNoPersonalToken(t *testing.T) {
	f := newFleet(t)
	u := f.user(t, "ada", records.Free)
	c := identity.NewCredential(u.ID, events.NewID(time.Now()))
	if err := f.records.CreateSession(t.Context(), records.Session{
		ID: c.ID, UserID: u.ID, Kind: records.Browser, SecretHash: c.Hash(), CreatedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour),
	}); err != nil {
		t.Fatal(err)
	}
	for _, prefix := range []string{identity.PersonalPrefix, identity.SessionPrefix, identity.RefreshPrefix} {
		r := f.anonymous().with("Authorization", "Bearer "+c.String(prefix)).do(t, http.MethodGet, "/api/me", "")
		r.problem(http.StatusUnauthorized, problem.Unauthenticated)
		if strings.Contains(r.Body.String(), c.Secret) {
			t.Error("the secret is shown")
		}
	}
}
