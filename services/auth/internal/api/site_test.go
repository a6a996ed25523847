package api_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wikibot.io/contracts/events"
	"wikibot.io/contracts/problem"
	"wikibot.io/pkg/account"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/identity/keydir/keydirtest"
	"wikibot.io/pkg/limit"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/sqlite"
	"wikibot.io/pkg/web"
	"wikibot.io/services/auth/internal/api"
)

const (
	base  = "http://wikibot.localhost:8080"
	grace = 14 * 24 * time.Hour
)

// site is the API behind the whole stack, with real records and keys.
type site struct {
	hosts   web.Hosts
	records *sqlite.Store
	signer  *identity.Signer
	api     *api.API
	handler http.Handler
}

func newSite(t *testing.T) *site {
	t.Helper()
	dir := t.TempDir()
	store, err := sqlite.Open(filepath.Join(dir, "records.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	keys := keydirtest.New(t)
	hosts, err := web.NewHosts(base)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	auth, err := identity.NewAuthenticator(identity.AuthenticatorDeps{Hosts: hosts, Keys: keys, Accounts: store, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	limiter, err := limit.New(store, log)
	if err != nil {
		t.Fatal(err)
	}
	a, err := api.New(api.Deps{Hosts: hosts, Records: store, Authenticator: auth, Limiter: limiter, Grace: grace, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	return &site{hosts: hosts, records: store, signer: identity.NewSigner(keys, hosts), api: a, handler: web.Stack(log, a.Handler())}
}

func (s *site) user(t *testing.T, username string) records.User {
	t.Helper()
	u, err := account.Register(t.Context(), s.records, account.Registration{Email: username + "@example.org", Username: username, Tier: records.Premium})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (s *site) wiki(t *testing.T, owner records.User, slug string) records.Wiki {
	t.Helper()
	now := time.Now().UTC()
	w, err := s.records.CreateWiki(t.Context(), records.NewWiki{
		ID: events.NewID(now), Slug: slug, Name: "The " + slug, OwnerID: owner.ID, CreatedAt: now,
		Token: records.Token{ID: events.NewID(now), Hash: hashOf("token of " + slug), Name: "default", Role: records.Editor, UserID: owner.ID},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// hashOf stands for a hash that must never be shown; the tests look for its first
// characters.
func hashOf(what string) string { return "deadbeef" + identity.HashToken(what)[8:] }

// session begins a sign-in of the user.
func (s *site) session(t *testing.T, u records.User, kind records.SessionKind, name string) (records.Session, identity.Credential) {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Second)
	c := identity.NewCredential(u.ID, events.NewID(now))
	kept := records.Session{
		ID: c.ID, UserID: u.ID, Kind: kind, Name: name, SecretHash: c.Hash(), CreatedAt: now, LastUsed: now,
		ExpiresAt: now.Add(30 * 24 * time.Hour), Provider: account.DevProvider, Sealed: []byte("deadbeef sealed"),
	}
	if err := s.records.CreateSession(t.Context(), kept); err != nil {
		t.Fatal(err)
	}
	return kept, c
}

func (s *site) agent(t *testing.T, u records.User, w records.Wiki, name, host string) records.Connection {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Second)
	c := records.Connection{
		ID: events.NewID(now), UserID: u.ID, WikiID: w.ID, ClientID: "https://" + name, ClientName: name, ClientHost: host,
		Resource: s.hosts.Wiki(w.Slug, "/mcp"), Role: records.Editor, RefreshHash: hashOf("refresh"), FormerHash: hashOf("former"),
		Seed: "deadbeefseed", CreatedAt: now, ExpiresAt: now.Add(90 * 24 * time.Hour),
	}
	if err := s.records.CreateConnection(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return c
}

// client sends requests as one visitor's browser would.
type client struct {
	site   *site
	header http.Header
}

func (s *site) anonymous() client { return client{s, http.Header{}} }

// browser signs the user in with a browser.
func (s *site) browser(t *testing.T, u records.User) (client, records.Session) {
	t.Helper()
	kept, _ := s.session(t, u, records.Browser, "Firefox on Linux")
	tokens, err := s.signer.Issue(t.Context(), u, kept.ID, time.Now(), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return client{s, http.Header{"Cookie": {identity.RootCookie + "=" + tokens.Root}}}, kept
}

func (c client) with(name, value string) client {
	c.header = c.header.Clone()
	c.header.Set(name, value)
	return c
}

type response struct {
	*httptest.ResponseRecorder
	t *testing.T
}

func (c client) do(t *testing.T, method, path, body string) response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(body))
	for k, v := range c.header {
		r.Header[k] = v
	}
	if r.Header.Get("Sec-Fetch-Site") == "" {
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	rw := httptest.NewRecorder()
	c.site.handler.ServeHTTP(rw, r)
	// Every secret, hash and seed of the fixtures holds this.
	if strings.Contains(rw.Body.String(), "deadbeef") {
		t.Errorf("%s %s shows a secret: %s", method, path, rw.Body)
	}
	return response{rw, t}
}

// want checks the status and decodes the body into v, which may be nil.
func (r response) want(status int, v any) response {
	r.t.Helper()
	if r.Code != status {
		r.t.Fatalf("status %d, want %d: %s", r.Code, status, r.Body)
	}
	if got := r.Header().Get("Cache-Control"); got != "no-store" {
		r.t.Errorf("Cache-Control %q, want no-store", got)
	}
	if v != nil {
		dec := json.NewDecoder(bytes.NewReader(r.Body.Bytes()))
		dec.DisallowUnknownFields()
		if err := dec.Decode(v); err != nil {
			r.t.Fatalf("decode %s: %v", r.Body, err)
		}
	}
	return r
}

// problem checks that the answer is a whole problem document.
func (r response) problem(status int, typ problem.Type) problem.Problem {
	r.t.Helper()
	var p problem.Problem
	r.want(status, &p)
	if p.Type != typ || p.Status != status || p.Error == "" || p.Instance == "" {
		r.t.Errorf("problem %+v, want type %s and status %d", p, typ, status)
	}
	return p
}
