package wikibot_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"

	"wikibot.io/services/internal/e2e"
)

// secured is a fleet behind a proxy that speaks TLS, as an installation is: there
// are clients that talk to nothing else.
type secured struct {
	url   string
	trust *tls.Config
}

func startSecured(t *testing.T) secured {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0") // for a free port
	if err != nil {
		t.Fatal(err)
	}
	listen := inner.Addr().String()
	proxy := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: listen})
		r.Out.Host = r.In.Host
	}})
	t.Cleanup(proxy.Close)
	_, port, err := net.SplitHostPort(proxy.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	inner.Close()
	// The certificate of package httptest is for example.com and what is below.
	root := "https://example.com:" + port
	fleet, err := e2e.StartProcess(exec.Command("wikibot", "serve", "--data", t.TempDir(), "--listen", listen, "--base-url", root))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fleet.Stop() })
	return secured{root, &tls.Config{RootCAs: proxy.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}}
}

// client is one that trusts the proxy; a nil jar makes it a program.
func (s secured) client(jar http.CookieJar) *http.Client {
	c := e2e.NewClient(jar)
	c.Transport.(*http.Transport).TLSClientConfig = s.trust
	return c
}

// browser is a client with cookies of its own.
func (s secured) browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := e2e.NewJar()
	if err != nil {
		t.Fatal(err)
	}
	return s.client(jar)
}

// TestGoSDKConnects: the Go SDK's own OAuth client, given nothing but a wiki's
// URL. Unlike others it asks its person anew when a scope does not do.
func TestGoSDKConnects(t *testing.T) {
	s := startSecured(t)
	ada := s.browser(t)
	makeWiki(t, ada, s.url, "ada")
	back := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(back.Close)

	// What the person answers, question by question.
	answers := []e2e.Visitor{{Decision: "allow", Rights: "read", Client: ada}, {Decision: "allow", Rights: "write", Client: ada}}
	asked := 0
	handler, err := auth.NewAuthorizationCodeHandler(&auth.AuthorizationCodeHandlerConfig{
		DynamicClientRegistrationConfig: &auth.DynamicClientRegistrationConfig{Metadata: &oauthex.ClientRegistrationMetadata{
			ClientName: "Gopher", RedirectURIs: []string{back.URL + "/callback"},
		}},
		Client: s.client(nil),
		AuthorizationCodeFetcher: func(_ context.Context, a *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
			if asked == len(answers) {
				return nil, errors.New("the person was asked too often")
			}
			asked++
			at, err := answers[asked-1].Visit(a.URL)
			if err != nil {
				return nil, err
			}
			q := at.Query()
			return &auth.AuthorizationResult{Code: q.Get("code"), State: q.Get("state"), Iss: q.Get("iss")}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	client := mcp.NewClient(&mcp.Implementation{Name: "gopher", Version: "1"}, nil)
	session, err := client.Connect(t.Context(), &mcp.StreamableClientTransport{
		Endpoint: strings.Replace(s.url, "://", "://ada.", 1) + "/mcp", HTTPClient: s.client(nil), OAuthHandler: handler, DisableStandaloneSSE: true,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	call := func(tool string, args map[string]any) {
		t.Helper()
		r, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: args})
		if err != nil || r.IsError {
			t.Fatalf("%s: %v, %+v", tool, err, r)
		}
	}
	call("read_note", map[string]any{"path": "Home"})
	if asked != 1 {
		t.Errorf("asked %d times to connect and to read", asked)
	}
	call("write_note", map[string]any{"path": "By a gopher", "content": "x"})
	if asked != 2 {
		t.Errorf("asked %d times in all, want once more for writing", asked)
	}
	call("delete_note", map[string]any{"path": "By a gopher"})
}

// makeWiki signs somebody in and makes their wiki, named like them.
func makeWiki(t *testing.T, browser *http.Client, root, username string) {
	t.Helper()
	for _, step := range []struct{ path, contentType, body string }{
		{"/auth/login", "application/x-www-form-urlencoded", url.Values{"email": {username + "@example.org"}, "username": {username}}.Encode()},
		{"/api/wikis", "application/json", `{"slug":"` + username + `","name":"Notes of ` + username + `"}`},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, root+step.path, strings.NewReader(step.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", step.contentType)
		req.Header.Set("Origin", root)
		res, err := browser.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode >= 400 {
			t.Fatalf("%s: %s %s", step.path, res.Status, body)
		}
	}
}
