package ui

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"wikibot.io/pkg/web"
)

// policy lets a page show its text, its own style sheet and script, and
// pictures; nothing inline, nothing framed, nothing sent elsewhere. (CSP Level 3.)
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; font-src 'self'; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Header values are kept as slices that are never changed, so that answering
// from the cache allocates none of them.
var (
	htmlType   = []string{"text/html; charset=utf-8"}
	cspValue   = []string{policy}
	coopValue  = []string{"same-origin"}
	varyValue  = []string{"Cookie, Authorization, Accept-Encoding"}
	gzipValue  = []string{"gzip"}
	privateFor = []string{"private, no-cache"}
	publicFor  = []string{"public, max-age=0, must-revalidate"}
	noIndex    = []string{"noindex, nofollow"}
)

// answer is a finished HTML page. Safe for concurrent use.
type answer struct {
	body   []byte
	length []string
	etag   []string // weak: the same for the plain and the compressed form
	index  bool     // robots may list it

	zip       sync.Once
	zipped    []byte
	zipLength []string
}

func newAnswer(body []byte, index bool) *answer {
	sum := sha256.Sum256(body)
	return &answer{
		body:   body,
		length: []string{strconv.Itoa(len(body))},
		etag:   []string{`W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`},
		index:  index,
	}
}

// cost is about how many bytes the answer holds once both forms exist.
func (a *answer) cost() int64 { return int64(len(a.body))*5/4 + 512 }

func (a *answer) compressed() ([]byte, []string) {
	a.zip.Do(func() {
		a.zipped = zip(a.body, gzip.DefaultCompression)
		a.zipLength = []string{strconv.Itoa(len(a.zipped))}
	})
	return a.zipped, a.zipLength
}

// send writes the answer to whom it is for: a shared cache may keep only what
// an anonymous reader of a public wiki was given, and has to ask each time.
func (a *answer) send(v *visit, status int) {
	h := v.w.Header()
	h["Content-Type"] = htmlType
	h["Content-Security-Policy"] = cspValue
	h["Cross-Origin-Opener-Policy"] = coopValue
	h["Vary"] = varyValue
	h["Cache-Control"] = privateFor
	if v.shared() && status == http.StatusOK {
		h["Cache-Control"] = publicFor
	}
	if !a.index {
		h["X-Robots-Tag"] = noIndex
	}
	if status == http.StatusOK && v.reads() {
		h["Etag"] = a.etag
		if matches(v.r.Header["If-None-Match"], a.etag[0]) {
			v.w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	body, length := a.body, a.length
	if web.AcceptsGzip(v.r.Header) && len(body) > 1000 {
		body, length = a.compressed()
		h["Content-Encoding"] = gzipValue
	}
	h["Content-Length"] = length
	v.w.WriteHeader(status)
	if v.r.Method != http.MethodHead {
		v.w.Write(body) // the reader is gone if this fails
	}
}

// matches implements If-None-Match's weak comparison (RFC 9110 section 13.1.2).
func matches(values []string, etag string) bool {
	for _, v := range values {
		if v == "*" || strings.Contains(v, strings.TrimPrefix(etag, "W/")) {
			return true
		}
	}
	return false
}

func zip(b []byte, level int) []byte {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, level)
	if err != nil {
		panic(err) // the levels are constants
	}
	z.Write(b) // a bytes.Buffer takes everything
	z.Close()
	return out.Bytes()
}
