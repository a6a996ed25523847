package edge

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"sync"
)

// roundTrip asks a handler as one would ask a server: the answer's head returns
// as soon as it is written, and the body comes through a pipe, each write by
// itself. A handler that panics has dropped the connection.
func roundTrip(h http.Handler, req *http.Request) (*http.Response, error) {
	r, w := io.Pipe()
	a := &answer{header: http.Header{}, body: w, head: make(chan struct{}), noBody: req.Method == http.MethodHead}
	go func() {
		var err error
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("the origin dropped the connection: %v", p)
			}
			a.end(err)
		}()
		h.ServeHTTP(a, req)
	}()
	select {
	case <-a.head:
	case <-req.Context().Done():
		_ = r.CloseWithError(req.Context().Err())
		return nil, req.Context().Err()
	}
	if a.failed != nil {
		return nil, a.failed
	}
	length := int64(-1)
	if n, err := strconv.ParseInt(a.sent.Get("Content-Length"), 10, 64); err == nil {
		length = n
	}
	return &http.Response{StatusCode: a.status, Header: a.sent, Body: r, ContentLength: length}, nil
}

// answer is the handler's side of a round trip.
type answer struct {
	header http.Header
	body   *io.PipeWriter
	noBody bool

	once   sync.Once
	head   chan struct{} // closed once the fields below are set
	status int
	sent   http.Header
	failed error
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
		return
	}
	a.once.Do(func() {
		a.status, a.sent = status, maps.Clone(a.header)
		if a.sent == nil {
			a.sent = http.Header{}
		}
		close(a.head)
	})
}

func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	if a.noBody || a.status == http.StatusNoContent || a.status == http.StatusNotModified {
		return len(p), nil
	}
	if len(p) == 0 {
		return 0, nil // a pipe would wait for a reader
	}
	return a.body.Write(p)
}

// Flush sends the head, as a server would; the body is never held back.
func (a *answer) Flush() { a.WriteHeader(http.StatusOK) }

func (a *answer) end(err error) {
	if err != nil {
		a.once.Do(func() {
			a.failed = err
			close(a.head)
		})
		_ = a.body.CloseWithError(errors.Join(err, io.ErrUnexpectedEOF))
		return
	}
	a.WriteHeader(http.StatusOK)
	_ = a.body.Close()
}
