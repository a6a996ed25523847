package edge

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// viewer is a request as the edge sees it; a viewer-request function may change
// it. The header has Host.
type viewer struct {
	id         string // X-Amz-Cf-Id
	method     string
	uri, query string // as they were sent, still encoded
	header     http.Header
	ip, port   string
	body       io.ReadCloser
	length     int64 // of the body; -1 if unknown
}

func newViewer(r *http.Request) *viewer {
	v := &viewer{id: rand.Text(), method: r.Method, uri: r.URL.EscapedPath(), query: r.URL.RawQuery, header: r.Header.Clone(), body: r.Body, length: r.ContentLength}
	if v.uri == "" {
		v.uri = "/"
	}
	v.header.Set("Host", r.Host)
	v.ip, v.port, _ = net.SplitHostPort(r.RemoteAddr)
	return v
}

// dropped never reach the origin, whatever the policies say ("HTTP request
// headers and CloudFront behavior").
var dropped = []string{
	"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding",
	"upgrade", "expect", "x-forwarded-proto", "x-real-ip", "content-length",
}

// always reach the origin, even if no policy names them.
var always = []string{
	"content-type", "content-md5", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "range", "x-forwarded-for", "via",
}

// originRequest makes the request that goes to the origin.
func (b *behavior) originRequest(ctx context.Context, v *viewer, edgeName string) (*http.Request, error) {
	target := b.origin.path + v.uri
	if query := b.queryForOrigin(v.query); query != "" {
		target += "?" + query
	}
	u, err := url.ParseRequestURI(target)
	if err != nil || len(target) > maxURL {
		return nil, fmt.Errorf("%w: the address %.100q", errInvalid, target)
	}
	u.Scheme, u.Host = "https", b.origin.domain
	req := (&http.Request{
		Method: v.method, URL: u, Host: b.origin.domain, RequestURI: target, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: v.body, ContentLength: v.length, RemoteAddr: "192.0.2.1:443",
	}).WithContext(ctx)
	b.forwardHeaders(req, v)
	if b.headerGoes("host") {
		req.Host = v.header.Get("Host")
	}
	req.Header.Del("Host")
	if cookies := b.cookiesForOrigin(v); cookies != "" {
		req.Header.Set("Cookie", cookies)
	}
	b.encodings(v).forward(req.Header, v)
	req.Header.Set("X-Forwarded-For", strings.TrimPrefix(strings.Join(v.header["X-Forwarded-For"], ",")+","+v.ip, ","))
	req.Header.Add("Via", "2.0 "+edgeName+" (CloudFront)")
	req.Header.Set("X-Amz-Cf-Id", v.id)
	if b.forward != nil {
		for _, name := range b.forward.adds {
			value, err := ownHeader(name, *v)
			if err != nil {
				return nil, err
			}
			req.Header.Set(name, value)
		}
	}
	for name, values := range b.origin.custom { // they win over the viewer's
		req.Header[name] = values
	}
	return req, nil
}

func (b *behavior) forwardHeaders(req *http.Request, v *viewer) {
	for name, values := range v.header {
		lower := strings.ToLower(name)
		switch {
		case slices.Contains(dropped, lower), strings.HasPrefix(lower, "x-edge-"), strings.HasPrefix(lower, "x-amz-cf-"), lower == "cookie", lower == "accept-encoding":
		case b.headerGoes(lower), slices.Contains(always, lower):
			req.Header[name] = slices.Clone(values)
		case lower == "authorization" && v.method != http.MethodGet && v.method != http.MethodHead && v.method != http.MethodOptions:
			req.Header[name] = slices.Clone(values)
		}
	}
	if !b.headerGoes("user-agent") {
		req.Header.Set("User-Agent", "Amazon CloudFront")
	} else if req.Header.Get("User-Agent") == "" {
		req.Header["User-Agent"] = nil
	}
}

func (b *behavior) headerGoes(lower string) bool {
	return b.cache.headers.has(lower) || b.forward != nil && b.forward.headers.has(lower)
}

// cookiesGo reports whether any cookie is let through to the origin, and so
// whether the origin's Set-Cookie is let through to the viewer.
func (b *behavior) cookiesGo() bool {
	return !b.cache.cookies.none() || b.forward != nil && !b.forward.cookies.none()
}

func (b *behavior) cookiesForOrigin(v *viewer) string {
	return strings.Join(slices.DeleteFunc(cookiePairs(v.header), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return !b.cache.cookies.has(name) && (b.forward == nil || !b.forward.cookies.has(name))
	}), "; ")
}

func cookiePairs(h http.Header) []string {
	var pairs []string
	for _, line := range h["Cookie"] {
		for pair := range strings.SplitSeq(line, ";") {
			if pair = strings.TrimSpace(pair); pair != "" {
				pairs = append(pairs, pair)
			}
		}
	}
	return pairs
}

func (b *behavior) queryForOrigin(raw string) string {
	if b.cache.query.all && b.cache.query.except == nil || b.forward != nil && b.forward.query.all && b.forward.query.except == nil {
		return raw
	}
	return pick(raw, func(name string) bool {
		return b.cache.query.has(name) || b.forward != nil && b.forward.query.has(name)
	})
}

func pick(raw string, has func(string) bool) string {
	var out []string
	for pair := range strings.SplitSeq(raw, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if pair != "" && has(name) {
			out = append(out, pair)
		}
	}
	return strings.Join(out, "&")
}

// encodings is what becomes of Accept-Encoding ("Compression support"): the
// normalized value where the cache policy enables encodings, and the header like
// any other where it does not.
type encodings struct {
	managed bool
	value   string // "" if the viewer takes no encoding that is enabled
}

func (b *behavior) encodings(v *viewer) encodings {
	e := encodings{managed: b.cache.gzip || b.cache.brotli}
	if !e.managed {
		if b.headerGoes("accept-encoding") {
			e.value = v.header.Get("Accept-Encoding")
		}
		return e
	}
	accepted := accepts(v.header.Get("Accept-Encoding"))
	var takes []string
	if b.cache.brotli && slices.Contains(accepted, "br") {
		takes = append(takes, "br")
	}
	if b.cache.gzip && slices.Contains(accepted, "gzip") {
		takes = append(takes, "gzip")
	}
	e.value = strings.Join(takes, ",")
	return e
}

func accepts(header string) []string {
	var names []string
	for part := range strings.SplitSeq(header, ",") {
		name, q, _ := strings.Cut(strings.ToLower(strings.TrimSpace(part)), ";")
		if !slices.Contains([]string{"q=0", "q=0.0", "q=0.00", "q=0.000"}, strings.ReplaceAll(q, " ", "")) {
			names = append(names, strings.TrimSpace(name))
		}
	}
	return names
}

func (e encodings) forward(h http.Header, v *viewer) {
	switch {
	case e.value != "":
		h.Set("Accept-Encoding", e.value)
	case e.managed && v.header.Get("Accept-Encoding") != "":
		h.Set("Accept-Encoding", "identity")
	}
}

// ownHeader gives the value of one of the headers that CloudFront can add.
func ownHeader(name string, v viewer) (string, error) {
	switch strings.ToLower(name) {
	case "cloudfront-viewer-address":
		return v.ip + ":" + v.port, nil
	case "cloudfront-forwarded-proto":
		return "https", nil
	case "cloudfront-viewer-http-version":
		return "2.0", nil
	case "cloudfront-viewer-country":
		return "ZZ", nil
	}
	return "", fmt.Errorf("the header %s is not known here", name)
}
