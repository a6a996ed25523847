package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/oauth2"
)

// byDevice shows an address and a code, and waits until the person has entered it
// in a browser somewhere (RFC 8628).
func (c *Client) byDevice(ctx context.Context, m metadata) (*oauth2.Token, error) {
	config := m.config("")
	device, err := config.DeviceAuth(ctx, c.about(m)...)
	if err != nil {
		return nil, told(err)
	}
	if device.DeviceCode == "" || device.UserCode == "" || !strings.HasPrefix(device.VerificationURI, m.Issuer+"/") {
		return nil, errors.New("its answer to a sign-in without a browser cannot be used")
	}
	fmt.Fprintf(c.out, "To sign in, open this address in any browser:\n\n  %s\n\nand enter the code:\n\n  %s\n\n", printable(device.VerificationURI), printable(device.UserCode))
	token, err := config.DeviceAccessToken(ctx, device, oauth2.SetAuthURLParam("resource", m.Issuer))
	switch {
	case ctx.Err() != nil:
		return nil, errors.New("it was broken off")
	case errors.Is(err, context.DeadlineExceeded):
		return nil, errTooLate
	case err != nil:
		return nil, told(err)
	}
	return token, nil
}

// printable keeps what a server says from steering the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
}
