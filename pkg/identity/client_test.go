package identity_test

import (
	"strings"
	"testing"

	"wikibot.io/pkg/identity"
)

func TestClientName(t *testing.T) {
	for _, c := range []struct{ why, said, name, agent string }{
		{"the version is noise", "git/2.39.5", "git", "git"},
		{"so is the comment", "acme-agent (cli)", "acme-agent", "acme-agent"},
		{"a known one is called as people call it", "claude-code/2.1.3 (cli)", "Claude Code", "Claude Code"},
		{"also when it says so to MCP", "claude-code", "Claude Code", "Claude Code"},
		{"a hosted agent", "Claude-User", "Claude.ai", "Claude.ai"},
		{"whose own name holds a slash", "Anthropic/ClaudeAI", "Claude.ai", "Claude.ai"},
		{"names may have spaces", "Claude Desktop", "Claude Desktop", "Claude Desktop"},
		{"no version", "node", "node", "node"},
		{"a browser is not an agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36", "Browser", ""},
		{"nothing said", "", "", ""},
		{"markup", "<script>alert(1)</script>/1", "script alert", "script alert"},
		{"a line break would forge a trailer", "x\nCo-authored-by: y <z>", "x Co-authored-by y z", "x Co-authored-by y z"},
		{"only signs", "<>\x00\u202e💥", "", ""},
		{"long", strings.Repeat("0123456789", 4) + " tail", strings.Repeat("0123456789", 4), strings.Repeat("0123456789", 4)},
	} {
		if got := identity.ClientName(c.said); got != c.name {
			t.Errorf("%s: ClientName(%q) = %q, want %q", c.why, c.said, got, c.name)
		}
		if got := identity.Agent(c.said); got != c.agent {
			t.Errorf("%s: Agent(%q) = %q, want %q", c.why, c.said, got, c.agent)
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
