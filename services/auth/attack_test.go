package auth_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/web"
	"wikibot.io/services/auth"
)

// TestDevelopmentSignInOnANetwork (CWE-1188): whoever reaches it can be anybody,
// so it cannot be made where another machine might.
func TestDevelopmentSignInOnANetwork(t *testing.T) {
	users := newSite(t).records
	for _, c := range []struct {
		base, listen string
		ok           bool
		why          string
	}{
		{base, "127.0.0.1:8080", true, "loopback"},
		{base, "127.8.9.1:80", true, "all of 127/8 is"},
		{base, "[::1]:8080", true, "loopback"},
		{base, "localhost:8080", true, "loopback by name"},
		{base, "[::ffff:127.0.0.1]:80", true, "loopback, mapped"},
		{"https://wiki.example.org", "127.0.0.1:8080", true, "a tunnel's or proxy's owner knows what they do"},
		{base, "0.0.0.0:8080", false, "a name under .localhost does not keep the neighbours out"},
		{base, ":8080", false, "all interfaces"},
		{base, "[::]:8080", false, "all interfaces"},
		{base, "192.168.1.4:8080", false, "the local network"},
		{base, "wikibot.io:443", false, "a name that may resolve to anything"},
		{base, "localhost.evil.example:80", false, "look-alike"},
		{base, "127.0.0.1", false, "no port"},
		{base, "2130706433:80", false, "127.0.0.1 as some resolvers spell it"},
		{base, "", true, "a function of the rehearsal"},
		{"https://wikibot.io", "", false, "a function of a deployment"},
		{"https://localhost.wikibot.io", "", false, "look-alike"},
		{"https://evillocalhost", "", false, "look-alike"},
		{"https://wikibot.localhost.", "", false, "a host that is not spelled as ours are"},
	} {
		hosts, err := web.NewHosts(c.base)
		if err != nil {
			t.Fatal(err)
		}
		_, err = auth.Development(auth.DevelopmentDeps{Hosts: hosts, Users: users, Listen: c.listen})
		if (err == nil) != c.ok {
			t.Errorf("%s at %q (%s): %v, want ok %v", c.base, c.listen, c.why, err, c.ok)
		}
		if err != nil && !strings.Contains(err.Error(), "at their word") {
			t.Errorf("%s at %q: the error does not say why: %v", c.base, c.listen, err)
		}
	}
}

// TestOpenRedirect (CWE-601): whatever return_to says, sign-in leads to one of
// our hosts, at entry and at use.
func TestOpenRedirect(t *testing.T) {
	s := newSite(t)
	root := cookiesOf(s.post(t, "/auth/login", "email", "ada@example.org", "username", "ada"))[identity.RootCookie].String()
	for _, c := range []struct{ why, returnTo string }{
		{"another site", "https://evil.example/"},
		{"no scheme", "//evil.example/"},
		{"three slashes", "///evil.example/"},
		{"backslash for slash", `/\evil.example/`},
		{"two backslashes", `\\evil.example/`},
		{"backslash in an absolute URL", `http:\\evil.example/`},
		{"tab that browsers drop", "/\t/evil.example/"},
		{"line break", "/\r\n/evil.example"},
		{"header injection", "/app/\r\nSet-Cookie: x=y"},
		{"leading space", " //evil.example"},
		{"user part that looks like us", "http://wikibot.localhost:8080@evil.example/"},
		{"user part on our host", "http://evil.example@wikibot.localhost:8080/"},
		{"look-alike suffix", "http://evilwikibot.localhost:8080/"},
		{"our name as a label of theirs", "http://wikibot.localhost.evil.example:8080/"},
		{"script", "javascript:alert(1)"},
		{"data", "data:text/html,x"},
		{"opaque", "http:evil.example"},
		{"other scheme of ours", "https://wikibot.localhost:8080/"},
		{"other port of ours", "http://wikibot.localhost:9999/"},
		{"two labels below ours", "http://a.b.wikibot.localhost:8080/"},
		{"relative", "app/"},
		{"NUL", "/\x00/evil.example"},
		{"back to sign-out", "/auth/logout"},
		{"back to sign-out, absolute", "http://wikibot.localhost:8080/auth/logout"},
		{"back to sign-out, in another case", "http://WIKIBOT.localhost:8080/auth/logout"},
		{"nothing", ""},
	} {
		wantRedirect(t, s.post(t, "/auth/login", "email", "ada@example.org", "return_to", c.returnTo), "/app/")
		wantRedirect(t, s.send(t, http.MethodGet, "/auth/login?return_to="+url.QueryEscape(c.returnTo), nil, "Cookie", root), "/app/")
		page := s.send(t, http.MethodGet, "/auth/login?return_to="+url.QueryEscape(c.returnTo), nil).Body.String()
		if !strings.Contains(page, `name="return_to" value="/app/"`) || strings.Contains(page, "evil") {
			t.Errorf("%s: the form takes it in", c.why)
		}
	}
	for _, ok := range []string{"/app/new", "/app/ada?tab=1#x", "http://ada.wikibot.localhost:8080/a/b?c=d", "http://wikibot.localhost:8080/app/"} {
		wantRedirect(t, s.post(t, "/auth/login", "email", "ada@example.org", "return_to", ok), ok)
	}
}

// TestLoginCSRF (CWE-352): no other page can sign a browser in or out, not even
// one of a wiki, which is same-site.
func TestLoginCSRF(t *testing.T) {
	s := newSite(t)
	form := "email=eve@example.org&username=eve"
	for _, c := range []struct {
		why     string
		headers []string
	}{
		{"another site", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}},
		{"a wiki", []string{"Sec-Fetch-Site", "same-site", "Origin", "http://evil.wikibot.localhost:8080"}},
		{"a wiki, old browser", []string{"Origin", "http://evil.wikibot.localhost:8080"}},
		{"a sandboxed frame", []string{"Origin", "null"}},
		{"neither header", nil},
		{"our host on another port", []string{"Origin", "http://wikibot.localhost:9999"}},
		{"the headers disagree", []string{"Sec-Fetch-Site", "cross-site", "Origin", base}},
	} {
		for _, path := range []string{"/auth/login", "/auth/logout"} {
			headers := append([]string{"Content-Type", "application/x-www-form-urlencoded"}, c.headers...)
			rw := s.send(t, http.MethodPost, path, strings.NewReader(form), headers...)
			if rw.Code != http.StatusForbidden || len(cookiesOf(rw)) != 0 {
				t.Errorf("%s, %s: status %d, cookies %v, want 403 and none", c.why, path, rw.Code, cookiesOf(rw))
			}
		}
	}
	if _, err := s.records.UserByEmail(t.Context(), "eve@example.org"); err == nil {
		t.Error("a user was made")
	}
	for _, path := range []string{"/auth/login?email=eve@example.org&username=eve", "/auth/logout"} {
		if rw := s.send(t, http.MethodGet, path, nil); len(cookiesOf(rw)) != 0 {
			t.Errorf("GET %s sets cookies", path)
		}
	}
}

// TestCookieTossing: a wiki host plants its own session on the parent domain.
// Sign-in goes by the __Host- cookie alone.
func TestCookieTossing(t *testing.T) {
	s := newSite(t)
	eve := cookiesOf(s.post(t, "/auth/login", "email", "eve@example.org", "username", "eve"))
	for why, cookie := range map[string]string{
		"the session of the wikis":          "wikibot=" + eve[identity.WikiCookie].Value,
		"the root session as wiki cookie":   "wikibot=" + eve[identity.RootCookie].Value,
		"the wiki session as root cookie":   identity.RootCookie + "=" + eve[identity.WikiCookie].Value,
		"a root cookie beside the real one": identity.RootCookie + "=" + eve[identity.RootCookie].Value + "; " + identity.RootCookie + "=x",
	} {
		rw := s.send(t, http.MethodGet, "/auth/login", nil, "Cookie", cookie)
		if rw.Code != http.StatusOK || len(cookiesOf(rw)) != 0 {
			t.Errorf("%s: status %d, cookies %v, want the form", why, rw.Code, cookiesOf(rw))
		}
	}
}

// TestOversizedForm (CWE-400): refused while it is read.
func TestOversizedForm(t *testing.T) {
	s := newSite(t)
	rw := s.post(t, "/auth/login", "email", strings.Repeat("a", 1<<20), "username", "ada")
	if rw.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d, want 413", rw.Code)
	}
}

// TestFormOfAnotherType: only what the page itself sends is read.
func TestFormOfAnotherType(t *testing.T) {
	s := newSite(t)
	for _, ct := range []string{"", "text/plain", "multipart/form-data; boundary=x", "application/json", "%"} {
		rw := s.send(t, http.MethodPost, "/auth/login", strings.NewReader("email=ada@example.org&username=ada"), "Content-Type", ct, "Origin", base)
		if rw.Code != http.StatusUnprocessableEntity || len(cookiesOf(rw)) != 0 {
			t.Errorf("content type %q: status %d, want 422", ct, rw.Code)
		}
	}
	// Fields in the address would end up in logs and histories.
	rw := s.send(t, http.MethodPost, "/auth/login?email=ada@example.org&username=ada", strings.NewReader(""),
		"Content-Type", "application/x-www-form-urlencoded", "Origin", base)
	if rw.Code != http.StatusUnprocessableEntity {
		t.Errorf("fields in the query: status %d, want 422", rw.Code)
	}
}

// TestTokensMintedWhileSigningOutEverywhere (CWE-362): a request that has read the
// user, or the session, before all sessions are ended, and signs afterwards, must
// not leave with tokens that outlive them.
func TestTokensMintedWhileSigningOutEverywhere(t *testing.T) {
	for _, moment := range []string{"user", "session"} {
		for _, path := range []string{"/auth/refresh", "/auth/login"} {
			signedUp(t, func(t *testing.T, s *site, _ *somewhere, b *browser) {
				id := b.session(t).UserID
				b.forget(t, identity.RootCookie, identity.WikiCookie)
				time.Sleep(time.Minute)
				s.watched.read = func(what string) {
					if what != moment {
						return
					}
					s.watched.read = nil
					time.Sleep(2 * time.Second)
					if err := s.records.EndSessions(t.Context(), id, "", time.Now()); err != nil {
						t.Error(err)
					}
					time.Sleep(2 * time.Second)
				}
				if path == "/auth/refresh" {
					b.post(t, path)
				} else {
					b.get(t, path)
				}
				if s.watched.read != nil {
					t.Fatalf("%s never read the %s", path, moment)
				}
				if who := b.username(t); who != "" {
					t.Errorf("%s, ended after the %s was read: still signed in as %q", path, moment, who)
				}
			})
		}
	}
}
