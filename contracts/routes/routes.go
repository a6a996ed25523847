// Package routes is the one table of what answers where: the gateway of the
// one-process fleet reads it, and so does the deployment, so that local routing
// is deployed routing.
package routes

import "strings"

// HostKind tells the root host (wikibot.io) from a wiki's ({slug}.wikibot.io).
type HostKind string

// The two kinds of host. Any other host is answered with 404.
const (
	RootHost HostKind = "root"
	WikiHost HostKind = "wiki"
)

// Service names a member of the fleet.
type Service string

// The services. App is the static management app: files in a bucket when
// deployed, embedded in the binary otherwise. Embedding and Relay answer no
// requests.
const (
	App        Service = "app"
	Auth       Service = "auth"
	Management Service = "management"
	Wiki       Service = "wiki"
	MCP        Service = "mcp"
	GitHTTP    Service = "githttp"
	Embedding  Service = "embedding"
	Relay      Service = "relay"
)

// CachePolicy says what a shared cache in front of the fleet may do.
type CachePolicy string

// The cache policies.
const (
	// NoStore: nothing is ever kept by a shared cache.
	NoStore CachePolicy = "no-store"
	// OriginDecides: the response's own Cache-Control decides; it is "private"
	// for everything that is not public.
	OriginDecides CachePolicy = "origin"
	// Immutable: content-hashed names, kept for a year.
	Immutable CachePolicy = "immutable"
)

// Bundles is where the bulk of a wiki's history is, for clients to fetch through a
// shared cache.
const Bundles = "/repo.git/bundle/*"

// Route is one row: requests to hosts of kind Host whose path matches Pattern
// go to Service.
type Route struct {
	Host    HostKind
	Pattern string // exact path, or a prefix that ends in "/*"
	Service Service
	Cache   CachePolicy
}

// Table lists the routes; the first match wins.
var Table = []Route{
	{RootHost, "/app/assets/*", App, Immutable},
	{RootHost, "/app/*", App, OriginDecides},
	{RootHost, "/app", App, OriginDecides},
	{RootHost, "/", App, OriginDecides},
	{RootHost, "/favicon.svg", App, OriginDecides},
	{RootHost, "/auth/*", Auth, NoStore},
	{RootHost, "/oauth/*", Auth, NoStore},
	{RootHost, "/.well-known/jwks.json", Auth, OriginDecides},
	{RootHost, "/.well-known/oauth-authorization-server", Auth, OriginDecides},
	{RootHost, "/.well-known/openid-configuration", Auth, OriginDecides},
	{RootHost, "/api/account", Auth, NoStore},
	{RootHost, "/api/account/*", Auth, NoStore},
	{RootHost, "/api/*", Management, NoStore},

	{WikiHost, "/mcp", MCP, NoStore},
	{WikiHost, "/mcp/", MCP, NoStore},
	{WikiHost, "/.well-known/oauth-protected-resource", MCP, OriginDecides},
	{WikiHost, "/.well-known/oauth-protected-resource/*", MCP, OriginDecides},
	{WikiHost, Bundles, GitHTTP, OriginDecides},
	{WikiHost, "/repo.git/*", GitHTTP, NoStore},
	{WikiHost, "/-/assets/*", Wiki, Immutable},
	{WikiHost, "/api/v1/*", Wiki, NoStore},
	{WikiHost, "/*", Wiki, OriginDecides},
}

// Matches reports whether the route takes a path. A pattern "/a/*" takes "/a/"
// and all below it, but not "/a".
func (r Route) Matches(path string) bool {
	if prefix, ok := strings.CutSuffix(r.Pattern, "*"); ok {
		return strings.HasPrefix(path, prefix)
	}
	return path == r.Pattern
}

// Find returns the first route that takes the path on that kind of host.
func Find(host HostKind, path string) (Route, bool) {
	for _, r := range Table {
		if r.Host == host && r.Matches(path) {
			return r, true
		}
	}
	return Route{}, false
}
