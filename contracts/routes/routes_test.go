package routes_test

import (
	"testing"

	"wikibot.io/contracts/routes"
)

func TestFind(t *testing.T) {
	for _, c := range []struct {
		host routes.HostKind
		path string
		want routes.Service
	}{
		{routes.RootHost, "/app/assets/index-abc.js", routes.App},
		{routes.RootHost, "/app/ada/connect", routes.App},
		{routes.RootHost, "/api/wikis", routes.Management},
		{routes.RootHost, "/auth/login", routes.Auth},
		{routes.RootHost, "/mcp", ""},        // an agent endpoint belongs to a wiki
		{routes.RootHost, "/repo.git/x", ""}, // so does a repository
		{routes.WikiHost, "/mcp", routes.MCP},
		{routes.WikiHost, "/mcp/", routes.MCP},
		{routes.WikiHost, "/mcp/notes", routes.Wiki}, // a page may be called that
		{routes.WikiHost, "/repo.git/info/refs", routes.GitHTTP},
		{routes.WikiHost, "/repo.git/bundle/pack-ab.bundle", routes.GitHTTP},
		{routes.WikiHost, "/api/v1/pages", routes.Wiki},
		{routes.WikiHost, "/auth/login", routes.Wiki}, // sign-in lives on the root host alone
		{routes.WikiHost, "/", routes.Wiki},
	} {
		got, ok := routes.Find(c.host, c.path)
		if got.Service != c.want || ok != (c.want != "") {
			t.Errorf("Find(%s, %s) = %q, want %q", c.host, c.path, got.Service, c.want)
		}
	}
}
