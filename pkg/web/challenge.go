package web

import (
	"net/http"

	"wikibot.io/pkg/fault"
)

// WriteProblem is [WriteProblem] for what programs use on a wiki host: a 401 also
// tells how to prove who one is, with the wiki's slug as the realm (RFC 6750
// section 3). Agents that find no challenge do not ask for a token.
func (h Hosts) WriteProblem(w http.ResponseWriter, r *http.Request, err error) {
	if fault.Is(err, fault.Unauthenticated) {
		_, slug, _ := h.Kind(r.Host)
		challenge := `Bearer realm="` + slug + `"`
		if r.Header.Get("Authorization") != "" {
			challenge += `, error="invalid_token"`
		}
		w.Header().Set("WWW-Authenticate", challenge)
	}
	WriteProblem(w, r, err)
}
