package auth

import (
	"net/http"
	"net/url"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/services/auth/internal/pages"
)

// showLogout asks whoever is signed in, by a token or by a session that would
// renew it.
func (s *Service) showLogout(w http.ResponseWriter, r *http.Request) error {
	p, err := s.auth.OnRoot(r)
	if err != nil {
		return err
	}
	if p.Kind != identity.Session {
		session, _, err := s.presented(r)
		if err != nil && !fault.Is(err, fault.Unauthenticated) {
			return err
		}
		u, err := s.records.User(r.Context(), session.UserID)
		if fault.Is(err, fault.NotFound) {
			http.Redirect(w, r, "/auth/logged-out", http.StatusSeeOther)
			return nil
		}
		if err != nil {
			return err
		}
		p = identity.Principal{Username: u.Username, Email: u.Email}
	}
	return s.pages.Render(w, pages.Page{Name: "logout", Status: http.StatusOK, Data: p})
}

// logout ends the session, by its secret, which outlives the tokens, and by what
// the token says, in case they differ. The provider's own page comes after: by a
// page of ours and not by a redirect, because the form that leads here may be the
// app's, whose policy holds the redirect against form-action and knows no
// provider.
func (s *Service) logout(w http.ResponseWriter, r *http.Request) error {
	now := time.Now()
	session, c, err := s.presented(r)
	if err != nil && !fault.Is(err, fault.Unauthenticated) {
		return err
	}
	var held []byte
	if err == nil {
		if b, err := bondOf(c.Secret, session); err == nil { // else we end our part all the same
			held = b.Held
		}
		if err := s.end(r.Context(), session.UserID, session.ID, now); err != nil {
			return err
		}
	}
	p, claims, err := s.auth.RootSession(r)
	if err != nil {
		return err
	}
	if p.Kind == identity.Session && claims.SessionID != "" && claims.SessionID != session.ID {
		if err := s.end(r.Context(), p.UserID, claims.SessionID, now); err != nil {
			return err
		}
	}
	identity.ClearCookies(w, s.hosts)
	for _, name := range []string{attemptCookie, waitingCookie(newcomerTicket), waitingCookie(leavingTicket)} {
		if len(r.CookiesNamed(name)) > 0 {
			setSecret(w, name, "", -1)
		}
	}
	to := s.proof.EndURL(held, s.hosts.Root("/auth/logged-out"))
	at, err := url.Parse(to)
	if session.ID == "" || to == "" || err != nil {
		http.Redirect(w, r, "/auth/logged-out", http.StatusSeeOther)
		return nil
	}
	w.Header().Set("Refresh", "0; url="+at.String())
	return s.pages.Render(w, pages.Page{Name: "leaving", Status: http.StatusOK, Data: struct{ Host, URL string }{at.Host, at.String()}})
}

func (s *Service) loggedOut(w http.ResponseWriter, _ *http.Request) error {
	return s.pages.Render(w, pages.Page{Name: "logged-out", Status: http.StatusOK})
}
