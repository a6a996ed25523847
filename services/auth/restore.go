package auth

import (
	"net/http"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/services/auth/internal/pages"
)

// DeletionGrace is how long a deleted account can be had back.
const DeletionGrace = 14 * 24 * time.Hour

// showRestore asks somebody who is leaving whether to come back.
func (s *Service) showRestore(w http.ResponseWriter, r *http.Request) error {
	p, _, err := s.awaited(r, leavingTicket)
	if fault.Is(err, fault.NotFound) {
		return s.beginAgain(w, r)
	}
	if err != nil {
		return err
	}
	u, how, err := s.resolve(r.Context(), p.Person)
	if err != nil {
		return err
	}
	if how != leaving {
		return s.beginAgain(w, r)
	}
	return s.pages.Render(w, pages.Page{Name: "welcome-back", Status: http.StatusOK, Data: struct {
		Username, Email string
		Until           time.Time
	}{u.Username, u.Email, u.DeletedAt.Add(DeletionGrace).UTC()}})
}

// restore takes them back. Who came back in another tab already is signed in.
func (s *Service) restore(w http.ResponseWriter, r *http.Request) error {
	p, hash, err := s.awaited(r, leavingTicket)
	if fault.Is(err, fault.NotFound) {
		return s.beginAgain(w, r)
	}
	if err != nil {
		return err
	}
	u, how, err := s.resolve(r.Context(), p.Person)
	if err != nil {
		return err
	}
	if how == leaving {
		if err := s.records.RestoreUser(r.Context(), u.ID); err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	if err := s.admitted(w, r, leavingTicket, hash); err != nil {
		return err
	}
	return s.settle(w, r, p)
}
