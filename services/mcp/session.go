package mcp

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strings"

	"wikibot.io/pkg/identity"
)

// Clients up to 2025-11-25 say who they are once, in initialize. We keep no
// sessions, but commits shall name the agent; so the session id that such a
// client is given, and sends with every later request, is its own name. It
// proves nothing, as the name did not, and opens nothing.
const (
	sessionHeader = "Mcp-Session-Id"
	sessionPrefix = "client."
)

// introduce finds out what the caller calls itself, and gives it the id that
// carries it if it has just said so.
func introduce(w http.ResponseWriter, r *http.Request, v *visit, body []byte) {
	if name, ok := strings.CutPrefix(r.Header.Get(sessionHeader), sessionPrefix); ok {
		if raw, err := base64.RawURLEncoding.DecodeString(name); err == nil {
			v.client = identity.Agent(string(raw))
		}
		return
	}
	if !bytes.Contains(body, []byte(`"initialize"`)) {
		return // most bodies: spare them the parsing
	}
	all := messagesOf(body)
	if len(all) != 1 || all[0].Method != "initialize" {
		return // it is never part of a batch
	}
	if v.client = identity.Agent(all[0].Params.ClientInfo.Name); v.client != "" {
		w.Header().Set(sessionHeader, sessionPrefix+base64.RawURLEncoding.EncodeToString([]byte(v.client)))
	}
}
