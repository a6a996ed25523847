package limit

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/web"
)

// Counter counts: see records.Counters.
type Counter interface {
	Count(ctx context.Context, key string, window time.Duration, now time.Time) (int64, error)
}

// Rate is how often something may happen.
type Rate struct {
	Name   string        // of what is counted, for keys, logs and the error's words: "sign in"
	Max    int64         // times
	Window time.Duration // within which
}

// Limiter refuses what goes beyond a rate. It is safe for concurrent use.
type Limiter struct {
	counter Counter
	log     *slog.Logger
}

// New returns a limiter.
func New(c Counter, log *slog.Logger) (*Limiter, error) {
	if c == nil || log == nil {
		return nil, errors.New("new limiter: counter and log are both needed")
	}
	return &Limiter{c, log}, nil
}

// Allow counts one more time that who (an address, a user id) does it, and
// returns fault.TooMany with RetryAfter when that is too often. When nobody can
// count it lets them, and logs it: the records being away must not be made worse.
func (l *Limiter) Allow(ctx context.Context, r Rate, who string) error {
	now := time.Now()
	n, err := l.counter.Count(ctx, r.Name+"/"+who, r.Window, now)
	if err != nil && ctx.Err() != nil {
		return ctx.Err() // nobody waits for it, so nothing is done that was not counted
	}
	if err != nil {
		l.log.WarnContext(ctx, "count against a limit", "limit", r.Name, "err", err)
		return nil
	}
	if n <= r.Max {
		return nil
	}
	refused := fault.New(fault.TooMany, "%s: that was too often: wait a moment", r.Name)
	refused.RetryAfter = rest(now, r.Window)
	return refused
}

// rest is how long the window (see records.Counters) that now lies in still lasts.
func rest(now time.Time, window time.Duration) time.Duration {
	return window - time.Duration(now.UnixNano()%int64(window))
}

// Handler is a handler that each address may call at a rate. A nil write means
// web.WriteProblem.
func (l *Limiter) Handler(r Rate, next http.Handler, write func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return web.Handle(func(w http.ResponseWriter, req *http.Request) error {
		if err := l.Allow(req.Context(), r, Address(req)); err != nil {
			return err
		}
		next.ServeHTTP(w, req)
		return nil
	}, write)
}

// Address is who a request comes from when nothing better is known: the address
// of its RemoteAddr. Of IPv6 it is the network of 64 bits, since one subscriber
// has all of it; an IPv4 address in IPv6's clothes is itself.
func Address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr // a front may know no port
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return "unknown" // all of them together: who hides is no reason to be generous
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return addr.String()
	}
	network, err := addr.Prefix(64)
	if err != nil {
		return "unknown"
	}
	return network.String()
}
