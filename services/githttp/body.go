package githttp

import (
	"compress/gzip"
	"errors"
	"io"
	"mime"
	"net/http"

	"wikibot.io/pkg/fault"
)

// Limits of one request. What a client repeats in each round of a negotiation is
// about a megabyte at most; the longest real request names, at 50 bytes each, the
// blobs that the checkout of a partial clone lacks.
const (
	maxBody     = 6 << 20  // bytes as sent
	maxInflated = 16 << 20 // bytes after decompression
)

// openBody returns what a client asks git-upload-pack, decompressed. Git
// compresses whatever is longer than a kilobyte.
func openBody(w http.ResponseWriter, r *http.Request) (io.Reader, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-git-upload-pack-request" {
		return nil, malformed("the content type is not that of a git client")
	}
	body := http.MaxBytesReader(w, r.Body, maxBody)
	switch r.Header.Get("Content-Encoding") {
	case "", "identity":
		return body, nil
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(body)
		if err != nil {
			return nil, tooLargeOr(err, "the body is not gzip as its head says")
		}
		return &bounded{r: z, left: maxInflated}, nil
	default:
		return nil, malformed("the body is compressed in a way that is not known here; use gzip")
	}
}

// errBomb ends the reading of what inflates to more than any client needs.
var errBomb = errors.New("body inflates to more than 16 MiB")

type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errBomb
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// tooLargeOr is the error for a request that could not be read.
func tooLargeOr(err error, msg string) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok || errors.Is(err, errBomb) {
		return fault.Wrap(err, fault.TooLarge, "git-upload-pack: the request is larger than any git client needs")
	}
	return fault.Wrap(err, fault.Invalid, "git-upload-pack: %s", msg)
}

// malformed is the error for what no git client sends. It becomes a status; what
// a person can cause to be sent is refused in the protocol (see refusal).
func malformed(format string, args ...any) error {
	return fault.New(fault.Invalid, "git-upload-pack: "+format, args...)
}

func tooMany(what string, max int) error {
	return fault.New(fault.TooLarge, "git-upload-pack: more than %d %s in one request", max, what)
}

// refusal is an error that people see: git prints what an ERR packet says
// (gitprotocol-pack(5)), and of an answer with another status than 200 the
// status alone.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

func refuse(format string, args ...any) error {
	return refusal{fault.New(fault.Invalid, format, args...)}
}
