package edge_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/net/http/httpguts"
)

// Whatever a member asked for and however, a stranger who asks for the same gets
// nothing of it; no viewer speaks for the edge; and the code at the edge fails
// on nothing that it is given.
func FuzzDeployedEdge(f *testing.F) {
	for _, seed := range []string{
		"GET /Home HTTP/1.1\r\nHost: ada.wikibot.localhost\r\n\r\n",
		"GET //-/assets/%2e%2e/x.css?a=1&a=2&__proto__=3 HTTP/1.1\r\nHost: Ada.wikibot.localhost:1\r\n__proto__: x\r\nConstructor: y\r\nX-Forwarded-Host: b\r\n\r\n",
		"HEAD /api/v1/pages/caf\xe9?q=\xff HTTP/1.1\r\nHost: ada.wikibot.localhost.\r\nX-Latin: caf\xe9\r\nRange: bytes=0-1\r\n\r\n",
		"GET http://ada.wikibot.localhost/app/%zz HTTP/1.0\r\nX-Wikibot-Edge: a\r\nx-wikibot-edge: b\r\nCloudfront-Viewer-Address: c\r\n\r\n",
		"POST /mcp HTTP/1.1\r\nHost: ada.wikibot.localhost\r\nContent-Length: 2\r\nAccept-Encoding: gzip;q=0, br\r\n\r\n{}",
	} {
		f.Add(seed)
	}
	w, e := fleetOf(f, door)
	f.Fuzz(func(t *testing.T, raw string) {
		ask := func(cookie string) *httptest.ResponseRecorder {
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
			if err != nil || !httpguts.ValidHostHeader(r.Host) { // as any server refuses it
				return nil
			}
			r.RemoteAddr = "198.51.100.7:1234"
			r.Header.Del("Cookie")
			r.Header.Del("Authorization")
			if cookie != "" {
				r.Header.Set("Cookie", cookie)
			}
			before := w.count()
			res := httptest.NewRecorder()
			e.ServeHTTP(res, r)
			if w.count() > before {
				seenByOrigin(t, w, r)
			}
			if how := res.Header().Get("X-Cache"); strings.HasPrefix(how, "Function") && res.Code >= 500 || strings.HasPrefix(how, "Lambda") {
				t.Errorf("the code at the edge failed: %d %s", res.Code, how)
			}
			return res
		}
		if ask("session=1") == nil {
			return
		}
		if res := ask(""); strings.Contains(res.Body.String(), secret) {
			t.Errorf("a stranger was given %q", res.Body)
		}
	})
}

func seenByOrigin(t *testing.T, w *world, r *http.Request) {
	t.Helper()
	w.site.mu.Lock()
	q := w.asked[len(w.asked)-1]
	w.asked = nil
	w.site.mu.Unlock()
	for name, values := range q.Header {
		lower := strings.ToLower(name)
		ours := map[string]string{"x-wikibot-edge": "the edge key", "x-wikibot-viewer": "198.51.100.7", "x-forwarded-host": strings.ToLower(r.Host)}
		want, known := ours[lower]
		if known && (len(values) != 1 || values[0] != want) {
			t.Errorf("%s = %q, want %q", name, values, want)
		}
		if !known && (strings.HasPrefix(lower, "x-wikibot-") || strings.HasPrefix(lower, "cloudfront-")) {
			t.Errorf("%s: %q reached a service", name, values)
		}
	}
	if q.Header.Get("X-Wikibot-Edge") == "" || q.Header.Get("X-Forwarded-Host") == "" {
		t.Errorf("a service was asked without key or host: %v", q.Header)
	}
}
