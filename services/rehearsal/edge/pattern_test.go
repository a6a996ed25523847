package edge

import (
	"regexp"
	"strings"
	"testing"
)

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"*", "/anything/at all", true},
		{"/app/*", "/app/", true},
		{"/app/*", "/app", false},
		{"/app/*", "/App/x", false}, // case counts
		{"/app/*", "/x/app/y", false},
		{"/a?c", "/abc", true},
		{"/a?c", "/ac", false},
		{"/a?c", "/a/c", true}, // a slash is a character
		{"*.css", "/x/y.css", true},
		{"*.css", "/x.css/y", false},
		{"app/*", "/app/x", true}, // the leading slash may be left out
		{"/a*b*c", "/a-b-b-c", true},
		{"/a*b*c", "/a-c-b", false},
		{"/repo.git/*", "/repoxgit/info", false}, // a dot is a dot
	} {
		if got := matches(c.pattern, c.path); got != c.want {
			t.Errorf("matches(%q, %q) = %v", c.pattern, c.path, got)
		}
	}
}

// oracle says the same by way of a regular expression.
func oracle(pattern, path string) bool {
	if !strings.HasPrefix(pattern, "/") && !strings.HasPrefix(pattern, "*") {
		pattern = "/" + pattern
	}
	// Bytes are spelled out, as the expression would else speak of runes.
	var expr strings.Builder
	for _, b := range []byte(pattern) {
		switch b {
		case '*':
			expr.WriteString("(?:..)*")
		case '?':
			expr.WriteString("..")
		default:
			expr.WriteString(hexOf([]byte{b}))
		}
	}
	return regexp.MustCompile(`^(?:` + expr.String() + `)$`).MatchString(hexOf([]byte(path)))
}

func hexOf(b []byte) string {
	var out strings.Builder
	for _, c := range b {
		out.WriteByte("0123456789abcdef"[c>>4])
		out.WriteByte("0123456789abcdef"[c&15])
	}
	return out.String()
}

func FuzzMatches(f *testing.F) {
	for _, seed := range [][2]string{{"/app/*", "/app/x"}, {"*a*b?c*", "/aabxbc"}, {"/?*?", "//"}, {"", ""}, {"/*é?", "/xéé"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, path string) {
		if len(pattern) > 60 || len(path) > 200 {
			return
		}
		if got, want := matches(pattern, path), oracle(pattern, path); got != want {
			t.Errorf("matches(%q, %q) = %v, want %v", pattern, path, got, want)
		}
	})
}

func TestNormalized(t *testing.T) {
	for path, want := range map[string]string{
		"/":                      "/",
		"":                       "/",
		"/a/b":                   "/a/b",
		"/a/":                    "/a/",
		"//a///b":                "/a/b",
		"/a/../b":                "/b",
		"/a/..":                  "/",
		"/../../a":               "/a",
		"/a/./b/.":               "/a/b/",
		"/%61pp/x":               "/app/x",
		"/-/assets/%2e%2e/Home":  "/-/Home",
		"/-/assets/%2E%2E/%2e./": "/",
		"/a%2fb":                 "/a%2Fb", // not unreserved, so it stays
		"/a%zz%4":                "/a%zz%4",
	} {
		if got := normalized(path); got != want {
			t.Errorf("normalized(%q) = %q, want %q", path, got, want)
		}
	}
}

func FuzzNormalized(f *testing.F) {
	f.Add("/a/../%2e%2e//b/.")
	f.Fuzz(func(t *testing.T, path string) {
		got := normalized(path)
		if !strings.HasPrefix(got, "/") || strings.Contains(got, "//") || strings.Contains(got+"/", "/../") || strings.Contains(got+"/", "/./") {
			t.Errorf("normalized(%q) = %q", path, got)
		}
		if again := normalized(got); again != got && !strings.Contains(got, "%") {
			t.Errorf("normalized twice: %q, then %q", got, again)
		}
	})
}
