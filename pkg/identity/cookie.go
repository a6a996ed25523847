package identity

import (
	"net/http"
	"time"

	"wikibot.io/pkg/web"
)

// The cookies of a sign-in.
const (
	// RootCookie carries the session of the root host. Browsers accept a
	// __Host- cookie from that very host only (RFC 6265bis section 4.1.3.2), so
	// a wiki cannot plant one.
	RootCookie = "__Host-wikibot"
	// WikiCookie carries the session of all wiki hosts, on the parent domain. A
	// wiki host could plant one, which is why the root host never looks at it.
	WikiCookie = "wikibot"
	// SessionCookie carries the secret that renews a browser's session. Only the
	// root host is sent it.
	SessionCookie = "__Host-wikibot-session"
	// HintCookie tells scripts that somebody is signed in. It proves nothing.
	HintCookie = "logged_in"
)

// SetCookies answers with the cookies that requests are signed in by. They run
// out with the tokens; who has a session's cookie as well is given new ones.
func SetCookies(w http.ResponseWriter, h web.Hosts, s SessionTokens) {
	set(w, s.ExpiresAt, tokenCookies(h, s))
}

// SetSession answers with the cookie that renews the others until the session
// itself is over, and with the hint, which lives as long. The secret is a
// [Credential] under [SessionPrefix].
func SetSession(w http.ResponseWriter, h web.Hosts, secret string, expires time.Time) {
	set(w, expires, sessionCookies(h, secret))
}

func set(w http.ResponseWriter, expires time.Time, cookies []*http.Cookie) {
	maxAge := int(time.Until(expires).Round(time.Second).Seconds())
	for _, c := range cookies {
		c.MaxAge = maxAge
		if maxAge <= 0 {
			c.Value, c.MaxAge = "", -1
		}
		http.SetCookie(w, c)
	}
}

// ClearCookies answers with the removal of all cookies of a sign-in.
func ClearCookies(w http.ResponseWriter, h web.Hosts) {
	set(w, time.Time{}, append(tokenCookies(h, SessionTokens{}), sessionCookies(h, "")...))
}

// tokenCookies are Secure on plain-HTTP localhost as well, like all of ours:
// browsers count it as a secure context, and so nothing about sessions differs
// there.
func tokenCookies(h web.Hosts, s SessionTokens) []*http.Cookie {
	return []*http.Cookie{
		{Name: RootCookie, Value: s.Root, Path: "/", HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode},
		{Name: WikiCookie, Value: s.Wikis, Path: "/", Domain: h.Domain(), HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode},
	}
}

func sessionCookies(h web.Hosts, secret string) []*http.Cookie {
	return []*http.Cookie{
		{Name: SessionCookie, Value: secret, Path: "/", HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode},
		{Name: HintCookie, Value: "1", Path: "/", Domain: h.Domain(), Secure: true, SameSite: http.SameSiteLaxMode},
	}
}

// maxTossed bounds how many cookies of one name are looked at. More than one
// means that a wiki host has planted some; each may cost a signature check.
const maxTossed = 4

func cookieValues(r *http.Request, name string) []string {
	var values []string
	for _, c := range r.CookiesNamed(name) {
		if len(values) == maxTossed {
			break
		}
		values = append(values, c.Value)
	}
	return values
}
