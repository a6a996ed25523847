package auth_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/contracts/events"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/identity/keydir/keydirtest"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/sqlite"
	"wikibot.io/pkg/web"
	"wikibot.io/services/auth"
)

const base = "http://wikibot.localhost:8080"

// site is the service behind the whole stack, with real records and keys.
type site struct {
	service *auth.Service
	handler http.Handler
	records *sqlite.Store
	signer  *identity.Signer
	auth    *identity.Authenticator
	hosts   web.Hosts
	watched *watched
}

// watched is the store as the service sees it; look, if there is one, is called
// before the service reads a user, and read after it has read something, before it
// goes on.
type watched struct {
	*faulty
	look func()
	read func(what string)
}

func (w *watched) User(ctx context.Context, id string) (records.User, error) {
	if w.look != nil {
		w.look()
	}
	u, err := w.faulty.User(ctx, id)
	if w.read != nil {
		w.read("user")
	}
	return u, err
}

func (w *watched) Session(ctx context.Context, userID, id string) (records.Session, error) {
	s, err := w.faulty.Session(ctx, userID, id)
	if w.read != nil {
		w.read("session")
	}
	return s, err
}

// newSite has the development sign-in.
func newSite(t *testing.T) *site {
	t.Helper()
	return newSiteWith(t, func(h web.Hosts, u auth.Users) (auth.SignIn, error) {
		return auth.Development(auth.DevelopmentDeps{Hosts: h, Users: u, Listen: "127.0.0.1:8080"})
	})
}

func newSiteWith(t *testing.T, signIn func(web.Hosts, auth.Users) (auth.SignIn, error)) *site {
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
	log, records := slog.New(slog.DiscardHandler), &faulty{Store: store}
	a, err := identity.NewAuthenticator(identity.AuthenticatorDeps{Hosts: hosts, Keys: keys, Accounts: records, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	driver, err := signIn(hosts, records)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{records: store, watched: &watched{faulty: records}, signer: identity.NewSigner(keys, hosts), auth: a, hosts: hosts}
	svc, err := auth.New(auth.Deps{
		Hosts: hosts, SignIn: driver, Records: s.watched, Signer: s.signer, Keys: keys, Authenticator: a, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.service, s.handler = svc, web.Stack(log, svc.Handler())
	return s
}

// send sends a request; headers are names and values in turn.
func (s *site) send(t *testing.T, method, path string, body io.Reader, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, base+path, body)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	rw := httptest.NewRecorder()
	s.handler.ServeHTTP(rw, r)
	return rw
}

// post sends a form as the page itself would; values are names and values in
// turn.
func (s *site) post(t *testing.T, path string, values ...string) *httptest.ResponseRecorder {
	t.Helper()
	form := url.Values{}
	for i := 0; i < len(values); i += 2 {
		form.Set(values[i], values[i+1])
	}
	return s.send(t, http.MethodPost, path, strings.NewReader(form.Encode()),
		"Content-Type", "application/x-www-form-urlencoded", "Origin", base, "Sec-Fetch-Site", "same-origin")
}

// cookiesOf returns an answer's cookies by name.
func cookiesOf(rw *httptest.ResponseRecorder) map[string]*http.Cookie {
	m := map[string]*http.Cookie{}
	for _, c := range rw.Result().Cookies() {
		m[c.Name] = c
	}
	return m
}

// principal says whom the root cookie of an answer signs in.
func (s *site) principal(t *testing.T, rw *httptest.ResponseRecorder) identity.Principal {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, base+"/", nil)
	if c := cookiesOf(rw)[identity.RootCookie]; c != nil {
		r.AddCookie(c)
	}
	p, err := s.auth.OnRoot(r)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func wantRedirect(t *testing.T, rw *httptest.ResponseRecorder, to string) {
	t.Helper()
	if rw.Code != http.StatusSeeOther || rw.Header().Get("Location") != to {
		t.Fatalf("status %d to %q, want 303 to %q: %s", rw.Code, rw.Header().Get("Location"), to, rw.Body)
	}
}

func TestSignInMakesAUser(t *testing.T) {
	s := newSite(t)
	rw := s.post(t, "/auth/login", "email", " Ada@Example.org ", "username", "ada", "return_to", "http://ada.wikibot.localhost:8080/Home?x=1")
	wantRedirect(t, rw, "http://ada.wikibot.localhost:8080/Home?x=1")
	if p := s.principal(t, rw); p.Kind != identity.Session || p.Username != "ada" || p.Email != "Ada@Example.org" || p.DisplayName != "ada" {
		t.Errorf("signed in %+v", p)
	}
	got := cookiesOf(rw)
	if len(got) != 4 || got[identity.WikiCookie] == nil || got[identity.SessionCookie] == nil || got[identity.HintCookie].Value != "1" {
		t.Errorf("cookies %v", got)
	}
	if n, err := s.records.FanOut(t.Context(), map[events.Type][]string{events.UserCreated: {"test.users"}}, 10); err != nil || n != 1 {
		t.Errorf("%d events, %v, want user.created alone", n, err)
	}
}

func TestSignInOfAKnownUser(t *testing.T) {
	s := newSite(t)
	first := s.principal(t, s.post(t, "/auth/login", "email", "ada@example.org", "username", "ada"))
	for _, username := range []string{"", "ada"} {
		rw := s.post(t, "/auth/login", "email", "ADA@example.org", "username", username)
		wantRedirect(t, rw, "/app/")
		if p := s.principal(t, rw); p.UserID != first.UserID {
			t.Errorf("username %q: signed in %s, want %s", username, p.UserID, first.UserID)
		}
	}
}

var field = regexp.MustCompile(`(?s)<input id="(email|username)"[^>]*? value="([^"]*)"`)

// typed returns what the form shows in its fields.
func typed(page string) map[string]string {
	m := map[string]string{}
	for _, f := range field.FindAllStringSubmatch(page, -1) {
		m[f[1]] = html.UnescapeString(f[2])
	}
	return m
}

func TestWrongFormShowsAllAtOnceAndKeepsWhatWasTyped(t *testing.T) {
	s := newSite(t)
	s.post(t, "/auth/login", "email", "ada@example.org", "username", "ada")
	for _, c := range []struct {
		why, email, username string
		status               int
		says                 []string
	}{
		{"nothing", "", "", 422, []string{"E-mail is missing", "Username is missing"}},
		{"all wrong", "ada", "-A", 422, []string{"E-mail is not an e-mail address", "Username is too short", "lower case", "hyphen"}},
		{"username of another", "new@example.org", "ada", 409, []string{"Username is taken"}},
		{"e-mail of another", "ada@example.org", "grace", 422, []string{"Username is not the one of this e-mail address"}},
		{"reserved", "new@example.org", "admin", 422, []string{"Username is reserved"}},
		{"markup", `"><script>x</script>@x`, `"><b>`, 422, []string{"E-mail holds characters", "Username may only hold"}},
		{"control characters", "ada@example.org\r\nSet-Cookie: x=y", "a\x00da", 422, []string{"E-mail holds characters", "Username may only hold"}},
	} {
		rw := s.post(t, "/auth/login", "email", c.email, "username", c.username, "return_to", "/app/x")
		page := rw.Body.String()
		if rw.Code != c.status || len(cookiesOf(rw)) != 0 {
			t.Errorf("%s: status %d, cookies %v, want %d and none", c.why, rw.Code, cookiesOf(rw), c.status)
		}
		for _, says := range c.says {
			if !strings.Contains(page, says) {
				t.Errorf("%s: the page does not say %q", c.why, says)
			}
		}
		clean := func(s string) string { return strings.ReplaceAll(s, "\x00", "\ufffd") } // as HTML does
		if diff := cmp.Diff(map[string]string{"email": clean(c.email), "username": clean(c.username)}, typed(page)); diff != "" {
			t.Errorf("%s: typed (-want +got):\n%s", c.why, diff)
		}
		if !strings.Contains(page, `name="return_to" value="/app/x"`) {
			t.Errorf("%s: the way back is lost", c.why)
		}
		if strings.Contains(page, "<script") || strings.Contains(page, "<b>") {
			t.Errorf("%s: markup got through", c.why)
		}
	}
}

func TestNewNeedsAll(t *testing.T) {
	if _, err := auth.New(auth.Deps{}); err == nil {
		t.Error("made a service of nothing")
	}
	if _, err := auth.Development(auth.DevelopmentDeps{Listen: "127.0.0.1:80"}); err == nil {
		t.Error("made a development sign-in of nothing")
	}
	if _, err := auth.None(web.Hosts{}); err == nil {
		t.Error("made a sign-in page without hosts")
	}
}

func TestPagesAreStrict(t *testing.T) {
	s := newSite(t)
	rw := s.send(t, http.MethodGet, "/auth/login", nil)
	csp := rw.Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'",
		"form-action 'self' http://*.wikibot.localhost:8080"} { // Chromium applies it to the redirect after the post
		if !strings.Contains(csp, want) {
			t.Errorf("CSP %q lacks %q", csp, want)
		}
	}
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(rw.Body.String())
	if style == nil {
		t.Fatal("no style sheet")
	}
	sum := sha256.Sum256([]byte(style[1]))
	if hash := base64.StdEncoding.EncodeToString(sum[:]); !strings.Contains(csp, "'sha256-"+hash+"'") {
		t.Errorf("CSP %q does not allow the page's own style sheet %s", csp, hash)
	}
	if strings.Contains(csp, "unsafe") || strings.Contains(rw.Body.String(), "<script") || strings.Contains(rw.Body.String(), "style=") {
		t.Error("the page needs more than it may")
	}
	if got := rw.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q, want no-store", got)
	}
	rw = s.send(t, http.MethodGet, "/auth/nowhere", nil)
	if rw.Code != http.StatusNotFound || !strings.Contains(rw.Body.String(), "<h1>There is nothing here</h1>") || rw.Header().Get("Content-Security-Policy") != csp {
		t.Errorf("error page: %d %s", rw.Code, rw.Body)
	}
}

func TestSignedInGoesStraightOn(t *testing.T) {
	s := newSite(t)
	rw := s.post(t, "/auth/login", "email", "ada@example.org", "username", "ada")
	root := cookiesOf(rw)[identity.RootCookie]
	rw = s.send(t, http.MethodGet, "/auth/login?return_to=http://x.wikibot.localhost:8080/", nil, "Cookie", root.String())
	wantRedirect(t, rw, "http://x.wikibot.localhost:8080/")
	// Without a fresh wiki cookie a wiki that did not see one would send the
	// browser back here for ever.
	again := cookiesOf(rw)
	if again[identity.WikiCookie] == nil || again[identity.RootCookie] == nil {
		t.Fatalf("cookies %v, want both", again)
	}
	if again[identity.RootCookie].MaxAge > root.MaxAge {
		t.Error("a visit to the sign-in page makes the session longer")
	}
}

func TestSignOut(t *testing.T) {
	s := newSite(t)
	root := cookiesOf(s.post(t, "/auth/login", "email", "ada@example.org", "username", "ada"))[identity.RootCookie].String()

	rw := s.send(t, http.MethodGet, "/auth/logout", nil, "Cookie", root)
	if rw.Code != http.StatusOK || len(cookiesOf(rw)) != 0 || !strings.Contains(rw.Body.String(), `<form class="actions" method="post" action="/auth/logout">`) {
		t.Errorf("the page with the button: %d %s", rw.Code, rw.Body)
	}
	wantRedirect(t, s.send(t, http.MethodGet, "/auth/logout", nil), "/auth/logged-out")

	rw = s.post(t, "/auth/logout")
	wantRedirect(t, rw, "/auth/logged-out")
	for _, name := range []string{identity.RootCookie, identity.WikiCookie, identity.SessionCookie, identity.HintCookie} {
		if c := cookiesOf(rw)[name]; c == nil || c.MaxAge >= 0 || c.Value != "" {
			t.Errorf("cookie %s: %v, want it cleared", name, c)
		}
	}
	if rw := s.send(t, http.MethodGet, "/auth/logged-out", nil); rw.Code != http.StatusOK {
		t.Errorf("logged-out page: %d", rw.Code)
	}
}

func TestJWKS(t *testing.T) {
	s := newSite(t)
	rw := s.send(t, http.MethodGet, "/.well-known/jwks.json", nil)
	var doc struct{ Keys []map[string]any }
	if err := json.Unmarshal(rw.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Keys) != 1 || doc.Keys[0]["kid"] == nil || doc.Keys[0]["d"] != nil || doc.Keys[0]["p"] != nil {
		t.Errorf("keys %v", doc.Keys)
	}
	if rw.Header().Get("Content-Type") != "application/json" || rw.Header().Get("Cache-Control") != "public, max-age=300" {
		t.Errorf("headers %v", rw.Header())
	}
}

// TestDeletedUserIsSignedOut: the form comes up as for anybody.
func TestDeletedUserIsSignedOut(t *testing.T) {
	s := newSite(t)
	tokens, err := s.signer.Issue(t.Context(), records.User{ID: "gone", Username: "gone"}, "s1", time.Now(), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	rw := s.send(t, http.MethodGet, "/auth/login", nil, "Cookie", identity.RootCookie+"="+tokens.Root)
	if rw.Code != http.StatusOK || !strings.Contains(rw.Body.String(), "<h1>Sign in</h1>") {
		t.Errorf("%d %s", rw.Code, rw.Body)
	}
	if _, err := s.records.User(t.Context(), "gone"); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
}
