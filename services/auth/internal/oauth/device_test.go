package oauth_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wikibot.io/pkg/identity"
	"wikibot.io/services/auth/internal/oauth"
)

// start asks for a device's codes.
func (s *site) start(name string) (device, user string) {
	s.t.Helper()
	status, m := s.call("/oauth/device_authorization", values("client_id", oauth.CommandLine, "scope", "account", "device_name", name))
	if status != http.StatusOK || m["expires_in"] != 900.0 || m["interval"] != 5.0 {
		s.t.Fatalf("%d %v", status, m)
	}
	return m["device_code"].(string), m["user_code"].(string)
}

func polling(code string) url.Values {
	return values("grant_type", "urn:ietf:params:oauth:grant-type:device_code", "client_id", oauth.CommandLine, "device_code", code)
}

func (s *site) answerDevice(p person, code, decision string) (int, string) {
	s.t.Helper()
	page := s.visit(p.cookie, "/oauth/device?user_code="+code)
	rw := s.submit(p.cookie, "/oauth/device", url.Values{"ticket": {ticketOf(s.t, page)}, "decision": {decision}})
	return rw.Code, text(rw)
}

func TestDevicePolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		ada := s.person("ada")
		device, code := s.start("server")
		poll := func(why string, status int, want string) {
			t.Helper()
			got, m := s.call("/oauth/token", polling(device))
			wantError(t, why, got, m, status, want)
		}
		poll("at once", 400, "authorization_pending")
		poll("and again", 400, "slow_down")
		time.Sleep(5 * time.Second)
		poll("in time", 400, "authorization_pending")
		if status, says := s.answerDevice(ada, strings.ToLower(strings.ReplaceAll(code, "-", "")), "allow"); status != 200 || !strings.Contains(says, "it goes on by itself") {
			t.Errorf("%d %s", status, says)
		}
		time.Sleep(5 * time.Second)
		token := s.answered(s.call("/oauth/token", polling(device)))
		if token.Scope != "account" || token.Refresh != "" || !strings.HasPrefix(token.Access, identity.PersonalPrefix) {
			t.Errorf("%+v", token)
		}
	})
}

func TestDeviceIsRefusedOrForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		ada := s.person("ada")
		device, code := s.start("")
		if status, says := s.answerDevice(ada, code, "deny"); status != 200 || !strings.Contains(says, "was not signed in") {
			t.Errorf("%d %s", status, says)
		}
		status, m := s.call("/oauth/token", polling(device))
		wantError(t, "the person said no", status, m, 400, "access_denied")

		device, code = s.start("")
		page := s.visit(ada.cookie, "/oauth/device?user_code="+code)
		time.Sleep(9 * time.Minute)
		again := ticketOf(t, s.visit(ada.cookie, "/oauth/device?user_code="+code))
		time.Sleep(6*time.Minute + time.Second)
		status, m = s.call("/oauth/token", polling(device))
		wantError(t, "nobody answered", status, m, 400, "expired_token")
		for _, ticket := range []string{ticketOf(t, page), again} {
			wantPage(t, "answered too late", s.submit(ada.cookie, "/oauth/device", url.Values{"ticket": {ticket}, "decision": {"allow"}}), http.StatusGone, "This request has run out")
		}
		time.Sleep(time.Hour)
		status, m = s.call("/oauth/token", polling(device))
		wantError(t, "long ago", status, m, 400, "expired_token")
	})
}

func TestDeviceRequestsThatAreRefused(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		why    string
		form   url.Values
		status int
		want   string
	}{
		{"a registered client", values("client_id", s.register(callback)), 400, "unauthorized_client"},
		{"no client", values(), 401, "invalid_client"},
		{"a scope of wikis", values("client_id", oauth.CommandLine, "scope", "wiki:read"), 400, "invalid_scope"},
		{"a wiki", values("client_id", oauth.CommandLine, "resource", s.hosts.Wiki("ada", "/mcp")), 400, "invalid_target"},
	} {
		status, m := s.call("/oauth/device_authorization", c.form)
		wantError(t, c.why, status, m, c.status, c.want)
	}
	device, _ := s.start("")
	form := polling(device)
	form.Set("client_id", s.register(callback))
	status, m := s.call("/oauth/token", form)
	wantError(t, "polled by another client", status, m, 400, "unauthorized_client")
	status, m = s.call("/oauth/token", polling(""))
	wantError(t, "no code", status, m, 400, "invalid_request")
}

func TestDevicePageWithoutACode(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	if rw := s.visit(ada.cookie, "/oauth/device"); rw.Code != 200 || !strings.Contains(text(rw), "Type the code that your terminal shows") {
		t.Errorf("%d %s", rw.Code, text(rw))
	}
	wantPage(t, "a wrong one", s.visit(ada.cookie, "/oauth/device?user_code=%3Cb%3EBCDF"), http.StatusUnprocessableEntity, "There is no such code")
	_, code := s.start("")
	rw := s.visit("", "/oauth/device?user_code="+code)
	to := must(url.Parse(rw.Header().Get("Location")))
	if rw.Code != http.StatusSeeOther || to.Path != "/auth/login" || to.Query().Get("return_to") != "/oauth/device?user_code="+code {
		t.Errorf("not signed in: %d to %s", rw.Code, to)
	}
}

// TestBruteForceOfUserCodes (RFC 8628 section 5.1): ten tries in ten minutes, for a
// person and for an address.
func TestBruteForceOfUserCodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		eve, eva := s.person("eve"), s.person("eva")
		_, code := s.start("")
		for range 10 {
			s.visit(eve.cookie, "/oauth/device?user_code=BBBB-BBBB")
		}
		wantPage(t, "the person", s.visit(eve.cookie, "/oauth/device?user_code="+code), http.StatusTooManyRequests, "Too many requests")
		time.Sleep(10 * time.Minute)
		s.from = "198.51.100.9:1"
		for i := range 10 {
			s.visit([]string{eve.cookie, eva.cookie}[i%2], "/oauth/device?user_code=BBBB-BBBB")
		}
		wantPage(t, "the address", s.visit(eva.cookie, "/oauth/device?user_code="+code), http.StatusTooManyRequests, "Too many requests")
	})
}

// TestDeviceCSRF (RFC 8628 section 5.3): approving needs a page that was shown to
// this very person, on this very host.
func TestDeviceCSRF(t *testing.T) {
	s := newSite(t)
	ada, eve := s.person("ada"), s.person("eve")
	device, code := s.start("evil")
	ticket := ticketOf(t, s.visit(eve.cookie, "/oauth/device?user_code="+code))
	wantPage(t, "ticket of another", s.submit(ada.cookie, "/oauth/device", url.Values{"ticket": {ticket}, "decision": {"allow"}}), http.StatusForbidden, "shown to another account")
	wantPage(t, "the code as ticket", s.submit(ada.cookie, "/oauth/device", url.Values{"ticket": {code}, "user_code": {code}, "decision": {"allow"}}), http.StatusGone, "run out")
	wantPage(t, "ticket of the other form", s.submit(eve.cookie, "/oauth/authorize", url.Values{"ticket": {ticket}, "decision": {"allow"}}), http.StatusGone, "run out")
	rw := s.send(http.MethodPost, "/oauth/device", url.Values{"ticket": {ticket}, "decision": {"allow"}}.Encode(), "Cookie", eve.cookie, "Content-Type", formType, "Origin", s.hosts.Wiki("x", ""), "Sec-Fetch-Site", "same-site")
	if rw.Code != http.StatusForbidden {
		t.Errorf("from a wiki: %d", rw.Code)
	}
	status, m := s.call("/oauth/token", polling(device))
	wantError(t, "after all", status, m, 400, "authorization_pending")
}

// TestDeviceCodeReplay: the session that it was exchanged for ends.
func TestDeviceCodeReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		ada := s.person("ada")
		device, code := s.start("")
		s.answerDevice(ada, code, "allow")
		token := s.answered(s.call("/oauth/token", polling(device)))
		time.Sleep(5 * time.Second)
		status, m := s.call("/oauth/token", polling(device))
		wantError(t, "replay", status, m, 400, "invalid_grant")
		cred, _ := identity.ParseCredential(identity.PersonalPrefix, token.Access)
		if _, err := s.records.Session(t.Context(), ada.ID, cred.ID); !gone(err) {
			t.Errorf("the session lives on: %v", err)
		}
	})
}

// TestSecondPersonAnswersADevice: the first decision counts, and the second person
// is not told that it was theirs.
func TestSecondPersonAnswersADevice(t *testing.T) {
	s := newSite(t)
	ada, bob := s.person("ada"), s.person("bob")
	device, code := s.start("")
	late := ticketOf(t, s.visit(bob.cookie, "/oauth/device?user_code="+code))
	s.answerDevice(ada, code, "allow")
	wantPage(t, "too late", s.submit(bob.cookie, "/oauth/device", url.Values{"ticket": {late}, "decision": {"allow"}}), http.StatusForbidden, "another account")
	token := s.answered(s.call("/oauth/token", polling(device)))
	if cred, _ := identity.ParseCredential(identity.PersonalPrefix, token.Access); cred.UserID != ada.ID {
		t.Error("it is signed in as the second one")
	}
}

func TestRevocationOfTheCommandLine(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	device, code := s.start("")
	s.answerDevice(ada, code, "allow")
	token := s.answered(s.call("/oauth/token", polling(device)))
	cred, _ := identity.ParseCredential(identity.PersonalPrefix, token.Access)
	wrong := identity.NewCredential(cred.UserID, cred.ID).String(identity.PersonalPrefix)
	for _, secret := range []string{wrong, token.Access, token.Access} {
		if rw := s.send(http.MethodPost, "/oauth/revoke", form("token", secret, "client_id", oauth.CommandLine), "Content-Type", formType); rw.Code != 200 {
			t.Errorf("%d %s", rw.Code, rw.Body)
		}
		_, err := s.records.Session(t.Context(), ada.ID, cred.ID)
		if gone(err) != (secret != wrong) {
			t.Errorf("ended by the wrong secret or not by the right one: %v", err)
		}
	}
}
