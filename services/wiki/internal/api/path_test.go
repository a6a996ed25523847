package api

import (
	"net/url"
	"strings"
	"testing"
)

func TestRoute(t *testing.T) {
	for _, c := range []struct{ why, in, raw string }{
		{"one segment", "/api/v1/pages/Home", "/api/v1/pages/Home"},
		{"slashes belong to the page", "/api/v1/pages/A/B/C", "/api/v1/pages/A%2FB%2FC"},
		{"encoded ones too", "/api/v1/pages/A%2FB", "/api/v1/pages/A%2FB"},
		{"a verb", "/api/v1/pages/A/B/history", "/api/v1/pages/A%2FB/history"},
		{"a page that is named like a verb", "/api/v1/pages/A%2Fhistory", "/api/v1/pages/A%2Fhistory"},
		{"and its history", "/api/v1/pages/A%2Fhistory/history", "/api/v1/pages/A%2Fhistory/history"},
		{"at the root it is not ambiguous", "/api/v1/pages/history", "/api/v1/pages/history"},
		{"an escaped letter is that letter", "/api/v1/pages/A/%68istory", "/api/v1/pages/A/history"},
		{"links have no verbs", "/api/v1/links/A/history", "/api/v1/links/A%2Fhistory"},
		{"trailing slash", "/api/v1/pages/A/", "/api/v1/pages/A"},
		{"collection with a slash", "/api/v1/pages/", "/api/v1/pages"},
		{"decoded once only", "/api/v1/pages/%252e%252e%252fx", "/api/v1/pages/%252e%252e%252fx"},
		{"dot segments are no navigation", "/api/v1/pages/../links", "/api/v1/pages/..%2Flinks"},
		{"nor when encoded", "/api/v1/pages/%2e%2e/%2e%2e/etc/passwd", "/api/v1/pages/..%2F..%2Fetc%2Fpasswd"},
		{"backslash and NUL stay in the name", `/api/v1/pages/..%5C..%5Cx%00`, "/api/v1/pages/..%5C..%5Cx%00"},
		{"elsewhere", "/api/v1/search", "/api/v1/search"},
	} {
		if _, raw := route(c.in); raw != c.raw {
			t.Errorf("%s: route(%q) = %q, want %q", c.why, c.in, raw, c.raw)
		}
	}
}

// Whatever the spelling, a page path stays one segment below its collection,
// and the decoded path is the raw one's.
func FuzzRoute(f *testing.F) {
	for _, s := range []string{"A/B/history", "%2e%2e/%2e%2e", "%252e", "a//b///", "%00", "%ff", "history/history/rename", "+"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := url.Parse("http://x" + Prefix + "/pages/" + s)
		if err != nil {
			return
		}
		path, raw := route(u.EscapedPath())
		if got, err := url.PathUnescape(raw); err != nil || got != path {
			t.Fatalf("raw %q decodes to %q (%v), want %q", raw, got, err, path)
		}
		rest, ok := strings.CutPrefix(raw, Prefix+"/pages")
		if !ok {
			t.Fatalf("%q left its collection: %q", s, raw)
		}
		segs := strings.Split(strings.TrimPrefix(rest, "/"), "/")
		if len(segs) > 2 || len(segs) == 2 && !verbs[segs[1]] {
			t.Fatalf("%q became %d segments: %q", s, len(segs), raw)
		}
	})
}
