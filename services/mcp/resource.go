package mcp

import (
	"net/http"
	"strings"

	"wikibot.io/contracts/routes"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/web"
)

// endpoint is where agents connect, on every wiki host.
const endpoint = "/mcp"

// metadataPath is where clients look for the metadata of a protected resource
// (RFC 9728 section 3): of the host, and, with the path of the resource behind
// it, of the endpoint. Some look at the one only, some at the other.
const metadataPath = "/.well-known/oauth-protected-resource"

// metadata tells how to be let in (RFC 9728 section 2).
type metadata struct {
	Resource             string   `json:"resource"`
	ResourceName         string   `json:"resource_name"`
	AuthorizationServers []string `json:"authorization_servers"`
	Scopes               []string `json:"scopes_supported"`
	BearerMethods        []string `json:"bearer_methods_supported"`
}

// describe answers with the metadata of the wiki that the host names. It asks
// nobody whether there is such a wiki: strangers get the same answer for those
// that are private, that are public and that do not exist.
func (s *Service) describe(w http.ResponseWriter, r *http.Request) error {
	kind, slug, ok := s.hosts.Kind(r.Host)
	if !ok || kind != routes.WikiHost || r.URL.Path != metadataPath && r.URL.Path != metadataPath+endpoint {
		return fault.New(fault.NotFound, "there is nothing at %s", r.URL.Path)
	}
	// Clients that run in a browser read it from their own origin. It is the same
	// for everybody, so that no credentials need to be let through.
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	switch r.Method {
	case http.MethodOptions:
		h.Set("Access-Control-Allow-Methods", "GET, HEAD")
		h.Set("Access-Control-Allow-Headers", "MCP-Protocol-Version")
		h.Set("Access-Control-Max-Age", "86400")
		h.Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent)
		return nil
	case http.MethodGet, http.MethodHead:
	default:
		return web.WrongMethod(w, r, http.MethodGet, http.MethodHead, http.MethodOptions)
	}
	h.Set("Cache-Control", "public, max-age=300")
	return web.WriteJSON(w, http.StatusOK, metadata{
		Resource:             s.hosts.Wiki(slug, endpoint),
		ResourceName:         "the wiki " + slug,
		AuthorizationServers: append([]string{s.hosts.Root("")}, s.issuers...),
		Scopes:               strings.Fields(web.AgentScope),
		BearerMethods:        []string{"header"},
	})
}
