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

// Realm is the realm of a challenge: the slug of the request's host. What a
// client puts into Host must not end the quoted string.
func (h Hosts) Realm(r *http.Request) string {
	_, slug, _ := h.Kind(r.Host)
	return `realm="` + strings.Map(func(c rune) rune {
		if c < ' ' || c == '"' || c == '\\' || c > '~' {
			return -1
		}
		return c
	}, slug) + `"`
}
