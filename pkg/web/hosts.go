package web

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"wikibot.io/contracts/routes"
)

// Hosts knows where the fleet is reached: the root host and, below it, one host
// per wiki.
type Hosts struct {
	base *url.URL
}

// NewHosts parses the base URL, such as "https://wikibot.io" or
// "http://wikibot.localhost:8080". It has no path.
func NewHosts(base string) (Hosts, error) {
	u, err := url.Parse(base)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
		return Hosts{}, fmt.Errorf("base URL %q: want http(s)://host[:port] and nothing more", base)
	}
	u.Path = ""
	u.Host = strings.ToLower(u.Host)
	return Hosts{base: u}, nil
}

// Kind sorts a request's Host. The slug is set for a wiki host; ok is false for
// a host that is not ours. Case and port do not matter.
func (h Hosts) Kind(host string) (kind routes.HostKind, slug string, ok bool) {
	host = strings.ToLower(host)
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(host, ".")
	root := h.base.Hostname()
	if host == root {
		return routes.RootHost, "", true
	}
	slug, found := strings.CutSuffix(host, "."+root)
	if !found || slug == "" || strings.Contains(slug, ".") {
		return "", "", false
	}
	return routes.WikiHost, slug, true
}

// Root returns a URL on the root host. The path begins with a slash or is empty.
func (h Hosts) Root(path string) string { return h.base.String() + path }

// Wiki returns a URL on a wiki's host.
func (h Hosts) Wiki(slug, path string) string {
	return h.base.Scheme + "://" + slug + "." + h.base.Host + path
}

// Domain is the root host without a port: the domain of the cookie that wiki
// hosts share.
func (h Hosts) Domain() string { return h.base.Hostname() }

// Secure reports whether the fleet is reached by https.
func (h Hosts) Secure() bool { return h.base.Scheme == "https" }

// ReturnTo checks where a sign-in may lead back to: a path on the root host, or
// an absolute URL on the root host or a wiki's, by the fleet's own scheme and
// port. Anything else, including every spelling that some browser reads as
// another host, becomes fallback. (RFC 9700 section 4.11: open redirectors.)
func (h Hosts) ReturnTo(raw, fallback string) string {
	if raw == "" || strings.ContainsFunc(raw, func(r rune) bool { return r < 0x21 || r == 0x7f || r == '\\' }) {
		return fallback
	}
	u, err := url.Parse(raw)
	if err != nil || u.User != nil || u.Opaque != "" {
		return fallback
	}
	if u.Scheme == "" && u.Host == "" {
		if !strings.HasPrefix(raw, "/") || strings.HasPrefix(raw, "//") {
			return fallback
		}
		return raw
	}
	if u.Scheme != h.base.Scheme || u.Port() != h.base.Port() {
		return fallback
	}
	if _, _, ok := h.Kind(u.Host); !ok {
		return fallback
	}
	return u.String()
}
