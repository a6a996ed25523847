package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Deps is what a Client needs.
type Deps struct {
	Keep Keep
	HTTP *http.Client
	// Device is what the fleet shows the person of this machine: its name.
	Device string
	// Open opens an address in the person's browser; nil where there is none.
	Open func(address string) error
	// Out is where the person reads.
	Out io.Writer
}

// Client signs a person in at fleets and out again.
type Client struct {
	keep   Keep
	http   *http.Client
	device string
	open   func(string) error
	out    io.Writer

	patience time.Duration // with the person at the browser
}

// New checks its deps and returns a client.
func New(d Deps) (*Client, error) {
	if d.Keep.path == "" || d.HTTP == nil || d.Out == nil {
		return nil, errors.New("new client: keep, HTTP client and output are all needed")
	}
	return &Client{keep: d.Keep, http: d.HTTP, device: d.Device, open: d.Open, out: d.Out, patience: patience}, nil
}

// Me is who is signed in where.
type Me struct {
	URL         string `json:"url"`
	Username    string `json:"username"`
	Email       string `json:"email"`
	DisplayName string `json:"display_name"`
}

// WhoAmI asks a fleet whose token is kept. No address means the one fleet of
// which there is a token.
func (c *Client) WhoAmI(ctx context.Context, address string) (Me, error) {
	server, kept, err := c.kept(address)
	if err != nil {
		return Me{}, err
	}
	return c.me(ctx, server, kept.Token)
}

func (c *Client) me(ctx context.Context, server, token string) (Me, error) {
	var me Me
	status, err := c.get(ctx, server+"/api/me", token, &me)
	switch {
	case err != nil:
		return Me{}, fmt.Errorf("ask %s who you are: %w", server, err)
	case status == http.StatusUnauthorized:
		return Me{}, fmt.Errorf("ask %s who you are: it no longer takes the token, which has run out or was ended: run wikibot login %s", server, server)
	case status != http.StatusOK:
		return Me{}, fmt.Errorf("ask %s who you are: it answers %d", server, status)
	}
	me.URL = server
	return me, nil
}

// kept returns the token of a fleet, or says how to get one.
func (c *Client) kept(address string) (string, Kept, error) {
	server, err := c.which(address)
	if err != nil {
		return "", Kept{}, err
	}
	kept, ok, err := c.keep.Get(server)
	if err == nil && !ok {
		err = fmt.Errorf("you are not signed in at %s: run wikibot login %s", server, server)
	}
	return server, kept, err
}

func (c *Client) which(address string) (string, error) {
	if address != "" {
		return parseServer(address)
	}
	servers, err := c.keep.Servers()
	switch {
	case err != nil:
		return "", err
	case len(servers) == 0:
		return "", errors.New("you are not signed in anywhere: run wikibot login with the address of a site, such as https://wikibot.io")
	case len(servers) > 1:
		return "", fmt.Errorf("you are signed in at more than one address: name one of %s", strings.Join(servers, ", "))
	}
	return servers[0], nil
}

// Logout ends the token of a fleet and forgets it. It is forgotten even when the
// fleet cannot be told, which the person then hears.
func (c *Client) Logout(ctx context.Context, address string) error {
	server, kept, err := c.kept(address)
	if err != nil {
		return err
	}
	revoked := c.revoke(ctx, server, kept.Token)
	if err := c.keep.Remove(server); err != nil {
		return err
	}
	if revoked != nil {
		fmt.Fprintf(c.out, "Forgot the token of %s, but could not end it there: %v.\nWhoever has a copy can use it%s; end it under \"Signed in on these devices\" at %s/app/account.\n",
			server, revoked, until(kept), server)
		return nil
	}
	fmt.Fprintf(c.out, "Signed out of %s.\n", server)
	return nil
}

func until(k Kept) string {
	if k.ExpiresAt.IsZero() {
		return ""
	}
	return " until " + k.ExpiresAt.Local().Format("2 January 2006")
}

// revoke ends a token (RFC 7009 section 2).
func (c *Client) revoke(ctx context.Context, server, token string) error {
	m, err := c.discover(ctx, server)
	if err != nil {
		return err
	}
	form := url.Values{"client_id": {clientID}, "token": {token}, "token_type_hint": {"access_token"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.Revocation, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("User-Agent", "wikibot")
	res, err := c.http.Do(req)
	if err != nil {
		return reason(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %d", res.StatusCode)
	}
	return nil
}
