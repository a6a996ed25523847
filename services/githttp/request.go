package githttp

import (
	"bufio"
	"compress/gzip"
	"encoding/hex"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/gitstore"
)

// Limits of one request. A client repeats what is known to be common in each
// round and adds up to some 16,000 commits to it; the longest real request is
// about a megabyte.
const (
	maxBody     = 4 << 20  // bytes as sent
	maxInflated = 16 << 20 // bytes after decompression
	maxHaves    = 64 << 10
	maxWants    = 1 << 10
)

// request is what a client asks git-upload-pack for.
type request struct {
	wants []gitstore.OID
	haves []gitstore.OID // in the order of the client
	done  bool           // no more rounds

	detailed, multi bool // multi_ack_detailed, multi_ack
	noDone          bool
	band            int // size of side-band packets; 0 for none
}

// readRequest reads the whole body.
func readRequest(w http.ResponseWriter, r *http.Request) (*request, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-git-upload-pack-request" {
		return nil, fault.New(fault.Invalid, "git-upload-pack: the content type is not that of a git client")
	}
	body := io.Reader(http.MaxBytesReader(w, r.Body, maxBody))
	switch r.Header.Get("Content-Encoding") {
	case "", "identity":
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(body)
		if err != nil {
			return nil, tooLargeOr(err, "the body is not gzip as its head says")
		}
		body = &bounded{r: z, left: maxInflated}
	default:
		return nil, fault.New(fault.Invalid, "git-upload-pack: the body is compressed in a way that is not known here; use gzip")
	}
	return parseRequest(body)
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

func tooLargeOr(err error, msg string) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok || errors.Is(err, errBomb) {
		return fault.Wrap(err, fault.TooLarge, "git-upload-pack: the request is larger than any git client needs")
	}
	return fault.Wrap(err, fault.Invalid, "git-upload-pack: %s", msg)
}

func parseRequest(body io.Reader) (*request, error) {
	q := &request{}
	in := &packets{in: bufio.NewReader(body)}
	if err := q.readWants(in); err != nil {
		return nil, err
	}
	if len(q.wants) == 0 {
		return q, nil
	}
	for {
		line, err := in.next()
		switch {
		case errors.Is(err, errFlush):
			continue // the server answers each section, but all of them in one go
		case errors.Is(err, io.EOF):
			return q, nil
		case err != nil:
			return nil, tooLargeOr(err, "a packet is malformed")
		case line == "done":
			q.done = true
			return q, nil
		}
		id, ok := argument(line, "have")
		if !ok {
			return nil, fault.New(fault.Invalid, "git-upload-pack: unknown line after the wants")
		}
		if q.haves = append(q.haves, id); len(q.haves) > maxHaves {
			return nil, fault.New(fault.TooLarge, "git-upload-pack: more than %d commits are offered in one request", maxHaves)
		}
	}
}

// readWants reads up to the first flush packet.
func (q *request) readWants(in *packets) error {
	for {
		line, err := in.next()
		switch {
		case errors.Is(err, errFlush):
			return nil
		case errors.Is(err, io.EOF) && len(q.wants) == 0:
			return nil // git sends an empty request to see if it may
		case err != nil:
			return tooLargeOr(err, "a packet is malformed")
		}
		verb, rest, _ := strings.Cut(line, " ")
		switch verb {
		case "want":
			if len(rest) > 40 && rest[40] == ' ' && len(q.wants) == 0 {
				q.take(rest[41:])
				rest = rest[:40]
			}
			id, ok := argument("want "+rest, "want")
			if !ok || len(q.wants) == maxWants {
				return fault.New(fault.Invalid, "git-upload-pack: malformed or too many wants")
			}
			q.wants = append(q.wants, id)
		case "shallow", "deepen", "deepen-since", "deepen-not":
			return fault.New(fault.Invalid, "git-upload-pack: shallow clones are not served; clone without --depth")
		case "filter":
			return fault.New(fault.Invalid, "git-upload-pack: partial clones are not served; clone without --filter")
		default:
			return fault.New(fault.Invalid, "git-upload-pack: unknown line among the wants")
		}
	}
}

// take notes the capabilities that the client chose.
func (q *request) take(chosen string) {
	for c := range strings.FieldsSeq(chosen) {
		switch c {
		case "multi_ack_detailed":
			q.detailed, q.multi = true, true
		case "multi_ack":
			q.multi = true
		case "no-done":
			q.noDone = true
		case "side-band-64k":
			q.band = maxPacket
		case "side-band":
			q.band = max(q.band, 1000)
		}
	}
}

// argument decodes "verb <40 hex digits>".
func argument(line, verb string) (id gitstore.OID, ok bool) {
	digits, ok := strings.CutPrefix(line, verb+" ")
	if !ok || len(digits) != 40 {
		return id, false
	}
	_, err := hex.Decode(id[:], []byte(digits))
	return id, err == nil
}
