package app

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

// built stands for what the build writes. The real one is tried in a browser by
// the end-to-end tests; here it is about the manners of serving it.
var built = fstest.MapFS{
	".gitkeep":             {},
	"index.html":           {Data: []byte("<!doctype html><div id=app></div>" + strings.Repeat(" ", 500))},
	"favicon.svg":          {Data: []byte("<svg/>")},
	"assets/index-aaaa.js": {Data: []byte(strings.Repeat("let a = 1;\n", 200))},
}

func handler(t *testing.T) http.Handler {
	t.Helper()
	h, err := newHandler(built)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func get(h http.Handler, method, path string, header ...string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestPaths(t *testing.T) {
	h := handler(t)
	for _, c := range []struct {
		method, path string
		status       int
		cache, want  string // want: the Location of a redirect, else how the body begins
		why          string
	}{
		{"GET", "/", 302, "", "/app/", "the app is the front door for now; not for ever, so not 308"},
		{"GET", "/app", 308, "", "/app/", "relative URLs need the slash"},
		{"GET", "/app/", 200, askAlways, "<!doctype", "the list of wikis"},
		{"GET", "/app/ada/connect", 200, askAlways, "<!doctype", "a screen that only the app knows"},
		{"HEAD", "/app/ada", 200, askAlways, "", "a link checker"},
		{"GET", "/app/assets/index-aaaa.js", 200, forAYear, "let a", "a hashed name never changes its content"},
		{"GET", "/app/assets/index-bbbb.js", 404, "no-store", "There is no", "an asset of an older build: HTML would be run as a script"},
		{"GET", "/app/assets/", 404, "no-store", "There is no", "no listing, and no screen either"},
		{"GET", "/app/robots.txt", 404, "no-store", "There is no", "a file that does not exist"},
		{"GET", "/app/.gitkeep", 404, "no-store", "There is no", "housekeeping of the repository"},
		{"GET", "/app/index.html", 200, askAlways, "<!doctype", "the file by its name"},
		{"GET", "/favicon.svg", 200, forADay, "<svg", "browsers and wiki hosts ask at the root"},
		{"POST", "/app/", 405, "", "Method", "nothing here changes anything"},
	} {
		res := get(h, c.method, c.path)
		body, _ := io.ReadAll(res.Body)
		got := string(body)
		if res.StatusCode/100 == 3 {
			got = res.Header.Get("Location")
		}
		if res.StatusCode != c.status || res.Header.Get("Cache-Control") != c.cache || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s %s (%s): %d %q %.20q, want %d %q %q", c.method, c.path, c.why,
				res.StatusCode, res.Header.Get("Cache-Control"), got, c.status, c.cache, c.want)
		}
	}
}

func TestEveryFileCarriesThePolicy(t *testing.T) {
	h := handler(t)
	for _, path := range []string{"/app/", "/app/assets/index-aaaa.js", "/favicon.svg", "/app/missing.js"} {
		res := get(h, "GET", path)
		if got := res.Header.Get("Content-Security-Policy"); got != policy {
			t.Errorf("%s: policy %q", path, got)
		}
	}
	for _, hole := range []string{"unsafe-inline", "unsafe-eval", "*", "http:"} {
		if strings.Contains(policy, hole) {
			t.Errorf("the policy allows %s", hole)
		}
	}
}

// Traversal: a path that climbs out of the build is cleaned or refused before a
// file is looked for, in every spelling.
func TestAttackTraversal(t *testing.T) {
	h := handler(t)
	for _, path := range []string{"/app/../app.go", "/app/assets/../../doc.go", "/app/%2e%2e/app.go", "/app/..%2fapp.go", "/app/assets/%2e%2e%2f%2e%2e%2fapp.go"} {
		res := get(h, "GET", path)
		if body, _ := io.ReadAll(res.Body); res.StatusCode == http.StatusOK || bytes.Contains(body, []byte("package app")) {
			t.Errorf("%s: %d %.40q", path, res.StatusCode, body)
		}
	}
}

func TestCompression(t *testing.T) {
	h := handler(t)
	const path = "/app/assets/index-aaaa.js"
	plain := get(h, "GET", path)
	for _, c := range []struct {
		accept string
		zipped bool
		why    string
	}{
		{"gzip, deflate, br", true, "a browser"},
		{"br;q=1.0, GZIP;q=0.5", true, "codings are case-insensitive and weighted"},
		{"gzip;q=0", false, "a weight of zero is a refusal"},
		{"identity", false, "curl"},
		{"x-gzip-like", false, "a name that only begins alike"},
	} {
		res := get(h, "GET", path, "Accept-Encoding", c.accept)
		if got := res.Header.Get("Content-Encoding") == "gzip"; got != c.zipped {
			t.Errorf("%q (%s): gzip %v", c.accept, c.why, got)
		}
		if res.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: a shared cache would hand one encoding to all", c.accept)
		}
		if c.zipped && res.Header.Get("ETag") == plain.Header.Get("ETag") {
			t.Errorf("%q: two encodings share one validator", c.accept)
		}
	}
	res := get(h, "GET", path, "Accept-Encoding", "gzip")
	zr, err := gzip.NewReader(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(zr)
	if want := built["assets/index-aaaa.js"].Data; err != nil || !bytes.Equal(body, want) {
		t.Errorf("unzipped: %d bytes, %v; want %d", len(body), err, len(want))
	}
	// Something that gzip would only lengthen goes out as it is.
	if got := get(h, "GET", "/favicon.svg", "Accept-Encoding", "gzip").Header.Get("Content-Encoding"); got != "" {
		t.Errorf("a tiny file is sent as %q", got)
	}
}

func TestRevalidation(t *testing.T) {
	h := handler(t)
	for _, accept := range []string{"", "gzip"} {
		first := get(h, "GET", "/app/ada", "Accept-Encoding", accept)
		again := get(h, "GET", "/app/ada", "Accept-Encoding", accept, "If-None-Match", first.Header.Get("ETag"))
		if again.StatusCode != http.StatusNotModified {
			t.Errorf("Accept-Encoding %q: %d, want 304", accept, again.StatusCode)
		}
	}
}

func TestAnEmptyBuildIsRefused(t *testing.T) {
	_, err := newHandler(fstest.MapFS{".gitkeep": {}})
	if err == nil || !strings.Contains(err.Error(), "scripts/up") {
		t.Errorf("got %v: want an error that says what to run", err)
	}
}
