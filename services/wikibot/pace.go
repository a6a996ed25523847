package wikibot

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"
)

// What a client may take its time with. Connections are what a slow one costs,
// and there are only so many.
const (
	bodyPatience   = 30 * time.Second // for a body, beside what its size takes at the slowest rate
	answerPatience = time.Minute      // for an answer, likewise
	slowest        = 8 << 10          // bytes a second
)

// paced gives up clients that send their body or take their answer slower than
// any network. The server's own timeouts are for whole requests, and would end
// the clone of a large wiki as well.
func paced(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		if r.Body != nil && r.Body != http.NoBody {
			b := &pacedBody{ReadCloser: r.Body, c: c, began: time.Now()}
			b.extend() // also for what the server discards if nobody reads it
			// In a copy: the server looks at its own request's body to learn whether
			// what is left of it may be on the connection, where it would be taken
			// for the next request.
			r = r.WithContext(r.Context())
			r.Body = b
		}
		pw := &pacedWriter{ResponseWriter: w, c: c}
		_ = c.SetWriteDeadline(time.Time{}) // which the last answer on this connection left behind
		next.ServeHTTP(pw, r)
	})
}

// patience is how long so many bytes may take.
func patience(least time.Duration, bytes int64) time.Duration {
	return least + time.Duration(bytes)*time.Second/slowest
}

type pacedBody struct {
	io.ReadCloser
	c     *http.ResponseController
	began time.Time
	read  int64
}

// A writer that knows no deadlines, as in some tests, has no slow clients.
func (b *pacedBody) extend() { _ = b.c.SetReadDeadline(b.began.Add(patience(bodyPatience, b.read))) }

func (b *pacedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.read += int64(n); errors.Is(err, io.EOF) {
		// From here on the server reads only to learn that the client has gone. A
		// deadline would look like that to the handler.
		_ = b.c.SetReadDeadline(time.Time{})
	} else {
		b.extend()
	}
	return n, err
}

type pacedWriter struct {
	http.ResponseWriter
	c       *http.ResponseController
	began   time.Time // of the first write; what the handler does before is not the client's fault
	written int64
}

func (w *pacedWriter) extend(n int) {
	now := time.Now()
	if w.began.IsZero() {
		w.began = now
	}
	w.written += int64(n)
	until := w.began.Add(patience(answerPatience, w.written))
	if soon := now.Add(bodyPatience); until.Before(soon) {
		until = soon // a handler that pauses between writes
	}
	_ = w.c.SetWriteDeadline(until)
}

func (w *pacedWriter) WriteHeader(status int) {
	w.extend(0)
	w.ResponseWriter.WriteHeader(status)
}

func (w *pacedWriter) Write(p []byte) (int, error) {
	w.extend(len(p))
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the writer below.
func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// stop lets the requests under way finish, and after the grace cuts off what is
// left: a client that has stopped sending must not keep the process.
func stop(ctx context.Context, s *http.Server, grace time.Duration, log *slog.Logger) error {
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err := s.Shutdown(closing)
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	log.WarnContext(ctx, "cut off requests that were still under way", "after", grace)
	return s.Close()
}
