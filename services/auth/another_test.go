package auth_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wikibot.io/pkg/records"
	"wikibot.io/services/auth/provider"
)

// chosen is the address to which a page that goes on by itself leads.
func chosen(t *testing.T, rw interface{ Header() http.Header }) string {
	t.Helper()
	_, to, ok := strings.Cut(rw.Header().Get("Refresh"), "0; url=")
	if !ok {
		t.Fatalf("it leads nowhere: %v", rw.Header())
	}
	return to
}

// TestAnotherAccount: from a consent page, by signing out, to somebody else's
// sign-in and back to the very request; though there is one provider, which knows
// who is in.
func TestAnotherAccount(t *testing.T) {
	s, p := newRemote(t)
	b := s.browser(t)
	b.signUp(t, p, ada(), "ada")
	request := "/oauth/authorize?client_id=x&state=a%20b"
	to := "/auth/logout?return_to=" + url.QueryEscape(request)
	page := b.get(t, to).Body.String()
	if !strings.Contains(page, `name="return_to" value="/oauth/authorize?client_id=x&amp;state=a%20b"`) || !strings.Contains(page, "Use another account") {
		t.Errorf("the page has lost the request: %s", page)
	}
	rw := b.post(t, "/auth/logout", "return_to", request)
	if rw.Code != http.StatusOK || b.username(t) != "" || strings.Contains(rw.Body.String(), issuer) {
		t.Errorf("signed out: %d %s", rw.Code, rw.Body)
	}
	rw = b.get(t, chosen(t, rw))
	at := rw.Header().Get("Location")
	if a := p.attempts[location(t, at).Query().Get("state")]; !a.Fresh {
		t.Errorf("the provider is not asked to let them choose: %+v", a)
	}
	eve := provider.Person{Identities: []records.Identity{{Provider: issuer, Subject: "eve-1"}}, Email: "eve@example.org", EmailVerified: true}
	wantRedirect(t, b.get(t, p.approve(t, at, eve)), "/auth/welcome")
	wantRedirect(t, b.post(t, "/auth/welcome", "username", "eve"), request)
	if b.username(t) != "eve" {
		t.Errorf("signed in as %q", b.username(t))
	}

	// Without signing out first, too: the old session ends when the new one begins.
	was := b.session(t)
	rw = b.get(t, "/auth/login?fresh=1&return_to=/app/x")
	if b.username(t) != "eve" {
		t.Error("to be asked who one is signs out")
	}
	wantRedirect(t, b.get(t, p.approve(t, rw.Header().Get("Location"), ada())), "/app/x")
	if _, err := s.records.Session(t.Context(), was.UserID, was.ID); err == nil || b.username(t) != "ada" {
		t.Errorf("signed in as %q; the former session: %v", b.username(t), err)
	}

	b.post(t, "/auth/logout")
	wantRedirect(t, b.get(t, to), "/auth/login?fresh=1&return_to="+url.QueryEscape(request)) // nobody is in
	if page := b.get(t, "/auth/logged-out").Body.String(); !strings.Contains(page, `href="/auth/login?fresh=1&amp;return_to=%2Fapp%2F"`) {
		t.Errorf("signed out, and the way back leads into the same account: %s", page)
	}
}

func TestPageOfChoicesStaysFresh(t *testing.T) {
	s, p := newRemote(t, "google", "github")
	b := s.browser(t)
	page := b.get(t, "/auth/login?fresh=1&return_to=/app/x").Body.String()
	if !strings.Contains(page, `href="/auth/login?choice=github&amp;fresh=1&amp;return_to=%2Fapp%2Fx"`) {
		t.Error(page)
	}
	b.get(t, "/auth/login?fresh=1&choice=github")
	for _, a := range p.attempts {
		if !a.Fresh {
			t.Errorf("%+v", a)
		}
	}
}

// TestOpenRedirectBySignOut (CWE-601): where a sign-out leads on to is checked as
// that of a sign-in is.
func TestOpenRedirectBySignOut(t *testing.T) {
	s, p := newRemote(t)
	b := s.browser(t)
	b.signUp(t, p, ada(), "ada")
	for _, to := range []string{
		"https://evil.example/", "//evil.example/", `/\evil.example/`, "javascript:alert(1)", "/auth/logout", "/app/../auth/logout",
		"http://wikibot.localhost:8080@evil.example/", "/app/\r\nRefresh: 0; url=//evil.example", "/" + strings.Repeat("a", 5000),
	} {
		page := b.get(t, "/auth/logout?return_to="+url.QueryEscape(to)).Body.String()
		if strings.Contains(page, "evil") || !strings.Contains(page, `name="return_to" value="/app/"`) {
			t.Errorf("%q is taken in", to)
		}
		rw := s.browser(t).post(t, "/auth/logout", "return_to", to)
		if got := chosen(t, rw); got != "/auth/login?fresh=1&return_to=%2Fapp%2F" {
			t.Errorf("%q leads to %q", to, got)
		}
	}
}

// TestSignOutWithABrokenForm: nothing about a form keeps anybody in.
func TestSignOutWithABrokenForm(t *testing.T) {
	s, p := newRemote(t)
	for why, body := range map[string]string{"percent sign": "return_to=%zz", "too much": "x=" + strings.Repeat("a", 1<<17)} {
		b := s.browser(t)
		b.arrive(t, p, ada(), "/app/")
		b.post(t, "/auth/welcome", "username", "ada")
		b.do(t, http.MethodPost, "/auth/logout", strings.NewReader(body), "Content-Type", "application/x-www-form-urlencoded", "Origin", base)
		if b.username(t) != "" {
			t.Errorf("%s: still signed in", why)
		}
	}
}

// TestSignOutEverywhereWhileCookiesAreRefreshed: a browser whose token was checked
// just before all sessions ended is not given another one.
func TestSignOutEverywhereWhileCookiesAreRefreshed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p := newRemote(t)
		b, other := s.browser(t), s.browser(t)
		b.signUp(t, p, ada(), "ada")
		other.arrive(t, p, ada(), "/app/")
		keep := other.session(t)
		time.Sleep(time.Minute)
		once := false
		s.watched.look = func() {
			if once {
				return
			}
			once = true
			if err := s.records.EndSessions(t.Context(), keep.UserID, keep.ID, time.Now()); err != nil {
				t.Error(err)
			}
		}
		b.get(t, "/auth/login?return_to=/app/")
		if s.watched.look = nil; b.username(t) != "" {
			t.Error("signed out everywhere, and still in")
		}
		wantRedirect(t, other.get(t, "/auth/login?return_to=/app/"), "/app/")
	})
}

// TestLeavingWhileSigningIn: who deletes their account in one tab while they sign
// in with another is asked whether they want it back.
func TestLeavingWhileSigningIn(t *testing.T) {
	s, p := newRemote(t)
	b := s.browser(t)
	b.signUp(t, p, ada(), "ada")
	id := b.session(t).UserID
	there := b.get(t, "/auth/login?fresh=1&return_to=/app/x").Header().Get("Location")
	s.watched.read = func(what string) {
		if what == "session" { // the former one is being ended
			_ = s.records.DeleteUser(t.Context(), id, time.Now())
		}
	}
	rw := b.get(t, p.approve(t, there, ada()))
	s.watched.read = nil
	wantRedirect(t, rw, "/auth/login?return_to=%2Fapp%2Fx")
	if b.username(t) != "" {
		t.Error("signed in as somebody who has left")
	}
	wantRedirect(t, b.arrive(t, p, ada(), "/app/x"), "/auth/welcome-back")
}

// TestNewcomerWhoIsNot: somebody's second identity, or the address of somebody who
// is leaving, makes no account; and the page says what to do.
func TestNewcomerWhoIsNot(t *testing.T) {
	s, p := newRemote(t)
	s.browser(t).signUp(t, p, ada(), "ada")
	// The broker has made a new user of the same person, whose address has changed.
	moved := ada()
	moved.Identities = []records.Identity{{Provider: "https://broker.example", Subject: "new-1"}, ada().Identities[1]}
	moved.Email = "countess@example.org"
	b := s.browser(t)
	wantRedirect(t, b.arrive(t, p, moved, "/app/x"), "/auth/welcome")
	rw := b.post(t, "/auth/welcome", "username", "countess")
	if rw.Code != http.StatusForbidden || b.username(t) != "" || !strings.Contains(rw.Body.String(), "belongs to another account") ||
		!strings.Contains(rw.Body.String(), `href="/auth/login?fresh=1&amp;return_to=%2Fapp%2Fx"`) {
		t.Errorf("another's second identity: %d %s", rw.Code, rw.Body)
	}

	u, err := s.records.UserByEmail(t.Context(), "ada@example.org")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.records.DeleteUser(t.Context(), u.ID, time.Now()); err != nil {
		t.Fatal(err)
	}
	for _, email := range []string{"ada@example.org", "ADA@Example.org"} {
		eve := provider.Person{Identities: []records.Identity{{Provider: "https://other.example", Subject: "eve"}}, Email: email, EmailVerified: true}
		b := s.browser(t)
		wantRedirect(t, b.arrive(t, p, eve, "/app/x"), "/auth/welcome")
		rw := b.post(t, "/auth/welcome", "username", "eve")
		if rw.Code != http.StatusForbidden || b.username(t) != "" || !strings.Contains(rw.Body.String(), "is being deleted") {
			t.Errorf("the address of somebody leaving: %d %s", rw.Code, rw.Body)
		}
	}
	if _, taken, _ := s.records.NameTaken(t.Context(), "eve"); taken {
		t.Error("something was made")
	}
}

// TestAttemptSaysWhoseBrowser: providers judge risks by it.
func TestAttemptSaysWhoseBrowser(t *testing.T) {
	s, p := newRemote(t)
	b := s.browser(t)
	b.get(t, "/auth/login", "User-Agent", "Firefox")
	for _, a := range p.attempts {
		if a.Address != "192.0.2.1" || a.UserAgent != "Firefox" {
			t.Errorf("%+v", a)
		}
	}
}

// TestAddressThatOnlyLooksAlike: the records take an address for taken when another
// looks like it. Nobody is let into an account for that.
func TestAddressThatOnlyLooksAlike(t *testing.T) {
	for _, c := range []struct {
		why, email string
		in         bool
	}{
		{"another case", "MIKE@Example.org", true},
		{"the Kelvin sign, whose lower case is k", "mi\u212ae@example.org", false},
		{"fullwidth letters", "\uff4dike@example.org", false},
		{"a dotless i", "m\u0131ke@example.org", false},
		{"a letter of another script", "mik\u0435@example.org", false},
		{"an invisible character", "mi\u200dke@example.org", false},
		{"a space that is none", "mike@example.org\u00a0", false},
	} {
		s, p := newRemote(t)
		s.user(t, "mike", "mike@example.org", records.Identity{Provider: "https://old.example", Subject: "mike"})
		b := s.browser(t)
		b.arrive(t, p, provider.Person{Identities: []records.Identity{{Provider: issuer, Subject: "eve"}}, Email: c.email, EmailVerified: true}, "/app/")
		if in := b.username(t) == "mike"; in != c.in {
			t.Errorf("%s: in %v, want %v", c.why, in, c.in)
		}
		u, err := s.records.UserByEmail(t.Context(), "mike@example.org")
		if err != nil {
			t.Fatal(err)
		}
		if ids, err := s.records.IdentitiesOfUser(t.Context(), u.ID); err != nil || (len(ids) == 1) == c.in {
			t.Errorf("%s: identities %v, %v", c.why, ids, err)
		}
	}
}

// TestLargeNewcomer: neither long tokens of a provider nor a long way back keep
// anybody out.
func TestLargeNewcomer(t *testing.T) {
	for _, held := range []int{100, 16 << 10} {
		s, p := newRemote(t)
		b := s.browser(t)
		person := ada()
		for i := range 15 {
			person.Identities = append(person.Identities, records.Identity{Provider: "https://login.microsoftonline.com/common/v2.0", Subject: strings.Repeat("s", 250) + string(rune('a'+i))})
		}
		p.held = strings.Repeat("h", held)
		back := "/app/?q=" + strings.Repeat("&", 4000)
		wantRedirect(t, b.arrive(t, p, person, back), "/auth/welcome")
		wantRedirect(t, b.post(t, "/auth/welcome", "username", "ada"), back)
		if b.username(t) != "ada" {
			t.Error("not signed in")
		}
	}
}

// TestLastUsed: the list of devices tells which one was used today, not which one
// was signed in or renewed today.
func TestLastUsed(t *testing.T) {
	signedUp(t, func(t *testing.T, _ *site, _ *somewhere, b *browser) {
		for range 4 {
			time.Sleep(3 * time.Hour)
			b.username(t)
			if last := b.session(t).LastUsed; time.Since(last) != 0 {
				t.Errorf("last used %v ago", time.Since(last))
			}
		}
		time.Sleep(9 * time.Minute)
		if b.username(t); time.Since(b.session(t).LastUsed) != 9*time.Minute {
			t.Error("each request writes")
		}
	})
}

// TestProviderWithoutRefreshTokens: with a provider that gives none (Google, for
// one) people stay signed in for a day, whatever renews their tokens on the way;
// then they pass through it, and come back where they were without a page of ours.
func TestProviderWithoutRefreshTokens(t *testing.T) {
	signedUp(t, func(t *testing.T, s *site, p *somewhere, b *browser) {
		p.mute = true
		began := time.Now()
		for _, at := range []time.Duration{time.Hour, 12 * time.Hour, 24*time.Hour - 5*time.Minute} {
			time.Sleep(time.Until(began.Add(at)))
			session := b.session(t)
			if err := s.records.EndSessions(t.Context(), session.UserID, session.ID, time.Now()); err != nil { // everywhere else
				t.Fatal(err)
			}
			if code, expires := b.refresh(t); code != http.StatusOK || expires.After(began.Add(24*time.Hour)) {
				t.Fatalf("after %v: refresh: %d, until %v", at, code, expires)
			}
		}
		time.Sleep(5 * time.Minute)
		if b.username(t) != "" {
			t.Error("more than a day, and the provider was not asked")
		}
		former := b.session(t)
		rw := b.get(t, "/auth/login?return_to=/app/x")
		wantRedirect(t, b.get(t, p.approve(t, rw.Header().Get("Location"), ada())), "/app/x")
		if now := b.session(t); b.username(t) != "ada" || now.ID == former.ID {
			t.Errorf("in as %q by session %s", b.username(t), now.ID)
		}
		if list, err := s.records.SessionsOfUser(t.Context(), former.UserID); err != nil || len(list) != 1 {
			t.Errorf("a day of each is kept: %v, %v", list, err)
		}

		// The app notices by a refusal, and what it says leads to a sign-in.
		time.Sleep(25 * time.Hour)
		if code, _ := b.refresh(t); code != http.StatusUnauthorized || b.cookie(t, "logged_in") != "" {
			t.Errorf("refresh after a day: %d", code)
		}
	})
}
