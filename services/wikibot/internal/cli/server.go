package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// clientID is the command line's name with every fleet's authorization server,
// which knows it without registration.
const clientID = "wikibot-cli"

// scope is what the command line asks for: to act for the person.
const scope = "account"

// parseServer brings the address of a fleet, as a person types it, into the form
// that its issuer has: scheme and host. Secrets go there, so it is https, except
// on this machine.
func parseServer(raw string) (string, error) {
	wrong := fmt.Errorf("address %q: want that of a site, such as https://wikibot.io", raw)
	full := raw
	if !strings.Contains(raw, "://") {
		full = "https://" + raw
		if u, err := url.Parse(full); err == nil && onThisMachine(u.Hostname()) {
			full = "http://" + raw
		}
	}
	u, err := url.Parse(full)
	if err != nil || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", wrong
	}
	host := strings.ToLower(u.Host)
	switch {
	case u.Scheme == "https":
		host = strings.TrimSuffix(host, ":443")
	case u.Scheme != "http":
		return "", wrong
	case !onThisMachine(u.Hostname()):
		return "", fmt.Errorf("address %q: only a fleet on this machine may be reached without https: whoever is in between could read the token", raw)
	default:
		host = strings.TrimSuffix(host, ":80")
	}
	return u.Scheme + "://" + host, nil
}

// onThisMachine reports whether a host can be no other machine.
func onThisMachine(host string) bool {
	if isLocalhost(host) {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// isLocalhost reports whether a name is one of those that mean the asker's own
// machine everywhere (RFC 6761 section 6.3).
func isLocalhost(host string) bool {
	host = strings.ToLower(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

// NewHTTP returns the client that talks to fleets. It follows no redirects: a
// secret sent to one address shall reach no other. It asks no resolver for names
// under .localhost, of which resolvers know nothing or, worse, something.
func NewHTTP() *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	return &http.Client{
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			TLSHandshakeTimeout: 10 * time.Second,
			ForceAttemptHTTP2:   true,
			Proxy: func(r *http.Request) (*url.URL, error) {
				if onThisMachine(r.URL.Hostname()) {
					return nil, nil
				}
				return http.ProxyFromEnvironment(r)
			},
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				host, port, err := net.SplitHostPort(addr)
				if err != nil || !isLocalhost(host) {
					return dialer.DialContext(ctx, network, addr)
				}
				conn, err := dialer.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
				if err != nil {
					if six, err := dialer.DialContext(ctx, network, net.JoinHostPort("::1", port)); err == nil {
						return six, nil
					}
				}
				return conn, err
			},
		},
	}
}

// metadata is what a fleet's authorization server says of itself (RFC 8414
// section 2).
type metadata struct {
	Issuer        string   `json:"issuer"`
	Authorization string   `json:"authorization_endpoint"`
	Token         string   `json:"token_endpoint"`
	Device        string   `json:"device_authorization_endpoint"`
	Revocation    string   `json:"revocation_endpoint"`
	Challenges    []string `json:"code_challenge_methods_supported"`
	NamesIssuer   bool     `json:"authorization_response_iss_parameter_supported"`
}

func (c *Client) discover(ctx context.Context, server string) (metadata, error) {
	var m metadata
	status, err := c.get(ctx, server+"/.well-known/oauth-authorization-server", "", &m)
	if err != nil {
		return m, fmt.Errorf("ask %s how to sign in: %w", server, err)
	}
	if status != http.StatusOK {
		return m, fmt.Errorf("ask %s how to sign in: it answers %d; is it a wikibot, and the address that of its root host?", server, status)
	}
	if m.Issuer != server {
		return m, fmt.Errorf("ask %s how to sign in: it says that it is %q; use that address if you trust it", server, m.Issuer)
	}
	for what, endpoint := range map[string]string{"authorization": m.Authorization, "token": m.Token, "device authorization": m.Device, "revocation": m.Revocation} {
		if !strings.HasPrefix(endpoint, server+"/") {
			return m, fmt.Errorf("ask %s how to sign in: its %s endpoint is elsewhere, at %q", server, what, endpoint)
		}
	}
	if !slices.Contains(m.Challenges, "S256") {
		return m, fmt.Errorf("ask %s how to sign in: it knows no PKCE with S256", server)
	}
	return m, nil
}

func (m metadata) config(redirect string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: clientID, RedirectURL: redirect, Scopes: []string{scope},
		Endpoint: oauth2.Endpoint{AuthURL: m.Authorization, TokenURL: m.Token, DeviceAuthURL: m.Device, AuthStyle: oauth2.AuthStyleInParams},
	}
}

// get reads JSON into v when the answer is 200. It returns the status of any
// other.
func (c *Client) get(ctx context.Context, target, token string, v any) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "wikibot")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return 0, reason(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return res.StatusCode, nil
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxAnswer)).Decode(v); err != nil {
		return 0, errors.New("its answer cannot be read")
	}
	return res.StatusCode, nil
}

// reason takes the address off an error of package http: messages name it
// already.
func reason(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
