package wikibot

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// proxied finds out who a request comes from when reverse proxies stand in front:
// the last address in X-Forwarded-For that is not a proxy's own. Everything
// before it is what the client says of itself.
func proxied(proxies []netip.Prefix, next http.Handler) http.Handler {
	if len(proxies) == 0 {
		return next
	}
	ours := func(a netip.Addr) bool {
		for _, p := range proxies {
			if p.Contains(a) {
				return true
			}
		}
		return false
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, err := netip.ParseAddrPort(r.RemoteAddr)
		addr := from.Addr().Unmap()
		if err != nil || !ours(addr) {
			next.ServeHTTP(w, r)
			return
		}
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		for i := len(hops) - 1; i >= 0 && ours(addr); i-- {
			hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
			if err != nil {
				break
			}
			addr = hop.Unmap()
		}
		r = r.WithContext(r.Context()) // a copy: the server's own request stays as it is
		r.RemoteAddr = net.JoinHostPort(addr.String(), "0")
		next.ServeHTTP(w, r)
	})
}
