package wikibot

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"wikibot.io/services/internal/e2e"
)

// memory is a network of connections in memory, on which time is the test's.
type memory struct {
	*pipes
	once sync.Once
}

func (m *memory) Close() error {
	m.once.Do(func() { _ = m.pipes.Close() })
	return nil
}

// caller is a connection whose other end has an address.
type caller struct {
	net.Conn
	from net.Addr
}

func (c caller) RemoteAddr() net.Addr { return c.from }

// client speaks HTTP to the fleet, whatever host it asks for. A nil jar makes it a
// program without cookies.
func (m *memory) client(address string, jar http.CookieJar) *http.Client {
	c := e2e.NewClient(jar)
	c.Transport = &http.Transport{
		IdleConnTimeout: time.Minute, // before the server's end
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			select {
			case m.conns <- caller{theirs, &net.TCPAddr{IP: net.ParseIP(address), Port: 4711}}:
				return ours, nil
			case <-m.closed:
				return nil, net.ErrClosed
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		},
	}
	return c
}

// inMemory is a whole fleet in a bubble of time.
type inMemory struct {
	*memory
	data, root string
	// stillEvents stops the delivery of events for good. It looks into the outbox
	// every second, which makes days of a bubble's time long.
	stillEvents func()
}

// serveInMemory serves a fleet until the test ends.
func serveInMemory(t *testing.T) inMemory {
	t.Helper()
	m := inMemory{memory: &memory{pipes: newPipes()}, data: t.TempDir()}
	f, err := Open(Config{Data: m.data, Listen: "127.0.0.1:0"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.listener.Close(); err != nil {
		t.Fatal(err)
	}
	m.root = strings.TrimSuffix(f.URL(), "/")
	ctx, stop := context.WithCancel(context.Background())
	events, still := context.WithCancel(ctx)
	var all, delivering sync.WaitGroup
	all.Go(func() { _ = f.server.Serve(m.memory) }) // it ends by Close
	all.Go(func() { goRounds(ctx, f.rounds, f.log) })
	delivering.Go(func() { f.dispatcher.Run(events) })
	m.stillEvents = func() { still(); delivering.Wait() }
	t.Cleanup(func() {
		err := f.server.Close()
		stop()
		m.stillEvents()
		all.Wait()
		if err := errors.Join(err, f.close()); err != nil {
			t.Error(err)
		}
	})
	return m
}

// at is an address on the host of a wiki.
func (m inMemory) at(slug, path string) string {
	return strings.Replace(m.root, "://", "://"+slug+".", 1) + path
}

// answer is what became of a request.
type answer struct {
	*http.Response
	text string
}

// send sends a request; headers are names and values in turn.
func send(t *testing.T, c *http.Client, method, address, body string, headers ...string) answer {
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return answer{Response: new(http.Response)}
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := c.Do(req)
	if err != nil {
		t.Errorf("%s %s: %v", method, address, err)
		return answer{Response: new(http.Response)}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Errorf("%s %s: %v", method, address, err)
	}
	return answer{res, string(text)}
}

// post sends a form as a page of the root host would.
func (m inMemory) post(t *testing.T, c *http.Client, path string, form url.Values) answer {
	return send(t, c, http.MethodPost, m.root+path, form.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Origin", m.root)
}
