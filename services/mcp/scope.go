package mcp

import (
	"context"
	"net/http"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
)

// demand refuses, by HTTP, a call of a tool that writes where other credentials
// would help: clients begin or widen their authorization on a 401 or 403 and on
// nothing else. Where they would not help, because the person themselves may not
// write, it lets the call pass and the tool says so in words: a client that asked
// for consent again would end up where it was.
func (s *Service) demand(w http.ResponseWriter, r *http.Request, v *visit, body []byte) error {
	if v.May(identity.Write) || !s.writes(body) {
		return nil
	}
	if v.Principal.Kind == identity.Anonymous {
		return s.unauthorised(v)
	}
	capped, err := s.capped(r.Context(), v)
	if err != nil || !capped {
		return err
	}
	err = s.unauthorised(v)
	w.Header().Set("WWW-Authenticate", s.hosts.AgentChallenge(r, err))
	return err
}

// refuse answers with an error. A 401 says how agents get a token.
func (s *Service) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if fault.Is(err, fault.Unauthenticated) {
		w.Header().Set("WWW-Authenticate", s.hosts.AgentChallenge(r, err))
	}
	web.WriteProblem(w, r, err)
}

// writes reports whether a body calls a tool that changes the wiki.
func (s *Service) writes(body []byte) bool {
	for _, m := range messagesOf(body) {
		if m.Method == "tools/call" && s.changes[m.Params.Name] {
			return true
		}
	}
	return false
}

// capped reports whether the caller may not write for the sole reason that its
// own token or connection is for reading, while the person behind it may.
func (s *Service) capped(ctx context.Context, v *visit) (bool, error) {
	p := v.Principal
	if p.MaxRole == "" || p.MaxRole == records.Editor {
		return false, nil
	}
	p.MaxRole = records.Editor
	_, err := s.gate.Enter(identity.With(ctx, p), v.Wiki.Slug, identity.Write)
	switch fault.KindOf(err) {
	case "":
		return true, nil
	case fault.Denied, fault.NotFound, fault.Unauthenticated:
		return false, nil
	}
	return false, err
}
