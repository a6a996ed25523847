package web_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/web"
)

// TestAgentChallenge: what the MCP specification asks of a 401 and a 403.
func TestAgentChallenge(t *testing.T) {
	hosts, err := web.NewHosts("https://wikibot.io")
	if err != nil {
		t.Fatal(err)
	}
	const rest = `, resource_metadata="https://ada.wikibot.io/.well-known/oauth-protected-resource/mcp", scope="wiki:read wiki:write"`
	nobody, denied := fault.New(fault.Unauthenticated, "who?"), fault.New(fault.Denied, "no")
	for _, c := range []struct {
		why, host, authorization string
		err                      error
		want                     string
	}{
		{"nothing was sent, so nothing was wrong with it", "ada.wikibot.io", "", nobody, `Bearer realm="ada"` + rest},
		{"a token that is no good", "ada.wikibot.io", "Bearer x", nobody, `Bearer realm="ada", error="invalid_token"` + rest},
		{"a token whose scope does not do", "ada.wikibot.io", "Bearer x", denied, `Bearer realm="ada", error="insufficient_scope"` + rest},
		{"the host as it is known, not as it was typed", "ADA.wikibot.io:443", "", nobody, `Bearer realm="ada"` + rest},
		{
			"header injection: a host that closes the quoted string", `a", scope="x\.wikibot.io`, "", nobody,
			`Bearer realm="a, scope=x", resource_metadata="https://a, scope=x.wikibot.io/.well-known/oauth-protected-resource/mcp", scope="wiki:read wiki:write"`,
		},
	} {
		r := httptest.NewRequest(http.MethodPost, "/mcp", nil)
		r.Host = c.host
		if c.authorization != "" {
			r.Header.Set("Authorization", c.authorization)
		}
		if got := hosts.AgentChallenge(r, c.err); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.why, got, c.want)
		}
	}
}
