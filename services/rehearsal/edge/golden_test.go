package edge_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"wikibot.io/contracts/routes"
	"wikibot.io/services/rehearsal/edge"
	"wikibot.io/services/rehearsal/template"
)

// The tests below run against the templates that are deployed, with the code
// that runs at the edge. The services behind are stand-ins.

const root = "wikibot.localhost:18600"

var build = fstest.MapFS{
	"index.html":           {Data: []byte(`<div id="app"></div>` + strings.Repeat(" ", 2000))},
	"favicon.svg":          {Data: []byte("<svg/>")},
	"assets/index-abc.js":  {Data: []byte(strings.Repeat("let x = 1;\n", 200))},
	"assets/index-abc.css": {Data: []byte("body{}")},
}

// heard is what a stand-in answers with: what it was asked.
type heard struct {
	Service routes.Service
	Host    string
	URI     string
	Method  string
	Header  http.Header
}

// fleet is the deployed edge before stand-ins; answer, if set, answers for all
// of them.
func fleet(t *testing.T, answer http.HandlerFunc) *world {
	t.Helper()
	w, e := fleetOf(t, answer)
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	w.t, w.url = t, server.URL
	return w
}

func fleetOf(t testing.TB, answer http.HandlerFunc) (*world, *edge.Edge) {
	t.Helper()
	d, err := template.Load("../../../cdk/testdata/golden/dev", template.Options{Secret: func(string, string) (string, error) { return "the edge key", nil }})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{site: &site{}, now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	e, err := edge.New(edge.Options{
		Deployment: d, Domain: "dev.wikibot.io", Root: root, Now: w.Now, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Bucket: func(template.Resource) (edge.Objects, error) { return edge.Upload(build, "app/") },
		Origin: func(domain string) http.Handler {
			service := serviceOf(t, d, domain)
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				w.site.mu.Lock()
				w.asked = append(w.asked, r)
				w.site.mu.Unlock()
				if answer != nil {
					answer(rw, r)
					return
				}
				_ = json.NewEncoder(rw).Encode(heard{service, r.Host, r.RequestURI, r.Method, r.Header})
			})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w, e
}

// The distributions of every stage can be read, not only those that the other
// tests run.
func TestEveryStageCanBeServed(t *testing.T) {
	for stage, domain := range map[string]string{"dev": "dev.wikibot.io", "prod": "wikibot.io"} {
		d, err := template.Load("../../../cdk/testdata/golden/"+stage, template.Options{Secret: func(string, string) (string, error) { return "key", nil }})
		if err != nil {
			t.Fatal(err)
		}
		e, err := edge.New(edge.Options{
			Deployment: d, Domain: domain, Root: root, Origin: func(string) http.Handler { return http.HandlerFunc(hello) },
			Bucket: func(template.Resource) (edge.Objects, error) { return edge.Upload(build, "app/") },
		})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("GET", "/app/", nil)
		r.Host = root
		w := httptest.NewRecorder()
		if e.ServeHTTP(w, r); w.Code != 200 {
			t.Errorf("%s: %d", stage, w.Code)
		}
	}
}

// serviceOf finds the service whose function URL has a domain.
func serviceOf(t testing.TB, d *template.Deployment, domain string) routes.Service {
	t.Helper()
	door, ok := d.Find(domain)
	if !ok || door.Type != "AWS::Lambda::Url" {
		t.Fatalf("the origin %s is no function URL", domain)
	}
	function, ok := d.Find(door.Ref())
	if !ok {
		t.Fatalf("%s has no function", door.Path())
	}
	var v struct {
		Environment struct{ Variables map[string]string }
	}
	if err := function.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return routes.Service(v.Environment.Variables["WIKIBOT_SERVICE"])
}

func hostOf(kind routes.HostKind) string {
	if kind == routes.RootHost {
		return root
	}
	return "ada-notes." + root
}

func (w *world) hear(g got) heard {
	w.t.Helper()
	var h heard
	if err := json.Unmarshal([]byte(g.text), &h); err != nil {
		w.t.Fatalf("%d %.200q: %v", g.StatusCode, g.text, err)
	}
	return h
}

func TestEveryRouteReachesItsService(t *testing.T) {
	w := fleet(t, nil)
	for _, r := range routes.Table {
		for _, path := range []string{strings.TrimSuffix(r.Pattern, "*"), strings.Replace(r.Pattern, "*", "x/y.css", 1), strings.Replace(r.Pattern, "*", "a%20b%2Fc?q=1&p=%C3%A5", 1)} {
			if found, _ := routes.Find(r.Host, strings.SplitN(path, "?", 2)[0]); found != r || r.Service == routes.App {
				continue
			}
			methods := []string{"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"}
			if r.Cache == routes.Immutable {
				methods = []string{"GET"}
			}
			for _, method := range methods {
				g := w.ask(method, path, "Host: "+hostOf(r.Host), "Content-Length: 0")
				q := w.last(t)
				want := path
				if r.Cache == routes.Immutable { // files have no query
					want, _, _ = strings.Cut(path, "?")
				}
				if g.StatusCode != 200 || q.RequestURI != want || q.Method != method {
					t.Errorf("%s %s%s: %d, asked for %s %s", method, hostOf(r.Host), path, g.StatusCode, q.Method, q.RequestURI)
				}
				if method == "GET" {
					if h := w.hear(g); h.Service != r.Service {
						t.Errorf("%s%s went to %s, want %s", hostOf(r.Host), path, h.Service, r.Service)
					}
				}
			}
		}
	}
}

func TestFilesAreOnlyRead(t *testing.T) {
	w := fleet(t, nil)
	for host, path := range map[string]string{root: "/app/assets/index-abc.js", "ada-notes." + root: "/-/assets/x.css"} {
		if g := w.ask("POST", path, "Host: "+host, "Content-Length: 0"); g.StatusCode != 403 || w.count() != 0 {
			t.Errorf("POST %s%s = %d", host, path, g.StatusCode)
		}
	}
}

func TestWhatNoRouteTakesIsNotFound(t *testing.T) {
	w := fleet(t, nil)
	for _, path := range []string{"/mcp", "/repo.git/info/refs", "/Home", "/App/", "/api", "/app.js", "/.well-known/oauth-protected-resource", "/oauth"} {
		g := w.ask("GET", path, "Host: "+root)
		if g.StatusCode != 404 || g.Header.Get("Content-Type") != "application/problem+json" || w.count() != 0 {
			t.Errorf("%s = %d %s", path, g.StatusCode, g.Header)
		}
	}
}

func TestTheApp(t *testing.T) {
	w := fleet(t, nil)
	for _, c := range []struct {
		path, location, contains, control string
		status                            int
	}{
		{"/", "/app/", "", "", 302},
		{"/app", "/app/", "", "", 308},
		{"/app/", "", `<div id="app">`, "no-cache", 200},
		{"/app/ada/connect?x=1", "", `<div id="app">`, "no-cache", 200},
		{"/app/index.html", "", `<div id="app">`, "no-cache", 200},
		{"/app/assets/index-abc.js", "", "let x", "public, max-age=31536000, immutable", 200},
		{"/favicon.svg", "", "<svg/>", "public, max-age=86400", 200},
		{"/app/missing.js", "", "<Code>NoSuchKey</Code>", "", 404},
		{"/app/assets/missing", "", "<Code>NoSuchKey</Code>", "", 404},
		{"/app/assets/../../x", "", "", "", 404},
		{"/app/..%2f..%2fetc%2fpasswd.txt", "", "<Code>NoSuchKey</Code>", "", 404},
	} {
		g := w.ask("GET", c.path, "Host: "+root)
		if g.StatusCode != c.status || g.Header.Get("Location") != c.location || !strings.Contains(g.text, c.contains) || c.control != "" && g.Header.Get("Cache-Control") != c.control {
			t.Errorf("%s = %d %.80q %v", c.path, g.StatusCode, g.text, g.Header)
		}
		if g.StatusCode == 200 && (g.Header.Get("Content-Security-Policy") == "" || g.Header.Get("X-Content-Type-Options") != "nosniff") {
			t.Errorf("%s has no fence: %v", c.path, g.Header)
		}
	}
	w.want(w.ask("GET", "/app/assets/index-abc.js", "Host: "+root), 200, "Hit", "")
	g := w.ask("GET", "/app/", "Host: "+root)
	w.want(g, 200, "RefreshHit", "")
	w.want(w.ask("GET", "/app/settings", "Host: "+root, "If-None-Match: "+g.Header.Get("Etag")), 304, "RefreshHit", "")
	if g := w.ask("GET", "/app/", "Host: "+root, "Accept-Encoding: gzip"); g.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("not compressed: %v", g.Header)
	}
}

func TestChallengeIsPutBack(t *testing.T) {
	w := fleet(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Amzn-Remapped-Www-Authenticate", `Basic realm="wikibot"`)
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(401)
		_, _ = io.WriteString(w, "sign in")
	})
	for _, path := range []string{"/mcp", "/repo.git/info/refs", "/api/v1/pages", "/Home"} {
		g := w.ask("GET", path, "Host: ada-notes."+root)
		if g.StatusCode != 401 || g.Header.Get("Www-Authenticate") != `Basic realm="wikibot"` || g.Header.Get("X-Amzn-Remapped-Www-Authenticate") != "" || g.text != "sign in" {
			t.Errorf("%s = %d %v", path, g.StatusCode, g.Header)
		}
	}
}

// Headers by which a viewer would be somebody else, somewhere else, or past the
// edge.
func TestViewerCannotSpeakForTheEdge(t *testing.T) {
	w := fleet(t, nil)
	for _, path := range []string{"/Home", "/mcp", "/api/v1/pages", "/repo.git/info/refs", "/-/assets/x.css"} {
		w.ask("GET", path, "Host: Ada-Notes."+root, "X-Forwarded-Host: bob."+root, "X-Forwarded-Host: eve."+root, "X-Wikibot-Edge: guess", "X-WIKIBOT-EDGE: guess",
			"X-Wikibot-Viewer: 203.0.113.9", "X-Wikibot-Anything: 1", "CloudFront-Viewer-Address: 203.0.113.9:1", "CloudFront-Viewer-Country: XX", "X-Forwarded-For: 203.0.113.9")
		h := w.last(t).Header
		for name, want := range map[string][]string{
			"X-Forwarded-Host": {"ada-notes." + root}, "X-Wikibot-Edge": {"the edge key"}, "X-Wikibot-Anything": nil,
			"Cloudfront-Viewer-Address": nil, "Cloudfront-Viewer-Country": nil,
		} {
			if got := h.Values(name); strings.Join(got, "|") != strings.Join(want, "|") {
				t.Errorf("%s: %s = %q, want %q", path, name, got, want)
			}
		}
		if got := h.Get("X-Wikibot-Viewer"); got != "127.0.0.1" && path != "/-/assets/x.css" {
			t.Errorf("%s: viewer = %q", path, got)
		}
		if host := w.last(t).Host; !strings.HasSuffix(host, ".on.aws") {
			t.Errorf("%s: the function URL was asked as %q", path, host)
		}
	}
}

// Names that proxies between may take for the same.
func TestLookAlikesOfTheEdgesHeaders(t *testing.T) {
	w := fleet(t, nil)
	g := w.ask("GET", "/Home", "Host: ada-notes."+root, "X_Wikibot_Edge: guess", "X-Wikibot-Edge : guess")
	if g.StatusCode == 200 && w.last(t).Header.Get("X-Wikibot-Edge") != "the edge key" {
		t.Errorf("header = %v", w.last(t).Header)
	}
}

func TestFilesAreAskedForWithoutWhoAsks(t *testing.T) {
	w := fleet(t, nil)
	w.ask("GET", "/-/assets/x.css?session=1", "Host: ada-notes."+root, "Cookie: session=1", "Authorization: Bearer t")
	q := w.last(t)
	if q.Header.Get("Cookie") != "" || q.Header.Get("Authorization") != "" || q.URL.RawQuery != "" {
		t.Errorf("asked with %v %s", q.Header, q.URL)
	}
}

func TestDeployedEdgeServesNoPrivatePageToAStranger(t *testing.T) {
	member := map[string][]string{
		"a cookie": {"Cookie: session=1"}, "a token": {"Authorization: Bearer t"}, "both": {"Cookie: a=1", "Authorization: Bearer t"},
		"a part": {"Cookie: session=1", "Range: bytes=0-3"}, "a condition": {"Cookie: session=1", `If-None-Match: "member"`},
	}
	paths := []string{
		"/Home", "/", "/Home?raw", "/x.css", "/-/assets/../Home", "//-/assets/Home", "/-/assets/%2e%2e/Home", "/-/assets/..%2fHome", "/-/assets/x.css", "/-/assets/Home;x.css",
		"/api/v1/pages/Home", "/api/v1/pages/Home/x.css", "/repo.git/HEAD", "/mcp", "/mcp/",
	}
	w := fleet(t, door)
	for why, headers := range member {
		for _, path := range paths {
			for _, method := range []string{"GET", "HEAD"} {
				w.ask(method, path, append(headers, "Host: ada-notes."+root)...)
				for _, stranger := range [][]string{nil, {"X-Forwarded-Host: ada-notes." + root}, {"Cookie: "}, {"Accept-Encoding: gzip"}, {`If-None-Match: "member"`}} {
					if g := w.ask("GET", path, append(stranger, "Host: ada-notes."+root)...); g.StatusCode != 401 || strings.Contains(g.text, secret) {
						t.Errorf("%s with %s, then a stranger with %q: %d %q", path, why, stranger, g.StatusCode, g.text)
					}
				}
			}
		}
	}
}

// Should a service call a private page public by mistake, the key still keeps it
// from those who do not show the same cookies.
func TestDeployedKeyHoldsWhereTheOriginErrs(t *testing.T) {
	w := fleet(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=600")
		_, _ = io.WriteString(w, "for "+r.Header.Get("Cookie")+r.Header.Get("Authorization"))
	})
	host := "Host: ada-notes." + root
	w.want(w.ask("GET", "/Home", host, "Cookie: s=ada"), 200, "Miss", "for s=ada")
	w.want(w.ask("GET", "/Home", host), 200, "Miss", "for ")
	w.want(w.ask("GET", "/Home", host, "Authorization: t"), 200, "Miss", "for t")
	w.want(w.ask("GET", "/Home", host, "Cookie: s=bob"), 200, "Miss", "for s=bob")
	w.want(w.ask("GET", "/Home", host, "Cookie: s=ada"), 200, "Hit", "for s=ada")
	for range 2 {
		w.want(w.ask("GET", "/api/v1/pages", host, "Cookie: s=ada"), 200, "Miss", "for s=ada") // kept by nobody
	}
}

// A wiki that was public a moment ago is private now.
func TestDeployedEdgeForgetsWhatWasPublic(t *testing.T) {
	public, fails := true, false
	w := fleet(t, func(w http.ResponseWriter, r *http.Request) {
		if fails {
			w.WriteHeader(502)
			return
		}
		if !public {
			door(w, r)
			return
		}
		w.Header().Set("Etag", `"v1"`)
		w.Header().Set("Cache-Control", "public, max-age=0, must-revalidate")
		if r.Header.Get("If-None-Match") == `"v1"` {
			w.WriteHeader(304)
			return
		}
		_, _ = io.WriteString(w, "for everybody")
	})
	host := "Host: ada-notes." + root
	w.want(w.ask("GET", "/Home", host), 200, "Miss", "for everybody")
	w.want(w.ask("GET", "/Home", host), 200, "RefreshHit", "for everybody")
	fails = true
	w.want(w.ask("GET", "/Home", host), 502, "Error", "")
	fails, public = false, false
	w.want(w.ask("GET", "/Home", host), 401, "Error", "")
	fails = true // and what the cache still has is not brought out again
	w.want(w.ask("GET", "/Home", host), 502, "Error", "")
}

func TestDeployedEdgeKeepsPublicPagesApartByHost(t *testing.T) {
	w := fleet(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=0, must-revalidate")
		etag := `"` + r.Header.Get("X-Forwarded-Host") + `"`
		w.Header().Set("Etag", etag)
		if r.Header.Get("If-None-Match") == etag {
			w.WriteHeader(304)
			return
		}
		_, _ = io.WriteString(w, r.Header.Get("X-Forwarded-Host"))
	})
	for _, path := range []string{"/", "/-/assets/x.css"} {
		for _, slug := range []string{"a.", "b.", "A.", "a."} {
			if g := w.ask("GET", path, "Host: "+slug+root); g.text != strings.ToLower(slug)+root {
				t.Errorf("%s%s answered %q", slug+root, path, g.text)
			}
		}
		w.want(w.ask("GET", path, "Host: B."+root), 200, "RefreshHit", "b."+root)
	}
}

// A page that was missing is there as soon as it is saved, and a failure is over
// when it is over.
func TestDeployedEdgeKeepsNoErrors(t *testing.T) {
	status := 0
	w := fleet(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	for _, path := range []string{"/Home", "/api/v1/pages/Home", "/mcp", "/-/assets/x.css"} {
		for _, status = range []int{404, 500, 502, 503, 504, 403, 429, 200} {
			if g := w.ask("GET", path, "Host: ada-notes."+root); g.StatusCode != status {
				t.Errorf("%s = %d, want %d", path, g.StatusCode, status)
			}
		}
	}
}

func TestDeployedEdgeStreams(t *testing.T) {
	more := make(chan struct{})
	w := fleet(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: 1\n\n")
		<-more
		_, _ = io.WriteString(w, "data: 2\n\n")
	})
	req, err := http.NewRequest("POST", w.url+"/mcp", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "ada-notes." + root
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	first := make([]byte, 9)
	if _, err := io.ReadFull(res.Body, first); err != nil || string(first) != "data: 1\n\n" {
		t.Fatalf("first = %q, %v", first, err)
	}
	close(more) // only now is the second written
	rest, err := io.ReadAll(res.Body)
	if err != nil || string(rest) != "data: 2\n\n" {
		t.Errorf("rest = %q, %v", rest, err)
	}
}
