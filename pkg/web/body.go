package web

import (
	"io"
	"net/http"
	"time"
)

// bodyTime is how long a client may take to send a request's body.
const bodyTime = 2 * time.Minute

// limitBody makes a body that trickles in end in an error, so that slow clients
// cannot hold requests open for ever. A server-wide ReadTimeout would do the same
// to answers that take longer to send, such as clones: its deadline stands while
// the server watches whether the client is still there.
func limitBody(w http.ResponseWriter, r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody {
		return
	}
	c := http.NewResponseController(w)
	if c.SetReadDeadline(time.Now().Add(bodyTime)) != nil {
		return // no connection to limit: Lambda hands bodies over whole
	}
	r.Body = &limitedBody{ReadCloser: r.Body, done: func() { _ = c.SetReadDeadline(time.Time{}) }}
}

type limitedBody struct {
	io.ReadCloser
	done func()
}

func (b *limitedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.done()
	}
	return n, err
}
