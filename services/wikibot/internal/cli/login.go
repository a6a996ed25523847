package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/oauth2"
)

// Login signs the person in at a fleet and keeps the token.
func (c *Client) Login(ctx context.Context, address string) (Me, error) {
	server, err := parseServer(address)
	if err != nil {
		return Me{}, err
	}
	// A keep that cannot be used is heard of before the person goes to the browser.
	former, had, err := c.keep.Get(server)
	if err != nil {
		return Me{}, err
	}
	m, err := c.discover(ctx, server)
	if err != nil {
		return Me{}, err
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, c.http)
	var token *oauth2.Token
	if c.open != nil {
		token, err = c.byBrowser(ctx, m)
	} else {
		token, err = c.byDevice(ctx, m)
	}
	if err == nil && (token.AccessToken == "" || !strings.EqualFold(token.Type(), "Bearer")) {
		err = errors.New("it gave no token")
	}
	if err != nil {
		return Me{}, fmt.Errorf("sign in at %s: %w", server, err)
	}
	if err := c.keep.Put(server, Kept{Token: token.AccessToken, ExpiresAt: token.Expiry}); err != nil {
		// What nobody can use any more should not stay good.
		return Me{}, errors.Join(err, c.revoke(ctx, server, token.AccessToken))
	}
	if had {
		// It is of no more use here. That it may have run out is no news.
		if err := c.revoke(ctx, server, former.Token); err != nil {
			fmt.Fprintf(c.out, "The token before could not be ended: %v.\n", err)
		}
	}
	return c.me(ctx, server, token.AccessToken)
}

// about is what goes with the request for authorization: what the token is for
// (RFC 8707), and what the person will know this machine by.
func (c *Client) about(m metadata) []oauth2.AuthCodeOption {
	list := []oauth2.AuthCodeOption{oauth2.SetAuthURLParam("resource", m.Issuer)}
	if c.device != "" {
		list = append(list, oauth2.SetAuthURLParam("device_name", c.device))
	}
	return list
}

// told words what an authorization server answered instead of a token.
func told(err error) error {
	e, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return reason(err)
	}
	switch e.ErrorCode {
	case "":
		return fmt.Errorf("it answers %d", e.Response.StatusCode)
	case "access_denied":
		return errDeclined
	case "expired_token":
		return errTooLate
	}
	return fmt.Errorf("it refuses with %q", e.ErrorCode)
}

var (
	errDeclined = errors.New("it was declined in the browser")
	errTooLate  = errors.New("it took too long: run the command again")
)
