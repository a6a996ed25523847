package runtimeapi_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/services/rehearsal/runtimeapi"
)

// seen is what the service saw of a request.
type seen struct {
	Method, Host, RemoteAddr, RequestURI, Path, EscapedPath, Query string
	ContentLength                                                  int64
	Header                                                         http.Header
	Body                                                           []byte
}

func decode(t *testing.T, body []byte) (s seen) {
	t.Helper()
	if err := json.Unmarshal(body, &s); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return s
}

// The service sees the viewer's request, and nothing of the way that it took.
func TestServiceSeesTheViewersRequest(t *testing.T) {
	f, _ := newProbe(t, nil)
	addr := serve(t, f)
	binary := []byte{0, 0xff, 0xfe, '\n'}
	for _, c := range []struct {
		why    string
		method string
		path   string // as on the wire
		header map[string]string
		body   []byte
		want   seen
	}{
		{"host and address come from the edge", "GET", "/", map[string]string{"X-Forwarded-Host": "Notes.wikibot.io", "CloudFront-Viewer-Address": "198.51.100.10:46532"}, nil,
			seen{Host: "Notes.wikibot.io", RemoteAddr: "198.51.100.10:46532", RequestURI: "/", Path: "/", EscapedPath: "/"}},
		{"an IPv6 address comes without brackets", "GET", "/", map[string]string{"CloudFront-Viewer-Address": "2001:db8:85a3::8a2e:370:7334:443"}, nil,
			seen{RemoteAddr: "[2001:db8:85a3::8a2e:370:7334]:443", RequestURI: "/", Path: "/", EscapedPath: "/"}},
		{"a script at the edge knows the address and not the port", "GET", "/", map[string]string{"X-Wikibot-Viewer": "2001:db8::7", "CloudFront-Viewer-Address": "203.0.113.9:1"}, nil,
			seen{RemoteAddr: "[2001:db8::7]:0", RequestURI: "/", Path: "/", EscapedPath: "/"}},
		{"an address that is none is replaced by the front's", "GET", "/", map[string]string{"CloudFront-Viewer-Address": "unknown"}, nil,
			seen{RemoteAddr: "127.0.0.1:0", RequestURI: "/", Path: "/", EscapedPath: "/"}},
		{"a name with spaces", "GET", "/My%20Page?a=b%20c&a=d+e", nil, nil,
			seen{RequestURI: "/My%20Page?a=b%20c&a=d+e", Path: "/My Page", EscapedPath: "/My%20Page", Query: "a=b%20c&a=d+e"}},
		{"a slash that is no separator", "GET", "/a%2Fb", nil, nil,
			seen{RequestURI: "/a%2Fb", Path: "/a/b", EscapedPath: "/a%2Fb"}},
		{"a percent sign", "GET", "/100%25%20sure", nil, nil,
			seen{RequestURI: "/100%25%20sure", Path: "/100% sure", EscapedPath: "/100%25%20sure"}},
		{"letters beyond ASCII, escaped", "GET", "/Stra%C3%9Fe/%E6%97%A5", nil, nil,
			seen{RequestURI: "/Stra%C3%9Fe/%E6%97%A5", Path: "/Straße/日", EscapedPath: "/Stra%C3%9Fe/%E6%97%A5"}},
		{"two slashes at the beginning name no host", "GET", "//evil.example/x", nil, nil,
			seen{RequestURI: "//evil.example/x", Path: "//evil.example/x", EscapedPath: "//evil.example/x"}},
		{"cookies", "GET", "/", map[string]string{"Cookie": "a=1; b=2"}, nil,
			seen{RequestURI: "/", Path: "/", EscapedPath: "/", Header: http.Header{"Cookie": {"a=1; b=2"}}}},
		{"text", "POST", "/", map[string]string{"Content-Type": "application/json"}, []byte(`{"ü":1}`),
			seen{RequestURI: "/", Path: "/", EscapedPath: "/", ContentLength: 8, Body: []byte(`{"ü":1}`),
				Header: http.Header{"Content-Type": {"application/json"}, "Content-Length": {"8"}}}},
		{"bytes", "PUT", "/", map[string]string{"Content-Type": "application/x-git-upload-pack-request"}, binary,
			seen{RequestURI: "/", Path: "/", EscapedPath: "/", ContentLength: 4, Body: binary,
				Header: http.Header{"Content-Type": {"application/x-git-upload-pack-request"}, "Content-Length": {"4"}}}},
		{"a form", "POST", "/", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, []byte("a=b"),
			seen{RequestURI: "/", Path: "/", EscapedPath: "/", ContentLength: 3, Body: []byte("a=b"),
				Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Content-Length": {"3"}}}},
		{"no body", "POST", "/", nil, nil,
			seen{RequestURI: "/", Path: "/", EscapedPath: "/", Header: http.Header{"Content-Length": {"0"}}}},
	} {
		res, body, err := fetch(t, c.method, addr+c.path, bytes.NewReader(c.body), c.header)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Errorf("%s: %v %v %s", c.why, err, res, body)
			continue
		}
		got := decode(t, body)
		c.want.Method = c.method
		if c.want.Host == "" {
			c.want.Host = "notes.wikibot.io"
		}
		if c.want.RemoteAddr == "" {
			c.want.RemoteAddr = "127.0.0.1:0"
		}
		if c.want.Header == nil {
			c.want.Header = http.Header{}
		}
		for name, v := range map[string]string{"User-Agent": "Go-http-client/1.1", "Accept-Encoding": "gzip"} {
			c.want.Header.Set(name, v)
		}
		if len(got.Body) == 0 {
			got.Body = nil
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.why, diff)
		}
	}
	if n := len(f.Instances()); n != 1 {
		t.Errorf("%d processes for requests one after the other", n)
	}
}

// A front that hands paths over unescaped leaves the service the same paths, as
// far as they can be told.
func TestUnescapedPath(t *testing.T) {
	f, _ := newProbe(t, nil)
	for _, c := range []struct{ raw, uri, path string }{
		{"/My Page", "/My%20Page", "/My Page"},
		{"/Straße", "/Stra%C3%9Fe", "/Straße"},
		{"/100% sure", "/100%25%20sure", "/100% sure"},
		{"/why?", "/why%3F", "/why?"},
		{"/a#b", "/a%23b", "/a#b"},
		{"", "/", "/"},
	} {
		event, err := json.Marshal(runtimeapi.Event{
			Version: "2.0", RawPath: c.raw, Headers: map[string]string{"x-wikibot-edge": edgeKey, "x-forwarded-host": "notes.wikibot.io"},
			RequestContext: runtimeapi.EventContext{HTTP: runtimeapi.EventHTTP{Method: "GET"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		raw, err := f.Invoke(t.Context(), event)
		_, body, found := bytes.Cut(raw, make([]byte, 8))
		if err != nil || !found {
			t.Errorf("%q: %v %s", c.raw, err, raw)
			continue
		}
		if got := decode(t, body); got.RequestURI != c.uri || got.Path != c.path {
			t.Errorf("%q: the service sees %q, %q; want %q, %q", c.raw, got.RequestURI, got.Path, c.uri, c.path)
		}
	}
}

func TestAnswers(t *testing.T) {
	f, _ := newProbe(t, nil)
	addr := serve(t, f)
	for _, c := range []struct {
		why, method, query string
		header             map[string]string
		status             int
		want               http.Header // the fields that matter
		body               string
	}{
		{"several cookies", "GET", "status=200&h=Set-Cookie:a=1%3B+Path=/&h=Set-Cookie:b=2,3&body=x", nil, 200,
			http.Header{"Set-Cookie": {"a=1; Path=/", "b=2,3"}, "Content-Type": {"text/plain; charset=utf-8"}}, "x"},
		{"several values", "GET", "status=200&h=Vary:Accept&h=Vary:Cookie&body=x", nil, 200, http.Header{"Vary": {"Accept,Cookie"}}, "x"},
		{"a type that is said is kept", "GET", "status=404&h=Content-Type:application/problem%2Bjson&body={}", nil, 404,
			http.Header{"Content-Type": {"application/problem+json"}}, "{}"},
		{"no guess about compressed bytes", "GET", "status=200&h=Content-Encoding:br&body=x", nil, 200, http.Header{"Content-Type": nil}, "x"},
		{"a head has no body", "HEAD", "status=200&h=Etag:%22a%22&body=never", nil, 200, http.Header{"Etag": {`"a"`}}, ""},
		{"not modified has none", "GET", "status=304&h=Etag:%22a%22&body=never", nil, 304, http.Header{"Etag": {`"a"`}}, ""},
		{"nor no content", "DELETE", "status=204&body=never", nil, 204, nil, ""},
		{"a redirect without a body", "GET", "status=303&h=Location:/x", nil, 303, http.Header{"Location": {"/x"}}, ""},
		{"the front keeps this name for itself", "GET", "status=401&h=WWW-Authenticate:Bearer+realm=%22a%22&body=x", nil, 401,
			http.Header{"Www-Authenticate": nil, "X-Amzn-Remapped-Www-Authenticate": {`Bearer realm="a"`}}, "x"},
	} {
		header := map[string]string{"X-Bare": "1"}
		for name, v := range c.header {
			header[name] = v
		}
		res, body, err := fetch(t, c.method, addr+"/-/answer?"+c.query, nil, header)
		if err != nil || res.StatusCode != c.status || string(body) != c.body {
			t.Errorf("%s: %v, %v, %q", c.why, err, res, body)
			continue
		}
		for name, want := range c.want {
			if diff := cmp.Diff(want, res.Header[name]); diff != "" {
				t.Errorf("%s: %s (-want +got):\n%s", c.why, name, diff)
			}
		}
	}
}

// What a service flushes is there before the service goes on.
func TestFlushSendsAChunk(t *testing.T) {
	f, _ := newProbe(t, nil)
	addr := serve(t, f)
	for _, bare := range []string{"", "1"} {
		seenFirst := make(chan struct{})
		gate := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-seenFirst }))
		r, err := http.NewRequest("GET", addr+"/-/stream?until="+url.QueryEscape(gate.URL), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Wikibot-Edge", edgeKey)
		r.Header.Set("X-Bare", bare)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		first := make([]byte, 3)
		if _, err := io.ReadFull(res.Body, first); err != nil {
			t.Error(err)
		}
		close(seenFirst)
		rest, err := io.ReadAll(res.Body)
		if err != nil || string(first)+string(rest) != "onetwo" {
			t.Errorf("got %q, %q, %v", first, rest, err)
		}
		res.Body.Close()
		gate.Close()
	}
}

// However a handler ends, the client can tell a whole answer from half a one,
// and the process lives on.
func TestHandlersThatFail(t *testing.T) {
	f, _ := newProbe(t, nil)
	addr := serve(t, f)
	for _, c := range []struct {
		why, path string
		bare      string
		status    int // 0: the connection breaks
	}{
		{"a panic before the answer, caught by the service's stack", "/-/panic", "", 500},
		{"a panic before the answer, caught by the shim", "/-/panic", "1", 500},
		{"a panic after half of it", "/-/panic/half", "", 0},
		{"the same, caught by the shim", "/-/panic/half", "1", 0},
		{"the service breaks the connection before the answer", "/-/abort", "1", 502},
		{"and after half of it", "/-/abort/half", "", 0},
	} {
		res, body, err := fetch(t, "GET", addr+c.path, nil, map[string]string{"X-Bare": c.bare})
		switch {
		case c.status == 0 && err == nil:
			t.Errorf("%s: %q arrived as a whole answer", c.why, body)
		case c.status != 0 && (err != nil || res.StatusCode != c.status || strings.Contains(string(body), "probe panics")):
			t.Errorf("%s: %v %v %s", c.why, err, res, body)
		}
	}
	if n := len(f.Instances()); n != 1 {
		t.Errorf("%d processes were started, want 1", n)
	}
}

func TestProcessesThatFail(t *testing.T) {
	for _, c := range []struct {
		why, probe, path string
		status           int // 0: the connection breaks
	}{
		{"it exits", "", "/-/exit", 502},
		{"it hangs", "", "/-/hang", 502},
		{"it hangs after half an answer", "", "/-/hang/half", 0},
		{"it cannot start", "crash at init", "/", 502},
		{"its answer is nonsense", "rude", "/", 502},
		{"it uses its time up and says so", "", "/-/patient", 503},
	} {
		t.Run(c.why, func(t *testing.T) {
			t.Parallel()
			f, _ := newProbe(t, func(cfg *runtimeapi.Config) {
				cfg.Timeout = 2 * time.Second
				cfg.Env = append(cfg.Env, "PROBE="+c.probe)
			})
			res, body, err := fetch(t, "GET", serve(t, f)+c.path, nil, nil)
			switch {
			case c.status == 0 && err == nil:
				t.Errorf("%q arrived as a whole answer", body)
			case c.status != 0 && (err != nil || res.StatusCode != c.status):
				t.Errorf("%v %v %s", err, res, body)
			}
		})
	}
}

func TestThrottledURL(t *testing.T) {
	f, _ := newProbe(t, func(c *runtimeapi.Config) { c.MaxConcurrency = 1 })
	addr := serve(t, f)
	busy := make(chan struct{})
	done := make(chan struct{})
	gate := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(busy); <-done }))
	defer gate.Close()
	answered := make(chan error, 1)
	go func() {
		_, _, err := fetch(t, "GET", addr+"/-/stream?until="+url.QueryEscape(gate.URL), nil, nil)
		answered <- err
	}()
	<-busy
	res, body, err := fetch(t, "GET", addr+"/", nil, nil)
	if err != nil || res.StatusCode != http.StatusTooManyRequests {
		t.Errorf("%v %v %s", err, res, body)
	}
	close(done)
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

// A client that leaves does not end the process.
func TestClientLeaves(t *testing.T) {
	f, _ := newProbe(t, nil)
	addr := serve(t, f)
	left := make(chan struct{})
	gate := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-left }))
	defer gate.Close()
	conn, err := net.Dial("tcp", strings.TrimPrefix(addr, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.WriteString(conn, "GET /-/stream?until="+url.QueryEscape(gate.URL)+" HTTP/1.1\r\nHost: x\r\nX-Wikibot-Edge: "+edgeKey+"\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	close(left)
	for res := (*http.Response)(nil); res == nil || res.StatusCode == http.StatusTooManyRequests; {
		if res, _, err = fetch(t, "GET", addr+"/", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, i := range f.Instances() {
		if !i.Alive {
			t.Error("a process ended")
		}
	}
}
