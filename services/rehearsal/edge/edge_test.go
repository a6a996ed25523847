package edge_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"wikibot.io/services/rehearsal/edge"
	"wikibot.io/services/rehearsal/template"
)

type object = map[string]any

// resources are those of a stack with one distribution for the host site.test
// and all below it, whose default behavior keeps what the origin says, apart by
// host and cookies. Cases change them.
func resources() object {
	return object{
		"Distribution": object{"Type": "AWS::CloudFront::Distribution", "Properties": object{"DistributionConfig": object{
			"Enabled": true, "Aliases": []any{"site.test", "*.site.test"},
			"Origins": []any{object{"Id": "site", "DomainName": "origin.test", "CustomOriginConfig": object{},
				"OriginCustomHeaders": []any{object{"HeaderName": "X-Edge-Key", "HeaderValue": "the key"}, object{"HeaderName": "X-Door", "HeaderValue": "front"}}}},
			"DefaultCacheBehavior": object{
				"TargetOriginId": "site", "AllowedMethods": []any{"GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"}, "CachedMethods": []any{"GET", "HEAD"},
				"CachePolicyId": object{"Ref": "Cache"}, "OriginRequestPolicyId": object{"Ref": "Forward"},
			},
		}}},
		"Cache": object{"Type": "AWS::CloudFront::CachePolicy", "Properties": object{"CachePolicyConfig": object{
			"Name": "cache", "MinTTL": 0, "DefaultTTL": 0, "MaxTTL": 31536000,
			"ParametersInCacheKeyAndForwardedToOrigin": object{
				"EnableAcceptEncodingGzip": true, "EnableAcceptEncodingBrotli": false,
				"HeadersConfig":      object{"HeaderBehavior": "none"},
				"CookiesConfig":      object{"CookieBehavior": "none"},
				"QueryStringsConfig": object{"QueryStringBehavior": "all"},
			},
		}}},
		"Forward": object{"Type": "AWS::CloudFront::OriginRequestPolicy", "Properties": object{"OriginRequestPolicyConfig": object{
			"Name":               "forward",
			"HeadersConfig":      object{"HeaderBehavior": "allExcept", "Headers": []any{"Host"}},
			"CookiesConfig":      object{"CookieBehavior": "all"},
			"QueryStringsConfig": object{"QueryStringBehavior": "all"},
		}}},
	}
}

// at walks into what a template says.
func at(from any, path ...string) object {
	for _, name := range path {
		from = from.(object)[name]
	}
	return from.(object)
}

func config(r object) object {
	return at(r, "Distribution", "Properties", "DistributionConfig")
}

func behavior(r object) object { return at(config(r), "DefaultCacheBehavior") }

func cachePolicy(r object) object {
	return at(r, "Cache", "Properties", "CachePolicyConfig")
}

// script gives the behavior a function for an event.
func script(r object, event, code string) {
	name := strings.ReplaceAll(event, "-", "")
	r[name] = object{"Type": "AWS::CloudFront::Function", "Properties": object{
		"Name": name, "AutoPublish": true, "FunctionCode": code, "FunctionConfig": object{"Comment": "", "Runtime": "cloudfront-js-2.0"}}}
	b := behavior(r)
	list, _ := b["FunctionAssociations"].([]any)
	b["FunctionAssociations"] = append(list, object{"EventType": event, "FunctionARN": object{"Fn::GetAtt": []any{name, "FunctionARN"}}})
}

func node(r object, code string) {
	r["Node"] = object{"Type": "AWS::Lambda::Function", "Properties": object{"Runtime": "nodejs22.x", "Handler": "index.handler", "Code": object{"ZipFile": code}}}
	r["NodeVersion"] = object{"Type": "AWS::Lambda::Version", "Properties": object{"FunctionName": object{"Ref": "Node"}}}
	behavior(r)["LambdaFunctionAssociations"] = []any{object{"EventType": "origin-response", "LambdaFunctionARN": object{"Ref": "NodeVersion"}}}
}

func load(t *testing.T, r object) *template.Deployment {
	t.Helper()
	dir := t.TempDir()
	body, err := json.Marshal(object{"Resources": r})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "Edge.template.json"), body, 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := template.Load(dir, template.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// site is an origin that remembers what it was asked.
type site struct {
	mu      sync.Mutex
	asked   []*http.Request
	handler http.HandlerFunc
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked = append(s.asked, r)
	s.mu.Unlock()
	s.handler(w, r)
}

func (s *site) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

// last is the request that the origin saw last.
func (s *site) last(t *testing.T) *http.Request {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.asked) == 0 {
		t.Fatal("the origin was not asked")
	}
	return s.asked[len(s.asked)-1]
}

// world is an edge in front of a site, with a clock that tests move.
type world struct {
	*site
	t   *testing.T
	url string
	now time.Time
	mu  sync.Mutex
}

func (w *world) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func newWorld(t *testing.T, r object, handler http.HandlerFunc) *world {
	t.Helper()
	w := &world{site: &site{handler: handler}, t: t, now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	e, err := edge.New(edge.Options{
		Deployment: load(t, r), Domain: "site.test", Root: "site.localhost:8080",
		Origin: func(domain string) http.Handler { return map[string]http.Handler{"origin.test": w.site}[domain] },
		Bucket: func(template.Resource) (edge.Objects, error) { return nil, nil },
		Now:    w.Now, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

type got struct {
	*http.Response
	text string
}

// ask sends a request without a body, its address just as it is written; headers
// are "Name: value". Host may be among them.
func (w *world) ask(method, path string, headers ...string) got {
	w.t.Helper()
	host, lines := "site.localhost:8080", ""
	for _, h := range headers {
		if value, ok := strings.CutPrefix(h, "Host: "); ok {
			host = value
			continue
		}
		lines += h + "\r\n"
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close()
	if !strings.Contains(lines, "Connection: ") {
		lines += "Connection: close\r\n"
	}
	if _, err := fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", method, path, host, lines); err != nil {
		w.t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, path, err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, path, err)
	}
	return got{res, string(body)}
}

func (w *world) do(req *http.Request) got {
	w.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return got{res, string(body)}
}

func (w *world) want(g got, status int, cache, text string) {
	w.t.Helper()
	if g.StatusCode != status || g.Header.Get("X-Cache") != cache+" from cloudfront" || text != "" && g.text != text {
		w.t.Errorf("got %d, %q, %.200q, want %d, %q, %q", g.StatusCode, g.Header.Get("X-Cache"), g.text, status, cache, text)
	}
}

func hello(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }

func TestUnknownHostIsRefused(t *testing.T) {
	w := newWorld(t, resources(), hello)
	w.want(w.ask("GET", "/"), 200, "Miss", "hello")
	w.want(w.ask("GET", "/", "Host: a.site.localhost"), 200, "Miss", "hello")
	for _, host := range []string{"evil.test", "evilsite.localhost:8080", "site.localhost.evil.test", "localhost"} {
		w.want(w.ask("GET", "/", "Host: "+host), 403, "Error", "")
	}
}

func TestMethods(t *testing.T) {
	r := resources()
	behavior(r)["AllowedMethods"] = []any{"GET", "HEAD"}
	w := newWorld(t, r, hello)
	for method, status := range map[string]int{"GET": 200, "HEAD": 200, "POST": 403, "DELETE": 403, "OPTIONS": 403, "TRACE": 405, "PROPFIND": 405} {
		if g := w.ask(method, "/"); g.StatusCode != status {
			t.Errorf("%s = %d, want %d", method, g.StatusCode, status)
		}
	}
}

func TestGetWithBodyIsRefused(t *testing.T) {
	w := newWorld(t, resources(), hello)
	req, err := http.NewRequest("GET", w.url, strings.NewReader("a body"))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "site.localhost"
	w.want(w.do(req), 403, "Error", "")
}

func TestBehaviorsAreTriedInOrder(t *testing.T) {
	r := resources()
	second := maps.Clone(behavior(r))
	second["PathPattern"], second["TargetOriginId"] = "/api/*", "api"
	third := maps.Clone(second)
	third["PathPattern"], third["TargetOriginId"] = "/api/v1/*", "site"
	config(r)["CacheBehaviors"] = []any{second, third}
	config(r)["Origins"] = append(config(r)["Origins"].([]any), object{"Id": "api", "DomainName": "origin.test", "OriginPath": "/inner", "CustomOriginConfig": object{}})
	w := newWorld(t, r, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.Path) })
	for path, want := range map[string]string{"/api/v1/x": "/inner/api/v1/x", "/api": "/api", "/API/x": "/API/x", "/x/../api/y": "/inner/x/../api/y"} {
		if g := w.ask("GET", path); g.text != want {
			t.Errorf("%s went to %q, want %q", path, g.text, want)
		}
	}
}

func TestWhatTheOriginIsTold(t *testing.T) {
	w := newWorld(t, resources(), hello)
	w.ask("GET", "/p%C3%A5th/%2f?b=2&a=1&b=", "Authorization: Bearer x", "Cookie: a=1; b=2", "User-Agent: test", "X-Forwarded-For: 203.0.113.9",
		"Connection: X-Mine", "Te: trailers", "X-Real-Ip: 203.0.113.9", "X-Forwarded-Proto: http", "X-Amz-Cf-Id: mine", "X-Edge-Location: mine", "Proxy-Authorization: x",
		"X-Door: back", "Accept-Encoding: br, gzip;q=0.5, zstd")
	r := w.last(t)
	if r.Host != "origin.test" || r.RequestURI != "/p%C3%A5th/%2f?b=2&a=1&b=" {
		t.Errorf("asked %s for %s", r.Host, r.RequestURI)
	}
	for name, want := range map[string]string{
		"Authorization": "Bearer x", "Cookie": "a=1; b=2", "User-Agent": "test",
		"X-Forwarded-For": "203.0.113.9,127.0.0.1",          // what the viewer claims stays in front
		"X-Door":          "front", "X-Edge-Key": "the key", // the origin's own headers win
		"X-Real-Ip": "", "X-Forwarded-Proto": "", "X-Edge-Location": "", "Proxy-Authorization": "", "Te": "", "Connection": "", "Host": "",
		"Accept-Encoding": "gzip", // normalized to what the policy enables
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if r.Header.Get("X-Amz-Cf-Id") == "mine" || r.Header.Get("Via") == "" {
		t.Errorf("headers of CloudFront itself: %v", r.Header)
	}
}

func TestWithoutAnOriginRequestPolicyLittleGoesThrough(t *testing.T) {
	r := resources()
	delete(behavior(r), "OriginRequestPolicyId")
	at(cachePolicy(r), "ParametersInCacheKeyAndForwardedToOrigin")["QueryStringsConfig"] = object{"QueryStringBehavior": "whitelist", "QueryStrings": []any{"a"}}
	w := newWorld(t, r, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Set-Cookie", "s=1") })
	g := w.ask("GET", "/?b=2&a=1", "Authorization: x", "Cookie: a=1", "X-Mine: y", "User-Agent: test", "Accept-Language: sv")
	q := w.last(t)
	if q.RequestURI != "/?a=1" || q.Header.Get("User-Agent") != "Amazon CloudFront" {
		t.Errorf("asked for %s as %s", q.RequestURI, q.Header.Get("User-Agent"))
	}
	for _, name := range []string{"Authorization", "Cookie", "X-Mine", "Accept-Language"} {
		if q.Header.Get(name) != "" {
			t.Errorf("%s went to the origin", name)
		}
	}
	if g.Header.Get("Set-Cookie") != "" {
		t.Error("a cookie came back where none goes forth")
	}
	w.ask("POST", "/", "Authorization: x")
	if w.last(t).Header.Get("Authorization") != "x" {
		t.Error("Authorization of a POST is removed for GET and HEAD only")
	}
}

// Headers that CloudFront adds are made by it if a policy names them; otherwise
// what a viewer sends under these names goes through.
func TestViewerAddressCanBeClaimedUnlessAPolicyAddsIt(t *testing.T) {
	w := newWorld(t, resources(), hello)
	w.ask("GET", "/", "CloudFront-Viewer-Address: 203.0.113.9:1")
	if got := w.last(t).Header.Get("CloudFront-Viewer-Address"); got != "203.0.113.9:1" {
		t.Errorf("address = %q", got)
	}
	r := resources()
	at(r, "Forward", "Properties", "OriginRequestPolicyConfig")["HeadersConfig"] = object{"HeaderBehavior": "allViewerAndWhitelistCloudFront", "Headers": []any{"CloudFront-Viewer-Address"}}
	w = newWorld(t, r, hello)
	w.ask("GET", "/", "CloudFront-Viewer-Address: 203.0.113.9:1")
	if got := w.last(t).Header.Get("CloudFront-Viewer-Address"); !strings.HasPrefix(got, "127.0.0.1:") {
		t.Errorf("address = %q", got)
	}
	if got := w.last(t).Host; got != "site.localhost:8080" {
		t.Errorf("all viewer headers include Host, and the origin was asked as %q", got)
	}
}

func TestWebSocketIsNotUpgraded(t *testing.T) {
	w := newWorld(t, resources(), hello)
	g := w.ask("GET", "/", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13")
	if g.StatusCode != 200 || w.last(t).Header.Get("Upgrade") != "" {
		t.Errorf("status = %d, upgrade = %q", g.StatusCode, w.last(t).Header.Get("Upgrade"))
	}
	w = newWorld(t, resources(), func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusSwitchingProtocols) })
	w.want(w.ask("GET", "/"), 502, "Error", "")
}

func TestLongAddressIsRefused(t *testing.T) {
	w := newWorld(t, resources(), hello)
	w.want(w.ask("GET", "/"+strings.Repeat("a", 9000)), 413, "Error", "")
}

// What a distribution asks for and the emulation does not know, or CloudFront
// would refuse, is an error before anything is served.
func TestSettingsThatWouldNotDeploy(t *testing.T) {
	for why, c := range map[string]struct {
		change func(object)
		want   string
	}{
		"an unknown policy":            {func(r object) { behavior(r)["CachePolicyId"] = "12345" }, "the policy 12345 is not known"},
		"no cache policy":              {func(r object) { delete(behavior(r), "CachePolicyId") }, "a cache policy is required"},
		"a key though nothing is kept": {func(r object) { cachePolicy(r)["MaxTTL"] = 0 }, "the key must be empty"},
		"an origin that is not there":  {func(r object) { behavior(r)["TargetOriginId"] = "x" }, `there is no origin "x"`},
		"cached but not allowed":       {func(r object) { behavior(r)["AllowedMethods"] = []any{"GET"} }, "HEAD is cached but not allowed"},
		"a function that is not there": {func(r object) {
			behavior(r)["FunctionAssociations"] = []any{object{"EventType": "viewer-request", "FunctionARN": "arn:x"}}
		}, "there is no function arn:x"},
		"a function of too many bytes": {func(r object) { script(r, "viewer-request", "function handler(e){} //"+strings.Repeat("x", 11000)) }, "are allowed"},
		"code that does not parse":     {func(r object) { script(r, "viewer-request", "function (") }, "edge code"},
		"code without a handler":       {func(r object) { script(r, "viewer-request", "var x = 1") }, "handler is not defined"},
		"two functions for one event": {func(r object) {
			script(r, "viewer-request", "function handler(e){}")
			behavior(r)["FunctionAssociations"] = append(behavior(r)["FunctionAssociations"].([]any), behavior(r)["FunctionAssociations"].([]any)...)
		}, "not another one"},
		"a function without a version": {func(r object) {
			node(r, "exports.handler = async () => {}")
			behavior(r)["LambdaFunctionAssociations"] = []any{object{"EventType": "origin-response", "LambdaFunctionARN": object{"Fn::GetAtt": []any{"Node", "Arn"}}}}
		}, "Lambda@Edge needs one"},
		"an environment at the edge": {func(r object) {
			node(r, "exports.handler = async () => {}")
			at(r, "Node", "Properties")["Environment"] = object{"Variables": object{}}
		}, "has no environment"},
		"arm64 at the edge": {func(r object) {
			node(r, "exports.handler = async () => {}")
			at(r, "Node", "Properties")["Architectures"] = []any{"arm64"}
		}, "does not run on arm64"},
		"Authorization in a list": {func(r object) {
			at(r, "Forward", "Properties", "OriginRequestPolicyConfig")["HeadersConfig"] = object{"HeaderBehavior": "whitelist", "Headers": []any{"Authorization"}}
		}, "cannot be named in an origin request policy"},
		"the viewer's address in the key": {func(r object) {
			at(cachePolicy(r), "ParametersInCacheKeyAndForwardedToOrigin")["HeadersConfig"] = object{"HeaderBehavior": "whitelist", "Headers": []any{"CloudFront-Viewer-Address"}}
		}, "cannot be in a cache policy"},
		"a setting that nobody knows": {func(r object) { config(r)["Restrictions"] = object{} }, `unknown field "Restrictions"`},
		"legacy settings":             {func(r object) { behavior(r)["ForwardedValues"] = object{} }, `unknown field "ForwardedValues"`},
		"an error page": {func(r object) {
			config(r)["CustomErrorResponses"] = []any{object{"ErrorCode": 404, "ResponseCode": 200, "ResponsePagePath": "/index.html"}}
		}, "an error page for 404"},
	} {
		r := resources()
		c.change(r)
		_, err := edge.New(edge.Options{
			Deployment: load(t, r), Domain: "site.test", Root: "site.localhost:8080",
			Origin: func(string) http.Handler { return http.NotFoundHandler() },
			Bucket: func(template.Resource) (edge.Objects, error) { return nil, nil },
		})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", why, err, c.want)
		}
	}
}

func TestResponseHeadersPolicy(t *testing.T) {
	r := resources()
	r["Headers"] = object{"Type": "AWS::CloudFront::ResponseHeadersPolicy", "Properties": object{"ResponseHeadersPolicyConfig": object{
		"SecurityHeadersConfig": object{
			"ContentTypeOptions":      object{"Override": true},
			"StrictTransportSecurity": object{"AccessControlMaxAgeSec": 60, "IncludeSubdomains": true, "Override": true},
			"ReferrerPolicy":          object{"ReferrerPolicy": "no-referrer", "Override": false},
		},
		"CustomHeadersConfig": object{"Items": []any{object{"Header": "x-mine", "Value": "1", "Override": true}}},
		"RemoveHeadersConfig": object{"Items": []any{object{"Header": "Server"}}},
	}}}
	behavior(r)["ResponseHeadersPolicyId"] = object{"Ref": "Headers"}
	w := newWorld(t, r, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Server", "mine")
		w.Header().Set("Referrer-Policy", "same-origin")
		w.Header().Set("X-Mine", "2")
		w.WriteHeader(404)
	})
	h := w.ask("GET", "/").Header
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Strict-Transport-Security": "max-age=60; includeSubDomains",
		"Referrer-Policy": "same-origin", "X-Mine": "1", "Server": "",
	} {
		if h.Get(name) != want {
			t.Errorf("%s = %q, want %q", name, h.Get(name), want)
		}
	}
}

func TestConcurrentRequests(t *testing.T) {
	r := resources()
	script(r, "viewer-request", `function handler(event) { event.request.headers['x-path'] = {value: event.request.uri}; return event.request; }`)
	w := newWorld(t, r, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = io.WriteString(w, r.Header.Get("X-Path"))
	})
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			path := fmt.Sprintf("/%d", i%8)
			if g := w.ask("GET", path); g.text != path {
				t.Errorf("%s answered %q", path, g.text)
			}
		})
	}
	wg.Wait()
}
