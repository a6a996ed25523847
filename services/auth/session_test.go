package auth_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wikibot.io/contracts/events"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
)

// refresh asks for new cookies as the app does.
func (b *browser) refresh(t *testing.T) (code int, expires time.Time) {
	t.Helper()
	rw := b.post(t, "/auth/refresh")
	var answer struct {
		ExpiresAt time.Time `json:"expires_at"`
	}
	if err := json.Unmarshal(rw.Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	return rw.Code, answer.ExpiresAt
}

func (b *browser) session(t *testing.T) records.Session {
	t.Helper()
	c, ok := identity.ParseCredential(identity.SessionPrefix, b.cookie(t, identity.SessionCookie))
	if !ok {
		t.Fatal("no session")
	}
	s, err := b.site.records.Session(t.Context(), c.UserID, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// signedUp is ada in her browser, in a bubble of time.
func signedUp(t *testing.T, run func(t *testing.T, s *site, p *somewhere, b *browser)) {
	synctest.Test(t, func(t *testing.T) {
		s, p := newRemote(t)
		b := s.browser(t)
		b.signUp(t, p, ada(), "ada")
		run(t, s, p, b)
	})
}

func TestSessionRecord(t *testing.T) {
	s, p := newRemote(t)
	b := s.browser(t)
	b.arrive(t, p, ada(), "/app/")
	form := strings.NewReader("username=ada")
	b.do(t, http.MethodPost, "/auth/welcome", form, "Content-Type", "application/x-www-form-urlencoded", "Origin", base,
		"User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
	got := b.session(t)
	if got.Kind != records.Browser || got.Name != "Firefox on Linux" || got.Provider != issuer || got.ExpiresAt.Sub(got.CreatedAt) != 30*24*time.Hour {
		t.Errorf("session %+v", got)
	}
	if strings.Contains(string(got.Sealed), "held-1") || strings.Contains(got.SecretHash, b.cookie(t, identity.SessionCookie)[56:]) {
		t.Error("the records alone open it")
	}
}

// TestSilentRenewal: with tokens that have run out a person notices nothing, for a
// month.
func TestSilentRenewal(t *testing.T) {
	signedUp(t, func(t *testing.T, _ *site, p *somewhere, b *browser) {
		for day := 1; day < 30; day++ {
			time.Sleep(24 * time.Hour)
			if b.username(t) != "" {
				t.Fatal("the tokens live longer than a day")
			}
			if day%2 == 0 {
				wantRedirect(t, b.get(t, "/auth/login?return_to=/app/x"), "/app/x")
			} else if code, expires := b.refresh(t); code != http.StatusOK || !expires.Equal(time.Now().Add(24*time.Hour)) {
				t.Fatalf("refresh: %d, expires %v", code, expires)
			}
			if b.username(t) != "ada" {
				t.Fatalf("day %d: signed out", day)
			}
		}
		if p.asked != 29 {
			t.Errorf("the provider was asked %d times, want once a day", p.asked)
		}
		time.Sleep(12 * time.Hour)
		if _, expires := b.refresh(t); time.Until(expires) != 12*time.Hour {
			t.Errorf("tokens until %v: longer than the session", expires)
		}
		time.Sleep(12 * time.Hour)
		if code, _ := b.refresh(t); code != http.StatusUnauthorized {
			t.Errorf("after a month: %d", code)
		}
	})
}

func TestProviderIsNotAskedOften(t *testing.T) {
	signedUp(t, func(t *testing.T, _ *site, p *somewhere, b *browser) {
		for range 30 {
			time.Sleep(time.Minute)
			if code, _ := b.refresh(t); code != http.StatusOK {
				t.Fatalf("refresh: %d", code)
			}
		}
		if p.asked != 3 {
			t.Errorf("asked %d times in half an hour, want 3", p.asked)
		}
	})
}

// TestTabsRenewAtOnce: what the provider gave goes back to it once. Twice it would
// be taken for stolen, and all tabs signed out.
func TestTabsRenewAtOnce(t *testing.T) {
	signedUp(t, func(t *testing.T, _ *site, p *somewhere, b *browser) {
		for range 3 {
			time.Sleep(25 * time.Hour)
			p.pause = func() { time.Sleep(time.Second) }
			var all sync.WaitGroup
			codes := make([]int, 5)
			for i := range codes {
				all.Go(func() { codes[i], _ = b.refresh(t) })
			}
			all.Wait()
			for _, code := range codes {
				if code != http.StatusOK {
					t.Fatalf("answers %v", codes)
				}
			}
		}
		if p.over || p.asked != 3 {
			t.Errorf("asked %d times, over %v", p.asked, p.over)
		}
	})
}

func TestProviderEndedItsSession(t *testing.T) {
	signedUp(t, func(t *testing.T, s *site, p *somewhere, b *browser) {
		before := b.session(t)
		time.Sleep(time.Hour) // the tokens are good for long yet
		p.over = true
		if code, _ := b.refresh(t); code != http.StatusUnauthorized {
			t.Errorf("refresh: %d", code)
		}
		if b.username(t) != "" || b.cookie(t, identity.SessionCookie) != "" || b.cookie(t, identity.HintCookie) != "" {
			t.Error("cookies stay")
		}
		if _, err := s.records.Session(t.Context(), before.UserID, before.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("the session stays: %v", err)
		}
		rw := b.get(t, "/auth/login")
		if !strings.HasPrefix(rw.Header().Get("Location"), issuer) {
			t.Errorf("not led to the provider: %d", rw.Code)
		}
	})
}

// TestProviderIsDown: its outage is not ours for a day, and no way to outlive it
// for longer.
func TestProviderIsDown(t *testing.T) {
	signedUp(t, func(t *testing.T, _ *site, p *somewhere, b *browser) {
		time.Sleep(48 * time.Hour)
		p.down = true
		for hour := range 24 {
			code, expires := b.refresh(t)
			if code != http.StatusOK || time.Until(expires) != time.Duration(24-hour)*time.Hour {
				t.Fatalf("after %d hours: %d until %v", hour, code, expires)
			}
			time.Sleep(time.Hour)
		}
		for range 2 { // asked or not
			rw := b.post(t, "/auth/refresh")
			if rw.Code != http.StatusServiceUnavailable || !strings.Contains(rw.Body.String(), "has not answered for a day") {
				t.Errorf("after a day: %d %s", rw.Code, rw.Body)
			}
			if rw := b.get(t, "/auth/login"); rw.Code != http.StatusServiceUnavailable || !strings.Contains(rw.Body.String(), "has not answered for a day") {
				t.Errorf("after a day, the page: %d %s", rw.Code, rw.Body)
			}
		}
		p.down = false
		time.Sleep(10 * time.Minute)
		if code, expires := b.refresh(t); code != http.StatusOK || time.Until(expires) != 24*time.Hour {
			t.Errorf("back again: %d until %v", code, expires)
		}
	})
}

// TestSessionFixation (CWE-384): whatever session a browser came with, signing in
// begins another one, and ends that.
func TestSessionFixation(t *testing.T) {
	s, p := newRemote(t)
	eve, victim := s.browser(t), s.browser(t)
	person := ada()
	person.Identities[0].Subject, person.Identities[1].Subject, person.Email = "eve-1", "eve", "eve@example.org"
	eve.signUp(t, p, person, "eve")
	planted := eve.cookie(t, identity.SessionCookie)
	at := p.approve(t, victim.get(t, "/auth/login").Header().Get("Location"), ada())
	victim.jar.SetCookies(secure(t, "/"), []*http.Cookie{{Name: identity.SessionCookie, Value: planted, Path: "/"}})
	wantRedirect(t, victim.get(t, at), "/auth/welcome")
	wantRedirect(t, victim.post(t, "/auth/welcome", "username", "ada"), "/app/")
	if victim.cookie(t, identity.SessionCookie) == planted || victim.username(t) != "ada" {
		t.Error("the planted session goes on")
	}
	if eve.username(t) != "" {
		t.Error("what the browser came with stays open")
	}
	if code, _ := eve.refresh(t); code != http.StatusUnauthorized {
		t.Errorf("and renews: %d", code)
	}
}

// TestStolenButEndedSession: a copy of all cookies is worth nothing once the
// person has signed out.
func TestStolenButEndedSession(t *testing.T) {
	s, p := newRemote(t)
	b := s.browser(t)
	b.signUp(t, p, ada(), "ada")
	thief := s.browser(t)
	thief.jar.SetCookies(secure(t, "/"), b.jar.Cookies(secure(t, "/")))
	if thief.username(t) != "ada" {
		t.Fatal("the copy does not work to begin with")
	}
	b.post(t, "/auth/logout")
	if thief.username(t) != "" {
		t.Error("its token lives on")
	}
	if rw := thief.get(t, "/auth/login"); rw.Header().Get("Location") == "/app/" {
		t.Error("it renews itself by the sign-in")
	}
	if code, _ := thief.refresh(t); code != http.StatusUnauthorized {
		t.Errorf("it renews itself: %d", code)
	}
}

// TestForgedSession: the records are asked for the hash of the secret, whoever the
// cookie names; and every refusal is the same.
func TestForgedSession(t *testing.T) {
	s, p := newRemote(t)
	b := s.browser(t)
	b.signUp(t, p, ada(), "ada")
	good, ok := identity.ParseCredential(identity.SessionPrefix, b.cookie(t, identity.SessionCookie))
	if !ok {
		t.Fatal("no session")
	}
	other := identity.NewCredential(good.UserID, good.ID)
	stranger := identity.NewCredential(good.ID, good.UserID)
	cli := identity.NewCredential(good.UserID, events.NewID(time.Now()))
	now := time.Now()
	if err := s.records.CreateSession(t.Context(), records.Session{
		ID: cli.ID, UserID: cli.UserID, Kind: records.CommandLine, SecretHash: cli.Hash(), CreatedAt: now, ExpiresAt: now.Add(time.Hour),
	}); err != nil {
		t.Fatal(err)
	}
	refused := ""
	for why, cookie := range map[string]string{
		"another secret":           other.String(identity.SessionPrefix),
		"nobody's":                 stranger.String(identity.SessionPrefix),
		"another prefix":           good.String(identity.PersonalPrefix),
		"of the command line":      cli.String(identity.SessionPrefix),
		"cut short":                good.String(identity.SessionPrefix)[:60],
		"none":                     "",
		"two, one of them is hers": good.String(identity.SessionPrefix) + "; " + identity.SessionCookie + "=x",
	} {
		rw := s.send(t, http.MethodPost, "/auth/refresh", nil, "Cookie", identity.SessionCookie+"="+cookie, "Origin", base)
		var problem struct{ Detail string }
		if err := json.Unmarshal(rw.Body.Bytes(), &problem); err != nil || rw.Code != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", why, rw.Code, rw.Body)
		}
		if refused == "" {
			refused = problem.Detail
		}
		if problem.Detail != refused {
			t.Errorf("%s: the answer differs: %q, %q", why, problem.Detail, refused)
		}
	}
}

// TestRefreshCSRF: a wiki, which is same-site, cannot make a browser renew.
func TestRefreshCSRF(t *testing.T) {
	s, p := newRemote(t)
	b := s.browser(t)
	b.signUp(t, p, ada(), "ada")
	rw := b.do(t, http.MethodPost, "/auth/refresh", nil, "Origin", "http://eve.wikibot.localhost:8080", "Sec-Fetch-Site", "same-site")
	if rw.Code != http.StatusForbidden || len(cookiesOf(rw)) != 0 {
		t.Errorf("%d, cookies %v", rw.Code, cookiesOf(rw))
	}
}

// TestSignOutGoesOnToTheProvider: by a page, since the app's policy would stop a
// redirect to where it does not know.
func TestSignOutGoesOnToTheProvider(t *testing.T) {
	signedUp(t, func(t *testing.T, s *site, p *somewhere, b *browser) {
		before := b.session(t)
		time.Sleep(25 * time.Hour) // an expired token, and a session that lives
		if rw := b.get(t, "/auth/logout"); rw.Code != http.StatusOK || !strings.Contains(rw.Body.String(), "<strong>ada</strong>") {
			t.Errorf("the page: %d %s", rw.Code, rw.Body)
		}
		rw := b.post(t, "/auth/logout")
		want := p.EndURL([]byte("held-1"), base+"/auth/logged-out")
		if rw.Code != http.StatusOK || rw.Header().Get("Refresh") != "0; url="+want || rw.Header().Get("Location") != "" {
			t.Errorf("%d, Refresh %q", rw.Code, rw.Header().Get("Refresh"))
		}
		if _, err := s.records.Session(t.Context(), before.UserID, before.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("the session stays: %v", err)
		}
		for _, name := range []string{identity.RootCookie, identity.SessionCookie, identity.HintCookie, attemptCookie} {
			if b.cookie(t, name) != "" {
				t.Errorf("cookie %s stays", name)
			}
		}
		wantRedirect(t, b.post(t, "/auth/logout"), "/auth/logged-out") // again: nothing to end
	})
}

// TestSignOutByTheTokenAlone: a browser that lost its session's cookie can end the
// session still.
func TestSignOutByTheTokenAlone(t *testing.T) {
	s, p := newRemote(t)
	b := s.browser(t)
	b.signUp(t, p, ada(), "ada")
	before := b.session(t)
	b.forget(t, identity.SessionCookie)
	wantRedirect(t, b.post(t, "/auth/logout"), "/auth/logged-out")
	if _, err := s.records.Session(t.Context(), before.UserID, before.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("the session stays: %v", err)
	}
}

// TestEndedOnAnotherDevice: a session that is ended elsewhere is over here with
// the next request; the others go on.
func TestEndedOnAnotherDevice(t *testing.T) {
	s, p := newRemote(t)
	desk, phone := s.browser(t), s.browser(t)
	desk.signUp(t, p, ada(), "ada")
	phone.arrive(t, p, ada(), "/app/")
	lost := phone.session(t)
	if err := s.records.EndSession(t.Context(), lost.UserID, lost.ID, time.Now(), time.Now().Add(identity.SessionLifetime)); err != nil {
		t.Fatal(err)
	}
	if phone.username(t) != "" || desk.username(t) != "ada" {
		t.Errorf("phone %q, desk %q", phone.username(t), desk.username(t))
	}
	if code, _ := phone.refresh(t); code != http.StatusUnauthorized {
		t.Errorf("refresh: %d", code)
	}
}

// TestDevelopmentSessionsRenew: they are sessions like all others.
func TestDevelopmentSessionsRenew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSite(t).browser(t)
		wantRedirect(t, b.post(t, "/auth/login", "email", "ada@example.org", "username", "ada"), "/app/")
		time.Sleep(25 * time.Hour)
		wantRedirect(t, b.get(t, "/auth/login"), "/app/")
		if b.username(t) != "ada" {
			t.Error("signed out")
		}
	})
}

// TestKeptSession: who signs out all other devices stays in, from the same second
// on.
func TestKeptSession(t *testing.T) {
	s, p := newRemote(t)
	b, other := s.browser(t), s.browser(t)
	b.signUp(t, p, ada(), "ada")
	other.arrive(t, p, ada(), "/app/")
	kept := b.session(t)
	if err := s.records.EndSessions(t.Context(), kept.UserID, kept.ID, time.Now()); err != nil {
		t.Fatal(err)
	}
	if b.username(t) != "" || other.username(t) != "" {
		t.Error("what was signed before is good still")
	}
	if code, _ := b.refresh(t); code != http.StatusOK || b.username(t) != "ada" {
		t.Errorf("the session that was kept: %d, signed in as %q", code, b.username(t))
	}
	if code, _ := other.refresh(t); code != http.StatusUnauthorized {
		t.Errorf("the other one: %d", code)
	}
}

// TestSignInsWithoutEnd: one more ended session than a user's record lists ends
// all; the one that was just begun is not among them.
func TestSignInsWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSite(t).browser(t)
		b.post(t, "/auth/login", "email", "ada@example.org", "username", "ada")
		for range records.MaxEnded + 2 {
			b.post(t, "/auth/login", "email", "ada@example.org")
		}
		wantRedirect(t, b.get(t, "/auth/login"), "/app/")
		if b.username(t) != "ada" {
			t.Error("signed out by signing in")
		}
	})
}
