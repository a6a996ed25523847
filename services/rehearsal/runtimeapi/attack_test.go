package runtimeapi_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"wikibot.io/contracts/problem"
	"wikibot.io/services/rehearsal/runtimeapi"
)

// Whoever finds a function's URL must not get past the edge: there they could
// say of themselves what only the edge may say.
func TestAttackFunctionURLWithoutTheEdge(t *testing.T) {
	f, out := newProbe(t, nil)
	addr := serve(t, f)
	for _, c := range []struct {
		why    string
		header map[string]string
	}{
		{"no key, but a host", map[string]string{"X-Wikibot-Edge": "", "X-Forwarded-Host": "wikibot.io"}},
		{"a guess", map[string]string{"X-Wikibot-Edge": "guess-of-the-attacker"}},
		{"the sum instead of the key", map[string]string{"X-Wikibot-Edge": sum(edgeKey)}},
		{"good and bad joined", map[string]string{"X-Wikibot-Edge": edgeKey + "," + edgeKey}},
	} {
		for _, path := range []string{"/", "/-/panic", "/api/v1/pages"} {
			res, body, err := fetch(t, "GET", addr+path, nil, c.header)
			if err != nil || res.StatusCode != http.StatusForbidden || res.Header.Get("Content-Type") != problem.MediaType {
				t.Fatalf("%s: %s: %v %v", c.why, path, err, res)
			}
			var p problem.Problem
			if err := json.Unmarshal(body, &p); err != nil || p.Detail != "" || strings.Contains(string(body), "edge") || strings.Contains(string(body), "key") {
				t.Errorf("%s: the answer says too much: %s", c.why, body)
			}
		}
	}
	if res, _, err := fetch(t, "GET", addr+"/", nil, map[string]string{"X-Wikibot-Edge": oldEdgeKey}); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("during rotation the other key is good as well: %v %v", err, res)
	}
	if s := out.String(); strings.Contains(s, "guess-of-the-attacker") || strings.Contains(s, edgeKey) {
		t.Errorf("a key is in the log:\n%s", s)
	}
}

// Neither the edge's key nor what the edge says of the viewer reaches the
// service, where a page of an error or a log might show it.
func TestAttackEdgeHeadersDoNotLeak(t *testing.T) {
	f, _ := newProbe(t, nil)
	_, body, err := fetch(t, "GET", serve(t, f)+"/", nil, map[string]string{
		"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "http", "X-Real-Ip": "203.0.113.7", "Forwarded": "for=203.0.113.7;host=evil.example",
		"X-Wikibot-Admin": "1", "CloudFront-Viewer-Address": "198.51.100.10:1", "CloudFront-Viewer-Country": "XX", "X-Amz-Cf-Id": "x",
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range decode(t, body).Header {
		if name != "User-Agent" && name != "Accept-Encoding" {
			t.Errorf("the service sees %s", name)
		}
	}
}

// raw sends bytes and returns the first answer, nil if there is none.
func raw(t *testing.T, addr, request string) (*http.Response, []byte) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(addr, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return nil, nil
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	return res, body
}

// What would let a front and the service disagree on where a request ends, or on
// what belongs to the connection (CWE-444), does not get through.
func TestAttackSmuggling(t *testing.T) {
	f, _ := newProbe(t, nil)
	addr := serve(t, f)
	base := "POST /target HTTP/1.1\r\nHost: x\r\nX-Wikibot-Edge: " + edgeKey + "\r\nX-Forwarded-Host: notes.wikibot.io\r\n"
	for _, c := range []struct{ why, rest string }{
		{"a length beside chunks", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n"},
		{"two lengths", "Content-Length: 5\r\nContent-Length: 6\r\n\r\n123456"},
		{"the edge's fields named as the connection's", "Connection: X-Wikibot-Edge, X-Forwarded-Host\r\nContent-Length: 0\r\n\r\n"},
		{"an upgrade", "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n"},
		{"trailers", "Transfer-Encoding: chunked\r\nTrailer: Authorization\r\nTe: trailers\r\n\r\n3\r\nabc\r\n0\r\nAuthorization: Bearer x\r\n\r\n"},
	} {
		res, body := raw(t, addr, base+c.rest)
		if res == nil || res.StatusCode != http.StatusOK {
			continue // refused
		}
		got := decode(t, body)
		if got.Path != "/target" || got.ContentLength != int64(len(got.Body)) {
			t.Errorf("%s: the service sees %+v", c.why, got)
		}
		for _, name := range []string{"Connection", "Upgrade", "Transfer-Encoding", "Te", "Trailer", "Authorization", "X-Wikibot-Edge"} {
			if v := got.Header[name]; v != nil {
				t.Errorf("%s: the service sees %s: %q", c.why, name, v)
			}
		}
	}
}

// event invokes the function with an event that no front would make, and returns
// the status and the body.
func event(t *testing.T, f *runtimeapi.Function, change func(*runtimeapi.Event)) (int, []byte) {
	t.Helper()
	e := runtimeapi.Event{
		Version: "2.0", RawPath: "/", Headers: map[string]string{"x-wikibot-edge": edgeKey, "x-forwarded-host": "notes.wikibot.io"},
		RequestContext: runtimeapi.EventContext{DomainName: "probe.lambda-url.us-east-1.on.aws", HTTP: runtimeapi.EventHTTP{Method: "GET", SourceIP: "192.0.2.1"}},
	}
	change(&e)
	payload, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	res, err := f.Invoke(t.Context(), payload)
	if err != nil {
		t.Fatal(err)
	}
	head, body, _ := bytes.Cut(res, make([]byte, 8))
	var prelude struct{ StatusCode int }
	if err := json.Unmarshal(head, &prelude); err != nil {
		t.Fatal(err)
	}
	return prelude.StatusCode, body
}

// The shim trusts no front to have checked what it passes on.
func TestAttackMalformedEvents(t *testing.T) {
	f, _ := newProbe(t, nil)
	for _, c := range []struct {
		why    string
		change func(*runtimeapi.Event)
	}{
		{"a line break in a field", func(e *runtimeapi.Event) { e.Headers["accept"] = "text/html\r\nX-Admin: 1" }},
		{"a line break in a field's name", func(e *runtimeapi.Event) { e.Headers["accept\r\nx-admin"] = "1" }},
		{"a line break in a cookie", func(e *runtimeapi.Event) { e.Cookies = []string{"a=1\r\nX-Admin: 1"} }},
		{"a method of two words", func(e *runtimeapi.Event) { e.RequestContext.HTTP.Method = "GET /admin" }},
		{"two hosts", func(e *runtimeapi.Event) { e.Headers["x-forwarded-host"] = "evil.example,notes.wikibot.io" }},
		{"a host with a path", func(e *runtimeapi.Event) { e.Headers["x-forwarded-host"] = "notes.wikibot.io/../.." }},
		{"a body that is no base64", func(e *runtimeapi.Event) { e.Body, e.IsBase64Encoded = "%%%", true }},
	} {
		if status, body := event(t, f, c.change); status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", c.why, status, body)
		}
	}
}

// A comma in a cookie does not make two of it, nor does the path or the query
// escape from its place.
func TestAttackTornValues(t *testing.T) {
	f, _ := newProbe(t, nil)
	status, body := event(t, f, func(e *runtimeapi.Event) {
		e.Cookies = []string{"a=1,b=2", `__Host-wikibot="x, y"`, "logged_in=1"}
		e.RawPath = "/a b\r\nX-Admin: 1"
		e.RawQueryString = "q=\x00 #f"
	})
	got := decode(t, body)
	if want := `a=1,b=2; __Host-wikibot="x, y"; logged_in=1`; status != http.StatusOK || got.Header.Get("Cookie") != want || len(got.Header["Cookie"]) != 1 {
		t.Errorf("cookies: %d %q, want %q", status, got.Header["Cookie"], want)
	}
	if got.RequestURI != "/a%20b%0D%0AX-Admin:%201?q=%00%20%23f" || got.Path != "/a b\r\nX-Admin: 1" {
		t.Errorf("target: %q, %q", got.RequestURI, got.Path)
	}
}

// A value that a service sets from what somebody typed cannot become another
// field (CWE-113).
func TestAttackResponseSplitting(t *testing.T) {
	f, _ := newProbe(t, nil)
	res, _, err := fetch(t, "GET", serve(t, f)+"/-/answer?status=200&h=X-Title:a%0d%0aSet-Cookie:+evil=1&h=Set-Cookie:a=1%0d%0aX-Evil:1&h=X%0d%0aEvil:1&body=x", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if res.Header.Get("X-Evil") != "" || len(res.Header["Set-Cookie"]) != 1 || strings.Contains(res.Header.Get("Set-Cookie"), "\n") || res.Header.Get("X-Title") != "a  Set-Cookie: evil=1" {
		t.Errorf("header: %q", res.Header)
	}
}

// A body over Lambda's 6 MB is refused by the front, at its size in the event:
// bytes that are no text count for a third more.
func TestAttackOversizeBody(t *testing.T) {
	f, _ := newProbe(t, nil)
	addr := serve(t, f)
	for _, c := range []struct {
		why, contentType string
		size             int
		status           int
	}{
		{"text over 6 MB", "text/plain", 6<<20 + 1, 413},
		{"text that only fits without its envelope", "text/plain", 6 << 20, 413},
		{"text below", "text/plain", 5 << 20, 200},
		{"bytes of 5 MB are 6.7 in base64", "application/octet-stream", 5 << 20, 413},
		{"bytes of 4 MB fit", "application/octet-stream", 4 << 20, 200},
	} {
		res, body, err := fetch(t, "POST", addr+"/-/answer?status=200", bytes.NewReader(bytes.Repeat([]byte("a"), c.size)), map[string]string{"Content-Type": c.contentType})
		if err != nil || res.StatusCode != c.status {
			t.Errorf("%s: %v %v %.100s", c.why, err, res, body)
		}
	}
	res, body, err := fetch(t, "GET", addr+"/-/big?n=20000000", nil, nil)
	if err != nil || res.StatusCode != http.StatusOK || len(body) != 20_000_000 {
		t.Errorf("an answer may be larger, since it is streamed: %v, %d bytes", err, len(body))
	}
}
