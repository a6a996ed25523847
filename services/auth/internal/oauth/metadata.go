package oauth

import (
	"maps"
	"net/http"

	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/web"
)

// metadata describes the server (RFC 8414 section 2). The issuer has no trailing
// slash, and stands so in every token and every answer: clients compare bytes.
func (s *Server) metadata() map[string]any {
	root := s.deps.Hosts.Root
	return map[string]any{
		"issuer":                                     root(""),
		"authorization_endpoint":                     root("/oauth/authorize"),
		"token_endpoint":                             root("/oauth/token"),
		"registration_endpoint":                      root("/oauth/register"),
		"revocation_endpoint":                        root("/oauth/revoke"),
		"device_authorization_endpoint":              root("/oauth/device_authorization"),
		"jwks_uri":                                   root("/.well-known/jwks.json"),
		"scopes_supported":                           []string{identity.ScopeRead, identity.ScopeWrite},
		"response_types_supported":                   []string{"code"},
		"response_modes_supported":                   []string{"query"},
		"grant_types_supported":                      []string{grantCode, grantRefresh, grantDevice},
		"token_endpoint_auth_methods_supported":      []string{"none"},
		"revocation_endpoint_auth_methods_supported": []string{"none"},
		"code_challenge_methods_supported":           []string{"S256"},
		"client_id_metadata_document_supported":      true, // draft-ietf-oauth-client-id-metadata-document
		// RFC 9207: answers name who gave them, against mix-up.
		"authorization_response_iss_parameter_supported": true,
	}
}

// openIDMetadata is the same for clients that look where OpenID Connect has it
// (OpenID Connect Discovery 1.0 section 3), with the members that are required
// there. No ID tokens are issued: the scope openid is not offered.
func (s *Server) openIDMetadata() map[string]any {
	m := maps.Clone(s.metadata())
	m["subject_types_supported"] = []string{"public"}
	m["id_token_signing_alg_values_supported"] = []string{"RS256"}
	return m
}

// document adds a discovery document that everybody may read.
func (s *Server) document(mux *http.ServeMux, path string, doc map[string]any) {
	mux.Handle(path, open("GET, OPTIONS", web.Handle(func(w http.ResponseWriter, r *http.Request) error {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			return web.WrongMethod(w, r, http.MethodGet, http.MethodHead, http.MethodOptions)
		}
		w.Header().Set("Cache-Control", "public, max-age=300")
		return web.WriteJSON(w, http.StatusOK, doc)
	}, nil)))
}
