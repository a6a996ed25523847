package management_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wikibot.io/contracts/problem"
	"wikibot.io/pkg/account"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/identity/keydir/keydirtest"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/sqlite"
	"wikibot.io/pkg/web"
	"wikibot.io/services/management"
)

const base = "http://wikibot.localhost:8080"

// fleet is the service behind the whole stack, with real records and keys.
type fleet struct {
	hosts         web.Hosts
	records       *sqlite.Store
	signer        *identity.Signer
	authenticator *identity.Authenticator
	management    *management.Service
	handler       http.Handler
}

func newFleet(t *testing.T) *fleet {
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
	svc, err := management.New(management.Deps{Hosts: hosts, Records: store, Authenticator: auth})
	if err != nil {
		t.Fatal(err)
	}
	return &fleet{hosts: hosts, records: store, signer: identity.NewSigner(keys, hosts), authenticator: auth, management: svc,
		handler: web.Stack(log, svc.Handler())}
}

func (f *fleet) user(t *testing.T, username string, tier records.Tier) records.User {
	t.Helper()
	u, err := account.Register(t.Context(), f.records, account.Registration{Email: username + "@example.org", Username: username, Tier: tier})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// wiki makes a wiki past the rules of the plan, and returns its token.
func (f *fleet) wiki(t *testing.T, owner records.User, slug string, public bool) (records.Wiki, string) {
	t.Helper()
	owner, err := f.records.User(t.Context(), owner.ID)
	if err != nil {
		t.Fatal(err)
	}
	w, token, err := management.CreateWiki(t.Context(), f.records, owner, management.NewWiki{Slug: slug, Name: "The " + slug, Public: public, AnySlug: true})
	if err != nil {
		t.Fatal(err)
	}
	return w, token
}

func (f *fleet) session(t *testing.T, u records.User) identity.SessionTokens {
	t.Helper()
	s, err := f.signer.Issue(t.Context(), u, "s1", time.Now(), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// client sends requests as one visitor's browser would.
type client struct {
	fleet  *fleet
	header http.Header
}

func (f *fleet) anonymous() client { return client{f, http.Header{}} }

func (f *fleet) as(t *testing.T, u records.User) client {
	return client{f, http.Header{"Cookie": {identity.RootCookie + "=" + f.session(t, u).Root}}}
}

// with returns the client with one header more or changed.
func (c client) with(name, value string) client {
	c.header = c.header.Clone()
	c.header.Set(name, value)
	return c
}

// response is an answer and its body, decoded on demand.
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
	c.fleet.handler.ServeHTTP(rw, r)
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
		if _, err := dec.Token(); err != io.EOF {
			r.t.Errorf("body holds more than one value: %s", r.Body)
		}
	}
	return r
}

// problem checks that the answer is a whole problem document.
func (r response) problem(status int, typ problem.Type) problem.Problem {
	r.t.Helper()
	var p problem.Problem
	r.want(status, &p)
	if ct := r.Header().Get("Content-Type"); ct != problem.MediaType {
		r.t.Errorf("content type %q, want %q", ct, problem.MediaType)
	}
	if p.Type != typ || p.Status != status || p.Error == "" || p.Instance == "" {
		r.t.Errorf("problem %+v, want type %s and status %d", p, typ, status)
	}
	return p
}
