package auth

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"wikibot.io/pkg/account"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/names"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
)

// home is where a sign-in leads when nothing better was asked for.
const home = "/app/"

// maxForm bounds a posted form, in bytes.
const maxForm = 16 << 10

// form is the sign-in form as it is shown: what was typed, and what is wrong
// with it.
type form struct {
	Email, Username, ReturnTo string

	Wrong map[string][]string // messages by field
	Back  string              // host that the sign-in leads back to; "" for the root host
}

// Focus is the field to begin at: the first wrong one.
func (f form) Focus() string {
	if f.Wrong["email"] == nil && f.Wrong["username"] != nil {
		return "username"
	}
	return "email"
}

// showLogin shows the form. Who is signed in already goes straight on, with
// fresh cookies: a wiki that sent them here had not seen a session, so without
// its cookie they would be sent back and forth.
func (s *Service) showLogin(w http.ResponseWriter, r *http.Request) error {
	back := s.returnTo(r.URL.Query().Get("return_to"))
	p, claims, err := s.auth.RootSession(r)
	if err != nil {
		return err
	}
	if p.Kind == identity.Session {
		u := records.User{ID: p.UserID, Username: p.Username, Email: p.Email}
		return s.signIn(w, r, u, claims.ExpiresAt, back)
	}
	return s.pages.render(w, http.StatusOK, "login", s.formFor(back))
}

func (s *Service) formFor(back string) form {
	f := form{ReturnTo: back}
	if u, err := url.Parse(back); err == nil && u.Host != "" {
		f.Back = u.Host
	}
	return f
}

// login signs in the user of a known e-mail address, or makes one of a new one.
func (s *Service) login(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(w, r); err != nil {
		return err
	}
	f := s.formFor(s.returnTo(r.PostForm.Get("return_to")))
	f.Email = strings.TrimSpace(r.PostForm.Get("email"))
	f.Username = strings.TrimSpace(r.PostForm.Get("username"))
	u, err := s.userOf(r, f)
	if e, ok := errors.AsType[*fault.Error](err); ok && len(e.Fields) > 0 {
		f.Wrong = map[string][]string{}
		for _, field := range e.Fields {
			f.Wrong[field.Name] = append(f.Wrong[field.Name], field.Msg)
		}
		web.RecordOf(r.Context()).Err = err
		return s.pages.render(w, web.Status(err), "login", f)
	}
	if err != nil {
		return err
	}
	return s.signIn(w, r, u, time.Now().Add(identity.SessionLifetime), f.ReturnTo)
}

// userOf finds or makes the user that a form names.
func (s *Service) userOf(r *http.Request, f form) (records.User, error) {
	ctx := r.Context()
	if names.Email(f.Email) == nil {
		u, err := s.users.UserByEmail(ctx, f.Email)
		switch {
		case err == nil && (f.Username == "" || f.Username == u.Username):
			return u, nil
		case err == nil:
			return records.User{}, fault.Invalidf("username", "is not the one of this e-mail address: leave it empty to sign in")
		case !fault.Is(err, fault.NotFound):
			return records.User{}, err
		}
	}
	return account.Register(ctx, s.users, account.Registration{Email: f.Email, Username: f.Username})
}

// signIn sets the cookies and leads on.
func (s *Service) signIn(w http.ResponseWriter, r *http.Request, u records.User, expires time.Time, back string) error {
	tokens, err := s.signer.Issue(r.Context(), u, expires)
	if err != nil {
		return err
	}
	rec := web.RecordOf(r.Context())
	rec.User, rec.Via = u.ID, string(identity.Session)
	identity.SetCookies(w, s.hosts, tokens)
	http.Redirect(w, r, back, http.StatusSeeOther)
	return nil
}

func (s *Service) showLogout(w http.ResponseWriter, r *http.Request) error {
	p, err := s.auth.OnRoot(r)
	if err != nil {
		return err
	}
	if p.Kind != identity.Session {
		http.Redirect(w, r, "/auth/logged-out", http.StatusSeeOther)
		return nil
	}
	return s.pages.render(w, http.StatusOK, "logout", p)
}

func (s *Service) logout(w http.ResponseWriter, r *http.Request) error {
	identity.ClearCookies(w, s.hosts)
	http.Redirect(w, r, "/auth/logged-out", http.StatusSeeOther)
	return nil
}

func (s *Service) loggedOut(w http.ResponseWriter, _ *http.Request) error {
	return s.pages.render(w, http.StatusOK, "logged-out", nil)
}

// returnTo checks where to go after sign-in. Pages of this service are no place
// to go on from: they would lead back here, or sign out again.
func (s *Service) returnTo(raw string) string {
	to := s.hosts.ReturnTo(raw, home)
	u, err := url.Parse(to)
	if err != nil {
		return home
	}
	_, slug, onHost := s.hosts.Kind(u.Host)
	if (u.Host == "" || onHost && slug == "") && strings.HasPrefix(strings.ToLower(u.Path), "/auth") {
		return home
	}
	return to
}

// readForm reads a posted form of bounded size.
func readForm(w http.ResponseWriter, r *http.Request) error {
	if ct, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || ct != "application/x-www-form-urlencoded" {
		return fault.New(fault.Invalid, "sign in: the form must be sent as application/x-www-form-urlencoded")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	err := r.ParseForm()
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fault.New(fault.TooLarge, "sign in: the form may have %d bytes", maxForm)
	}
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "sign in: the form cannot be read")
	}
	return nil
}
