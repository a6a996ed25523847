package auth_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
	"wikibot.io/services/auth"
	"wikibot.io/services/auth/provider"
)

// browser keeps cookies as browsers do: on this host Secure ones go over plain
// HTTP as well.
type browser struct {
	site *site
	jar  *cookiejar.Jar
}

func (s *site) browser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{s, jar}
}

func secure(t *testing.T, target string) *url.URL {
	t.Helper()
	if strings.HasPrefix(target, "/") {
		target = base + target
	}
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	u.Scheme = "https"
	return u
}

func (b *browser) do(t *testing.T, method, target string, body io.Reader, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	at := secure(t, target)
	for _, c := range b.jar.Cookies(at) {
		headers = append(headers, "Cookie", c.Name+"="+c.Value)
	}
	if len(headers) > 0 { // one header, as browsers send it
		var cookies, rest []string
		for i := 0; i < len(headers); i += 2 {
			if headers[i] == "Cookie" {
				cookies = append(cookies, headers[i+1])
			} else {
				rest = append(rest, headers[i], headers[i+1])
			}
		}
		if headers = rest; len(cookies) > 0 {
			headers = append(headers, "Cookie", strings.Join(cookies, "; "))
		}
	}
	rw := b.site.send(t, method, at.RequestURI(), body, headers...)
	b.jar.SetCookies(at, rw.Result().Cookies())
	return rw
}

func (b *browser) get(t *testing.T, target string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	return b.do(t, http.MethodGet, target, nil, headers...)
}

// post sends a form as one of our pages would.
func (b *browser) post(t *testing.T, path string, values ...string) *httptest.ResponseRecorder {
	t.Helper()
	form := url.Values{}
	for i := 0; i < len(values); i += 2 {
		form.Set(values[i], values[i+1])
	}
	return b.do(t, http.MethodPost, path, strings.NewReader(form.Encode()),
		"Content-Type", "application/x-www-form-urlencoded", "Origin", base, "Sec-Fetch-Site", "same-origin")
}

func (b *browser) cookie(t *testing.T, name string) string {
	t.Helper()
	for _, c := range b.jar.Cookies(secure(t, "/auth/")) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

func (b *browser) forget(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		b.jar.SetCookies(secure(t, "/"), []*http.Cookie{
			{Name: name, MaxAge: -1, Path: "/"}, {Name: name, MaxAge: -1, Path: "/", Domain: "wikibot.localhost"},
		})
	}
}

// username says who is signed in.
func (b *browser) username(t *testing.T) string {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, base+"/", nil)
	for _, c := range b.jar.Cookies(secure(t, "/")) {
		r.AddCookie(c)
	}
	p, err := b.site.auth.OnRoot(r)
	if err != nil {
		t.Fatal(err)
	}
	return p.Username
}

// somewhere is a provider of identities: it hands out codes for who signs in
// there, and tokens that renew and that rotate.
type somewhere struct {
	choices []provider.Choice

	mu       sync.Mutex
	attempts map[string]provider.Attempt // by state
	codes    map[string]provider.Person  // by code, until it is used
	state    map[string]string           // of the attempt that a code is for
	held     string                      // what Renew takes at present
	asked    int
	down     bool
	over     bool
	mute     bool   // gives nothing by which to ask
	pause    func() // runs within Renew
}

const issuer = "https://id.example"

func newSomewhere(choices ...string) *somewhere {
	p := &somewhere{attempts: map[string]provider.Attempt{}, codes: map[string]provider.Person{}, state: map[string]string{}, held: "held-1"}
	for _, c := range choices {
		p.choices = append(p.choices, provider.Choice{ID: c, Label: strings.ToUpper(c[:1]) + c[1:]})
	}
	return p
}

func (p *somewhere) Choices() []provider.Choice { return p.choices }

func (p *somewhere) Begin(_ context.Context, a provider.Attempt) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		return "", fault.New(fault.Unavailable, "begin sign-in at the provider: it does not answer")
	}
	p.attempts[a.State] = a
	return issuer + "/authorize?" + url.Values{"state": {a.State}, "choice": {a.Choice}}.Encode(), nil
}

func (p *somewhere) Finish(_ context.Context, a provider.Attempt, callback url.Values) (provider.Person, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if callback.Get("error") != "" {
		return provider.Person{}, fault.New(fault.Denied, "finish sign-in at the provider: it was called off")
	}
	person, ok := p.codes[callback.Get("code")]
	if !ok || p.state[callback.Get("code")] != a.State || p.attempts[a.State] != a {
		return provider.Person{}, fault.New(fault.Unauthenticated, "finish sign-in at the provider: the code is no good")
	}
	delete(p.codes, callback.Get("code"))
	person.Held = []byte(p.held)
	return person, nil
}

func (p *somewhere) Renew(_ context.Context, held []byte) ([]byte, error) {
	if p.pause != nil {
		p.pause()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	switch {
	case p.mute:
		return nil, fault.Wrap(provider.ErrCannotAsk, fault.Unauthenticated, "renew at the provider: sign in again")
	case p.down:
		return nil, fault.New(fault.Unavailable, "renew at the provider: it does not answer")
	case p.over, string(held) != p.held: // what was replaced is taken for stolen
		p.over = true
		return nil, fault.New(fault.Unauthenticated, "renew at the provider: its session is over")
	}
	p.held = fmt.Sprintf("held-%d", p.asked+1)
	return []byte(p.held), nil
}

func (p *somewhere) EndURL(held []byte, returnTo string) string {
	return issuer + "/end?" + url.Values{"hint": {string(held)}, "to": {returnTo}}.Encode()
}

// approve is the person at the provider: it returns the address that it sends the
// browser back to.
func (p *somewhere) approve(t *testing.T, authorize string, person provider.Person) string {
	t.Helper()
	u, err := url.Parse(authorize)
	if err != nil || !strings.HasPrefix(authorize, issuer) {
		t.Fatalf("%q is not the provider's page: %v", authorize, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	state, code := u.Query().Get("state"), fmt.Sprintf("code-%d", len(p.attempts)*1000+len(p.codes))
	p.codes[code], p.state[code] = person, state
	return "/auth/callback?" + url.Values{"state": {state}, "code": {code}}.Encode()
}

// ada is known there by her subject, and her address is verified.
func ada() provider.Person {
	return provider.Person{
		Identities: []records.Identity{{Provider: issuer, Subject: "ada-1"}, {Provider: "https://github.com", Subject: "4711"}},
		Email:      "ada@example.org", EmailVerified: true, Name: "Ada Lovelace", Nickname: "ada",
	}
}

// newRemote is a site whose people sign in somewhere.
func newRemote(t *testing.T, choices ...string) (*site, *somewhere) {
	t.Helper()
	if len(choices) == 0 {
		choices = []string{"google"}
	}
	p := newSomewhere(choices...)
	return newSiteWith(t, func(h web.Hosts, u auth.Users) (auth.SignIn, error) {
		return auth.Remote(auth.RemoteDeps{Hosts: h, Provider: p, Tickets: u.(records.Tickets)})
	}), p
}

// arrive takes somebody to the provider and back.
func (b *browser) arrive(t *testing.T, p *somewhere, person provider.Person, returnTo string) *httptest.ResponseRecorder {
	t.Helper()
	rw := b.get(t, "/auth/login?choice=google&return_to="+url.QueryEscape(returnTo))
	if rw.Code != http.StatusSeeOther {
		t.Fatalf("to the provider: %d %s", rw.Code, rw.Body)
	}
	return b.get(t, p.approve(t, rw.Header().Get("Location"), person))
}

// signUp makes the user of that username.
func (b *browser) signUp(t *testing.T, p *somewhere, person provider.Person, username string) {
	t.Helper()
	wantRedirect(t, b.arrive(t, p, person, "/app/"), "/auth/welcome")
	wantRedirect(t, b.post(t, "/auth/welcome", "username", username), "/app/")
	if got := b.username(t); got != username {
		t.Fatalf("signed in as %q, want %q", got, username)
	}
}
