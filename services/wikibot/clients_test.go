package wikibot

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"wikibot.io/services/internal/e2e"
)

// agents is a fleet as clients see it that were given the URL of a wiki, and a
// person, ada, whose wiki it is and who says yes to them.
type agents struct {
	t       *testing.T
	root    string
	mcp     string // of ada's wiki, which is private
	token   string // of the wiki, which it shows its owner once
	browser *http.Client
	program *http.Client
	from    int // the address that requests come from, so that none runs into a limit
}

const verifier = "correct-horse-battery-staple-correct-horse-battery"

// startAgents starts a fleet. Sites of clients answer with what is listed of them,
// whatever they are called.
func startAgents(t *testing.T, documents map[string]string) *agents {
	t.Helper()
	sites := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, documents["https://"+r.Host+r.URL.Path])
	}))
	t.Cleanup(sites.Close)
	elsewhere := sites.Client()
	transport := elsewhere.Transport.(*http.Transport).Clone()
	transport.TLSClientConfig.ServerName = "example.com" // whom the certificate of package httptest is for
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, sites.Listener.Addr().String())
	}
	elsewhere.Transport = transport

	f, err := Open(Config{
		Data: t.TempDir(), Listen: "127.0.0.1:0", Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, documents: elsewhere,
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	jar, err := e2e.NewJar()
	if err != nil {
		t.Fatal(err)
	}
	a := &agents{t: t, root: strings.TrimSuffix(f.URL(), "/"), browser: e2e.NewClient(jar), program: e2e.NewClient(nil)}
	for _, c := range []*http.Client{a.browser, a.program} {
		c.Transport = a.through(c.Transport)
	}
	a.mcp = strings.Replace(a.root, "://", "://ada.", 1) + "/mcp"
	a.person("/auth/login", "application/x-www-form-urlencoded", url.Values{"email": {"ada@example.org"}, "username": {"ada"}}.Encode())
	made := a.person("/api/wikis", "application/json", `{"slug":"ada","name":"Notes of ada"}`)
	a.token, _ = made.json["token"].(string)
	return a
}

// person posts what a person does in the browser.
func (a *agents) person(path, contentType, body string) got {
	a.t.Helper()
	g := a.send(a.browser, http.MethodPost, a.root+path, body, "Content-Type", contentType, "Origin", a.root)
	if g.status >= 400 {
		a.t.Fatalf("%s: %d %s", path, g.status, g.body)
	}
	return g
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// through sends each request by way of a proxy, for somebody else.
func (a *agents) through(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		a.from++
		r = r.Clone(r.Context())
		r.Header.Set("X-Forwarded-For", fmt.Sprintf("198.51.%d.%d", a.from/256, a.from%256))
		return next.RoundTrip(r)
	})
}

type got struct {
	status int
	header http.Header
	body   string
	json   map[string]any
}

// send sends a request; headers are names and values in turn.
func (a *agents) send(c *http.Client, method, address, body string, headers ...string) got {
	a.t.Helper()
	r, err := http.NewRequestWithContext(a.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := c.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	g := got{status: res.StatusCode, header: res.Header, body: string(text)}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(text, &g.json); err != nil {
			a.t.Fatalf("%s %s: %v", method, address, err)
		}
	}
	return g
}

func (a *agents) get(address string) got { return a.send(a.program, http.MethodGet, address, "") }

const listTools = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`

// call sends one message to an MCP endpoint.
func (a *agents) call(address, token, message string, headers ...string) got {
	a.t.Helper()
	headers = append([]string{"Content-Type", "application/json"}, headers...)
	if token != "" {
		headers = append(headers, "Authorization", "Bearer "+token)
	}
	return a.send(a.program, http.MethodPost, address, message, headers...)
}

func (a *agents) register(redirects ...string) string {
	a.t.Helper()
	body, err := json.Marshal(map[string]any{"client_name": "Agent", "redirect_uris": redirects})
	if err != nil {
		a.t.Fatal(err)
	}
	g := a.send(a.program, http.MethodPost, a.root+"/oauth/register", string(body), "Content-Type", "application/json")
	if g.status != http.StatusCreated {
		a.t.Fatalf("register: %d %s", g.status, g.body)
	}
	return g.json["client_id"].(string)
}

func (a *agents) asks(client, redirect string) string {
	sum := sha256.Sum256([]byte(verifier))
	return a.root + "/oauth/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {client}, "redirect_uri": {redirect}, "state": {"xyz"}, "resource": {a.mcp},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}.Encode()
}

// answered goes the person's way to the client's redirect, and returns what came
// there.
func (a *agents) answered(client, redirect string) url.Values {
	a.t.Helper()
	at, err := e2e.Visitor{Client: a.browser, Decision: "allow", Rights: "write", Home: strings.TrimPrefix(a.root, "http://")}.Visit(a.asks(client, redirect))
	if err != nil {
		a.t.Fatal(err)
	}
	if !strings.HasPrefix(at.String(), redirect+"?") || at.Query().Get("code") == "" || at.Query().Get("state") != "xyz" || at.Query().Get("iss") != a.root {
		a.t.Fatalf("led to %s, not to %s with a code", at, redirect)
	}
	return at.Query()
}

func (a *agents) exchange(form url.Values) got {
	a.t.Helper()
	return a.send(a.program, http.MethodPost, a.root+"/oauth/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
}

func (a *agents) redeem(client, redirect, code string) got {
	a.t.Helper()
	return a.exchange(url.Values{"grant_type": {"authorization_code"}, "client_id": {client}, "redirect_uri": {redirect}, "code": {code}, "code_verifier": {verifier}, "resource": {a.mcp}})
}

// connect goes the whole way, and must be let in by what it was given.
func (a *agents) connect(client, redirect string) got {
	a.t.Helper()
	g := a.redeem(client, redirect, a.answered(client, redirect).Get("code"))
	if g.status != http.StatusOK {
		a.t.Fatalf("redeem: %d %s", g.status, g.body)
	}
	if in := a.call(a.mcp, g.json["access_token"].(string), listTools); in.status != http.StatusOK || !strings.Contains(in.body, "write_note") {
		a.t.Fatalf("a token, but not let in: %d %s", in.status, in.body)
	}
	return g
}
