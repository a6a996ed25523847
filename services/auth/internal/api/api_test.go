package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/contracts/problem"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
	"wikibot.io/services/auth/internal/api"
)

// The bodies as clients see them.
type (
	sessionList struct{ Sessions []api.Session }
	agentList   struct{ Agents []api.Agent }
)

func TestAccount(t *testing.T) {
	s := newSite(t)
	u := s.user(t, "ada")
	for _, id := range []records.Identity{
		{Provider: "https://accounts.google.com", Subject: "1"}, {Provider: "https://login.example.org/realm", Subject: "2"},
	} {
		if err := s.records.AddIdentity(t.Context(), u.ID, id); err != nil {
			t.Fatal(err)
		}
	}
	ada, _ := s.browser(t, u)
	var got api.Account
	ada.do(t, http.MethodGet, "/api/account", "").want(http.StatusOK, &got)
	want := api.Account{
		ID: u.ID, Username: "ada", Email: "ada@example.org", DisplayName: "ada", CreatedAt: got.CreatedAt,
		Identities: []api.Identity{
			{Provider: "dev", Label: "Development sign-in"},
			{Provider: "https://accounts.google.com", Label: "Google"},
			{Provider: "https://login.example.org/realm", Label: "login.example.org"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	ada.do(t, http.MethodPatch, "/api/account", `{"display_name":" Ada Lovelace "}`).want(http.StatusOK, &got)
	if got.DisplayName != "Ada Lovelace" || len(got.Identities) != 3 {
		t.Errorf("changed to %+v", got)
	}
	if u, err := s.records.User(t.Context(), u.ID); err != nil || u.DisplayName != "Ada Lovelace" {
		t.Errorf("kept %+v, %v", u, err)
	}
	ada.do(t, http.MethodPatch, "/api/account", `{}`).want(http.StatusOK, &got)
	for _, bad := range []string{"", "  ", "<b>", strings.Repeat("x", 101), "a\u202eb"} {
		p := ada.do(t, http.MethodPatch, "/api/account", `{"display_name":"`+bad+`"}`).problem(http.StatusUnprocessableEntity, problem.Invalid)
		if len(p.Errors) == 0 || p.Errors[0].Field != "display_name" {
			t.Errorf("%q: %+v", bad, p)
		}
	}
	// What is not the person's to change is refused, not dropped in silence.
	ada.do(t, http.MethodPatch, "/api/account", `{"tier":"premium"}`).problem(http.StatusUnprocessableEntity, problem.Invalid)
	if got.DisplayName != "Ada Lovelace" {
		t.Errorf("after bad changes: %+v", got)
	}
}

func TestSessions(t *testing.T) {
	s := newSite(t)
	u := s.user(t, "ada")
	ada, here := s.browser(t, u)
	there, other := s.browser(t, u)
	cli, secret := s.session(t, u, records.CommandLine, "wikibot on host")
	over := records.Session{ID: "over", UserID: u.ID, Kind: records.Browser, SecretHash: hashOf("x"), CreatedAt: time.Now().Add(-time.Hour), ExpiresAt: time.Now().Add(-time.Minute)}
	if err := s.records.CreateSession(t.Context(), over); err != nil {
		t.Fatal(err)
	}

	var got sessionList
	ada.do(t, http.MethodGet, "/api/account/sessions", "").want(http.StatusOK, &got)
	if len(got.Sessions) != 3 {
		t.Fatalf("sessions %+v, want the three that live", got.Sessions)
	}
	for _, k := range got.Sessions {
		if k.Current != (k.ID == here.ID) || k.Name == "" || k.ExpiresAt.IsZero() || k.LastUsed.IsZero() {
			t.Errorf("session %+v", k)
		}
		if (k.Kind == records.CommandLine) != (k.ID == cli.ID) {
			t.Errorf("session %s is of kind %s", k.ID, k.Kind)
		}
	}

	// Another device is signed out at once, and its cookie with it.
	there.do(t, http.MethodGet, "/api/account", "").want(http.StatusOK, nil)
	if r := ada.do(t, http.MethodDelete, "/api/account/sessions/"+other.ID, "").want(http.StatusNoContent, nil); len(r.Result().Cookies()) != 0 {
		t.Errorf("cookies %v: this browser stays signed in", r.Result().Cookies())
	}
	there.do(t, http.MethodGet, "/api/account", "").problem(http.StatusUnauthorized, problem.Unauthenticated)
	ada.do(t, http.MethodDelete, "/api/account/sessions/"+other.ID, "").problem(http.StatusNotFound, problem.NotFound)

	// All others: the command line is one.
	ada.do(t, http.MethodDelete, "/api/account/sessions", "").want(http.StatusNoContent, nil)
	kept, err := s.records.SessionsOfUser(t.Context(), u.ID)
	if err != nil || len(kept) != 1 || kept[0].ID != here.ID {
		t.Errorf("left %+v, %v, want this one", kept, err)
	}
	s.anonymous().with("Authorization", "Bearer "+secret.String(identity.PersonalPrefix)).
		do(t, http.MethodGet, "/api/account", "").problem(http.StatusUnauthorized, problem.Unauthenticated)
	// What was signed before is void: the session's secret is what renews it.
	ada.do(t, http.MethodGet, "/api/account", "").problem(http.StatusUnauthorized, problem.Unauthenticated)
	// What is signed from now on, for the user as they are now, is good, however fast
	// the browser is.
	if u, err = s.records.User(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	tokens, err := s.signer.Issue(t.Context(), u, here.ID, time.Now(), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	s.anonymous().with("Cookie", identity.RootCookie+"="+tokens.Root).do(t, http.MethodGet, "/api/account", "").want(http.StatusOK, nil)
}

// TestEndingOnesOwnSession signs this browser out.
func TestEndingOnesOwnSession(t *testing.T) {
	s := newSite(t)
	ada, here := s.browser(t, s.user(t, "ada"))
	r := ada.do(t, http.MethodDelete, "/api/account/sessions/"+here.ID, "").want(http.StatusNoContent, nil)
	cleared(t, r)
	ada.do(t, http.MethodGet, "/api/account", "").problem(http.StatusUnauthorized, problem.Unauthenticated)
}

// cleared checks that an answer takes every cookie of a sign-in back.
func cleared(t *testing.T, r response) {
	t.Helper()
	gone := map[string]bool{}
	for _, c := range r.Result().Cookies() {
		if c.MaxAge >= 0 || c.Value != "" {
			t.Errorf("cookie %v stays", c)
		}
		gone[c.Name] = true
	}
	for _, name := range []string{identity.RootCookie, identity.WikiCookie, identity.SessionCookie, identity.HintCookie} {
		if !gone[name] {
			t.Errorf("cookie %s is not taken back", name)
		}
	}
}

func TestAgents(t *testing.T) {
	s := newSite(t)
	u := s.user(t, "ada")
	ada, _ := s.browser(t, u)
	w, lost := s.wiki(t, u, "engines"), s.wiki(t, u, "lost")
	one, two := s.agent(t, u, w, "Claude", "claude.ai"), s.agent(t, u, lost, "agent", "")
	if err := s.records.TouchConnection(t.Context(), u.ID, one.ID, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := s.records.DeleteWiki(t.Context(), lost.ID, nil); err != nil {
		t.Fatal(err)
	}
	var got agentList
	ada.do(t, http.MethodGet, "/api/account/agents", "").want(http.StatusOK, &got)
	byID := map[string]api.Agent{}
	for _, a := range got.Agents {
		byID[a.ID] = a
	}
	a, b := byID[one.ID], byID[two.ID]
	if len(byID) != 2 || a.Host == nil || *a.Host != "claude.ai" || a.WikiSlug == nil || *a.WikiSlug != "engines" || *a.WikiName != "The engines" ||
		a.Role != records.Editor || a.LastUsed == nil || a.Name != "Claude" {
		t.Errorf("agent %+v", a)
	}
	if b.Host != nil || b.WikiSlug != nil || b.WikiName != nil || b.LastUsed != nil {
		t.Errorf("the agent of a deleted wiki: %+v", b)
	}
	ada.do(t, http.MethodDelete, "/api/account/agents/"+one.ID, "").want(http.StatusNoContent, nil)
	if _, err := s.records.Connection(t.Context(), u.ID, one.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("the connection: %v", err)
	}
	ada.do(t, http.MethodDelete, "/api/account/agents/"+one.ID, "").problem(http.StatusNotFound, problem.NotFound)
}

func TestExport(t *testing.T) {
	s := newSite(t)
	u, other := s.user(t, "ada"), s.user(t, "grace")
	ada, _ := s.browser(t, u)
	w, theirs := s.wiki(t, u, "engines"), s.wiki(t, other, "compilers")
	s.agent(t, u, w, "Claude", "claude.ai")
	if err := s.records.PutGrant(t.Context(), records.Grant{WikiID: theirs.ID, UserID: u.ID, Role: records.Viewer, GrantedBy: other.ID}, 25, nil); err != nil {
		t.Fatal(err)
	}
	var e api.Export
	r := ada.do(t, http.MethodGet, "/api/account/export", "").want(http.StatusOK, &e)
	if got := r.Header().Get("Content-Disposition"); got != `attachment; filename="wikibot-export-ada.json"` {
		t.Errorf("disposition %q", got)
	}
	if e.Profile.ID != u.ID || e.Profile.Email != u.Email || e.Profile.Tier != records.Premium || e.ExportedAt.IsZero() {
		t.Errorf("profile %+v", e.Profile)
	}
	if diff := cmp.Diff([]api.FullIdentity{{Provider: "dev", Subject: "ada@example.org"}}, e.Identities); diff != "" {
		t.Error(diff)
	}
	if len(e.Sessions) != 1 || !e.Sessions[0].Current || len(e.Agents) != 1 || len(e.Grants) != 2 {
		t.Errorf("export %+v", e)
	}
	if len(e.Wikis) != 1 || e.Wikis[0].GitURL != "http://engines.wikibot.localhost:8080/repo.git" || e.Wikis[0].ZipURL != "http://engines.wikibot.localhost:8080/-/export.zip" {
		t.Errorf("wikis %+v", e.Wikis)
	}
	// Tokens that others made in their own wikis are theirs.
	if len(e.Tokens) != 1 || e.Tokens[0].WikiSlug != "engines" || e.Tokens[0].Name != "default" {
		t.Errorf("tokens %+v", e.Tokens)
	}
}

func TestDeletion(t *testing.T) {
	s := newSite(t)
	u := s.user(t, "ada")
	ada, _ := s.browser(t, u)
	w := s.wiki(t, u, "engines")
	for _, typed := range []string{"", "Ada", "ada ", "grace"} {
		p := ada.do(t, http.MethodPost, "/api/account/deletion", `{"username":"`+typed+`"}`).problem(http.StatusUnprocessableEntity, problem.Invalid)
		if len(p.Errors) != 1 || p.Errors[0].Field != "username" {
			t.Errorf("%q: %+v", typed, p)
		}
	}
	ada.do(t, http.MethodPost, "/api/account/deletion", "").problem(http.StatusBadRequest, problem.Invalid)
	ada.do(t, http.MethodGet, "/api/account", "").want(http.StatusOK, nil)

	var left struct {
		FinalAt time.Time `json:"final_at"`
	}
	before := time.Now()
	r := ada.do(t, http.MethodPost, "/api/account/deletion", `{"username":"ada"}`).want(http.StatusAccepted, &left)
	cleared(t, r)
	if left.FinalAt.Before(before.Add(grace).Truncate(time.Second)) || left.FinalAt.After(time.Now().Add(grace)) {
		t.Errorf("final at %v", left.FinalAt)
	}
	ada.do(t, http.MethodGet, "/api/account", "").problem(http.StatusUnauthorized, problem.Unauthenticated)
	if got, err := s.records.Wiki(t.Context(), w.ID); err != nil || !got.Closed {
		t.Errorf("the wiki: %+v, %v, want it closed", got, err)
	}
	if _, err := s.records.DepartedUser(t.Context(), records.Identity{Provider: "dev", Subject: "ada@example.org"}); err != nil {
		t.Errorf("who leaves can come back: %v", err)
	}
}
