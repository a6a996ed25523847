// Package visitor is somebody who uses a fleet through its public doors: a
// browser with its cookies, and a program with a token.
//
// It knows the doors and nothing behind them. It never retries: what an attempt
// came to is the answer, and its user decides.
package visitor

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"wikibot.io/services/internal/e2e"
)

// Visitor is one person with one wiki. It is safe for concurrent use.
type Visitor struct {
	// Slug and Token are of the wiki that the visitor made.
	Slug, Token string

	base    *url.URL
	browser *http.Client
	program *http.Client
}

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// New returns a visitor of a fleet whose root host is at base. Nobody knows the
// visitor yet.
func New(base string) (*Visitor, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	jar, err := e2e.NewJar()
	if err != nil {
		return nil, err
	}
	return &Visitor{base: u, browser: e2e.NewClient(jar), program: e2e.NewClient(nil)}, nil
}

// From makes the visitor come from another loopback address, such as 127.0.0.2:
// what one address may do in a minute is limited. It is not safe beside others.
func (v *Visitor) From(address string) {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	for _, c := range []*http.Client{v.browser, v.program} {
		c.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, err
			}
			return dialer.DialContext(ctx, network, "127.0.0.1:"+port)
		}
		c.CloseIdleConnections()
	}
}

// SignIn signs the browser in, under an address at example.org.
func (v *Visitor) SignIn(ctx context.Context, username string) (Answer, error) {
	form := url.Values{"email": {username + "@example.org"}, "username": {username}}
	return v.do(ctx, v.browser, http.MethodPost, v.Root("/auth/login"), []byte(form.Encode()), "Content-Type", "application/x-www-form-urlencoded", "Origin", v.base.String())
}

// CreateWiki makes the visitor's wiki, under the given slug. On the free plan it
// is the username.
func (v *Visitor) CreateWiki(ctx context.Context, slug string, public bool) (Answer, error) {
	body, err := json.Marshal(map[string]any{"slug": slug, "name": "Notes of " + slug, "public": public})
	if err != nil {
		return Answer{}, err
	}
	a, err := v.do(ctx, v.browser, http.MethodPost, v.Root("/api/wikis"), body, "Content-Type", "application/json", "Origin", v.base.String())
	if err != nil || a.Status != http.StatusCreated {
		return a, err
	}
	var made struct{ Token string }
	err = json.Unmarshal(a.Body, &made)
	v.Slug, v.Token = slug, made.Token
	return a, err
}

// SignUp is SignIn and CreateWiki under the same name, which have to succeed.
func SignUp(ctx context.Context, base, name string, public bool) (*Visitor, error) {
	v, err := New(base)
	if err != nil {
		return nil, err
	}
	if a, err := v.SignIn(ctx, name); err != nil || a.Status != http.StatusSeeOther {
		return nil, fmt.Errorf("sign in as %s: %w", name, failed(a, err))
	}
	if a, err := v.CreateWiki(ctx, name, public); err != nil || a.Status != http.StatusCreated {
		return nil, fmt.Errorf("create wiki %s: %w", name, failed(a, err))
	}
	return v, nil
}

func failed(a Answer, err error) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("status %d: %s", a.Status, a.Body)
}

// Root returns a URL on the root host.
func (v *Visitor) Root(path string) string { return v.base.String() + path }

// Wiki returns a URL on the host of the visitor's wiki.
func (v *Visitor) Wiki(path string) string {
	return v.base.Scheme + "://" + v.Slug + "." + v.base.Host + path
}

// Page returns a page's path: spaces and the like are escaped, folders are kept.
func Page(path string) string { return (&url.URL{Path: path}).EscapedPath() }

// Save writes a page by REST. More headers may follow, in pairs.
func (v *Visitor) Save(ctx context.Context, path, text string, header ...string) (Answer, error) {
	body, err := json.Marshal(map[string]string{"content": text})
	if err != nil {
		return Answer{}, err
	}
	return v.do(ctx, v.program, http.MethodPut, v.Wiki("/api/v1/pages/"+Page(path)), body, append([]string{"Content-Type", "application/json", "Authorization", "Bearer " + v.Token}, header...)...)
}

// Read returns a page's text by REST.
func (v *Visitor) Read(ctx context.Context, path string) (string, error) {
	a, err := v.do(ctx, v.program, http.MethodGet, v.Wiki("/api/v1/pages/"+Page(path)), nil, "Authorization", "Bearer "+v.Token)
	if err != nil || a.Status != http.StatusOK {
		return "", fmt.Errorf("read %s: %w", path, failed(a, err))
	}
	var page struct{ Content string }
	err = json.Unmarshal(a.Body, &page)
	return page.Content, err
}

// Search returns the answer of the full-text search.
func (v *Visitor) Search(ctx context.Context, query string) (Answer, error) {
	return v.do(ctx, v.program, http.MethodGet, v.Wiki("/api/v1/search?q="+url.QueryEscape(query)), nil, "Authorization", "Bearer "+v.Token)
}

// View fetches a page of the wiki as the visitor's browser does.
func (v *Visitor) View(ctx context.Context, path string) (Answer, error) {
	return v.do(ctx, v.browser, http.MethodGet, v.Wiki("/"+Page(path)), nil, "Accept", "text/html")
}

// Get fetches any URL with the browser, or without it: as a stranger.
func (v *Visitor) Get(ctx context.Context, target string, stranger bool, header ...string) (Answer, error) {
	client := v.browser
	if stranger {
		client = v.program
	}
	return v.do(ctx, client, http.MethodGet, target, nil, header...)
}

// Tool calls a tool of the wiki's MCP server.
func (v *Visitor) Tool(ctx context.Context, name string, arguments map[string]any) (Answer, error) {
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": map[string]any{"name": name, "arguments": arguments}})
	if err != nil {
		return Answer{}, err
	}
	return v.do(ctx, v.program, http.MethodPost, v.Wiki("/mcp"), body, "Content-Type", "application/json", "Accept", "application/json, text/event-stream", "Authorization", "Bearer "+v.Token)
}

// PageCount is what the dashboard shows.
func (v *Visitor) PageCount(ctx context.Context) (int64, error) {
	a, err := v.do(ctx, v.browser, http.MethodGet, v.Root("/api/wikis/"+v.Slug), nil)
	if err != nil || a.Status != http.StatusOK {
		return 0, fmt.Errorf("read wiki %s: %w", v.Slug, failed(a, err))
	}
	var out struct {
		Wiki struct {
			PageCount int64 `json:"page_count"`
		} `json:"wiki"`
	}
	err = json.Unmarshal(a.Body, &out)
	return out.Wiki.PageCount, err
}

// GitURL is the wiki's remote, with the token in it.
func (v *Visitor) GitURL() string {
	return strings.Replace(v.Wiki("/repo.git"), "://", "://x:"+v.Token+"@", 1)
}

func (v *Visitor) do(ctx context.Context, client *http.Client, method, target string, body []byte, header ...string) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := client.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer res.Body.Close()
	a := Answer{Status: res.StatusCode, Header: res.Header}
	a.Body, err = io.ReadAll(res.Body)
	return a, err
}
