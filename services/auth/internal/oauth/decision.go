package oauth

import (
	"net/http"
	"net/url"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
)

// asked is what a page asked a person, as its ticket keeps it.
type asked interface {
	shownTo() string // id of the user
	address() string // where it can be asked again
}

func (q request) shownTo() string { return q.UserID }
func (q request) address() string { return "/oauth/authorize?" + q.query().Encode() }
func (d device) shownTo() string  { return d.UserID }
func (d device) address() string {
	return "/oauth/device?" + url.Values{"user_code": {d.UserCode}}.Encode()
}

// decision is a person's answer to a question.
type decision[Q asked] struct {
	form   url.Values
	who    identity.Principal
	ticket records.Ticket
	about  Q
	yes    bool
}

// decided reads the answer to a question. Nil without an error means that it has
// answered by itself: the question is too old, was shown to somebody else, or whose
// it is has to sign in first.
func decided[Q asked](s *Server, w http.ResponseWriter, r *http.Request, kind records.TicketKind) (*decision[Q], error) {
	form, err := pageForm(w, r)
	if err != nil {
		return nil, err
	}
	who, err := s.deps.Renewed(w, r)
	if err != nil {
		return nil, err
	}
	ticket, about, err := consentOf[Q](s, r, kind, form.Get("ticket"))
	if fault.Is(err, fault.NotFound) {
		return nil, s.stale(w, r)
	}
	if err != nil {
		return nil, err
	}
	if who.Kind != identity.Session {
		signInFirst(w, r, about.address())
		return nil, nil
	}
	if who.UserID != about.shownTo() {
		return nil, s.another(w, r)
	}
	d := &decision[Q]{form: form, who: who, ticket: ticket, about: about}
	switch form.Get("decision") {
	case "allow":
		d.yes = true
	case "deny":
	default:
		return nil, fault.New(fault.Invalid, "answer the request: say allow or deny")
	}
	return d, nil
}
