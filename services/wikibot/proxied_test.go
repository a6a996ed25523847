package wikibot

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestProxied(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/8")}
	for _, c := range []struct {
		why, from string
		forwarded []string
		want      string
	}{
		{"nobody in between", "203.0.113.9:4711", nil, "203.0.113.9:4711"},
		{"a stranger claims to be somebody", "203.0.113.9:4711", []string{"198.51.100.7"}, "203.0.113.9:4711"},
		{"one proxy", "127.0.0.1:4711", []string{"203.0.113.9"}, "203.0.113.9:0"},
		{"two proxies", "127.0.0.1:4711", []string{"203.0.113.9, 10.1.2.3"}, "203.0.113.9:0"},
		{"what the client says of itself", "127.0.0.1:4711", []string{"198.51.100.7, 203.0.113.9"}, "203.0.113.9:0"},
		{"in a field of its own", "127.0.0.1:4711", []string{"198.51.100.7", "203.0.113.9"}, "203.0.113.9:0"},
		{"a client that claims to be a proxy", "127.0.0.1:4711", []string{"10.1.9.9, 203.0.113.9"}, "203.0.113.9:0"},
		{"nonsense from the client", "127.0.0.1:4711", []string{"<script>, 203.0.113.9"}, "203.0.113.9:0"},
		{"nonsense from the proxy", "127.0.0.1:4711", []string{"203.0.113.9, unknown"}, "127.0.0.1:0"},
		{"the proxy itself asks", "127.0.0.1:4711", nil, "127.0.0.1:0"},
		{"IPv6", "[fd00::1]:4711", []string{"2001:db8::9"}, "[2001:db8::9]:0"},
		{"IPv4 in IPv6's clothes", "[::ffff:127.0.0.1]:4711", []string{"::ffff:203.0.113.9"}, "203.0.113.9:0"},
	} {
		var got string
		h := proxied(proxies, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RemoteAddr }))
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.RemoteAddr, r.Header["X-Forwarded-For"] = c.from, c.forwarded
		h.ServeHTTP(httptest.NewRecorder(), r)
		if got != c.want || r.RemoteAddr != c.from {
			t.Errorf("%s: %s, want %s", c.why, got, c.want)
		}
	}
}
