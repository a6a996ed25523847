package wikibot

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"

	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/identity/issuerkeys"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
	"wikibot.io/services/auth"
	"wikibot.io/services/auth/provider"
)

// Config is what a fleet in one process is started with.
type Config struct {
	// Data is the folder that holds everything; made if it is not there.
	Data string
	// Listen is the address to serve on, "host:port". The development sign-in asks
	// for no proof, so with it only loopback is allowed.
	Listen string
	// BaseURL is where people reach the root host, such as
	// "http://wikibot.localhost:8080"; wikis are on its subdomains. "" means
	// wikibot.localhost on the port of Listen.
	BaseURL string
	// SignIn is how people prove who they are.
	SignIn SignIn
	// Trusted are foreign authorization servers whose access tokens open wikis too.
	Trusted []Trusted
	// Proxies are the networks of reverse proxies in front: what they say about
	// whom they pass on (X-Forwarded-For) is believed.
	Proxies []netip.Prefix

	// documents fetches what sites say of OAuth clients, in tests of this package;
	// nil for the client that asks no address inside.
	documents *http.Client
}

// SignIn says who knows people.
type SignIn struct {
	Kind     string // "development", "oidc", "workos" or "none"; "" means development
	Issuer   string // of "oidc": its URL
	ClientID string
	Secret   string // of the client, or WorkOS's API key
}

// Trusted is a foreign authorization server.
type Trusted struct {
	Issuer string       // URL, byte for byte as in its tokens
	Role   records.Role // what a token may do that has no scope of ours
}

// check reports everything that is wrong at once.
func (c Config) check() error {
	var wrong []error
	if c.Data == "" {
		wrong = append(wrong, errors.New("--data: name the folder that holds everything"))
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		wrong = append(wrong, fmt.Errorf("--listen: %q is no address; want host:port, such as 127.0.0.1:8080", c.Listen))
	}
	if c.BaseURL != "" {
		if _, err := web.NewHosts(c.BaseURL); err != nil {
			wrong = append(wrong, fmt.Errorf("--base-url: %w", err))
		}
	}
	for _, t := range c.Trusted {
		if !isURL(t.Issuer) {
			wrong = append(wrong, fmt.Errorf("--trust-issuer: %q is no URL", t.Issuer))
		}
	}
	return errors.Join(append(wrong, c.SignIn.check())...)
}

func (s SignIn) check() error {
	var wrong []error
	want := func(ok bool, what string) {
		if !ok {
			wrong = append(wrong, fmt.Errorf("--sign-in %s: %s", s.Kind, what))
		}
	}
	switch s.Kind {
	case "", "development", "none":
	case "oidc":
		want(isURL(s.Issuer), fmt.Sprintf("name the issuer's URL with --sign-in-issuer, not %q", s.Issuer))
		want(s.ClientID != "", "name the client's id at the issuer with --sign-in-client")
	case "workos":
		want(s.ClientID != "", "name the client's id with --sign-in-client")
		want(s.Secret != "", "put the API key into WIKIBOT_SIGN_IN_SECRET")
	default:
		want(false, "there is no such way; want development, oidc, workos or none")
	}
	return errors.Join(wrong...)
}

func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}

// hosts returns the URLs of the fleet, once the port is known.
func (c Config) hosts(port int) (web.Hosts, error) {
	if c.BaseURL != "" {
		return web.NewHosts(c.BaseURL)
	}
	return web.NewHosts(fmt.Sprintf("http://wikibot.localhost:%d", port))
}

// signIn opens the driver.
func (c Config) signIn(hosts web.Hosts, r signInRecords) (auth.SignIn, error) {
	var p provider.Provider
	var err error
	switch s := c.SignIn; s.Kind {
	case "oidc":
		p, err = provider.OIDC(provider.OIDCOptions{Issuer: s.Issuer, ClientID: s.ClientID, ClientSecret: s.Secret})
	case "workos":
		p, err = provider.WorkOS(provider.WorkOSOptions{ClientID: s.ClientID, APIKey: s.Secret})
	case "none":
		return auth.None(hosts)
	default:
		return auth.Development(auth.DevelopmentDeps{Hosts: hosts, Users: r, Listen: c.Listen})
	}
	if err != nil {
		return nil, fmt.Errorf("--sign-in %s: %w", c.SignIn.Kind, err)
	}
	return auth.Remote(auth.RemoteDeps{Hosts: hosts, Provider: p, Tickets: r})
}

type signInRecords interface {
	auth.Users
	records.Tickets
}

// issuers are the trusted ones, with the keys that they publish.
func (c Config) issuers() ([]identity.TrustedIssuer, error) {
	var list []identity.TrustedIssuer
	for _, t := range c.Trusted {
		keys, err := issuerkeys.New(t.Issuer, nil)
		if err != nil {
			return nil, fmt.Errorf("--trust-issuer %s: %w", t.Issuer, err)
		}
		list = append(list, identity.TrustedIssuer{Issuer: t.Issuer, Role: t.Role, Keys: keys})
	}
	return list, nil
}
