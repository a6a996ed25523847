package oauth

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// maxRedirect bounds a redirect URI, in bytes.
const maxRedirect = 2000

// harmful are schemes under which a browser would run, read or send something
// instead of handing the answer to an app. Apps have schemes of their own (RFC
// 8252 section 7.1), too many to list those instead.
var harmful = map[string]bool{
	"about": true, "blob": true, "cid": true, "chrome": true, "chrome-extension": true, "data": true, "edge": true, "feed": true,
	"file": true, "filesystem": true, "ftp": true, "ftps": true, "gopher": true, "intent": true, "jar": true, "javascript": true,
	"ldap": true, "ldaps": true, "livescript": true, "mailto": true, "mhtml": true, "mocha": true, "moz-extension": true, "nfs": true,
	"resource": true, "search": true, "search-ms": true, "sftp": true, "sip": true, "sips": true, "sms": true, "smb": true, "ssh": true,
	"tel": true, "telnet": true, "urn": true, "vbscript": true, "view-source": true, "wais": true, "ws": true, "wss": true,
}

// checkRedirect says whether a client may have a redirect URI at all: https, http
// to the own computer, or an app's scheme.
func checkRedirect(raw string) error {
	if raw == "" || len(raw) > maxRedirect {
		return fmt.Errorf("it must have 1 to %d bytes", maxRedirect)
	}
	if strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("\\#\"<>^`{|}", r) }) {
		return errors.New("it holds characters that an address has not, or a fragment")
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return errors.New("it is no address")
	case u.User != nil:
		return errors.New("it names a user")
	case u.Scheme == "https":
		if u.Opaque != "" || !plainHost(u) {
			return errors.New("it names no host")
		}
		return nil
	case u.Scheme == "http":
		if loopback(u) == "" {
			return errors.New("without https it may only lead to the own computer")
		}
		return nil
	case u.Scheme == "":
		return errors.New("it is not absolute")
	case harmful[u.Scheme], strings.HasPrefix(u.Scheme, "ms-"):
		return errors.New("its scheme is none of an app")
	}
	return nil
}

// plainHost reports whether a host and its port are made of nothing that means
// something elsewhere: the host goes into a header of ours.
func plainHost(u *url.URL) bool {
	name, port := u.Hostname(), u.Port()
	if strings.HasSuffix(u.Host, ":") || len(port) > 5 {
		return false
	}
	if strings.HasPrefix(u.Host, "[") {
		addr, err := netip.ParseAddr(name)
		return err == nil && addr.Is6() && addr.Zone() == ""
	}
	return name != "" && strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789.-") == ""
}

// loopback returns the host by which a redirect URI leads to the own computer by
// plain http, "" if it does not: 127.0.0.1, ::1 and localhost are three.
func loopback(u *url.URL) string {
	if u.Scheme != "http" || u.Opaque != "" || !plainHost(u) {
		return ""
	}
	switch name := strings.ToLower(u.Hostname()); name {
	case "localhost", "127.0.0.1", "::1":
		return name
	}
	return ""
}

// matchRedirect reports whether a redirect URI is the registered one. They are
// compared byte by byte (RFC 9700 section 2.1), but for the port on the own
// computer, which a program is given when it starts (RFC 8252 section 7.3).
func matchRedirect(registered, given string) bool {
	if registered == given {
		return true
	}
	r, err := url.Parse(registered)
	if err != nil || checkRedirect(given) != nil {
		return false
	}
	g, err := url.Parse(given)
	if err != nil {
		return false
	}
	host := loopback(g)
	return host != "" && host == loopback(r) && r.EscapedPath() == g.EscapedPath() && r.RawQuery == g.RawQuery && r.ForceQuery == g.ForceQuery
}

// withAnswer adds an answer's parameters to a redirect URI that has been checked:
// it has no fragment, so they go to the end.
func withAnswer(redirect string, answer url.Values) string {
	sep := "?"
	if strings.Contains(redirect, "?") {
		sep = "&"
	}
	return redirect + sep + answer.Encode()
}

// formSources is where a form that ends in a redirect there leads, as sources of a
// content security policy. Policies know no IPv6 addresses and no paths of apps:
// for those it is the scheme. Browsers hold what follows against the policy too,
// and many a client's page leads on to another site of theirs, so https is open
// unless an app takes over.
func formSources(redirect string) []string {
	u, err := url.Parse(redirect)
	switch {
	case err != nil:
		return nil
	case u.Scheme == "https":
		return []string{"https:"}
	case u.Scheme != "http" || strings.HasPrefix(u.Host, "["):
		return []string{u.Scheme + ":", "https:"}
	}
	return []string{"http://" + u.Host, "https:"}
}

// onward says in words where a redirect leads: to a host, to a program on the own
// computer, or to the app of a scheme. One of the three is set.
type onward struct{ Host, Here, App string }

func onwardOf(redirect string) onward {
	u, err := url.Parse(redirect)
	switch {
	case err != nil:
		return onward{}
	case loopback(u) != "":
		return onward{Here: u.Host}
	case u.Scheme == "https":
		return onward{Host: u.Host}
	default:
		return onward{App: u.Scheme}
	}
}
