package oauth_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/services/auth/internal/oauth"
)

// sessionOf names a user whose tokens have run out, in a cookie that stands for
// the session behind them.
const sessionOf = "session-of"

// renewed goes on with such a session.
func (s *site) renewed(w http.ResponseWriter, r *http.Request) (identity.Principal, error) {
	p, err := s.auth.OnRoot(r)
	c, none := r.Cookie(sessionOf)
	if err != nil || p.Kind == identity.Session || none != nil {
		return p, err
	}
	u, err := s.records.User(r.Context(), c.Value)
	if fault.Is(err, fault.NotFound) {
		return p, nil
	}
	http.SetCookie(w, &http.Cookie{Name: identity.RootCookie, Value: "fresh"})
	return identity.Principal{Kind: identity.Session, UserID: u.ID, Username: u.Username}, err
}

// TestTokensRunOutWhileThePageIsOpen: the answer counts, as long as the session
// lives; else it is sign-in first, and then the same question again.
func TestTokensRunOutWhileThePageIsOpen(t *testing.T) {
	s := newSite(t)
	ada, eve := s.person("ada"), s.person("eve")
	s.wiki(ada, "ada", false)
	id := s.register(callback)
	form := func(q url.Values) url.Values {
		return url.Values{"ticket": {s.ticket(ada, q)}, "rights": {"write"}, "decision": {"allow"}}
	}
	rw := s.submit(sessionOf+"="+ada.ID, "/oauth/authorize", form(s.asks(id, "ada")))
	if got := sentTo(t, rw, callback); got.Get("code") == "" || len(rw.Result().Cookies()) != 1 {
		t.Errorf("renewed: %v, cookies %v", got, rw.Result().Cookies())
	}
	wantPage(t, "somebody else's session", s.submit(sessionOf+"="+eve.ID, "/oauth/authorize", form(s.asks(id, "ada"))), http.StatusForbidden, "another account")

	for why, q := range map[string]url.Values{
		"all of it": s.asks(id, "ada", "state", "a\xff\x00&=é"), "reading": s.asks(id, "ada", "scope", "wiki:read"), "no state": s.asks(id, "ada", "state", ""),
		"redirect not named": s.asks(id, "ada", "redirect_uri", ""), "the command line": s.asks(oauth.CommandLine, "ada", "resource", "", "device_name", "laptop"),
	} {
		f := form(q)
		rw := s.submit("", "/oauth/authorize", f)
		back := must(url.Parse(must(url.Parse(rw.Header().Get("Location"))).Query().Get("return_to")))
		if rw.Code != http.StatusSeeOther || back.Path != "/oauth/authorize" {
			t.Fatalf("%s: %d to %s", why, rw.Code, rw.Header().Get("Location"))
		}
		again := back.Query()
		again.Set("redirect_uri", callback)
		got := s.decide(ada, again, "write", "allow")
		if got.Get("code") == "" || got.Get("state") != q.Get("state") {
			t.Errorf("%s: asked again by %s: %v", why, back, got)
		}
		if why == "reading" {
			if a := s.answered(s.call("/oauth/token", redemption(id, got.Get("code")))); a.Scope != "wiki:read" {
				t.Errorf("asked again for more: %s", a.Scope)
			}
		}
	}
}

// TestTokensRunOutWhileTheDevicePageIsOpen: the same, on the page of a code that
// is typed.
func TestTokensRunOutWhileTheDevicePageIsOpen(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	_, m := s.call("/oauth/device_authorization", url.Values{"client_id": {oauth.CommandLine}})
	path := "/oauth/device?user_code=" + m["user_code"].(string)
	form := url.Values{"ticket": {ticketOf(t, s.visit(ada.cookie, path))}, "decision": {"allow"}}
	rw := s.submit("", "/oauth/device", form)
	if to := must(url.Parse(rw.Header().Get("Location"))); to.Path != "/auth/login" || to.Query().Get("return_to") != path {
		t.Errorf("nobody: %d to %s", rw.Code, to)
	}
	wantPage(t, "renewed", s.submit(sessionOf+"="+ada.ID, "/oauth/device", form), http.StatusOK, "The command line is signed in")
}

// TestLongRequests: what can be asked for by who is signed in survives sign-in as
// well, and fits into a ticket in whatever clothes.
func TestLongRequests(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	s.wiki(ada, "ada", false)
	redirect := "https://agent.example.com/cb?" + strings.Repeat("&", 1900)
	id := s.register(redirect)
	for why, state := range map[string]string{"long": strings.Repeat("s", 3500), "of bytes": strings.Repeat("\xff", 1150), "too long": strings.Repeat("s", 3900)} {
		path := "/oauth/authorize?" + s.asks(id, "ada", "redirect_uri", "", "state", state).Encode()
		signedOut, signedIn := s.visit("", path), s.visit(ada.cookie, path)
		if why == "too long" {
			wantPage(t, "signed out", signedOut, http.StatusBadRequest, "This link is broken")
			wantPage(t, "signed in", signedIn, http.StatusBadRequest, "This link is broken")
			continue
		}
		back := must(url.Parse(signedOut.Header().Get("Location"))).Query().Get("return_to")
		if len(back) > 4<<10 {
			t.Errorf("%s: sign-in leads back to no address of %d bytes", why, len(back))
		}
		rw := s.submit(ada.cookie, "/oauth/authorize", url.Values{"ticket": {ticketOf(t, signedIn)}, "decision": {"allow"}})
		if got := sentTo(t, rw, redirect); got.Get("state") != state {
			t.Errorf("%s: %d", why, rw.Code)
		}
	}
}

// TestUserLeavesWhileSomethingIsMade: between the look at who they are and what is
// made for them. The client hears that it is over, and not to come again.
func TestUserLeavesWhileSomethingIsMade(t *testing.T) {
	for _, client := range []string{"", oauth.CommandLine} {
		s := newSite(t)
		ada := s.person("ada")
		s.wiki(ada, "ada", false)
		var more []string
		if client == "" {
			client = s.register(callback)
		} else {
			more = []string{"resource", ""}
		}
		code := s.code(ada, client, "ada", more...)
		s.late = func() {
			if err := s.records.DeleteUser(t.Context(), ada.ID, time.Now()); err != nil && !gone(err) {
				t.Error(err)
			}
		}
		status, m := s.call("/oauth/token", redemption(client, code))
		wantError(t, client, status, m, 400, "invalid_grant")
		status, m = s.call("/oauth/token", redemption(client, code))
		wantError(t, client+", again", status, m, 400, "invalid_grant")
	}
}
