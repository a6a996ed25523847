package wikibot

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"wikibot.io/services/internal/e2e"
)

const (
	claude     = "https://claude.ai/oauth/mcp-oauth-client-metadata"
	claudeCode = "https://claude.ai/oauth/claude-code-client-metadata"
)

// documentsOfClients are as the makers of clients serve them.
var documentsOfClients = map[string]string{
	claude: `{"client_id": "` + claude + `", "client_name": "Claude", "client_uri": "https://claude.ai",
		"redirect_uris": ["https://claude.ai/api/mcp/auth_callback", "https://claude.com/api/mcp/auth_callback"],
		"grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"], "token_endpoint_auth_method": "none"}`,
	claudeCode: `{"client_id": "` + claudeCode + `", "client_name": "Claude Code",
		"redirect_uris": ["http://localhost/callback", "http://127.0.0.1/callback"],
		"grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"], "token_endpoint_auth_method": "none"}`,
}

// TestSymptoms: what people see when a server does not do what clients need, in
// their words. Each was reported of one or another server, by users of one or
// another client.
func TestSymptoms(t *testing.T) {
	a := startAgents(t, documentsOfClients)
	for symptom, test := range map[string]func(*testing.T, *agents){
		"sign-in works and then nothing reaches the server":             audienceIsTheResource,
		"discovery ends at a redirect between mcp and its slash":        noRedirects,
		"a probe by HEAD or GET fails":                                  probes,
		"not acceptable":                                                accepts,
		"the second request fails for want of a version header":         noVersion,
		"redirect URI mismatch with the port that the system gave":      portsOfTheOwnComputer,
		"redirect URI mismatch after the site was renamed":              bothCallbacks,
		"tools vanish after an hour":                                    tokensLast,
		"authorization not found after pressing twice":                  pressedTwice,
		"the agent never asks to connect":                               challenged,
		"a token pasted into the settings does nothing":                 pasted,
		"the server cannot be reached although a browser does reach it": anyUserAgent,
	} {
		t.Run(symptom, func(t *testing.T) {
			a.t = t
			test(t, a)
		})
	}
}

// What the metadata name as resource is what the client sends on, what the token
// is for, and what the endpoint takes, byte for byte.
func audienceIsTheResource(t *testing.T, a *agents) {
	host := strings.TrimSuffix(a.mcp, "/mcp")
	for _, path := range []string{"/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"} {
		g := a.get(host + path)
		servers, _ := g.json["authorization_servers"].([]any)
		if g.json["resource"] != a.mcp || len(servers) != 1 || servers[0] != a.root {
			t.Errorf("%s: %s", path, g.body)
		}
	}
	for _, path := range []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"} {
		if g := a.get(a.root + path); g.json["issuer"] != a.root {
			t.Errorf("%s: issuer %v", path, g.json["issuer"])
		}
	}
	const redirect = "http://127.0.0.1:40001/callback"
	token := a.connect(a.register(redirect), redirect).json["access_token"].(string)
	if g := a.call(strings.Replace(a.mcp, "://ada.", "://eve.", 1), token, listTools); g.status != http.StatusUnauthorized {
		t.Errorf("another wiki: %d", g.status)
	}
}

func noRedirects(t *testing.T, a *agents) {
	for _, address := range []string{a.mcp, a.mcp + "/"} {
		if g := a.call(address, "", listTools); g.status != http.StatusUnauthorized || g.header.Get("Location") != "" {
			t.Errorf("%s: %d to %q", address, g.status, g.header.Get("Location"))
		}
	}
}

func probes(t *testing.T, a *agents) {
	for _, method := range []string{http.MethodHead, http.MethodGet, http.MethodDelete} {
		for _, address := range []string{a.mcp, a.mcp + "/"} {
			if g := a.send(a.program, method, address, "", "Accept", "text/event-stream"); g.status != http.StatusMethodNotAllowed || g.header.Get("Allow") != http.MethodPost {
				t.Errorf("%s %s: %d, Allow %q", method, address, g.status, g.header.Get("Allow"))
			}
		}
	}
}

const initialize = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"probe","version":"1"}}}`

func accepts(t *testing.T, a *agents) {
	const redirect = "http://127.0.0.1:40002/callback"
	token := a.connect(a.register(redirect), redirect).json["access_token"].(string)
	for _, accept := range []string{"*/*", "application/json", "text/event-stream", "application/json, text/event-stream"} {
		g := a.call(a.mcp, token, initialize, "Accept", accept)
		if g.status != http.StatusOK || g.json["result"] == nil {
			t.Errorf("Accept %s: %d %s", accept, g.status, g.body)
		}
	}
}

func noVersion(t *testing.T, a *agents) {
	const redirect = "http://127.0.0.1:40003/callback"
	token := a.connect(a.register(redirect), redirect).json["access_token"].(string)
	for _, message := range []string{initialize, listTools} {
		if g := a.call(a.mcp, token, message); g.status != http.StatusOK || g.json["result"] == nil {
			t.Errorf("%d %s", g.status, g.body)
		}
	}
}

// A document lists addresses without a port; the program is given one when it
// starts, and may call its computer by name or by number.
func portsOfTheOwnComputer(t *testing.T, a *agents) {
	for _, redirect := range []string{"http://localhost:52430/callback", "http://127.0.0.1:52431/callback", "http://localhost/callback"} {
		a.connect(claudeCode, redirect)
	}
	a.connect(a.register("http://localhost:52432/callback"), "http://localhost:52433/callback")
	for _, redirect := range []string{"http://[::1]:52430/callback", "http://localhost:52430/other", "https://localhost:52430/callback"} {
		if g := a.send(a.browser, http.MethodGet, a.asks(claudeCode, redirect), ""); g.status != http.StatusBadRequest || g.header.Get("Location") != "" {
			t.Errorf("%s: %d to %q", redirect, g.status, g.header.Get("Location"))
		}
	}
}

func bothCallbacks(t *testing.T, a *agents) {
	for _, redirect := range []string{"https://claude.ai/api/mcp/auth_callback", "https://claude.com/api/mcp/auth_callback"} {
		g := a.connect(claude, redirect)
		again := a.exchange(url.Values{"grant_type": {"refresh_token"}, "client_id": {claude}, "refresh_token": {g.json["refresh_token"].(string)}})
		if again.status != http.StatusOK {
			t.Errorf("%s: refresh: %d %s", redirect, again.status, again.body)
		}
	}
}

// Access tokens last for a day; a refresh whose answer was lost can be repeated.
func tokensLast(t *testing.T, a *agents) {
	const redirect = "http://127.0.0.1:40004/callback"
	client := a.register(redirect)
	first := a.connect(client, redirect)
	if first.json["expires_in"] != float64(24*60*60) {
		t.Errorf("expires in %v seconds", first.json["expires_in"])
	}
	form := url.Values{"grant_type": {"refresh_token"}, "client_id": {client}, "refresh_token": {first.json["refresh_token"].(string)}}
	lost, again := a.exchange(form), a.exchange(form)
	if again.status != http.StatusOK || again.json["refresh_token"] != lost.json["refresh_token"] || again.json["refresh_token"] == form.Get("refresh_token") {
		t.Errorf("repeated: %d %s", again.status, again.body)
	}
	for _, g := range []got{first, lost, again} {
		if in := a.call(a.mcp, g.json["access_token"].(string), listTools); in.status != http.StatusOK {
			t.Errorf("a token of the same day: %d", in.status)
		}
	}
}

func pressedTwice(t *testing.T, a *agents) {
	const redirect = "http://127.0.0.1:40005/callback"
	client := a.register(redirect)
	page := a.send(a.browser, http.MethodGet, a.asks(client, redirect), "")
	_, rest, _ := strings.Cut(page.body, `name="ticket" value="`)
	ticket, _, _ := strings.Cut(rest, `"`)
	press := func() got {
		return a.send(a.browser, http.MethodPost, a.root+"/oauth/authorize", url.Values{"ticket": {ticket}, "rights": {"read"}, "decision": {"allow"}}.Encode(),
			"Content-Type", "application/x-www-form-urlencoded", "Origin", a.root)
	}
	to := press().header.Get("Location")
	if again := press(); again.header.Get("Location") != to || !strings.HasPrefix(to, redirect+"?code=") {
		t.Errorf("to %q, then to %q", to, again.header.Get("Location"))
	}
	at, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	token := a.redeem(client, redirect, at.Query().Get("code"))
	if after := press(); after.status != http.StatusOK || !strings.Contains(after.body, "Answered already") {
		t.Errorf("after all: %d %s", after.status, after.body)
	}
	if in := a.call(a.mcp, token.json["access_token"].(string), listTools); in.status != http.StatusOK {
		t.Errorf("it cost the agent what it had: %d", in.status)
	}
}

// A 401 says absolutely where to go on, whatever was wrong.
func challenged(t *testing.T, a *agents) {
	metadata := `resource_metadata="` + strings.TrimSuffix(a.mcp, "/mcp") + `/.well-known/oauth-protected-resource/mcp"`
	for _, token := range []string{"", "nonsense", "wbw_nonsense", "a.b.c"} {
		g := a.call(a.mcp, token, initialize)
		challenge := g.header.Get("WWW-Authenticate")
		if g.status != http.StatusUnauthorized || !strings.HasPrefix(challenge, "Bearer ") || !strings.Contains(challenge, metadata) || !strings.Contains(challenge, `scope="wiki:read wiki:write"`) {
			t.Errorf("token %q: %d, challenge %q", token, g.status, challenge)
		}
		if strings.Contains(challenge, `error="invalid_token"`) != (token != "") {
			t.Errorf("token %q: challenge %q", token, challenge)
		}
	}
}

// Clients that let people paste a token send it as bearer: a wiki's own tokens
// are taken as such, and in no address.
func pasted(t *testing.T, a *agents) {
	if in := a.call(a.mcp, a.token, listTools); in.status != http.StatusOK {
		t.Errorf("pasted: %d %s", in.status, in.body)
	}
	if in := a.call(a.mcp+"?access_token="+a.token, "", listTools); in.status != http.StatusUnauthorized {
		t.Errorf("in the address: %d", in.status)
	}
}

// Checks of reachability come from elsewhere and say nothing of themselves.
func anyUserAgent(t *testing.T, a *agents) {
	for _, agent := range []string{"", "python-httpx/0.27.0", "node", "Claude-User", strings.Repeat("x", 2000)} {
		if g := a.call(a.mcp, "", initialize, "User-Agent", agent); g.status != http.StatusUnauthorized {
			t.Errorf("%.20q: %d", agent, g.status)
		}
		if g := a.send(a.program, http.MethodGet, strings.TrimSuffix(a.mcp, "/mcp")+"/.well-known/oauth-protected-resource/mcp", "", "User-Agent", agent); g.status != http.StatusOK {
			t.Errorf("%.20q: metadata: %d", agent, g.status)
		}
	}
}

// TestDocumentOfAnotherSite: what vouches for a client is the site that serves the
// document, by its name in the person's question.
func TestDocumentOfAnotherSite(t *testing.T) {
	const lookalike = "https://claude.ai.evil.example.org/client"
	a := startAgents(t, map[string]string{
		claude:                            documentsOfClients[claude],
		lookalike:                         strings.Replace(documentsOfClients[claude], claude, lookalike, 1),
		"https://evil.example.org/client": documentsOfClients[claude],
	})
	page := a.send(a.browser, http.MethodGet, a.asks(lookalike, "https://claude.ai/api/mcp/auth_callback"), "")
	if page.status != http.StatusOK || !strings.Contains(page.body, "<strong>claude.ai.evil.example.org</strong>") {
		t.Errorf("the site that asks is not shown: %d", page.status)
	}
	if page := a.send(a.browser, http.MethodGet, a.asks("https://evil.example.org/client", "https://claude.ai/api/mcp/auth_callback"), ""); page.status != http.StatusBadRequest {
		t.Errorf("a document about another: %d", page.status)
	}
	if at, err := (e2e.Visitor{Client: a.browser, Decision: "deny", Home: strings.TrimPrefix(a.root, "http://")}).Visit(a.asks(claude, "https://claude.com/api/mcp/auth_callback")); err != nil || at.Query().Get("error") != "access_denied" {
		t.Errorf("%v, %v", at, err)
	}
}
