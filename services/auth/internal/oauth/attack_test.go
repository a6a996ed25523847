package oauth_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wikibot.io/pkg/identity"
	"wikibot.io/services/auth/internal/oauth"
)

// connected is a site where ada has connected one client to her wiki.
func connected(t *testing.T) (s *site, ada person, id string, token answer) {
	t.Helper()
	s = newSite(t)
	ada = s.person("ada")
	s.wiki(ada, "ada", false)
	id = s.register(callback)
	return s, ada, id, s.connect(ada, id, "ada")
}

// TestCodeReplay (RFC 9700 section 4.13): a code that comes twice with its verifier
// has leaked, so what it was exchanged for ends, whoever was first.
func TestCodeReplay(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	s.wiki(ada, "ada", false)
	id := s.register(callback)
	code := s.code(ada, id, "ada")
	token := s.answered(s.call("/oauth/token", redemption(id, code)))
	status, m := s.call("/oauth/token", redemption(id, code))
	wantError(t, "again", status, m, 400, "invalid_grant")
	status, m = s.call("/oauth/token", refreshing(id, token.Refresh))
	wantError(t, "then refresh", status, m, 400, "invalid_grant")
	if len(s.connections(ada)) != 0 {
		t.Error("the connection lives on")
	}
}

// TestCutOffByALeakedCode: who found a code without its verifier, in a log or a
// history, gets nothing by it, and cuts nobody off.
func TestCutOffByALeakedCode(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	s.wiki(ada, "ada", false)
	id := s.register(callback)
	code := s.code(ada, id, "ada")
	token := s.answered(s.call("/oauth/token", redemption(id, code)))
	for why, more := range map[string][]string{
		"another verifier": {"code_verifier", strings.Repeat("a", 43)}, "no verifier": {"code_verifier", ""}, "another client": {"client_id", oauth.CommandLine},
		"another redirect": {"redirect_uri", "http://127.0.0.1:1/callback"}, "another wiki": {"resource", s.hosts.Wiki("eve", "/mcp")},
	} {
		status, m := s.call("/oauth/token", redemption(id, code, more...))
		wantError(t, why, status, m, 400, "invalid_grant") // and it is not told that the code was good
	}
	s.answered(s.call("/oauth/token", refreshing(id, token.Refresh)))
}

// TestCodeReplayOfTheCommandLine: its session ends.
func TestCodeReplayOfTheCommandLine(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	code := s.decide(ada, s.asks(oauth.CommandLine, "ada", "resource", ""), "", "allow").Get("code")
	token := s.answered(s.call("/oauth/token", redemption(oauth.CommandLine, code)))
	status, m := s.call("/oauth/token", redemption(oauth.CommandLine, code))
	wantError(t, "replay", status, m, 400, "invalid_grant")
	cred, _ := identity.ParseCredential(identity.PersonalPrefix, token.Access)
	if _, err := s.records.Session(t.Context(), ada.ID, cred.ID); !gone(err) {
		t.Errorf("the session lives on: %v", err)
	}
}

// TestCodeForAnotherClient (code injection, RFC 9700 section 4.5): a code is worth
// nothing with another client's id, and stays good for its own.
func TestCodeForAnotherClient(t *testing.T) {
	s, ada, id, _ := connected(t)
	code := s.code(ada, id, "ada")
	for _, other := range []string{s.register(callback), oauth.CommandLine, documentID} {
		status, m := s.call("/oauth/token", redemption(other, code))
		wantError(t, other, status, m, 400, "invalid_grant")
	}
	s.answered(s.call("/oauth/token", redemption(id, code)))
}

// TestRedirectManipulation (RFC 9700 section 4.1): whoever is not led to where the
// client registered is led nowhere, signed in or not.
func TestRedirectManipulation(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	s.wiki(ada, "ada", false)
	id := s.register("https://agent.example.com/cb", "http://localhost/cb")
	for _, redirect := range []string{
		"https://evil.example/cb", "https://agent.example.com.evil.example/cb", "https://agent.example.com@evil.example/cb", "https://agent.example.com/cb/../evil", "https://agent.example.com/cb?next=//evil.example",
		"https://agent.example.com/cb#", "https://agent.example.com:444/cb", "http://agent.example.com/cb", "http://localhost:1/evil", "http://127.0.0.1:1/cb", "http://localhost:1@evil.example/cb",
		"javascript:alert(1)//https://agent.example.com/cb", "//evil.example", "/cb", "https://agent.example.com/cb\r\nX: y", " https://agent.example.com/cb",
	} {
		for who, cookie := range map[string]string{"ada": ada.cookie, "nobody": ""} {
			rw := s.visit(cookie, "/oauth/authorize?"+s.asks(id, "ada", "redirect_uri", redirect).Encode())
			if rw.Code == http.StatusTooManyRequests {
				t.Fatal("limited")
			}
			wantPage(t, redirect+" as "+who, rw, http.StatusBadRequest, "may not send you back there")
		}
	}
}

// TestPKCEDowngrade (RFC 9700 section 4.8.2): no request without S256 gets as far
// as a code, and no code is redeemed without its verifier.
func TestPKCEDowngrade(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	s.wiki(ada, "ada", false)
	id := s.register(callback)
	for why, more := range map[string][]string{
		"plain": {"code_challenge_method", "plain"}, "plain by default": {"code_challenge_method", ""}, "none": {"code_challenge", "", "code_challenge_method", ""},
		"method without challenge": {"code_challenge", ""}, "verifier as challenge": {"code_challenge", verifier},
	} {
		got := sentTo(t, s.visit(ada.cookie, "/oauth/authorize?"+s.asks(id, "ada", more...).Encode()), callback)
		if got.Get("error") != "invalid_request" || got.Has("code") {
			t.Errorf("%s: %v", why, got)
		}
	}
	code := s.code(ada, id, "ada")
	for why, v := range map[string]string{"no verifier": "", "the challenge itself": challenge(verifier)} {
		if status, m := s.call("/oauth/token", redemption(id, code, "code_verifier", v)); status != 400 || m["access_token"] != nil {
			t.Errorf("%s: %d %v", why, status, m)
		}
	}
}

// TestMixUp (RFC 9700 section 4.4, RFC 9207): every answer, errors too, names the
// issuer byte for byte as the metadata do.
func TestMixUp(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	s.wiki(ada, "ada", false)
	id := s.register(callback)
	issuer := jsonOf(t, s.send(http.MethodGet, "/.well-known/oauth-authorization-server", "").Body)["issuer"]
	for why, got := range map[string]url.Values{
		"yes": s.decide(ada, s.asks(id, "ada"), "read", "allow"), "no": s.decide(ada, s.asks(id, "ada"), "read", "deny"),
		"error": sentTo(t, s.visit(ada.cookie, "/oauth/authorize?"+s.asks(id, "ada", "scope", "x").Encode()), callback),
	} {
		if got.Get("iss") != issuer || len(got["iss"]) != 1 || got.Get("state") != someState {
			t.Errorf("%s: %v", why, got)
		}
	}
}

// TestCSRFOnConsent: a page of another origin, a sibling wiki's above all, cannot
// press the button, with or without a ticket that its author got for themselves.
func TestCSRFOnConsent(t *testing.T) {
	s := newSite(t)
	ada, eve := s.person("ada"), s.person("eve")
	s.wiki(ada, "ada", true)
	id := s.register(callback)
	form := url.Values{"ticket": {s.ticket(ada, s.asks(id, "ada"))}, "rights": {"write"}, "decision": {"allow"}}.Encode()
	for why, headers := range map[string][]string{
		"another site":       {"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"},
		"a wiki of the site": {"Origin", s.hosts.Wiki("eve", ""), "Sec-Fetch-Site", "same-site"},
		"an old browser":     {"Origin", s.hosts.Wiki("eve", "")},
		"no origin at all":   {},
		"a sandboxed frame":  {"Origin", "null"},
	} {
		rw := s.send(http.MethodPost, "/oauth/authorize", form, append(headers, "Cookie", ada.cookie, "Content-Type", formType)...)
		if rw.Code != http.StatusForbidden || rw.Header().Get("Location") != "" {
			t.Errorf("%s: %d to %s", why, rw.Code, rw.Header().Get("Location"))
		}
	}
	for why, ticket := range map[string]string{"none": "", "made up": strings.Repeat("A", 43)} {
		rw := s.submit(ada.cookie, "/oauth/authorize", url.Values{"ticket": {ticket}, "decision": {"allow"}})
		wantPage(t, "ticket "+why, rw, http.StatusGone, "This request has run out")
	}
	hers := s.ticket(eve, s.asks(id, "ada"))
	wantPage(t, "ticket of somebody else", s.submit(ada.cookie, "/oauth/authorize", url.Values{"ticket": {hers}, "decision": {"allow"}}), http.StatusForbidden, "shown to another account")
	if len(s.connections(ada))+len(s.connections(eve)) != 0 {
		t.Error("something was connected")
	}
}

// TestConsentTicketOfAnotherUser: nor does it help a thief who is not signed in.
func TestConsentTicketOfAnotherUser(t *testing.T) {
	s := newSite(t)
	ada, eve := s.person("ada"), s.person("eve")
	s.wiki(ada, "ada", true)
	ticket := s.ticket(ada, s.asks(s.register(callback), "ada"))
	for _, decision := range []string{"allow", "deny"} {
		form := url.Values{"ticket": {ticket}, "decision": {decision}}
		wantPage(t, decision, s.submit(eve.cookie, "/oauth/authorize", form), http.StatusForbidden, "shown to another account")
		if to := s.submit("", "/oauth/authorize", form).Header().Get("Location"); !strings.HasPrefix(to, "/auth/login?return_to=") {
			t.Errorf("nobody is led to %s", to)
		}
	}
	if len(s.connections(ada)) != 0 {
		t.Error("something was connected")
	}
}

// TestConsentForAWikiOneCannotAccess: private, closed, missing and impossible ones
// look the same, and the client is told nothing.
func TestConsentForAWikiOneCannotAccess(t *testing.T) {
	s := newSite(t)
	ada, eve, leaver := s.person("ada"), s.person("eve"), s.person("leaver")
	s.wiki(ada, "private", false)
	s.wiki(leaver, "closed", true)
	if err := s.records.DeleteUser(t.Context(), leaver.ID, time.Now()); err != nil {
		t.Fatal(err)
	}
	id := s.register(callback)
	pages := map[string]string{}
	for _, slug := range []string{"private", "closed", "missing", "no--such_wiki"} {
		rw := s.visit(eve.cookie, "/oauth/authorize?"+s.asks(id, slug).Encode())
		wantPage(t, slug, rw, http.StatusNotFound, "There is no such wiki for you")
		said, _, _ := strings.Cut(strings.ReplaceAll(text(rw), slug, "SLUG"), "Request")
		pages[said] = slug
	}
	if len(pages) != 1 {
		t.Errorf("the pages differ: %q", pages)
	}
}

// TestDoubleSubmit at the same moment: one code, one connection.
func TestDoubleSubmit(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	s.wiki(ada, "ada", false)
	id := s.register(callback)
	form := url.Values{"ticket": {s.ticket(ada, s.asks(id, "ada"))}, "rights": {"read"}, "decision": {"allow"}}
	to := make(chan string)
	for range 4 {
		go func() {
			r := formRequest(t, base+"/oauth/authorize", form)
			r.Header.Set("Cookie", ada.cookie)
			r.Header.Set("Origin", base)
			resp, err := direct{s.handler}.RoundTrip(r)
			if err != nil {
				to <- err.Error()
				return
			}
			to <- resp.Header.Get("Location")
		}()
	}
	first := <-to
	for range 3 {
		if next := <-to; next != first || !strings.HasPrefix(next, callback+"?code=") {
			t.Errorf("to %s and to %s", first, next)
		}
	}
}

// TestRedemptionRace: of many at once none or one gets tokens that last, and two
// connections never stay.
func TestRedemptionRace(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	s.wiki(ada, "ada", false)
	id := s.register(callback)
	form := redemption(id, s.code(ada, id, "ada"))
	done := make(chan int)
	for range 6 {
		go func() {
			resp, err := direct{s.handler}.RoundTrip(formRequest(t, base+"/oauth/token", form))
			if err != nil {
				done <- 0
				return
			}
			done <- resp.StatusCode
		}()
	}
	good := 0
	for range 6 {
		if <-done == http.StatusOK {
			good++
		}
	}
	if good != 1 || len(s.connections(ada)) != 0 {
		t.Errorf("%d were given tokens, %d connections are left; want one, and it ended", good, len(s.connections(ada)))
	}
}

// TestRegistrationFlood: by address, whatever its names for itself, and in all.
func TestRegistrationFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		body := `{"redirect_uris":["http://127.0.0.1/cb"]}`
		flood := func() int {
			return s.send(http.MethodPost, "/oauth/register", body, "Content-Type", "application/json", "X-Forwarded-For", "10.1.1.1").Code
		}
		s.from = "198.51.100.7:1"
		for range 20 {
			if got := flood(); got != http.StatusCreated {
				t.Fatal(got)
			}
		}
		rw := s.send(http.MethodPost, "/oauth/register", body, "Content-Type", "application/json")
		wantError(t, "one more", rw.Code, jsonOf(t, rw.Body), 429, "temporarily_unavailable")
		if rw.Header().Get("Retry-After") == "" {
			t.Error("it does not say when to come back")
		}
		s.from = ""
		for n := 20; n < 1000; n++ {
			if got := flood(); got != http.StatusCreated {
				t.Fatalf("%d: %d", n, got)
			}
		}
		if got := flood(); got != http.StatusTooManyRequests {
			t.Errorf("one more in that hour: %d", got)
		}
		time.Sleep(time.Hour)
		if got := flood(); got != http.StatusCreated {
			t.Errorf("an hour later: %d", got)
		}
	})
}

// TestGuessingAtTheTokenEndpoint: an address runs into a limit by what fails; what
// succeeds from there goes on, since agents of many people share one.
func TestGuessingAtTheTokenEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, id, token := connected(t)
		s.from = "198.51.100.7:1"
		for range 20 {
			status, m := s.call("/oauth/token", redemption(id, "guess"))
			wantError(t, "a guess", status, m, 400, "invalid_grant")
		}
		status, m := s.call("/oauth/token", redemption(id, "guess"))
		wantError(t, "one more", status, m, 429, "temporarily_unavailable")
		s.answered(s.call("/oauth/token", refreshing(id, token.Refresh)))
	})
}

// TestConsentPageFlood: by address and by person.
func TestConsentPageFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		ada := s.person("ada")
		s.wiki(ada, "ada", false)
		path := "/oauth/authorize?" + s.asks(s.register(callback), "ada").Encode()
		for range 20 {
			ticketOf(t, s.visit(ada.cookie, path))
		}
		wantPage(t, "the person", s.visit(ada.cookie, path), http.StatusTooManyRequests, "Too many requests")
		s.from = "198.51.100.7:1"
		for range 20 {
			s.visit("", path)
		}
		wantPage(t, "the address", s.visit("", path), http.StatusTooManyRequests, "Too many requests")
	})
}

// TestSSRF: no address inside is asked, whatever client id names it. (What a
// public name resolves to is the affair of package outbound.)
func TestSSRF(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	for _, id := range []string{
		"https://169.254.169.254/latest/meta-data", "https://[::1]/x", "https://[::ffff:127.0.0.1]/x", "https://2130706433/x", "https://0x7f.0.0.1/x", "https://localhost/x", "https://db.internal/x", "https://intranet/x",
		"https://agent.example.com:22/x", "http://169.254.169.254/x", "file:///etc/passwd", "gopher://127.0.0.1/x", "https://agent.example.com@127.0.0.1/x", "https://127.0.0.1#.example.com/x",
	} {
		if rw := s.visit(ada.cookie, "/oauth/authorize?"+s.asks(id, "ada").Encode()); rw.Code != http.StatusBadRequest {
			t.Errorf("%s: %d", id, rw.Code)
		}
	}
	// Strangers cannot even have a document fetched that anybody may fetch.
	s.clients = document(describes())
	rw := s.visit("", "/oauth/authorize?"+s.asks(documentID, "ada").Encode())
	if rw.Code != http.StatusSeeOther || !strings.HasPrefix(rw.Header().Get("Location"), "/auth/login?") {
		t.Errorf("a stranger: %d to %q", rw.Code, rw.Header().Get("Location"))
	}
	if s.fetched != 0 {
		t.Errorf("%d of them were fetched", s.fetched)
	}
}

// TestRedirectToAPageOfAWiki: what somebody wrote is no program to be sent back to,
// however much its host looks like ours.
func TestRedirectToAPageOfAWiki(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	s.wiki(ada, "ada", false)
	for _, redirect := range []string{"https://eve.wikibot.localhost:8080/Callback", "https://wikibot.localhost/app/", "https://EVE.wikibot.localhost/x"} {
		q := s.asks(s.register(redirect), "ada")
		q.Set("redirect_uri", redirect)
		wantPage(t, redirect, s.visit(ada.cookie, "/oauth/authorize?"+q.Encode()), http.StatusBadRequest, "may not send you back there")
	}
}

// TestOpenRedirectThroughErrors (RFC 9700 section 4.11.2): anybody can register a
// site of theirs. A link to us with an error in it must not lead there by itself.
func TestOpenRedirectThroughErrors(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	s.wiki(ada, "ada", false)
	const evil = "https://evil.example/landing"
	id := s.register(evil)
	for why, more := range map[string][]string{"scope": {"scope", "x"}, "response type": {"response_type", "x"}, "silent": {"prompt", "none"}, "no PKCE": {"code_challenge", ""}} {
		q := s.asks(id, "ada", append(more, "redirect_uri", evil)...)
		rw := s.visit(ada.cookie, "/oauth/authorize?"+q.Encode())
		wantPage(t, why, rw, http.StatusBadRequest, "Go back to evil.example")
		if !strings.Contains(rw.Body.String(), evil+"?error=") {
			t.Errorf("%s: the link does not tell the client", why)
		}
		if to := s.visit("", "/oauth/authorize?"+q.Encode()).Header().Get("Location"); !strings.HasPrefix(to, "/auth/login?") {
			t.Errorf("%s: somebody not signed in is led to %s", why, to)
		}
	}
}

// TestClientThatSaysItIsTheCommandLine: nobody can register its id, and it leads
// to the own computer alone.
func TestClientThatSaysItIsTheCommandLine(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	body := must(json.Marshal(map[string]any{"client_id": oauth.CommandLine, "client_name": oauth.CommandLine, "redirect_uris": []string{"https://evil.example/cb"}}))
	got := jsonOf(t, s.send(http.MethodPost, "/oauth/register", string(body), "Content-Type", "application/json").Body)
	if got["client_id"] == oauth.CommandLine {
		t.Error("registered")
	}
	rw := s.visit(ada.cookie, "/oauth/authorize?"+s.asks(oauth.CommandLine, "ada", "resource", "", "redirect_uri", "https://evil.example/cb").Encode())
	wantPage(t, "elsewhere", rw, http.StatusBadRequest, "may not send you back there")
}

// TestClickjacking (RFC 9700 section 4.16): none of the pages can be framed, and
// none runs a script but the one that waits for the person.
func TestClickjacking(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	s.wiki(ada, "ada", false)
	id := s.register(callback)
	for _, path := range []string{"/oauth/authorize?" + s.asks(id, "ada").Encode(), "/oauth/authorize", "/oauth/device", "/oauth/device?user_code=x", "/oauth/nowhere"} {
		rw := s.visit(ada.cookie, path)
		csp := rw.Header().Get("Content-Security-Policy")
		for _, want := range []string{"frame-ancestors 'none'", "default-src 'none'", "base-uri 'none'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: policy %q", path, csp)
			}
		}
		_, script, _ := strings.Cut(rw.Body.String(), "<script>")
		script, _, _ = strings.Cut(script, "</script>")
		sum := sha256.Sum256([]byte(script))
		ours := strings.Contains(csp, "; script-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'; connect-src 'self'") && strings.Count(rw.Body.String(), "<script") == 1
		if asks := strings.Contains(rw.Body.String(), `value="allow"`); asks != ours || !asks && (strings.Contains(csp, "script-src") || script != "") || rw.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", path, rw.Header())
		}
	}
	// The form may lead to the client, and from there to sites, but to no other
	// program on the own computer.
	csp := s.visit(ada.cookie, "/oauth/authorize?"+s.asks(id, "ada").Encode()).Header().Get("Content-Security-Policy")
	if !strings.Contains(csp, " http://127.0.0.1:3118 https:; script-src ") {
		t.Errorf("policy %q", csp)
	}
}

// TestResponseSplitting: what a stranger puts into state comes back as it was,
// encoded; what they put into names stays in its place.
func TestResponseSplitting(t *testing.T) {
	s := newSite(t)
	ada := s.person("ada")
	s.wiki(ada, "ada", false)
	body := must(json.Marshal(map[string]any{"client_name": "<script>alert(1)</script>\r\nX: y", "redirect_uris": []string{callback}}))
	id := jsonOf(t, s.send(http.MethodPost, "/oauth/register", string(body), "Content-Type", "application/json").Body)["client_id"].(string)
	for _, state := range []string{"a\r\nSet-Cookie: x=y\r\n\r\n<p>", "\x00\xff\xfe", "#&=?code=stolen&iss=https://evil.example", strings.Repeat("s", 3000), "日本"} {
		q := s.asks(id, "ada", "state", state)
		page := s.visit(ada.cookie, "/oauth/authorize?"+q.Encode())
		if strings.Contains(page.Body.String(), "<script>alert") || strings.Count(page.Body.String(), "<script") != 1 {
			t.Error("markup got through")
		}
		rw := s.submit(ada.cookie, "/oauth/authorize", url.Values{"ticket": {ticketOf(t, page)}, "rights": {"read"}, "decision": {"allow"}})
		got := sentTo(t, rw, callback)
		if got.Get("state") != state || len(got["code"]) != 1 || got.Get("iss") != base || len(rw.Result().Cookies()) != 0 || strings.ContainsAny(rw.Header().Get("Location"), "\r\n\x00#<") {
			t.Errorf("state %q: %v", state, rw.Header())
		}
	}
	wantPage(t, "too long", s.visit(ada.cookie, "/oauth/authorize?"+s.asks(id, "ada", "state", strings.Repeat("s", 9000)).Encode()), http.StatusBadRequest, "This link is broken")
}

// TestCookieTossing: the cookie that a wiki host can plant on the parent domain is
// not looked at, and two of the root's are none.
func TestCookieTossing(t *testing.T) {
	s := newSite(t)
	ada, eve := s.person("ada"), s.person("eve")
	s.wiki(ada, "ada", false)
	path := "/oauth/authorize?" + s.asks(s.register(callback), "ada").Encode()
	tokens := must(s.signer.Issue(t.Context(), eve.User, "s", time.Now(), time.Now().Add(time.Hour)))
	for why, cookie := range map[string]string{
		"the wikis' cookie": identity.WikiCookie + "=" + tokens.Wikis, "the wikis' token as the root's": identity.RootCookie + "=" + tokens.Wikis, "two of the root's": ada.cookie + "; " + eve.cookie,
	} {
		if rw := s.visit(cookie, path); rw.Code != http.StatusSeeOther || !strings.HasPrefix(rw.Header().Get("Location"), "/auth/login?") {
			t.Errorf("%s: %d %s", why, rw.Code, rw.Header().Get("Location"))
		}
	}
}
