package limit

import (
	"context"
	"log/slog"
	"net/http"
	"time"
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
func New(c Counter, log *slog.Logger) (*Limiter, error) { panic("unwritten") }

// Allow counts one more time that who (an address, a user id) does it, and
// returns fault.TooMany with RetryAfter when that is too often. When nobody can
// count it lets them, and logs it: the records being away must not be made worse.
func (l *Limiter) Allow(ctx context.Context, r Rate, who string) error { panic("unwritten") }

// Handler is a handler that each address may call at a rate. A nil write means
// web.WriteProblem.
func (l *Limiter) Handler(r Rate, next http.Handler, write func(http.ResponseWriter, *http.Request, error)) http.Handler {
	panic("unwritten")
}

// Address is who a request comes from when nothing better is known: the address
// of its RemoteAddr. Of IPv6 it is the network of 64 bits, since one subscriber
// has all of it; an IPv4 address in IPv6's clothes is itself.
func Address(r *http.Request) string { panic("unwritten") }
