package auth

import (
	"net/http"

	"wikibot.io/pkg/identity"
	"wikibot.io/services/auth/internal/pages"
)

func (s *Service) showLogout(w http.ResponseWriter, r *http.Request) error {
	p, err := s.auth.OnRoot(r)
	if err != nil {
		return err
	}
	if p.Kind != identity.Session {
		http.Redirect(w, r, "/auth/logged-out", http.StatusSeeOther)
		return nil
	}
	return s.pages.Render(w, pages.Page{Name: "logout", Status: http.StatusOK, Data: p})
}

func (s *Service) logout(w http.ResponseWriter, r *http.Request) error {
	identity.ClearCookies(w, s.hosts)
	http.Redirect(w, r, "/auth/logged-out", http.StatusSeeOther)
	return nil
}

func (s *Service) loggedOut(w http.ResponseWriter, _ *http.Request) error {
	return s.pages.Render(w, pages.Page{Name: "logged-out", Status: http.StatusOK})
}
