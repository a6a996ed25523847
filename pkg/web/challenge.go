package web

import (
	"net/http"
	"strings"

	"wikibot.io/pkg/fault"
)

// WriteProblem is [WriteProblem] for what programs use on a wiki host: a 401 also
// tells how to prove who one is. Agents that find no challenge do not ask for a
// token.
func (h Hosts) WriteProblem(w http.ResponseWriter, r *http.Request, err error) {
	if fault.Is(err, fault.Unauthenticated) {
		w.Header().Set("WWW-Authenticate", h.Challenge(r))
	}
	WriteProblem(w, r, err)
}

// Challenge asks for a token of the wiki that the request's host names (RFC 6750
// section 3).
func (h Hosts) Challenge(r *http.Request) string {
	challenge := "Bearer " + h.Realm(r)
	if r.Header.Get("Authorization") != "" {
		challenge += `, error="invalid_token"`
	}
	return challenge
}

// AgentScope is what agents are told to ask for: all there is, since the person
// who consents can give less (scopes are identity's).
const AgentScope = "wiki:read wiki:write"

// AgentChallenge is Challenge for agents: it also says where to read how a token is
// had (RFC 9728 section 5.1) and for which scope. For fault.Denied, which a status
// of 403 goes with, it says that the token's scope does not do (RFC 6750 section
// 3.1): a client that wants more has its person asked again.
func (h Hosts) AgentChallenge(r *http.Request, err error) string {
	challenge := "Bearer " + h.Realm(r)
	switch {
	case fault.Is(err, fault.Denied):
		challenge += `, error="insufficient_scope"`
	case r.Header.Get("Authorization") != "":
		challenge += `, error="invalid_token"`
	}
	metadata := h.Wiki(h.quotable(r), "/.well-known/oauth-protected-resource/mcp")
	return challenge + `, resource_metadata="` + metadata + `", scope="` + AgentScope + `"`
}

// Realm is the realm of a challenge: the slug of the request's host.
func (h Hosts) Realm(r *http.Request) string { return `realm="` + h.quotable(r) + `"` }

// quotable is the slug of the request's host. What a client puts into Host must
// not end the quoted string.
func (h Hosts) quotable(r *http.Request) string {
	_, slug, _ := h.Kind(r.Host)
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == '"' || c == '\\' || c > '~' {
			return -1
		}
		return c
	}, slug)
}
