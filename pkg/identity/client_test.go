package identity_test

import (
	"strings"
	"testing"

	"wikibot.io/pkg/identity"
)

func TestClientName(t *testing.T) {
	for _, c := range []struct{ why, in, want string }{
		{"git", "git/2.39.5", "git 2.39"},
		{"git for Windows", "git/2.45.1.windows.1", "git 2.45"},
		{"an agent under its own name", "claude-code/2.1.3 (cli)", "Claude Code 2.1"},
		{"a hosted agent", "Claude-User", "Claude.ai"},
		{"no minor version", "curl/8", "curl 8"},
		{"no version", "node", "node"},
		{"browsers say too much", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36", "Browser"},
		{"nothing", "", ""},
		{"markup", "<script>alert(1)</script>/1", "scriptalert1 script1"},
		{"trailer injection", "evil\nCo-authored-by: x/1", "evilCo-authored-by"},
		{"only junk", "\x00/💥", ""},
		{"too long", strings.Repeat("a", 100), strings.Repeat("a", 40)},
	} {
		r := request(t)
		r.Header["User-Agent"] = []string{c.in}
		if got := identity.ClientName(r); got != c.want {
			t.Errorf("%s: got %q, want %q", c.why, got, c.want)
		}
	}
}

func TestNewWikiToken(t *testing.T) {
	one, hash := identity.NewWikiToken()
	two, _ := identity.NewWikiToken()
	if len(one) != 47 || !strings.HasPrefix(one, "wbt_") || one == two {
		t.Errorf("secrets %q, %q", one, two)
	}
	if len(hash) != 64 || hash != identity.HashToken(one) || strings.Contains(one, hash) {
		t.Errorf("hash %q", hash)
	}
}
