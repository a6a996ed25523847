package auth_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wikibot.io/pkg/identity"
	"wikibot.io/services/auth"
)

const attemptCookie = "__Host-wikibot-attempt"

func location(t *testing.T, to string) *url.URL {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestSignInAtAProvider(t *testing.T) {
	s, p := newRemote(t)
	b := s.browser(t)
	b.signUp(t, p, ada(), "ada")
	b.post(t, "/auth/logout")
	// Known by now: straight in, and on to where it was meant to lead.
	to := "/oauth/authorize?client_id=x&state=a%20b&resource=" + url.QueryEscape("http://ada.wikibot.localhost:8080/mcp")
	wantRedirect(t, b.arrive(t, p, ada(), to), to)
	if b.username(t) != "ada" || b.cookie(t, identity.SessionCookie) == "" {
		t.Error("not signed in")
	}
}

func TestPageOfChoices(t *testing.T) {
	s, p := newRemote(t, "google", "github")
	b := s.browser(t)
	rw := b.get(t, "/auth/login?return_to=http://x.wikibot.localhost:8080/")
	for _, want := range []string{"Continue with Google", "Continue with Github", "<strong>x.wikibot.localhost:8080</strong>",
		`href="/auth/login?choice=github&amp;return_to=http%3A%2F%2Fx.wikibot.localhost%3A8080%2F"`} {
		if !strings.Contains(rw.Body.String(), want) {
			t.Errorf("the page lacks %q: %s", want, rw.Body)
		}
	}
	if len(p.attempts) != 0 || len(cookiesOf(rw)) != 0 {
		t.Error("looking at the choices begins an attempt")
	}
	rw = b.get(t, "/auth/login?choice=github")
	if got := location(t, rw.Header().Get("Location")).Query().Get("choice"); got != "github" {
		t.Errorf("leads to %q", rw.Header().Get("Location"))
	}
	if rw := b.get(t, "/auth/login?choice=myspace"); rw.Code != http.StatusOK || !strings.Contains(rw.Body.String(), "Continue with Google") {
		t.Errorf("a choice that is none: %d", rw.Code)
	}
}

func TestAttemptsAreSecretsOfTheirOwn(t *testing.T) {
	s, p := newRemote(t)
	b := s.browser(t)
	b.get(t, "/auth/login")
	b.get(t, "/auth/login")
	seen := map[string]bool{b.cookie(t, attemptCookie): true}
	for state, a := range p.attempts {
		if a.State != state || a.RedirectURI != base+"/auth/callback" {
			t.Errorf("attempt %+v", a)
		}
		for _, secret := range []string{a.State, a.Nonce, a.Verifier} {
			if len(secret) != 43 || seen[secret] { // RFC 7636 section 4.1: a verifier has 43 characters at least
				t.Errorf("%q is too short, or serves twice", secret)
			}
			seen[secret] = true
		}
	}
	if len(p.attempts) != 2 {
		t.Errorf("%d attempts, want 2", len(p.attempts))
	}
}

// TestParallelTabs: two ways to the provider in one browser both come back.
func TestParallelTabs(t *testing.T) {
	s, p := newRemote(t)
	b := s.browser(t)
	b.signUp(t, p, ada(), "ada")
	b.post(t, "/auth/logout")
	first := b.get(t, "/auth/login?return_to=/app/1").Header().Get("Location")
	second := b.get(t, "/auth/login?return_to=/app/2").Header().Get("Location")
	wantRedirect(t, b.get(t, p.approve(t, second, ada())), "/app/2")
	wantRedirect(t, b.get(t, p.approve(t, first, ada())), "/app/1")
}

// TestCallbackReplay (RFC 9700 section 4.5): what a callback proved, it proves
// once, to the provider as well.
func TestCallbackReplay(t *testing.T) {
	s, p := newRemote(t)
	b := s.browser(t)
	b.signUp(t, p, ada(), "ada")
	b.post(t, "/auth/logout")
	callback := p.approve(t, b.get(t, "/auth/login?return_to=/app/x").Header().Get("Location"), ada())
	wantRedirect(t, b.get(t, callback), "/app/x")
	session := b.cookie(t, identity.SessionCookie)
	// Who reloads the page is in already, and stays in the session that they have.
	wantRedirect(t, b.get(t, callback), "/app/x")
	if b.cookie(t, identity.SessionCookie) != session {
		t.Error("a replay begins a session")
	}
	b.forget(t, identity.RootCookie, identity.SessionCookie) // as after a month
	for range 2 {
		rw := b.get(t, callback)
		if rw.Code != http.StatusConflict || b.username(t) != "" || !strings.Contains(rw.Body.String(), `href="/auth/login?return_to=%2Fapp%2Fx"`) {
			t.Errorf("a replay when signed in no more: %d %s", rw.Code, rw.Body)
		}
	}
	b.post(t, "/auth/logout")
	if rw := b.get(t, callback); rw.Code != http.StatusNotFound || b.username(t) != "" {
		t.Errorf("a replay after signing out: %d %s", rw.Code, rw.Body)
	}
}

// TestFailedCallbackSpendsTheAttempt: an answer that proves nothing cannot be
// followed by another one for the same attempt.
func TestFailedCallbackSpendsTheAttempt(t *testing.T) {
	s, p := newRemote(t)
	b := s.browser(t)
	good := p.approve(t, b.get(t, "/auth/login").Header().Get("Location"), ada())
	state := location(t, good).Query().Get("state")
	if rw := b.get(t, "/auth/callback?code=guessed&state="+state); rw.Code != http.StatusUnauthorized {
		t.Errorf("a guessed code: %d", rw.Code)
	}
	if rw := b.get(t, good); rw.Code != http.StatusConflict || len(cookiesOf(rw)) != 0 {
		t.Errorf("the attempt goes on: %d %s", rw.Code, rw.Body)
	}
}

// TestCallbackCSRF (RFC 6749 section 10.12): eve cannot sign ada's browser in as
// herself by sending it where her own attempt came back to.
func TestCallbackCSRF(t *testing.T) {
	s, p := newRemote(t)
	eve, victim := s.browser(t), s.browser(t)
	person := ada()
	person.Identities[0].Subject, person.Email = "eve-1", "eve@example.org"
	eve.signUp(t, p, person, "eve")
	eve.post(t, "/auth/logout")
	eves := p.approve(t, eve.get(t, "/auth/login").Header().Get("Location"), person)
	mine := p.approve(t, victim.get(t, "/auth/login?return_to=/app/mine").Header().Get("Location"), ada())
	state, code := location(t, mine).Query().Get("state"), location(t, eves).Query().Get("code")
	for why, at := range map[string]string{
		"eve's whole callback":         eves,
		"eve's code, the victim's tab": "/auth/callback?state=" + state + "&code=" + code,
		"no state":                     "/auth/callback?code=" + code,
		"two states":                   mine + "&state=" + location(t, eves).Query().Get("state"),
		"a state of another form":      "/auth/callback?state=x&code=" + code,
	} {
		rw := victim.get(t, at)
		if rw.Code < 400 || victim.username(t) != "" || !strings.Contains(rw.Body.String(), ">Try again</a>") {
			t.Errorf("%s: %d %s", why, rw.Code, rw.Body)
		}
	}
	// A browser that never began one.
	if rw := s.browser(t).get(t, eves); rw.Code != http.StatusNotFound {
		t.Errorf("a browser without an attempt: %d", rw.Code)
	}
	// All that spent nothing of eve's.
	wantRedirect(t, eve.get(t, eves), "/app/")
}

// TestAttemptCookieTossing: of two cookies of one name nobody can say which is
// the browser's own.
func TestAttemptCookieTossing(t *testing.T) {
	s, p := newRemote(t)
	eve := s.browser(t)
	callback := p.approve(t, eve.get(t, "/auth/login").Header().Get("Location"), ada())
	tossed := attemptCookie + "=" + eve.cookie(t, attemptCookie)
	for why, cookies := range map[string]string{
		"twice":      tossed + "; " + tossed,
		"not as one": strings.Replace(tossed, "__Host-", "", 1),
		"garbage":    attemptCookie + "=x",
		"none":       "",
	} {
		if rw := s.send(t, http.MethodGet, callback, nil, "Cookie", cookies); rw.Code != http.StatusNotFound || len(cookiesOf(rw)) != 0 {
			t.Errorf("%s: %d", why, rw.Code)
		}
	}
}

func TestPersonSaysNo(t *testing.T) {
	s, p := newRemote(t)
	b := s.browser(t)
	at := p.approve(t, b.get(t, "/auth/login?return_to=/app/x").Header().Get("Location"), ada())
	rw := b.get(t, at+"&error=access_denied&error_description="+url.QueryEscape("<b>Call this number</b>"))
	page := rw.Body.String()
	if rw.Code != http.StatusForbidden || !strings.Contains(page, "<h1>Sign-in was called off</h1>") ||
		!strings.Contains(page, `href="/auth/login?fresh=1&amp;return_to=%2Fapp%2Fx"`) || strings.Contains(page, "number") {
		t.Errorf("%d %s", rw.Code, page)
	}
}

func TestProviderThatDoesNotAnswer(t *testing.T) {
	s, p := newRemote(t)
	p.down = true
	rw := s.browser(t).get(t, "/auth/login?return_to=/app/x")
	if rw.Code != http.StatusServiceUnavailable || rw.Header().Get("Retry-After") == "" || len(cookiesOf(rw)) != 0 ||
		!strings.Contains(rw.Body.String(), `href="/auth/login?return_to=%2Fapp%2Fx"`) {
		t.Errorf("%d %s", rw.Code, rw.Body)
	}
}

func TestAttemptRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := newRemote(t)
		b := s.browser(t)
		at := p.approve(t, b.get(t, "/auth/login?return_to=/app/x").Header().Get("Location"), ada())
		time.Sleep(10 * time.Minute)
		if rw := b.get(t, at); rw.Code != http.StatusNotFound || !strings.Contains(rw.Body.String(), "<h1>This attempt has run out</h1>") {
			t.Errorf("%d %s", rw.Code, rw.Body)
		}
	})
}

// TestPrefetch: what a browser loads ahead, or a page loads as an image, begins
// nothing.
func TestPrefetch(t *testing.T) {
	s, p := newRemote(t)
	for _, headers := range [][]string{
		{"Sec-Purpose", "prefetch"}, {"Sec-Purpose", "prefetch;prerender"}, {"Purpose", "prefetch"}, {"X-Moz", "prefetch"},
		{"Sec-Fetch-Mode", "no-cors"}, {"Sec-Fetch-Mode", "cors"},
	} {
		rw := s.browser(t).get(t, "/auth/login?choice=google", headers...)
		if rw.Code != http.StatusServiceUnavailable || len(cookiesOf(rw)) != 0 {
			t.Errorf("%v: %d", headers, rw.Code)
		}
	}
	if len(p.attempts) != 0 {
		t.Errorf("%d attempts", len(p.attempts))
	}
	if rw := s.browser(t).get(t, "/auth/login?choice=google", "Sec-Fetch-Mode", "navigate"); rw.Code != http.StatusSeeOther {
		t.Errorf("a person: %d", rw.Code)
	}
}

// TestTooManySignIns: the address that begins attempts without end is refused, as
// a page.
func TestTooManySignIns(t *testing.T) {
	s, p := newRemote(t)
	b := s.browser(t)
	for n := range 60 {
		rw := b.get(t, "/auth/login")
		if rw.Code == http.StatusTooManyRequests {
			if n < 20 || rw.Header().Get("Retry-After") == "" || !strings.Contains(rw.Body.String(), "<h1>Too many requests</h1>") {
				t.Errorf("refused after %d: %s", n, rw.Body)
			}
			return
		}
	}
	t.Errorf("%d attempts were let through", len(p.attempts))
}

// TestOpenRedirectThroughAProvider (CWE-601): the way back is checked when it
// comes in and again when it is used.
func TestOpenRedirectThroughAProvider(t *testing.T) {
	s, p := newRemote(t)
	b := s.browser(t)
	b.signUp(t, p, ada(), "ada")
	for _, back := range []string{
		"//evil.example/", `/\evil.example/`, "https://evil.example", "/auth/logout", "/app/../auth/logout", "/AUTH/login",
		"/./auth/welcome", "/app/%2e%2e/auth/logout", "http://wikibot.localhost:8080/x/../auth/logout", "/" + strings.Repeat("a", 5000),
	} {
		b.post(t, "/auth/logout")
		wantRedirect(t, b.arrive(t, p, ada(), back), "/app/")
	}
	for _, back := range []string{"/authors", "/oauth/device?user_code=A"} {
		b.post(t, "/auth/logout")
		wantRedirect(t, b.arrive(t, p, ada(), back), back)
	}
}

func TestRemoteNeedsAll(t *testing.T) {
	if _, err := auth.Remote(auth.RemoteDeps{}); err == nil {
		t.Error("made a sign-in of nothing")
	}
	s := newSite(t)
	if _, err := auth.Remote(auth.RemoteDeps{Hosts: s.hosts, Tickets: s.records, Provider: newSomewhere()}); err == nil {
		t.Error("made a sign-in without a way in")
	}
}
