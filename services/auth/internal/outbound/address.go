package outbound

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
)

// inwardError is a connection that was about to be made to an address that is
// not public.
type inwardError struct{ address string }

func (e *inwardError) Error() string { return "connect to " + e.address + ": it is not public" }

// check is a dialer's control function: it sees the very address that the socket
// is about to be connected to, after all name resolution.
func check(_ context.Context, network, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || network != "tcp4" && network != "tcp6" || at.Port() != 443 || !public(at.Addr()) {
		return &inwardError{address}
	}
	return nil
}

// special are the networks inside of public address space that lead elsewhere
// (RFC 6890 and the registries of IANA).
var special = networks(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"168.63.129.16/32", // a cloud's own host answers here from inside of its networks
	"2001::/23",        // protocol assignments: Teredo, ORCHID
	"2001:db8::/32", "2002::/16", "3fff::/20",
)

// global is all of IPv6 that is routed: what lies outside is local, a multicast
// group, or IPv4 in other clothes (::ffff:0:0/96, 64:ff9b::/96).
var global = netip.MustParsePrefix("2000::/3")

func networks(prefixes ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(prefixes))
	for i, p := range prefixes {
		list[i] = netip.MustParsePrefix(p)
	}
	return list
}

// public reports whether an address belongs to the internet at large.
func public(a netip.Addr) bool {
	if !a.IsValid() || a.Zone() != "" || a.Is6() && !global.Contains(a) {
		return false
	}
	for _, n := range special {
		if n.Contains(a) {
			return false
		}
	}
	return true
}

// reserved are top-level names that the public name system does not have, and
// that networks use for themselves (RFC 6761, RFC 9476, RFC 8375).
var reserved = map[string]bool{
	"alt": true, "arpa": true, "corp": true, "example": true, "home": true, "internal": true, "intranet": true, "invalid": true,
	"lan": true, "local": true, "localdomain": true, "localhost": true, "mail": true, "onion": true, "private": true, "test": true,
}

// maxURL bounds an address, in bytes.
const maxURL = 2000

// checkURL looks at an address as text, before anything is resolved.
func checkURL(raw string) error {
	if raw == "" || len(raw) > maxURL {
		return fmt.Errorf("it must have 1 to %d bytes", maxURL)
	}
	if strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' || r == '#' }) {
		return errors.New("it holds characters that an address has not, or a fragment")
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return err
	case u.Scheme != "https" || u.Opaque != "":
		return errors.New("it is no https address")
	case u.User != nil:
		return errors.New("it names a user")
	case u.Port() != "" && u.Port() != "443", strings.HasSuffix(u.Host, ":"):
		return errors.New("it names another port than 443")
	}
	return checkName(u.Hostname())
}

// checkName takes public host names alone; numbers are none in any notation,
// since the last label of those is a number too.
func checkName(host string) error {
	labels := strings.Split(strings.ToLower(host), ".")
	if len(host) > 253 || len(labels) < 2 {
		return errors.New("its host is no public name")
	}
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return errors.New("its host is no public name")
		}
	}
	last := labels[len(labels)-1]
	if reserved[last] || last[0] >= '0' && last[0] <= '9' {
		return errors.New("its host is no public name")
	}
	return nil
}
