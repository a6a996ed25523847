package lambdakit

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	lambdaevents "github.com/aws/aws-lambda-go/events"
	"golang.org/x/net/http/httpguts"
)

// edgeHeader carries the edge's key.
const edgeHeader = "X-Wikibot-Edge"

// What the edge says about the viewer. The address comes without its port from a
// CloudFront Function, where CloudFront itself does not send it on (it does only
// together with the viewer's Host, which function URLs refuse).
const (
	hostHeader    = "X-Forwarded-Host"
	viewerHeader  = "X-Wikibot-Viewer"
	addressHeader = "Cloudfront-Viewer-Address"
)

// ours reports whether a header field was made by the edge or by Lambda, or
// concerns only a connection that ended there. None reaches the service: it
// could not tell them from the viewer's.
func ours(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Expect",
		"Host", "Content-Length", "Cookie", "Forwarded", "Via", "X-Real-Ip":
		return true
	}
	for _, prefix := range []string{"X-Forwarded-", "X-Wikibot-", "Cloudfront-", "X-Amz-Cf-", "X-Amzn-"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// fields returns the event's header fields under their canonical names.
func fields(e *lambdaevents.LambdaFunctionURLRequest) http.Header {
	h := make(http.Header, len(e.Headers))
	for name, v := range e.Headers {
		h.Add(name, v)
	}
	return h
}

// newRequest restores the request that the viewer sent to the edge. The event
// is known to come from the edge; an error says what in it cannot be part of a
// request.
func newRequest(ctx context.Context, e *lambdaevents.LambdaFunctionURLRequest, from http.Header) (*http.Request, error) {
	r := &http.Request{
		Method: e.RequestContext.HTTP.Method,
		Proto:  "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:     make(http.Header, len(from)),
		RequestURI: requestURI(e.RawPath, e.RawQueryString),
		RemoteAddr: clientAddress(from.Get(viewerHeader), from.Get(addressHeader), e.RequestContext.HTTP.SourceIP),
	}
	if !isToken(r.Method) {
		return nil, fmt.Errorf("method %q", r.Method)
	}
	var err error
	if r.URL, err = url.ParseRequestURI(r.RequestURI); err != nil {
		return nil, fmt.Errorf("address %q", r.RequestURI)
	}
	if r.Host, err = viewerHost(from, e.RequestContext.DomainName); err != nil {
		return nil, err
	}
	for name, values := range from {
		if ours(name) {
			continue
		}
		for _, v := range values {
			if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(v) {
				return nil, fmt.Errorf("header field %q", name)
			}
		}
		r.Header[name] = values
	}
	if cookie := cookies(e, from); cookie != "" {
		if !httpguts.ValidHeaderFieldValue(cookie) {
			return nil, fmt.Errorf("cookies")
		}
		r.Header.Set("Cookie", cookie)
	}
	return withBody(r.WithContext(ctx), e, from.Get("Content-Length") != "")
}

// withBody attaches the body. Its length is what it is, whatever the viewer said.
func withBody(r *http.Request, e *lambdaevents.LambdaFunctionURLRequest, said bool) (*http.Request, error) {
	body := []byte(e.Body)
	if e.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(e.Body); err != nil {
			return nil, fmt.Errorf("body in base64")
		}
	}
	r.ContentLength = int64(len(body))
	if len(body) > 0 || said {
		r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	r.Body = http.NoBody
	if len(body) > 0 {
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	return r, nil
}

// cookies returns the Cookie field: the event carries its parts apart, so that
// none is torn at a comma.
func cookies(e *lambdaevents.LambdaFunctionURLRequest, from http.Header) string {
	if len(e.Cookies) > 0 {
		return strings.Join(e.Cookies, "; ")
	}
	return from.Get("Cookie")
}

// viewerHost returns the host that the viewer asked for. The edge sets the field;
// two values would mean that it did not.
func viewerHost(from http.Header, domain string) (string, error) {
	host := from.Get(hostHeader)
	if host == "" {
		return domain, nil // an edge that forwards none: no host of ours, so the service refuses it
	}
	valid := func(c rune) bool {
		return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("-._:[]", c)
	}
	if len(from.Values(hostHeader)) > 1 || strings.ContainsFunc(host, func(c rune) bool { return !valid(c) }) {
		return "", fmt.Errorf("host %q", host)
	}
	return host, nil
}

// clientAddress returns "address:port" of the viewer; the port is 0 if nobody
// said it. CloudFront writes an IPv6 address without brackets, the port behind the
// last colon.
func clientAddress(address, viewer, source string) string {
	if addr, err := netip.ParseAddr(address); err == nil {
		return addressAndPort(addr, 0)
	}
	if ap, err := netip.ParseAddrPort(viewer); err == nil {
		return addressAndPort(ap.Addr(), ap.Port())
	}
	if i := strings.LastIndexByte(viewer, ':'); i > 0 {
		addr, err := netip.ParseAddr(viewer[:i])
		port, portErr := strconv.ParseUint(viewer[i+1:], 10, 16)
		if err == nil && portErr == nil {
			return addressAndPort(addr, uint16(port))
		}
	}
	if addr, err := netip.ParseAddr(source); err == nil {
		return addressAndPort(addr, 0)
	}
	return "0.0.0.0:0"
}

// addressAndPort leaves the zone out: it means nothing here, and may be any text.
func addressAndPort(addr netip.Addr, port uint16) string {
	return netip.AddrPortFrom(addr.Unmap().WithZone(""), port).String()
}

// requestURI returns the request target (RFC 9112 section 3.2.1) of an event. The
// path comes as the viewer escaped it, or unescaped; what may not stand in a
// target as it is gets escaped, and escapes that are whole stay.
func requestURI(path, query string) string {
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	uri := escape(path, "?#")
	if query != "" {
		uri += "?" + escape(query, "#")
	}
	return uri
}

// escape escapes the bytes that are no part of a URL, and those in also.
func escape(s, also string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			b.WriteByte(c)
		case c <= ' ' || c >= 0x7f || strings.IndexByte("%\"<>\\^`{|}", c) >= 0 || strings.IndexByte(also, c) >= 0:
			fmt.Fprintf(&b, "%%%02X", c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// isToken reports whether s may be a method (RFC 9110 section 9.1).
func isToken(s string) bool { return httpguts.ValidHeaderFieldName(s) }
