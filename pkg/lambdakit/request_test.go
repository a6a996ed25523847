package lambdakit

import (
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	lambdaevents "github.com/aws/aws-lambda-go/events"
)

func answerWith(body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
}

func TestClientAddress(t *testing.T) {
	for _, c := range []struct{ why, address, viewer, source, want string }{
		{"IPv4", "", "198.51.100.10:46532", "192.0.2.1", "198.51.100.10:46532"},
		{"IPv6 as CloudFront writes it", "", "2001:db8::1:46532", "192.0.2.1", "[2001:db8::1]:46532"},
		{"IPv6 with all groups", "", "2001:db8:1:2:3:4:5:6:443", "192.0.2.1", "[2001:db8:1:2:3:4:5:6]:443"},
		{"IPv6 in brackets", "", "[2001:db8::1]:46532", "192.0.2.1", "[2001:db8::1]:46532"},
		{"IPv4 within IPv6", "", "::ffff:198.51.100.10:443", "192.0.2.1", "198.51.100.10:443"},
		{"none", "", "", "192.0.2.1", "192.0.2.1:0"},
		{"a port that is none", "", "198.51.100.10:70000", "192.0.2.1", "192.0.2.1:0"},
		{"a name", "", "localhost:80", "2001:db8::2", "[2001:db8::2]:0"},
		{"nothing at all", "", "", "", "0.0.0.0:0"},
		{"what a script at the edge says goes before", "203.0.113.9", "198.51.100.10:46532", "192.0.2.1", "203.0.113.9:0"},
		{"a zone may be any text", "fe80::1%\r\nx", "", "", "[fe80::1]:0"},
		{"in a header of CloudFront's too", "", "[fe80::1%\r\nx]:80", "", "[fe80::1]:80"},
	} {
		if got := clientAddress(c.address, c.viewer, c.source); got != c.want {
			t.Errorf("%s: clientAddress(%q, %q, %q) = %q, want %q", c.why, c.address, c.viewer, c.source, got, c.want)
		}
	}
}

// Whatever an event holds, the request's parts agree with each other, and nothing
// in it ends a line.
func FuzzNewRequest(f *testing.F) {
	f.Add("/a%2Fb", "q=1", "notes.wikibot.io", "198.51.100.10:1", "accept", "text/html", "a=1")
	f.Add("/a b", "x y\r\n", "evil.example, notes.wikibot.io", "::1:80", "x-forwarded-for", "1", "a=1, b=2")
	f.Add("//host/x", "%", "", "", "content-length", "5", "")
	f.Add("*", "?", "[::1]:80", "x", "transfer-encoding", "chunked", "\x00")
	f.Fuzz(func(t *testing.T, path, query, host, viewer, name, value, cookie string) {
		e := &lambdaevents.LambdaFunctionURLRequest{
			RawPath: path, RawQueryString: query, Cookies: []string{cookie},
			Headers: map[string]string{"x-forwarded-host": host, "cloudfront-viewer-address": viewer, name: value},
		}
		e.RequestContext.HTTP.Method = "GET"
		r, err := newRequest(t.Context(), e, fields(e))
		if err != nil {
			return
		}
		if u, err := url.ParseRequestURI(r.RequestURI); err != nil || u.String() != r.URL.String() || !strings.HasPrefix(r.URL.Path, "/") {
			t.Errorf("target %q, URL %q, %v", r.RequestURI, r.URL, err)
		}
		if _, err := netip.ParseAddrPort(r.RemoteAddr); err != nil {
			t.Errorf("remote address %q", r.RemoteAddr)
		}
		all := []string{r.Host, r.RequestURI}
		for n, values := range r.Header {
			if ours(n) && n != "Cookie" && n != "Content-Length" {
				t.Errorf("the service sees %s", n)
			}
			all = append(append(all, n), values...)
		}
		for _, s := range all {
			if strings.ContainsAny(s, "\r\n\x00") {
				t.Errorf("%q has a line break", s)
			}
		}
	})
}
