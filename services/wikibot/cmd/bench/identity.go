package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"wikibot.io/services/internal/e2e"
)

type identityBench struct {
	Bin    string        `default:"bin/wikibot" help:"The binary to measure."`
	Corpus string        `help:"Repository to measure with: a folder, bundle or URL. Default: a generated one."`
	Length time.Duration `default:"3s" help:"How long each run takes."`
}

// Run compares every proof with none, at each door that takes both.
func (b *identityBench) Run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "wikibot-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	corpus := b.Corpus
	if corpus == "" {
		if corpus, err = generate(ctx, dir+"/corpus", 100, 200); err != nil {
			return err
		}
	}
	h, err := newHouse(ctx, b.Bin, dir, corpus)
	if err != nil {
		return err
	}
	defer h.stop()
	p, err := h.prove(ctx)
	if err != nil {
		return err
	}
	return b.doors(ctx, os.Stdout, h, p)
}

// proofs are all that one person can show.
type proofs struct{ session, token, access string }

// prove signs the wiki's owner in and connects an agent.
func (h *house) prove(ctx context.Context) (proofs, error) {
	jar, err := e2e.NewJar()
	if err != nil {
		return proofs{}, err
	}
	browser := e2e.NewClient(jar)
	root := strings.TrimSuffix(h.url.String(), "/")
	person := e2e.Visitor{Email: "bench@example.org", Username: "bench", Decision: "allow", Rights: "write", Home: h.url.Host, Client: browser}
	client := oauth2.Config{
		ClientID: "", RedirectURL: "http://127.0.0.1:9/callback", Scopes: []string{"wiki:read", "wiki:write"},
		Endpoint: oauth2.Endpoint{AuthURL: root + "/oauth/authorize", TokenURL: root + "/oauth/token", AuthStyle: oauth2.AuthStyleInParams},
	}
	if client.ClientID, err = register(ctx, browser, root, client.RedirectURL); err != nil {
		return proofs{}, err
	}
	verifier := oauth2.GenerateVerifier()
	resource := oauth2.SetAuthURLParam("resource", "http://"+h.wikiHost+"/mcp")
	end, err := person.Visit(client.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier), resource))
	if err != nil {
		return proofs{}, err
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, e2e.NewClient(nil))
	access, err := client.Exchange(ctx, end.Query().Get("code"), oauth2.VerifierOption(verifier), resource)
	if err != nil {
		return proofs{}, fmt.Errorf("connect an agent (it ended at %s): %w", end.Redacted(), err)
	}
	p := proofs{token: h.token, access: access.AccessToken}
	for _, c := range jar.Cookies(&url.URL{Scheme: "https", Host: h.wikiHost}) {
		if c.Name == "wikibot" {
			p.session = c.Value
		}
	}
	if p.session == "" {
		return proofs{}, fmt.Errorf("sign in: no session for wikis came of it")
	}
	return p, nil
}

// register makes a client of the authorization server (RFC 7591).
func register(ctx context.Context, c *http.Client, root, redirect string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, root+"/oauth/register", strings.NewReader(`{"client_name":"bench","redirect_uris":["`+redirect+`"]}`))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var made struct {
		ID string `json:"client_id"`
	}
	if err := json.NewDecoder(res.Body).Decode(&made); err != nil || made.ID == "" {
		return "", fmt.Errorf("register a client: %s, %v", res.Status, err)
	}
	return made.ID, nil
}

// door is a request that is answered whoever asks.
type door struct {
	name, line, body string
	proofs           []proof
}

type proof struct{ name, header string }

func (b *identityBench) doors(ctx context.Context, out io.Writer, h *house, p proofs) error {
	const ping = `{"jsonrpc":"2.0","id":1,"method":"ping"}`
	none, token := proof{"nobody", ""}, proof{"wiki token", "Authorization: Bearer " + p.token}
	session := proof{"session", "Cookie: wikibot=" + p.session}
	paths, err := h.pagePaths(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\n### Proving who one is\n\nThe same request to a public wiki, with each proof that the door takes, 16 connections.\n\n")
	row(out, "door", "as nobody", "proof", "with it", "ratio")
	row(out, "---", "---", "---", "---", "---")
	for _, d := range []door{
		{"page", "GET " + escape(paths[0]), "", []proof{none, session, token}},
		{"REST, last change of a page", "GET /api/v1/pages" + escape(paths[0]) + "/history?limit=1", "", []proof{none, session, token}},
		{"MCP, ping", "POST /mcp", ping, []proof{none, token, {"access token", "Authorization: Bearer " + p.access}}},
	} {
		if err := b.door(ctx, out, h, d); err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
	}
	return nil
}

func (b *identityBench) door(ctx context.Context, out io.Writer, h *house, d door) error {
	rates := make([][]float64, len(d.proofs))
	for range 3 { // alternating, so that whatever else the machine does meets all
		for i, p := range d.proofs {
			request := d.line + " HTTP/1.1\r\nHost: " + h.wikiHost + "\r\n"
			if p.header != "" {
				request += p.header + "\r\n"
			}
			if d.body != "" {
				request += fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n", len(d.body))
			}
			rate, err := send(ctx, h.addr(), [][]byte{[]byte(request + "\r\n" + d.body)}, 16, b.Length)
			if err != nil {
				return fmt.Errorf("as %s: %w", p.name, err)
			}
			rates[i] = append(rates[i], rate)
		}
	}
	for _, r := range rates {
		slices.Sort(r)
	}
	for i, p := range d.proofs[1:] {
		row(out, d.name, fmt.Sprintf("%.0f/s", rates[0][1]), p.name, fmt.Sprintf("%.0f/s", rates[i+1][1]), fmt.Sprintf("%.2f", rates[i+1][1]/rates[0][1]))
	}
	return nil
}
