package identity_test

import (
	"testing"

	"wikibot.io/pkg/identity"
)

func TestCommitEmailHidesTheAddress(t *testing.T) {
	if got := identity.CommitEmail("ada", "wikibot.io"); got != "ada@users.wikibot.io" {
		t.Errorf("got %q", got)
	}
}

func TestAgent(t *testing.T) {
	for _, c := range []struct{ why, said, want string }{
		{"the version is noise", "acme-agent/2.1.4 (cli)", "acme-agent"},
		{"a known one is called as people call it", "claude-code/2.1.4 (cli)", "Claude Code"},
		{"names may have spaces", "Claude Desktop", "Claude Desktop"},
		{"a browser is not an agent", "Mozilla/5.0 (X11; Linux x86_64)", ""},
		{"nothing said", "", ""},
		{"a line break would forge a trailer", "x\nCo-authored-by: y <z>", "x Co-authored-by y z"},
		{"only signs", "<>\x00\u202e", ""},
		{"long", "0123456789012345678901234567890123456789 tail", "0123456789012345678901234567890123456789"},
	} {
		if got := identity.Agent(c.said); got != c.want {
			t.Errorf("%s: Agent(%q) = %q, want %q", c.why, c.said, got, c.want)
		}
	}
}
