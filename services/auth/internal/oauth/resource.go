package oauth

import (
	"net/url"
	"strings"

	"wikibot.io/contracts/routes"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
)

// scopeAccount is what the command line asks for: to act as its user.
const scopeAccount = "account"

// wikiOf reads a resource indicator (RFC 8707) that names a wiki, and returns its
// one spelling: the wiki's MCP URL without a slash at the end. The bare host
// means the same, because some clients send no more than that.
func wikiOf(hosts web.Hosts, resource string) (slug, canonical string, ok bool) {
	u, ok := plainURL(resource)
	if !ok {
		return "", "", false
	}
	switch u.EscapedPath() {
	case "", "/", "/mcp", "/mcp/":
	default:
		return "", "", false
	}
	kind, slug, ok := hosts.Kind(u.Host)
	if !ok || kind != routes.WikiHost || u.Scheme+"://"+u.Host != hosts.Wiki(slug, "") {
		return "", "", false
	}
	return slug, hosts.Wiki(slug, "/mcp"), true
}

// isRoot reports whether a resource indicator names the fleet itself.
func isRoot(hosts web.Hosts, resource string) bool {
	u, ok := plainURL(resource)
	return ok && (u.Path == "" || u.Path == "/") && u.Scheme+"://"+u.Host == hosts.Root("")
}

// plainURL parses an address of scheme, host and path alone, and brings case and
// the scheme's own port to their usual form (RFC 3986 section 6.2).
func plainURL(raw string) (*url.URL, bool) {
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(raw, "#") {
		return nil, false
	}
	u.Host = strings.ToLower(u.Host)
	switch u.Scheme {
	case "https":
		u.Host = strings.TrimSuffix(u.Host, ":443")
	case "http":
		u.Host = strings.TrimSuffix(u.Host, ":80")
	}
	return u, u.Host != ""
}

// sameWiki reports whether a resource that is named again is the one that a token
// is for; naming none again is fine.
func (s *Server) sameWiki(again, canonical string) bool {
	if again == "" {
		return true
	}
	_, got, ok := wikiOf(s.deps.Hosts, again)
	return ok && got == canonical
}

// ignored are scopes that clients ask for by habit. They mean nothing here, and
// asking for them alone is asking for nothing in particular.
var ignored = map[string]bool{"openid": true, "profile": true, "email": true, "offline_access": true}

// roleAsked is the most that a scope asks for in a wiki; no scope asks for all
// that is offered. Scopes that are not ours are left out (RFC 6749 section 3.3),
// and what is nothing but those is refused.
func roleAsked(scope string) (records.Role, error) {
	if role, ok := identity.RoleOfScope(scope); ok {
		return role, nil
	}
	for name := range strings.FieldsSeq(scope) {
		if !ignored[name] {
			return "", refuse(invalidScope, "the scopes are "+identity.ScopeRead+" and "+identity.ScopeWrite)
		}
	}
	return records.Editor, nil
}

// lesser is the lower one of two roles of a connection.
func lesser(a, b records.Role) records.Role {
	if a == records.Editor && b == records.Editor {
		return records.Editor
	}
	return records.Viewer
}

// most is the most that an entry lets a connection do.
func most(e identity.Entry) records.Role {
	if e.May(identity.Write) {
		return records.Editor
	}
	return records.Viewer
}
