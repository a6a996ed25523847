package lambdakit

import (
	"bufio"
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// chunk is how much is written before it goes out by itself, as in net/http.
const chunk = 4 << 10

// answer is the http.ResponseWriter between the service and lambdaurl's. It
// behaves as net/http's does: small writes are gathered until a flush, a HEAD
// request gets no body, a missing content type is found out, and a header field
// cannot end in the middle of its line.
type answer struct {
	out    http.ResponseWriter
	head   bool // the request is a HEAD
	header http.Header
	final  http.Header // header as it was at WriteHeader; nil before
	buf    *bufio.Writer
	status int  // 0 before WriteHeader
	sent   bool // the header went out: from then on the answer cannot be taken back
}

func newAnswer(out http.ResponseWriter, method string) *answer {
	a := &answer{out: out, head: method == http.MethodHead, header: http.Header{}}
	a.buf = bufio.NewWriterSize(sender{a}, chunk)
	return a
}

func (a *answer) Header() http.Header { return a.header }

// WriteHeader decides on the status. Informational ones cannot be passed on.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= 200 {
		a.status = status
		a.final = a.header.Clone() // what is set later comes too late, as in net/http
	}
}

func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	if a.status == http.StatusNoContent || a.status == http.StatusNotModified {
		return 0, http.ErrBodyNotAllowed
	}
	if !a.sent && len(p) > 0 && a.final.Get("Content-Type") == "" && a.final.Get("Content-Encoding") == "" {
		a.final.Set("Content-Type", http.DetectContentType(p))
	}
	if a.head {
		return len(p), nil
	}
	return a.buf.Write(p)
}

// FlushError sends what has been written so far, if only the header.
func (a *answer) FlushError() error {
	a.send()
	return a.buf.Flush()
}

// Flush is FlushError for those who cannot be told.
func (a *answer) Flush() { _ = a.FlushError() }

// send hands the header over, once.
func (a *answer) send() {
	if a.sent {
		return
	}
	a.sent = true
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	h := a.out.Header()
	for name, values := range a.final {
		if httpguts.ValidHeaderFieldName(name) {
			for _, v := range values {
				h.Add(name, oneLine.Replace(v))
			}
		}
	}
	a.out.WriteHeader(a.status)
}

// oneLine keeps a value from becoming another field (CWE-113): Lambda's front
// gets it in JSON, where a line break is as good as any character.
var oneLine = strings.NewReplacer("\r", " ", "\n", " ", "\x00", " ")

// reset takes back an answer of which nothing went out.
func (a *answer) reset() {
	a.header, a.final, a.status = http.Header{}, nil, 0
	a.buf.Reset(sender{a})
}

// sender is where the buffer goes.
type sender struct{ a *answer }

func (s sender) Write(p []byte) (int, error) {
	s.a.send()
	return s.a.out.Write(p)
}
