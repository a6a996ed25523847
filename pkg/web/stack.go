package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"wikibot.io/pkg/fault"
)

// Record is the one log record of a request, filled along the way. It never
// holds a secret, a token or page content.
type Record struct {
	ID     string
	Wiki   string // wiki id
	User   string // user id
	Via    string // "session", "token", "anonymous"
	Status int
	Bytes  int64
	Err    error
}

type recordKey struct{}

// RecordOf returns the request's record; outside of a [Stack] a fresh one that
// nobody reads.
func RecordOf(ctx context.Context) *Record {
	if rec, ok := ctx.Value(recordKey{}).(*Record); ok {
		return rec
	}
	return new(Record)
}

// Stack wraps a handler in what every request of the fleet goes through, once,
// at the outermost door.
func Stack(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		rec := &Record{ID: strings.ToLower(rand.Text()[:16])}
		r = r.WithContext(context.WithValue(r.Context(), recordKey{}, rec))
		rw := &recorder{ResponseWriter: w, rec: rec}
		h := rw.Header()
		h.Set("X-Request-Id", rec.ID)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		defer func() {
			p := recover()
			if p != nil && p != http.ErrAbortHandler {
				rec.Err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
				if rec.Status == 0 {
					WriteProblem(rw, r, rec.Err)
					p = nil
				}
			}
			logRequest(log, r, rec, time.Since(start))
			if p != nil {
				// Half an answer must not end as if it were the whole one.
				panic(http.ErrAbortHandler)
			}
		}()
		if err := checkOrigin(r); err != nil {
			WriteProblem(rw, r, err)
			return
		}
		next.ServeHTTP(rw, r)
	})
}

func logRequest(log *slog.Logger, r *http.Request, rec *Record, took time.Duration) {
	level, msg := slog.LevelInfo, "request"
	attrs := make([]slog.Attr, 0, 11)
	attrs = append(attrs,
		slog.String("id", rec.ID), slog.String("method", r.Method), slog.String("host", r.Host), slog.String("path", r.URL.Path),
		slog.Int("status", rec.Status), slog.Int64("bytes", rec.Bytes), slog.Duration("took", took))
	if rec.Via != "" {
		attrs = append(attrs, slog.String("via", rec.Via), slog.String("user", rec.User))
	}
	if rec.Wiki != "" {
		attrs = append(attrs, slog.String("wiki", rec.Wiki))
	}
	if rec.Err != nil {
		attrs = append(attrs, slog.Any("err", rec.Err))
		if fault.Is(rec.Err, fault.Internal) && !errors.Is(rec.Err, context.Canceled) {
			level = slog.LevelError
		}
	}
	log.LogAttrs(r.Context(), level, msg, attrs...)
}

// checkOrigin refuses a state change that a page of another origin made a
// browser send with our cookie. Same-site is not enough: all wikis are same-site
// with each other and hold text by strangers. Clients without cookies (tokens,
// git) have nothing to forge.
func checkOrigin(r *http.Request) error {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return nil
	}
	if r.Header.Get("Cookie") == "" && !strings.HasPrefix(r.URL.Path, "/auth/") {
		return nil
	}
	refused := fault.New(fault.Denied, "refuse %s %s: it does not come from a page of this site", r.Method, r.URL.Path)
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return nil
	case "":
	default:
		return refused
	}
	origin, err := url.Parse(r.Header.Get("Origin"))
	if err != nil || origin.Host == "" || !strings.EqualFold(origin.Host, r.Host) {
		return refused
	}
	return nil
}

type recorder struct {
	http.ResponseWriter
	rec *Record
}

func (w *recorder) WriteHeader(status int) {
	if w.rec.Status == 0 && status >= 200 {
		w.rec.Status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(p []byte) (int, error) {
	if w.rec.Status == 0 {
		w.rec.Status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.rec.Bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the writer below.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush sends what has been written so far.
func (w *recorder) Flush() { http.NewResponseController(w.ResponseWriter).Flush() }
