package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
)

// gitServer is what can be asked by a git client.
type gitServer interface {
	title() string
	address() string // of the listener
	host() string    // as clients say it
	// usage is what the server has taken up to now.
	usage(ctx context.Context) (usage, error)
	// rest begins the measurement of memory; peak ends it, with the bytes that one
	// of so many operations at once has taken at most.
	rest(ctx context.Context) error
	peak(ctx context.Context, atOnce int) (int64, error)
}

func remoteURL(s gitServer) string { return "http://" + s.host() + "/repo.git" }

// exchange is a request of the real client, to be made again by a client that
// does nothing with the answer.
type exchange struct {
	method, target string
	header         http.Header
	body           []byte
	size           int64 // of the answer
}

// record runs f with the address of a proxy before the server, and returns the
// requests that it made.
func record(ctx context.Context, s gitServer, f func(url string) error) ([]exchange, error) {
	var mu sync.Mutex
	var made []exchange
	client := newClient(s)
	defer client.CloseIdleConnections()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		e := exchange{method: r.Method, target: r.URL.RequestURI(), header: r.Header.Clone(), body: body}
		res, err := e.send(ctx, client, s)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer res.Body.Close()
		w.Header().Set("Content-Type", res.Header.Get("Content-Type"))
		w.WriteHeader(res.StatusCode)
		e.size, _ = io.Copy(w, res.Body)
		mu.Lock()
		made = append(made, e)
		mu.Unlock()
	}))
	defer proxy.Close()
	err := f(proxy.URL + "/repo.git")
	if err == nil && len(made) == 0 {
		err = errors.New("the client asked for nothing")
	}
	return made, err
}

// newClient is one connection to the server, as a git client has.
func newClient(s gitServer) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", s.address())
		},
		DisableCompression: true, ReadBufferSize: 256 << 10,
	}}
}

func (e exchange) send(ctx context.Context, client *http.Client, s gitServer) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, e.method, "http://"+s.host()+e.target, bytes.NewReader(e.body))
	if err != nil {
		return nil, err
	}
	req.Header = e.header.Clone()
	return client.Do(req)
}

// replay makes the requests one after the other and drops the answers. An answer
// that is not whole, or not what the real client was given, is an error.
func replay(ctx context.Context, client *http.Client, s gitServer, all []exchange) error {
	for _, e := range all {
		res, err := e.send(ctx, client, s)
		if err != nil {
			return err
		}
		size, err := discard(res)
		if err != nil {
			return fmt.Errorf("%s: %s %s: %w", s.title(), e.method, e.target, err)
		}
		if size < e.size/2 {
			return fmt.Errorf("%s: %s %s: %d bytes, not some %d as before", s.title(), e.method, e.target, size, e.size)
		}
	}
	return nil
}

// discard reads an answer packet by packet (gitprotocol-common(5)).
func discard(res *http.Response) (size int64, err error) {
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 300))
		return 0, fmt.Errorf("%s: %s", res.Status, text)
	}
	in := bufio.NewReaderSize(res.Body, 256<<10)
	flushed := false
	for {
		head, err := in.Peek(4)
		if errors.Is(err, io.EOF) && len(head) == 0 && flushed {
			return size, nil
		}
		if err != nil {
			return size, fmt.Errorf("the answer breaks off: %w", err)
		}
		n, err := strconv.ParseUint(string(head), 16, 16)
		if err != nil {
			return size, fmt.Errorf("the answer is none of git's: %w", err)
		}
		flushed = n == 0
		length := max(int(n), 4) // flush, delimiter and end are four digits alone
		if line, _ := in.Peek(min(length, 300)); len(line) > 4 && (line[4] == 3 || bytes.HasPrefix(line[4:], []byte("ERR "))) {
			return size, fmt.Errorf("the server says: %s", line[4:])
		}
		d, err := in.Discard(length)
		if size += int64(d); err != nil {
			return size, fmt.Errorf("the answer breaks off: %w", err)
		}
	}
}
