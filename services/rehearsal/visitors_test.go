package rehearsal_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"wikibot.io/services/rehearsal"
	"wikibot.io/services/rehearsal/visitor"
)

// What an address may do in a minute is counted by the address that the edge
// knows. Whoever claims another one is not believed, and nobody else pays for it.
func TestRegistrationFloodUnderFalseAddresses(t *testing.T) {
	r := start(t)
	flood, err := visitor.New(r.URL())
	if err != nil {
		t.Fatal(err)
	}
	flood.From("127.0.0.66")
	const body = `{"client_name":"Flood","redirect_uris":["http://127.0.0.1/callback"]}`
	counts := map[int]int{}
	for n := range 50 {
		claimed := fmt.Sprint("198.51.100.", n)
		a, err := flood.SendBody(t.Context(), http.MethodPost, flood.Root("/oauth/register"), body, "Content-Type", "application/json",
			"X-Forwarded-For", claimed, "X-Wikibot-Viewer", claimed, "CloudFront-Viewer-Address", claimed+":1", "Forwarded", "for="+claimed, "True-Client-IP", claimed)
		if err != nil {
			t.Fatal(err)
		}
		counts[a.Status]++
		if a.Status == http.StatusTooManyRequests && a.Header.Get("Retry-After") == "" {
			t.Errorf("429 without Retry-After: %s", a.Body)
		}
	}
	// A minute may end meanwhile, so twice as many as a minute allows.
	if counts[http.StatusCreated] > 40 || counts[http.StatusTooManyRequests] < 10 || len(counts) != 2 {
		t.Errorf("50 registrations from one address: %v by status; 20 a minute are allowed", counts)
	}
	other, err := visitor.New(r.URL())
	if err != nil {
		t.Fatal(err)
	}
	other.From("127.0.0.67")
	if a, err := other.SendBody(t.Context(), http.MethodPost, other.Root("/oauth/register"), body, "Content-Type", "application/json"); err != nil || a.Status != http.StatusCreated {
		t.Errorf("somebody else: %d, %v: %s", a.Status, err, a.Body)
	}
	unrefused(t, r)
}

// log keeps all that functions write.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

// Nothing that opens a door is in a log, of what was done or of what went wrong:
// not the codes and states that travel in addresses, nor cookies, tokens, tickets
// and the provider's secret.
func TestLogsShowNoSecret(t *testing.T) {
	said := &log{}
	r, idp := atProvider(t, func(o *rehearsal.Options) { o.Output = said })
	v := person(t, r, "127.0.0.2")
	begun, err := v.Get(t.Context(), v.Root("/auth/login"), false, "Accept", "text/html")
	if err != nil {
		t.Fatal(err)
	}
	back, err := idp.SignIn(begun.Header.Get("Location"), "ada")
	if err != nil {
		t.Fatal(err)
	}
	secrets := map[string]string{"the provider's secret": providerSecret}
	for name, values := range parsed(t, back).Query() {
		if name == "code" || name == "state" {
			secrets["the provider's "+name] = values[0]
		}
	}
	for range 2 { // the second time it is used up, which is logged as well
		if _, err := v.Get(t.Context(), back, false, "Accept", "text/html"); err != nil {
			t.Fatal(err)
		}
	}
	if a, err := v.Welcome(t.Context(), "ada"); err != nil || a.Status != http.StatusSeeOther {
		t.Fatalf("welcome: %d, %v", a.Status, err)
	}
	if a, err := v.CreateWiki(t.Context(), "ada", false); err != nil || a.Status != http.StatusCreated {
		t.Fatalf("create wiki: %d, %v", a.Status, err)
	}
	secrets["the wiki's token"] = v.Token
	for n, cookie := range strings.Split(v.Cookies(), "; ") {
		if name, value, _ := strings.Cut(cookie, "="); len(value) > 8 {
			secrets[fmt.Sprint("cookie ", n, " ", name)] = value
		}
	}
	agent, _, err := v.Register(t.Context())
	if err != nil || agent == nil {
		t.Fatalf("register: %v", err)
	}
	ticket, _, err := agent.Ask(t.Context(), "state-of-the-agent")
	if err != nil {
		t.Fatal(err)
	}
	code, _, err := agent.Allow(t.Context(), ticket)
	if err != nil {
		t.Fatal(err)
	}
	tokens, a, err := agent.Redeem(t.Context(), "state-of-the-agent", code)
	if err != nil || a.Status != http.StatusOK {
		t.Fatalf("redeem: %d, %v: %s", a.Status, err, a.Body)
	}
	secrets["ticket"], secrets["code"], secrets["access token"], secrets["refresh token"] = ticket, code, tokens.Access, tokens.Refresh
	for _, token := range []string{tokens.Access, tokens.Access + "x", tokens.Refresh, "wbr_" + tokens.Refresh} {
		if _, err := v.ToolAs(t.Context(), token, "list_notes", nil); err != nil {
			t.Fatal(err)
		}
		if _, _, err := agent.Renew(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := agent.Redeem(t.Context(), "another", code); err != nil {
		t.Fatal(err)
	}
	if _, err := agent.Revoke(t.Context(), tokens.Refresh); err != nil {
		t.Fatal(err)
	}
	settle(t, r)
	said.mu.Lock()
	defer said.mu.Unlock()
	text := said.buf.String()
	for what, secret := range secrets {
		if secret == "" || strings.Contains(text, secret) || strings.Contains(text, url.QueryEscape(secret)) {
			t.Errorf("%s (%.12q…) is in a log", what, secret)
		}
	}
	if len(secrets) < 9 || strings.Count(text, "/oauth/token") < 5 {
		t.Errorf("%d secrets and %d bytes of logs: that shows nothing", len(secrets), len(text))
	}
}

func parsed(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
