package wikibot

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"wikibot.io/services/internal/e2e"
)

// crowd is who uses a fleet while its keys rotate: people in browsers, agents they
// have connected, and strangers.
type crowd struct {
	inMemory
	people []*person
	agents []*agent

	mu       sync.Mutex // guards what follows
	kids     map[string]bool
	requests int
}

// person is somebody in a browser, who has a private wiki of their name.
type person struct {
	name   string
	client *http.Client
	jar    http.CookieJar
	every  time.Duration // the app renews their session
	last   time.Time     // when it did
}

// agent is an OAuth client that somebody has connected to their wiki.
type agent struct {
	slug            string
	client          *http.Client
	clientID        string
	access, refresh string
	every           time.Duration // it redeems its refresh token
	last            time.Time
}

// TestKeyRotationUnderLoad: in five rotations, with everybody at work on all
// doors, the moments of publishing, of signing and of retiring included, nobody is
// refused: not the holder of a token of this moment nor that of a day ago. Time is
// the bubble's; the lead of a new key is what it is in every fleet.
func TestKeyRotationUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &crowd{inMemory: serveInMemory(t), kids: map[string]bool{}}
		for i, every := range []time.Duration{0, 5 * time.Minute, 23 * time.Hour} {
			p := c.signUp(t, fmt.Sprintf("person%d", i), every)
			c.people = append(c.people, p)
			c.agents = append(c.agents, c.connect(t, p, max(every, 6*time.Second)), c.connect(t, p, every+time.Hour))
		}
		c.hammer(t, 1, time.Minute) // by then the wikis have their first pages
		c.stillEvents()
		first := keysIn(t, c.data)
		for range 5 {
			rotateAsOperator(t, c.data)
			c.hammer(t, 20, time.Second)
			c.hammer(t, 11, 5*time.Minute)
			time.Sleep(4*time.Minute + 20*time.Second) // until the hour is nearly over
			c.hammer(t, 60, time.Second)
		}
		c.hammer(t, 80, time.Hour) // until what the first keys signed has run out, and they are removed
		if len(c.kids) != 6 || c.requests < 4000 {
			t.Errorf("%d keys signed, %d requests: that shows little", len(c.kids), c.requests)
		}
		if now := keysIn(t, c.data); len(now) >= 6 || now[0] == first[0] {
			t.Errorf("the folder holds %v: none was retired", now)
		}
	})
}

// rotateAsOperator is "wikibot admin rotate-keys" beside the process that serves.
func rotateAsOperator(t *testing.T, data string) {
	t.Helper()
	a, err := OpenAdmin(data, "", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := a.RotateKeys(t.Context(), false); err != nil {
		t.Fatal(err)
	}
}

func keysIn(t *testing.T, data string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(data, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// hammer has everybody do everything, all at once, time after time.
func (c *crowd) hammer(t *testing.T, times int, pause time.Duration) {
	for range times {
		var all sync.WaitGroup
		for _, p := range c.people {
			all.Go(func() { c.browse(t, p) })
		}
		for _, a := range c.agents {
			all.Go(func() { c.work(t, a) })
		}
		all.Go(func() { c.intrude(t) })
		all.Wait()
		if t.Failed() {
			t.FailNow()
		}
		time.Sleep(pause)
	}
}

// want counts a request, and reports one that was not answered as it should be.
func (c *crowd) want(t *testing.T, status int, what string, a answer) {
	c.mu.Lock()
	c.requests++
	c.mu.Unlock()
	if a.StatusCode != status {
		t.Errorf("%v: %s: status %d, want %d: %.200s", time.Now(), what, a.StatusCode, status, a.text)
	}
}

// signed notes which key signed a token.
func (c *crowd) signed(t *testing.T, token string) {
	header, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(header)
	var h struct{ Kid string }
	if err != nil || json.Unmarshal(raw, &h) != nil || h.Kid == "" {
		t.Errorf("%q is no signed token", token)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kids[h.Kid] = true
}

func (c *crowd) signUp(t *testing.T, name string, every time.Duration) *person {
	t.Helper()
	jar, err := e2e.NewJar()
	if err != nil {
		t.Fatal(err)
	}
	p := &person{name: name, jar: jar, client: c.client("192.0.2."+name[len(name)-1:], jar), every: every, last: time.Now()}
	c.want(t, http.StatusSeeOther, "sign in", c.post(t, p.client, "/auth/login", url.Values{"email": {name + "@example.org"}, "username": {name}}))
	c.want(t, http.StatusCreated, "make a wiki", send(t, p.client, http.MethodPost, c.root+"/api/wikis",
		`{"slug":"`+name+`","name":"Notes"}`, "Content-Type", "application/json", "Origin", c.root))
	return p
}

// browse opens the app, the wiki and who is signed in, and renews the session when
// the app would.
func (c *crowd) browse(t *testing.T, p *person) {
	if time.Since(p.last) >= p.every {
		c.want(t, http.StatusOK, p.name+" renews", send(t, p.client, http.MethodPost, c.root+"/auth/refresh", "", "Origin", c.root))
		p.last = time.Now()
	}
	c.want(t, http.StatusOK, p.name+"'s account", send(t, p.client, http.MethodGet, c.root+"/api/account", ""))
	c.want(t, http.StatusOK, p.name+"'s wikis", send(t, p.client, http.MethodGet, c.root+"/api/wikis", ""))
	c.want(t, http.StatusOK, p.name+"'s page", send(t, p.client, http.MethodGet, c.at(p.name, "/"), ""))
	root, err := url.Parse(c.root)
	if err != nil {
		t.Error(err)
		return
	}
	for _, cookie := range p.jar.Cookies(root) {
		if cookie.Name == "__Host-wikibot" {
			c.signed(t, cookie.Value)
		}
	}
}

// connect registers an agent and has the person consent.
func (c *crowd) connect(t *testing.T, p *person, every time.Duration) *agent {
	t.Helper()
	const back = "http://127.0.0.1:7777/callback"
	a := &agent{slug: p.name, every: every, client: c.client(fmt.Sprintf("198.51.100.%d", len(c.agents)+1+int(every/time.Hour)), nil)}
	registered := send(t, a.client, http.MethodPost, c.root+"/oauth/register", `{"client_name":"Agent","redirect_uris":["`+back+`"]}`, "Content-Type", "application/json")
	c.want(t, http.StatusCreated, "register", registered)
	var client struct {
		ID string `json:"client_id"`
	}
	if err := json.Unmarshal([]byte(registered.text), &client); err != nil {
		t.Fatal(err)
	}
	a.clientID = client.ID
	verifier := oauth2.GenerateVerifier()
	at, err := e2e.Visitor{Decision: "allow", Rights: "write", Client: p.client}.Visit(c.root + "/oauth/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {a.clientID}, "redirect_uri": {back}, "state": {"s"}, "resource": {c.at(a.slug, "/mcp")},
		"code_challenge": {oauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"},
	}.Encode())
	if err != nil {
		t.Fatal(err)
	}
	c.redeem(t, a, url.Values{
		"grant_type": {"authorization_code"}, "code": {at.Query().Get("code")}, "redirect_uri": {back}, "code_verifier": {verifier},
	})
	return a
}

// redeem takes tokens for a code or a refresh token.
func (c *crowd) redeem(t *testing.T, a *agent, form url.Values) {
	form.Set("client_id", a.clientID)
	form.Set("resource", c.at(a.slug, "/mcp"))
	got := send(t, a.client, http.MethodPost, c.root+"/oauth/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	c.want(t, http.StatusOK, "an agent's "+form.Get("grant_type"), got)
	var tokens struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	if err := json.Unmarshal([]byte(got.text), &tokens); err != nil {
		t.Error(err)
	}
	a.access, a.refresh, a.last = tokens.Access, tokens.Refresh, time.Now()
	c.signed(t, a.access)
}

// work calls a tool, with fresh tokens when it is time.
func (c *crowd) work(t *testing.T, a *agent) {
	if time.Since(a.last) >= a.every {
		c.redeem(t, a, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {a.refresh}})
	}
	got := send(t, a.client, http.MethodPost, c.at(a.slug, "/mcp"),
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_note","arguments":{"path":"Home"}}}`,
		"Content-Type", "application/json", "Accept", "application/json, text/event-stream", "Authorization", "Bearer "+a.access)
	c.want(t, http.StatusOK, "an agent's call", got)
	if !strings.Contains(got.text, `"result"`) || strings.Contains(got.text, `"isError":true`) {
		t.Errorf("%v: an agent's call: %.300s", time.Now(), got.text)
	}
}

// intrude shows tokens of made-up keys, so that verifiers have just looked for
// keys and may not look again for a while. They are refused, and it costs nobody
// else anything.
func (c *crowd) intrude(t *testing.T) {
	enc := base64.RawURLEncoding.EncodeToString
	token := enc(fmt.Appendf(nil, `{"alg":"RS256","typ":"at+jwt","kid":"made up at %d"}`, time.Now().UnixNano())) + "." + enc([]byte("{}")) + "." + enc([]byte("x"))
	stranger := c.client("203.0.113.1", nil)
	defer stranger.CloseIdleConnections()
	c.want(t, http.StatusUnauthorized, "a stranger's call", send(t, stranger, http.MethodPost, c.at("person0", "/mcp"), "{}",
		"Content-Type", "application/json", "Authorization", "Bearer "+token))
	c.want(t, http.StatusUnauthorized, "a stranger's cookie", send(t, stranger, http.MethodGet, c.root+"/api/account", "", "Cookie", "__Host-wikibot="+token))
}
