package auth

import (
	"net/url"
	"strings"
	"testing"

	"wikibot.io/pkg/web"
)

// FuzzReturnTo: whatever is asked for, a sign-in leads to a host of ours, and not
// back into itself; and what was checked once passes again unchanged.
func FuzzReturnTo(f *testing.F) {
	for _, s := range []string{"/app/", "//e", `/\e`, "/auth/x", "/x/../auth", "http://ada.wikibot.localhost:8080/a?b#c", "/oauth/authorize?x=%2F"} {
		f.Add(s)
	}
	hosts, err := web.NewHosts("http://wikibot.localhost:8080")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		to := returnTo(hosts, raw)
		if again := returnTo(hosts, to); again != to {
			t.Fatalf("%q becomes %q and then %q", raw, to, again)
		}
		root, err := url.Parse(hosts.Root("/"))
		if err != nil {
			t.Fatal(err)
		}
		at, err := root.Parse(to) // as a browser reads it, dots resolved
		if err != nil {
			t.Fatalf("%q becomes %q: %v", raw, to, err)
		}
		_, slug, ours := hosts.Kind(at.Host)
		if !ours || at.Scheme != "http" || at.Port() != "8080" || at.User != nil {
			t.Fatalf("%q leads to %q", raw, at)
		}
		if path := strings.ToLower(at.Path); slug == "" && (path == "/auth" || strings.HasPrefix(path, "/auth/")) {
			t.Fatalf("%q leads back to %q", raw, at)
		}
	})
}
