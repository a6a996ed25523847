package edge_test

import (
	"io"
	"net/http"
	"testing"
)

func TestViewerRequestFunctionChangesTheRequest(t *testing.T) {
	r := resources()
	script(r, "viewer-request", `
	function handler(event) {
		var request = event.request;
		if (event.version !== '1.0' || event.context.eventType !== 'viewer-request' || event.viewer.ip !== '127.0.0.1') throw 'event';
		if (request.method !== 'GET' || request.headers.cookie) throw 'request';
		request.headers['x-host'] = {value: request.headers.host.value};
		request.headers['x-many'] = {value: 'a', multiValue: [{value: 'a'}, {value: 'b'}]};
		request.headers['x-seen'] = {value: JSON.stringify([request.querystring, request.cookies, request.headers['x-twice']])};
		delete request.headers['x-secret'];
		delete request.cookies.drop;
		delete request.querystring.drop;
		request.uri = '/moved' + request.uri;
		return request;
	}`)
	w := newWorld(t, r, hello)
	w.want(w.ask("GET", "/a%20b?x=1&x=2&drop=1&y", "X-Secret: s", "X-Twice: 1", "X-Twice: 2", "Cookie: a=1; drop=2; b=3"), 200, "Miss", "hello")
	q := w.last(t)
	if q.RequestURI != "/moved/a%20b?x=1&x=2&y=" {
		t.Errorf("asked for %s", q.RequestURI)
	}
	want := `[{"drop":{"value":"1"},"x":{"value":"1","multiValue":[{"value":"1"},{"value":"2"}]},"y":{"value":""}},` +
		`{"a":{"value":"1"},"b":{"value":"3"},"drop":{"value":"2"}},{"value":"1","multiValue":[{"value":"1"},{"value":"2"}]}]`
	for name, want := range map[string]string{"X-Host": "site.localhost:8080", "X-Secret": "", "Cookie": "a=1; b=3", "X-Seen": want} {
		if got := q.Header.Get(name); got != want {
			t.Errorf("%s = %s, want %s", name, got, want)
		}
	}
	if got := q.Header["X-Many"]; len(got) != 2 {
		t.Errorf("X-Many = %q", got)
	}
}

func TestUnchangedRequestStaysAsItWasSent(t *testing.T) {
	r := resources()
	script(r, "viewer-request", `async function handler(event) { return event.request; }`)
	w := newWorld(t, r, hello)
	w.ask("GET", "/%41/%2F?z=%2b&a&z=+", "Cookie: b=2; a=1;c", "X-Latin: caf\xe9")
	if q := w.last(t); q.RequestURI != "/%41/%2F?z=%2b&a&z=+" || q.Header.Get("Cookie") != "b=2; a=1; c" || q.Header.Get("X-Latin") != "caf\xe9" {
		t.Errorf("asked for %s with %v", q.RequestURI, q.Header)
	}
}

func TestViewerRequestFunctionAnswers(t *testing.T) {
	r := resources()
	script(r, "viewer-request", `function handler(event) {
		return {statusCode: 302, statusDescription: 'Found', headers: {location: {value: '/app/'}}, cookies: {a: {value: '1', attributes: 'Secure'}}, body: {encoding: 'base64', data: 'aGk='}};
	}`)
	w := newWorld(t, r, hello)
	g := w.ask("GET", "/")
	w.want(g, 302, "FunctionGeneratedResponse", "hi")
	if g.Header.Get("Location") != "/app/" || g.Header.Get("Set-Cookie") != "a=1; Secure" || w.count() != 0 {
		t.Errorf("headers = %v, asked %d times", g.Header, w.count())
	}
}

func TestFunctionThatFailsOrCheats(t *testing.T) {
	for code, c := range map[string]struct {
		status int
		result string
	}{
		`function handler(e) { throw new Error('x'); }`:                                                    {503, "FunctionExecutionError"},
		`async function handler(e) { throw 1; }`:                                                           {503, "FunctionExecutionError"},
		`async function handler(e) { await new Promise(function () {}); }`:                                 {503, "FunctionExecutionError"},
		`function handler(e) { e.request.uri = 'https://evil.test/'; return e.request; }`:                  {502, "FunctionValidationError"},
		`function handler(e) { e.request.method = 'POST'; return e.request; }`:                             {502, "FunctionValidationError"},
		`function handler(e) { e.request.headers.host = {value: 'evil.test'}; return e.request; }`:         {502, "FunctionValidationError"},
		`function handler(e) { e.request.headers['x-forwarded-proto'] = {value: 'h'}; return e.request; }`: {502, "FunctionValidationError"},
		`function handler(e) { e.request.headers['X-Upper'] = {value: 'h'}; return e.request; }`:           {502, "FunctionValidationError"},
		`function handler(e) { return {statusCode: 99}; }`:                                                 {502, "FunctionValidationError"},
	} {
		r := resources()
		script(r, "viewer-request", code)
		w := newWorld(t, r, hello)
		w.want(w.ask("GET", "/"), c.status, c.result, "")
		if w.count() != 0 {
			t.Errorf("%s: the origin was asked", code)
		}
	}
}

func TestEndlessFunctionIsStopped(t *testing.T) {
	r := resources()
	script(r, "viewer-request", `function handler(e) { for (;;) {} }`)
	w := newWorld(t, r, hello)
	w.want(w.ask("GET", "/"), 503, "FunctionExecutionError", "")
}

// CloudFront does not run viewer-response functions for errors of the origin:
// what they mend stays broken there.
func TestViewerResponseFunctionDoesNotRunForErrors(t *testing.T) {
	r := resources()
	script(r, "viewer-response", `function handler(event) {
		var response = event.response;
		response.headers['x-seen'] = {value: response.statusCode + ' ' + event.request.uri + ' ' + JSON.stringify(response.cookies)};
		delete response.headers.server;
		return response;
	}`)
	w := newWorld(t, r, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", "mine")
		w.Header().Add("Set-Cookie", "a=1; Secure")
		if r.URL.Path == "/missing" {
			w.WriteHeader(404)
		}
		_, _ = io.WriteString(w, "hello")
	})
	g := w.ask("GET", "/x")
	w.want(g, 200, "Miss", "hello")
	if g.Header.Get("X-Seen") != `200 /x {"a":{"value":"1","attributes":"Secure"}}` || g.Header.Get("Server") != "" || g.Header.Get("Set-Cookie") != "a=1; Secure" {
		t.Errorf("headers = %v", g.Header)
	}
	if g := w.ask("GET", "/missing"); g.Header.Get("X-Seen") != "" || g.Header.Get("Server") != "mine" {
		t.Errorf("headers of an error = %v", g.Header)
	}
}

func TestViewerResponseFunctionReplacesTheBody(t *testing.T) {
	r := resources()
	script(r, "viewer-response", `function handler(event) { event.response.body = 'mine'; event.response.statusCode = 203; return event.response; }`)
	w := newWorld(t, r, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = io.WriteString(w, "hello")
	})
	w.want(w.ask("GET", "/"), 203, "Miss", "mine")
	w.want(w.ask("GET", "/"), 203, "Hit", "mine")
}

func TestOriginResponseCodeRunsForErrorsToo(t *testing.T) {
	r := resources()
	node(r, `'use strict';
	exports.handler = async (event) => {
		const { request, response, config } = event.Records[0].cf;
		const moved = response.headers['x-amzn-remapped-www-authenticate'];
		if (moved) {
			response.headers['www-authenticate'] = moved.map(({ value }) => ({ key: 'WWW-Authenticate', value }));
			delete response.headers['x-amzn-remapped-www-authenticate'];
		}
		response.headers['x-seen'] = [{ value: [config.eventType, request.method, request.uri, response.status].join(' ') }];
		return response;
	};`)
	w := newWorld(t, r, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Add("X-Amzn-Remapped-Www-Authenticate", "Bearer a")
		w.Header().Add("X-Amzn-Remapped-Www-Authenticate", "Basic b")
		w.WriteHeader(401)
		_, _ = io.WriteString(w, "who are you?")
	})
	g := w.ask("GET", "/x")
	w.want(g, 401, "Error", "who are you?")
	if got := g.Header["Www-Authenticate"]; len(got) != 2 || g.Header.Get("X-Amzn-Remapped-Www-Authenticate") != "" || g.Header.Get("X-Seen") != "origin-response GET /x 401" {
		t.Errorf("headers = %v", g.Header)
	}
}

func TestOriginResponseCodeThatFailsOrCheats(t *testing.T) {
	for code, status := range map[string]int{
		`exports.handler = async () => { throw new Error('x') };`:                                                                   503,
		`exports.handler = async (e) => { const r = e.Records[0].cf.response; r.headers['x-cache'] = [{value: 'Hit'}]; return r };`: 502,
		`exports.handler = async (e) => { const r = e.Records[0].cf.response; r.headers['via'] = [{value: 'x'}]; return r };`:       502,
		`exports.handler = async (e) => { const r = e.Records[0].cf.response; r.status = '700'; return r };`:                        502,
	} {
		r := resources()
		node(r, code)
		w := newWorld(t, r, hello)
		if g := w.ask("GET", "/"); g.StatusCode != status {
			t.Errorf("%s: %d, want %d", code, g.StatusCode, status)
		}
	}
}
