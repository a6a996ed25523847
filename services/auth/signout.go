package auth

import (
	"net/http"
	"net/url"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/services/auth/internal/pages"
)

// onward is where a sign-out leads on to, by way of another sign-in: "" when it was
// not asked to lead anywhere.
func (s *Service) onward(raw string) string {
	if raw == "" {
		return ""
	}
	return returnTo(s.hosts, raw)
}

// showLogout asks whoever is signed in, by a token or by a session that would
// renew it. With return_to they are about to come back as somebody else.
func (s *Service) showLogout(w http.ResponseWriter, r *http.Request) error {
	back := s.onward(r.URL.Query().Get("return_to"))
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
			to := "/auth/logged-out"
			if back != "" {
				to = anew(back)
			}
			http.Redirect(w, r, to, http.StatusSeeOther)
			return nil
		}
		if err != nil {
			return err
		}
		p = identity.Principal{Username: u.Username, Email: u.Email}
	}
	return s.pages.Render(w, pages.Page{Name: "logout", Status: http.StatusOK, Data: struct{ Username, Email, Back string }{p.Username, p.Email, back}})
}

// logout ends the session, by its secret, which outlives the tokens, and by what
// the token says, in case they differ. The provider's own page comes after: by a
// page of ours and not by a redirect, because the form that leads here may be the
// app's, whose policy holds the redirect against form-action and knows no
// provider. With return_to the provider's session stays, and it is asked to let
// them choose another account.
func (s *Service) logout(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	back := s.onward(r.PostFormValue("return_to")) // a form that cannot be read signs out all the same
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
	if back != "" {
		return s.leave(w, "", anew(back))
	}
	to := s.proof.EndURL(held, s.hosts.Root("/auth/logged-out"))
	at, err := url.Parse(to)
	if session.ID == "" || to == "" || err != nil {
		http.Redirect(w, r, "/auth/logged-out", http.StatusSeeOther)
		return nil
	}
	return s.leave(w, at.Host, at.String())
}

// leave leads from here to another page, that of a host or "" for our own.
func (s *Service) leave(w http.ResponseWriter, host, to string) error {
	w.Header().Set("Refresh", "0; url="+to)
	return s.pages.Render(w, pages.Page{Name: "leaving", Status: http.StatusOK, Data: struct{ Host, URL string }{host, to}})
}

func (s *Service) loggedOut(w http.ResponseWriter, _ *http.Request) error {
	return s.pages.Render(w, pages.Page{Name: "logged-out", Status: http.StatusOK, Data: struct{ Again string }{anew(home)}})
}
