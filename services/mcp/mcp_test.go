package mcp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
	"wikibot.io/pkg/wiki/wikitest"
	"wikibot.io/services/mcp"
)

// door is the service on a real engine behind the whole stack and a real
// listener, with one private wiki, "docs", and a token of its owner.
type door struct {
	*wikitest.Doors
	server *httptest.Server
	wiki   records.Wiki
	token  string
}

func newDoor(t *testing.T) *door {
	t.Helper()
	d := wikitest.NewDoors(t)
	s, err := mcp.New(mcp.Deps{Engine: d.Engine, Gate: d.Gate, Hosts: d.Hosts, Issuers: []string{"https://issuer.example.org"}, Log: d.Log})
	if err != nil {
		t.Fatal(err)
	}
	w := d.Wiki(t, "docs")
	server := httptest.NewServer(web.Stack(d.Log, s.Guarded(d.Auth)))
	t.Cleanup(server.Close)
	return &door{d, server, w, d.Token(t, w, records.Editor, time.Time{})}
}

// transport sends everything to the test's listener, under the host asked for.
type transport struct {
	addr   string
	header http.Header
	base   *http.Transport
}

func (d *door) client(header ...string) *http.Client {
	t := transport{addr: d.server.Listener.Addr().String(), header: http.Header{}}
	for i := 0; i+1 < len(header); i += 2 {
		t.header.Set(header[i], header[i+1])
	}
	t.base = &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, t.addr)
	}}
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for name, values := range t.header {
		r.Header[name] = values
	}
	return t.base.RoundTrip(r)
}

// connect opens a session of the SDK's own client with a wiki.
func (d *door) connect(t *testing.T, slug string, header ...string) *sdk.ClientSession {
	t.Helper()
	s, err := d.tryConnect(t, slug, header...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (d *door) tryConnect(t *testing.T, slug string, header ...string) (*sdk.ClientSession, error) {
	t.Helper()
	c := sdk.NewClient(&sdk.Implementation{Name: "claude-code", Version: "2.1"}, nil)
	hc := d.client(header...)
	s, err := c.Connect(t.Context(), &sdk.StreamableClientTransport{
		Endpoint: "http://" + slug + ".wikibot.localhost/mcp", HTTPClient: hc, MaxRetries: -1, DisableStandaloneSSE: true,
	}, nil)
	if err == nil {
		t.Cleanup(func() { s.Close(); hc.CloseIdleConnections() })
	}
	return s, err
}

func (d *door) owner(t *testing.T) *sdk.ClientSession {
	t.Helper()
	return d.connect(t, "docs", "Authorization", "Bearer "+d.token)
}

type args = map[string]any

// result is a tool's answer.
type result struct {
	text string // all text blocks
	fail bool
	data map[string]any
	meta map[string]any
}

func call(t *testing.T, s *sdk.ClientSession, tool string, a args) result {
	t.Helper()
	r, err := s.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: a})
	if err != nil {
		t.Fatalf("%s: %v", tool, err)
	}
	var out result
	var parts []string
	for _, c := range r.Content {
		parts = append(parts, c.(*sdk.TextContent).Text)
	}
	out.text, out.fail = strings.Join(parts, "\n"), r.IsError
	out.data, _ = r.StructuredContent.(map[string]any)
	out.meta, _ = r.Meta["wikibot.io/error"].(map[string]any)
	if out.fail == (out.data != nil) {
		t.Errorf("%s: isError %v with structured content %v", tool, out.fail, out.data)
	}
	return out
}

func (r result) ok(t *testing.T, holds ...string) result {
	t.Helper()
	if r.fail {
		t.Fatalf("failed: %s", r.text)
	}
	return r.holds(t, holds...)
}

func (r result) failed(t *testing.T, kind string, holds ...string) result {
	t.Helper()
	if !r.fail || kind != "" && r.meta["kind"] != kind {
		t.Fatalf("want a failure %q, got %v %s", kind, r.meta, r.text)
	}
	return r.holds(t, holds...)
}

func (r result) holds(t *testing.T, holds ...string) result {
	t.Helper()
	for _, h := range holds {
		if !strings.Contains(r.text, h) {
			t.Errorf("lacks %q:\n%s", h, r.text)
		}
	}
	return r
}

func (r result) rev() string { s, _ := r.data["revision"].(string); return s }

// post sends a raw request and returns the answer with its body.
func (d *door) post(t *testing.T, method, path, body string, header ...string) (*http.Response, string) {
	t.Helper()
	return d.postTo(t, "docs", method, path, body, header...)
}

func (d *door) postTo(t *testing.T, slug, method, path, body string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+slug+".wikibot.localhost"+path, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	hc := d.client(header...)
	defer hc.CloseIdleConnections()
	res, err := hc.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(raw)
}

func rpc(method string, params any) string {
	raw, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
	if err != nil {
		panic(err)
	}
	return string(raw)
}
