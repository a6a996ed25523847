package oauth_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/contracts/events"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/identity/keydir/keydirtest"
	"wikibot.io/pkg/limit"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/sqlite"
	"wikibot.io/pkg/web"
	"wikibot.io/services/auth/internal/oauth"
	"wikibot.io/services/auth/internal/outbound"
	"wikibot.io/services/auth/internal/pages"
)

const base = "http://wikibot.localhost:8080"

// site is the server behind the whole stack, with real records, keys, gate,
// limiter and pages. Requests go to it without a network, so that it works on a
// test's own clock too.
type site struct {
	t        *testing.T
	handler  http.Handler
	records  *sqlite.Store
	auth     *identity.Authenticator
	signer   *identity.Signer
	verifier *identity.Verifier
	hosts    web.Hosts

	clients http.HandlerFunc // the sites of clients: what answers at their documents
	fetched int
	asked   atomic.Int64 // requests so far
	late    func()       // called just before something is made for a person
	from    string       // the address that requests come from; "": another one each
}

func newSite(t *testing.T) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{t: t, clients: http.NotFound}
	s.records = must(sqlite.Open(filepath.Join(dir, "records.db"), sqlite.Options{}))
	t.Cleanup(func() { s.records.Close() })
	keys := keydirtest.New(t)
	s.hosts = must(web.NewHosts(base))
	log := slog.New(slog.DiscardHandler)
	s.auth = must(identity.NewAuthenticator(identity.AuthenticatorDeps{Hosts: s.hosts, Keys: keys, Accounts: s.records, Log: log}))
	s.signer, s.verifier = identity.NewSigner(keys, s.hosts), identity.NewVerifier(keys, s.hosts)
	elsewhere := &http.Client{Transport: direct{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fetched++
		s.clients(w, r)
	})}}
	server := must(oauth.New(oauth.Deps{
		Hosts: s.hosts, Records: watched{s.records, s}, Gate: must(identity.NewGate(s.records)), Signer: s.signer, Verifier: s.verifier,
		SignedIn: s.auth.OnRoot, Renewed: s.renewed, Pages: must(pages.New(s.hosts)), Limiter: must(limit.New(s.records, log)),
		Documents: must(outbound.New(outbound.Options{MaxBytes: oauth.MaxDocument, Type: "application/json", Client: elsewhere})), Log: log,
	}))
	mux := http.NewServeMux()
	server.Mount(mux)
	s.handler = web.Stack(log, mux)
	return s
}

// watched is the store as the server sees it.
type watched struct {
	*sqlite.Store
	site *site
}

func (w watched) CreateConnection(ctx context.Context, c records.Connection) error {
	if w.site.late != nil {
		w.site.late()
	}
	return w.Store.CreateConnection(ctx, c)
}

func (w watched) CreateSession(ctx context.Context, c records.Session) error {
	if w.site.late != nil {
		w.site.late()
	}
	return w.Store.CreateSession(ctx, c)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// direct is a transport that calls a handler.
type direct struct{ handler http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	rw := httptest.NewRecorder()
	r = r.Clone(r.Context())
	r.RequestURI, r.Host = r.URL.RequestURI(), r.URL.Host
	if r.Body == nil {
		r.Body = http.NoBody
	}
	d.handler.ServeHTTP(rw, r)
	return rw.Result(), nil
}

// RoundTrip makes the site a transport for clients that are not ours.
func (s *site) RoundTrip(r *http.Request) (*http.Response, error) {
	s.asked.Add(1)
	r = r.Clone(r.Context())
	r.RemoteAddr = s.address()
	return direct{s.handler}.RoundTrip(r)
}

func (s *site) address() string {
	if s.from != "" {
		return s.from
	}
	return fmt.Sprintf("198.51.%d.%d:1234", s.asked.Load()/256, s.asked.Load()%256)
}

// send sends a request; headers are names and values in turn.
func (s *site) send(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	s.asked.Add(1)
	r := httptest.NewRequestWithContext(s.t.Context(), method, base+path, strings.NewReader(body))
	r.RemoteAddr = s.address()
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] != "" {
			r.Header.Add(headers[i], headers[i+1])
		}
	}
	rw := httptest.NewRecorder()
	s.handler.ServeHTTP(rw, r)
	return rw
}

const formType = "application/x-www-form-urlencoded"

// visit opens a page in somebody's browser; submit posts a form from one of ours.
func (s *site) visit(cookie, path string) *httptest.ResponseRecorder {
	s.t.Helper()
	return s.send(http.MethodGet, path, "", "Cookie", cookie)
}

func (s *site) submit(cookie, path string, form url.Values) *httptest.ResponseRecorder {
	s.t.Helper()
	return s.send(http.MethodPost, path, form.Encode(), "Cookie", cookie, "Content-Type", formType, "Origin", base, "Sec-Fetch-Site", "same-origin")
}

// call posts a form to an endpoint as a program does, and reads the JSON.
func (s *site) call(path string, form url.Values) (int, map[string]any) {
	s.t.Helper()
	rw := s.send(http.MethodPost, path, form.Encode(), "Content-Type", formType)
	return rw.Code, jsonOf(s.t, rw.Body)
}

func jsonOf(t *testing.T, r io.Reader) map[string]any {
	t.Helper()
	text := must(io.ReadAll(r))
	m := map[string]any{}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
	}
	return m
}

// person is a user and their browser's cookie.
type person struct {
	records.User
	cookie string
}

func (s *site) person(name string) person {
	s.t.Helper()
	u := records.User{ID: events.NewID(time.Now()), Username: name, Email: name + "@example.org"}
	if err := s.records.CreateUser(s.t.Context(), u, records.Identity{Provider: "test", Subject: name}); err != nil {
		s.t.Fatal(err)
	}
	u = must(s.records.User(s.t.Context(), u.ID))
	tokens := must(s.signer.Issue(s.t.Context(), u, events.NewID(time.Now()), time.Now(), time.Now().Add(24*time.Hour)))
	return person{u, identity.RootCookie + "=" + tokens.Root}
}

func (s *site) wiki(owner person, slug string, public bool) records.Wiki {
	s.t.Helper()
	id := events.NewID(time.Now())
	_, hash := identity.NewWikiToken()
	return must(s.records.CreateWiki(s.t.Context(), records.NewWiki{
		ID: id, Slug: slug, Name: "Notes of " + slug, OwnerID: owner.ID, Public: public, CreatedAt: time.Now(), Actor: &eventsv1.Actor{UserId: owner.ID},
		Token: records.Token{ID: events.NewID(time.Now()), Hash: hash, WikiID: id, UserID: owner.ID, Name: "default", Role: records.Editor, CreatedAt: time.Now()},
	}))
}

func (s *site) grant(w records.Wiki, p person, role records.Role) {
	s.t.Helper()
	g := records.Grant{WikiID: w.ID, UserID: p.ID, Role: role, GrantedBy: w.OwnerID, GrantedAt: time.Now()}
	if err := s.records.PutGrant(s.t.Context(), g, 0, &eventsv1.Actor{UserId: w.OwnerID}); err != nil {
		s.t.Fatal(err)
	}
}

// register registers a client and returns its id.
func (s *site) register(redirects ...string) string {
	s.t.Helper()
	body := must(json.Marshal(map[string]any{"client_name": "Test agent", "redirect_uris": redirects}))
	rw := s.send(http.MethodPost, "/oauth/register", string(body), "Content-Type", "application/json")
	if rw.Code != http.StatusCreated {
		s.t.Fatalf("register: %d %s", rw.Code, rw.Body)
	}
	return jsonOf(s.t, rw.Body)["client_id"].(string)
}

const (
	callback  = "http://127.0.0.1:3118/callback"
	verifier  = "correct-horse-battery-staple-correct-horse-battery"
	someState = "st/ate +&="
)

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// asks is an authorization request that is good; more are names and values in
// turn, of which an empty value takes the parameter away.
func (s *site) asks(client, slug string, more ...string) url.Values {
	q := url.Values{
		"response_type": {"code"}, "client_id": {client}, "redirect_uri": {callback}, "state": {someState},
		"code_challenge": {challenge(verifier)}, "code_challenge_method": {"S256"}, "resource": {s.hosts.Wiki(slug, "/mcp")},
	}
	for i := 0; i < len(more); i += 2 {
		if more[i+1] == "" {
			q.Del(more[i])
		} else {
			q.Set(more[i], more[i+1])
		}
	}
	return q
}

var ticketField = regexp.MustCompile(`name="ticket" value="([^"]*)"`)

// ticketOf finds what a page's form will send back.
func ticketOf(t *testing.T, rw *httptest.ResponseRecorder) string {
	t.Helper()
	m := ticketField.FindStringSubmatch(rw.Body.String())
	if rw.Code != http.StatusOK || m == nil {
		t.Fatalf("no page that asks: %d %s %s", rw.Code, rw.Header().Get("Location"), text(rw))
	}
	return html.UnescapeString(m[1])
}

// ticket opens the consent page.
func (s *site) ticket(p person, q url.Values) string {
	s.t.Helper()
	return ticketOf(s.t, s.visit(p.cookie, "/oauth/authorize?"+q.Encode()))
}

// decide answers the consent page and returns what the client is sent.
func (s *site) decide(p person, q url.Values, rights, decision string) url.Values {
	s.t.Helper()
	rw := s.submit(p.cookie, "/oauth/authorize", url.Values{"ticket": {s.ticket(p, q)}, "rights": {rights}, "decision": {decision}})
	return sentTo(s.t, rw, q.Get("redirect_uri"))
}

// sentTo reads the parameters of a redirect to the client.
func sentTo(t *testing.T, rw *httptest.ResponseRecorder, redirect string) url.Values {
	t.Helper()
	to := rw.Header().Get("Location")
	rest, ok := strings.CutPrefix(to, redirect)
	if rw.Code != http.StatusSeeOther || !ok || rest == "" || rest[0] != '?' && rest[0] != '&' {
		t.Fatalf("%d to %q, want 303 to %q: %s", rw.Code, to, redirect, text(rw))
	}
	return must(url.ParseQuery(rest[1:]))
}

// redemption is the token request that belongs to asks.
func redemption(client, code string, more ...string) url.Values {
	f := url.Values{"grant_type": {"authorization_code"}, "client_id": {client}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier}}
	for i := 0; i < len(more); i += 2 {
		if more[i+1] == "" {
			f.Del(more[i])
		} else {
			f.Set(more[i], more[i+1])
		}
	}
	return f
}

func refreshing(client, token string, more ...string) url.Values {
	f := url.Values{"grant_type": {"refresh_token"}, "client_id": {client}, "refresh_token": {token}}
	for i := 0; i < len(more); i += 2 {
		f.Set(more[i], more[i+1])
	}
	return f
}

// code goes the way to an authorization code.
func (s *site) code(p person, client, slug string, more ...string) string {
	s.t.Helper()
	code := s.decide(p, s.asks(client, slug, more...), "write", "allow").Get("code")
	if code == "" {
		s.t.Fatal("no code")
	}
	return code
}

// answer is a token answer.
type answer struct {
	Access, Refresh, Scope string
}

func (s *site) answered(status int, m map[string]any) answer {
	s.t.Helper()
	if status != http.StatusOK || m["token_type"] != "Bearer" {
		s.t.Fatalf("no tokens: %d %v", status, m)
	}
	refresh, _ := m["refresh_token"].(string)
	return answer{m["access_token"].(string), refresh, m["scope"].(string)}
}

// connect goes the whole way.
func (s *site) connect(p person, client, slug string, more ...string) answer {
	s.t.Helper()
	return s.answered(s.call("/oauth/token", redemption(client, s.code(p, client, slug, more...))))
}

func (s *site) connections(p person) []records.Connection {
	s.t.Helper()
	return must(s.records.ConnectionsOfUser(s.t.Context(), p.ID))
}

// wantError checks an endpoint's refusal.
func wantError(t *testing.T, why string, status int, m map[string]any, wantStatus int, want string) {
	t.Helper()
	if status != wantStatus || m["error"] != want || m["access_token"] != nil {
		t.Errorf("%s: %d %v, want %d %s", why, status, m, wantStatus, want)
	}
}

// wantPage checks that somebody is told something here and led nowhere.
func wantPage(t *testing.T, why string, rw *httptest.ResponseRecorder, status int, says string) {
	t.Helper()
	if rw.Code != status || rw.Header().Get("Location") != "" || !strings.Contains(text(rw), says) {
		t.Errorf("%s: %d to %q: %s; want %d and %q", why, rw.Code, rw.Header().Get("Location"), text(rw), status, says)
	}
}

var tags = regexp.MustCompile(`(?s)<style>.*?</style>|<[^>]*>`)

// text is what a page says.
func text(rw *httptest.ResponseRecorder) string {
	return strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(rw.Body.String(), ""))), " ")
}

func gone(err error) bool { return fault.Is(err, fault.NotFound) }

func sprint(v any) string { return fmt.Sprint(v) }

func values(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

func form(pairs ...string) string { return values(pairs...).Encode() }

func formRequest(t *testing.T, to string, v url.Values) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, to, strings.NewReader(v.Encode()))
	r.Header.Set("Content-Type", formType)
	return r
}
