package wikibot

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener of connections in memory, on which time is the test's.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }
func (p *pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	p.conns <- theirs
	return ours
}

// echo answers with as many bytes as it was sent; "/big" with a megabyte.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusRequestTimeout)
		return
	}
	if r.URL.Path == "/slow" {
		select {
		case <-time.After(10 * time.Minute): // a long computation
		case <-r.Context().Done():
			return
		}
	}
	if r.URL.Path == "/big" {
		body = bytes.Repeat([]byte("x"), 1<<20)
	}
	_, _ = w.Write(body)
}

func serve(t *testing.T) (*http.Server, *pipes) {
	t.Helper()
	s := &http.Server{Handler: paced(http.HandlerFunc(echo)), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelWarn)}
	l := newPipes()
	go func() { _ = s.Serve(l) }()
	return s, l
}

// A client that sends or takes a byte now and then holds a connection, and
// thousands of them hold all there are.
func TestSlowloris(t *testing.T) {
	t.Run("body", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s, l := serve(t)
			defer s.Close()
			c := l.dial()
			defer c.Close()
			began := time.Now()
			go func() { _, _ = io.Copy(io.Discard, c) }()
			fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
			for {
				if _, err := c.Write([]byte("a")); err != nil {
					break
				}
				time.Sleep(5 * time.Second)
			}
			if took := time.Since(began); took > 2*bodyPatience {
				t.Errorf("it was listened to for %v", took)
			}
		})
	})
	t.Run("answer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s, l := serve(t)
			defer s.Close()
			c := l.dial()
			defer c.Close()
			began := time.Now()
			fmt.Fprintf(c, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
			byteNow := make([]byte, 1)
			for {
				if _, err := c.Read(byteNow); err != nil {
					break
				}
				time.Sleep(5 * time.Second)
			}
			if took := time.Since(began); took > 2*patience(answerPatience, 1<<20) {
				t.Errorf("it was served for %v", took)
			}
		})
	})
}

// Who is slow for a reason is served: a long computation, a body in steps, and a
// second request on a connection long after the first.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, l := serve(t)
		defer s.Close()
		c := l.dial()
		defer c.Close()
		in := bufio.NewReader(c)
		ask := func(path string, pause time.Duration) {
			t.Helper()
			fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab", path)
			time.Sleep(pause)
			_, _ = c.Write([]byte("cd"))
			res, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			body, err := io.ReadAll(res.Body)
			if err != nil || string(body) != "abcd" {
				t.Errorf("%s: %q, %v", path, body, err)
			}
		}
		ask("/", 20*time.Second)
		time.Sleep(time.Hour)
		ask("/slow", 0)
		ask("/", time.Second)
	})
}

// What is left of a body that nobody wanted must not be read as requests.
func TestRequestSmuggledInBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []string
		s := &http.Server{Handler: paced(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			seen = append(seen, r.URL.Path)
			_ = r.Body.Close() // as who has found the body too large
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}))}
		l := newPipes()
		go func() { _ = s.Serve(l) }()
		defer s.Close()
		c := l.dial()
		defer c.Close()
		go func() { _, _ = io.Copy(io.Discard, c) }()
		hidden := strings.Repeat("GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n", 40_000)
		_, _ = fmt.Fprintf(c, "POST /first HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(hidden), hidden)
		time.Sleep(time.Minute)
		if len(seen) != 1 {
			t.Errorf("%d requests were answered, the second to %s", len(seen), seen[1])
		}
	})
}

// A client that stopped sending does not keep the process from ending.
func TestStopWithStuckClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, l := serve(t)
		c := l.dial()
		defer c.Close()
		fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nab")
		synctest.Wait()
		var log strings.Builder
		if err := stop(t.Context(), s, grace, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
			t.Error(err)
		}
		if !strings.Contains(log.String(), "cut off") {
			t.Errorf("the log does not tell: %q", log.String())
		}
		if n, err := c.Read(make([]byte, 1000)); n == 0 && err == nil {
			t.Error("the connection is still open")
		}
	})
}

// Wikis whose records are gone must not become nobody's.
func TestLostRecords(t *testing.T) {
	for why, empty := range map[string]bool{"missing": false, "empty": true} {
		data := t.TempDir()
		if err := os.MkdirAll(filepath.Join(data, "wikis", "some", "repo.git"), 0o755); err != nil {
			t.Fatal(err)
		}
		if empty {
			if err := os.WriteFile(filepath.Join(data, "records.db"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := openStores(data, filepath.Join(data, "scratch"), slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), "records.db is missing or empty") {
			t.Errorf("%s: %v, want a refusal", why, err)
		}
	}
}
