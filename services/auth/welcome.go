package auth

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"wikibot.io/pkg/account"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/names"
	"wikibot.io/pkg/web"
	"wikibot.io/services/auth/internal/pages"
	"wikibot.io/services/auth/provider"
)

// choosing is the page on which somebody new chooses a username.
type choosing struct {
	Email, Username string
	Before, After   string // of the username in a wiki's address
	Back            string // host that the sign-in leads back to; "" for the root host
	Again           string // where to sign in as somebody else
	Wrong           []string
}

func (s *Service) choosing(p waiting, username string, wrong []string) choosing {
	before, after, _ := strings.Cut(s.hosts.Wiki("*", ""), "*")
	return choosing{
		Email: p.Person.Email, Username: username, Before: before, After: after, Back: hostOf(p.ReturnTo), Again: anew(p.ReturnTo),
		Wrong: wrong,
	}
}

// showWelcome asks somebody new for a username, with one that is free filled in.
func (s *Service) showWelcome(w http.ResponseWriter, r *http.Request) error {
	p, _, err := s.awaited(r, newcomerTicket)
	if fault.Is(err, fault.NotFound) {
		return s.beginAgain(w, r)
	}
	if err != nil {
		return err
	}
	username, err := s.suggest(r.Context(), p.Person)
	if err != nil {
		return err
	}
	return s.pages.Render(w, pages.Page{Name: "welcome", Status: http.StatusOK, Data: s.choosing(p, username, nil)})
}

// maxLookups bounds how many suggestions are looked up: the records are asked for
// each.
const maxLookups = 8

// suggest returns a username that is free at the moment, "" if none of the first
// ones is.
func (s *Service) suggest(ctx context.Context, p provider.Person) (string, error) {
	local, _, _ := strings.Cut(p.Email, "@")
	local, _, _ = strings.Cut(local, "+")
	asked := 0
	for name := range names.Suggest(p.Nickname, p.Name, local) {
		if asked++; asked > maxLookups {
			break
		}
		_, taken, err := s.records.NameTaken(ctx, name)
		if err != nil {
			return "", err
		}
		if !taken {
			return name, nil
		}
	}
	return "", nil
}

// welcome makes the user. Two tabs, or a form sent twice, make one: whoever is
// second finds the identity taken, by themselves, and is signed in.
func (s *Service) welcome(w http.ResponseWriter, r *http.Request) error {
	p, hash, err := s.awaited(r, newcomerTicket)
	if fault.Is(err, fault.NotFound) {
		return s.beginAgain(w, r)
	}
	if err != nil {
		return err
	}
	if err := readForm(w, r); err != nil {
		return err
	}
	registration := account.Registration{
		Email: p.Person.Email, Username: strings.TrimSpace(r.PostForm.Get("username")), Identities: p.Person.Identities,
	}
	if name := strings.TrimSpace(p.Person.Name); names.Display(name) == nil {
		registration.DisplayName = name
	}
	u, err := account.Register(r.Context(), s.records, registration)
	wrong, only := wrongWith(err, "username")
	switch {
	case len(wrong) > 0 && only:
		web.RecordOf(r.Context()).Err = err
		return s.pages.Render(w, pages.Page{Name: "welcome", Status: web.Status(err), Data: s.choosing(p, registration.Username, wrong)})
	case fault.Is(err, fault.Exists):
		return s.overtaken(w, r, p, err)
	case err != nil:
		return err
	}
	if err := s.admitted(w, r, newcomerTicket, hash); err != nil {
		return err
	}
	return s.signIn(w, r, u, p.Person, p.ReturnTo)
}

// overtaken goes on with somebody whose identity or e-mail address has become a
// user's since they were asked for a username.
func (s *Service) overtaken(w http.ResponseWriter, r *http.Request, p waiting, cause error) error {
	_, how, err := s.resolve(r.Context(), p.Person)
	if err != nil {
		return err
	}
	if how != newcomer {
		return s.settle(w, r, p)
	}
	web.RecordOf(r.Context()).Err = cause
	if fieldsOf(cause)["identity"] { // one besides the first is somebody's
		return s.refuse(w, "taken", "identity", p)
	}
	if fieldsOf(cause)["email"] { // nobody has it, and yet it is taken
		return s.refuse(w, "taken", "leaving", p)
	}
	return cause
}

func fieldsOf(err error) map[string]bool {
	names := map[string]bool{}
	if e, ok := errors.AsType[*fault.Error](err); ok {
		for _, f := range e.Fields {
			names[f.Name] = true
		}
	}
	return names
}

// wrongWith returns what an error says about a field, and whether it says nothing
// about others.
func wrongWith(err error, field string) (wrong []string, only bool) {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return nil, false
	}
	for _, f := range e.Fields {
		if f.Name != field {
			return nil, false
		}
		wrong = append(wrong, f.Msg)
	}
	return wrong, true
}

// username tells the page of somebody new, and nobody else, whether a username
// can be had.
func (s *Service) username(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Cache-Control", "no-store")
	_, _, err := s.awaited(r, newcomerTicket)
	if fault.Is(err, fault.NotFound) {
		return fault.Wrap(err, fault.Unauthenticated, "look up a username: only who is choosing one may")
	}
	if err != nil {
		return err
	}
	var answer struct {
		Available bool   `json:"available"`
		Reason    string `json:"reason,omitempty"` // follows the word Username
	}
	name := r.URL.Query().Get("name")
	if wrong := names.Label(name); len(wrong) > 0 {
		answer.Reason = strings.Join(wrong, ", ")
		return web.WriteJSON(w, http.StatusOK, answer)
	}
	_, taken, err := s.records.NameTaken(r.Context(), name)
	if err != nil {
		return err
	}
	if answer.Available = !taken; taken {
		answer.Reason = "is taken: choose another"
	}
	return web.WriteJSON(w, http.StatusOK, answer)
}
