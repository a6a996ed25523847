package auth_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"wikibot.io/pkg/identity"
)

var ticketField = regexp.MustCompile(`name="ticket" value="([^"]*)"`)

// asksForTheAccount is a request that needs no wiki: the command line's.
var asksForTheAccount = "/oauth/authorize?" + url.Values{
	"response_type": {"code"}, "client_id": {"wikibot-cli"}, "redirect_uri": {"http://127.0.0.1:3118/callback"}, "state": {"a b&=é"},
	"code_challenge": {strings.Repeat("a", 43)}, "code_challenge_method": {"S256"},
}.Encode()

// TestConsentAfterTheTokensRanOut: the page was opened minutes before a day was
// over. The answer counts, and the browser is signed in for another day.
func TestConsentAfterTheTokensRanOut(t *testing.T) {
	signedUp(t, func(t *testing.T, _ *site, p *somewhere, b *browser) {
		open := func() string {
			t.Helper()
			m := ticketField.FindStringSubmatch(b.get(t, asksForTheAccount).Body.String())
			if m == nil {
				t.Fatal("nothing is asked")
			}
			return html.UnescapeString(m[1])
		}
		time.Sleep(24*time.Hour - 2*time.Minute)
		ticket := open()
		time.Sleep(5 * time.Minute)
		if b.username(t) != "" {
			t.Fatal("the tokens live longer than a day")
		}
		rw := b.post(t, "/oauth/authorize", "ticket", ticket, "decision", "allow")
		if to := rw.Header().Get("Location"); rw.Code != http.StatusSeeOther || !strings.HasPrefix(to, "http://127.0.0.1:3118/callback?code=") {
			t.Errorf("%d to %s", rw.Code, to)
		}
		if b.username(t) != "ada" {
			t.Error("the browser is not signed in by it")
		}

		// The session is over at the provider: sign-in first, then the same question.
		ticket = open()
		p.over = true
		b.forget(t, identity.RootCookie)
		time.Sleep(9 * time.Minute)
		b.post(t, "/oauth/authorize", "ticket", ticket, "decision", "deny") // within ten minutes it is not asked
		ticket = open()
		b.forget(t, identity.RootCookie)
		time.Sleep(9 * time.Minute)
		rw = b.post(t, "/oauth/authorize", "ticket", ticket, "decision", "allow")
		to := location(t, rw.Header().Get("Location"))
		back := location(t, to.Query().Get("return_to"))
		if to.Path != "/auth/login" || back.Path != "/oauth/authorize" || back.Query().Get("state") != "a b&=é" {
			t.Fatalf("%d to %s", rw.Code, to)
		}
		rw = b.get(t, to.String())
		wantRedirect(t, b.get(t, p.approve(t, rw.Header().Get("Location"), ada())), to.Query().Get("return_to"))
		rw = b.get(t, back.String())
		if rw.Code != http.StatusOK || !ticketField.MatchString(rw.Body.String()) {
			t.Errorf("not asked again: %d", rw.Code)
		}
	})
}
