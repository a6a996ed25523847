package auth

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
	"wikibot.io/services/auth/provider"
)

// SignIn finds out who somebody is. How is the driver's affair: [Development]
// asks them, [Remote] asks a provider, [None] cannot. The service around it keeps
// to itself what all ways have in common: it lets through who is signed in
// already, finds or makes the user, begins the session, sets the cookies and
// checks where to go on.
//
// Begin and Complete write their own pages, with the headers set that all pages
// of the service carry; an error that they return becomes an error page, and then
// they must not have written anything. All are called concurrently.
type SignIn interface {
	// Begin answers GET /auth/login of somebody who is not signed in: with a form,
	// or with a redirect to whoever knows them. returnTo is where to go on
	// afterwards, checked; Complete will be asked for it.
	Begin(w http.ResponseWriter, r *http.Request, returnTo string) error
	// Callback is the request that ends a sign-in, as a pattern of
	// [http.ServeMux] below /auth/, such as "POST /auth/login".
	Callback() string
	// Complete reads that request. A nil Proven without an error means that it has
	// answered by itself, for instance with the form and what is wrong in it.
	Complete(w http.ResponseWriter, r *http.Request) (*Proven, error)
	// Renew and EndURL are those of [provider.Provider].
	Renew(ctx context.Context, held []byte) ([]byte, error)
	EndURL(held []byte, returnTo string) string
}

// Proven is a sign-in that succeeded. Whose it is, the service finds out: the
// user of the first identity; or the one with the verified e-mail address, who
// gets the identities; or somebody new, who chooses a username.
type Proven struct {
	Person   provider.Person
	Username string // that somebody new has chosen already; "" to be asked
	ReturnTo string // as it came back from outside: it will be checked
}

// home is where a sign-in leads when nothing better was asked for.
const home = "/app/"

// begin leads whoever is not signed in to the sign-in. Who is signed in already
// goes straight on, with fresh cookies: a wiki that sent them here had not seen a
// session, so without its cookie they would be sent back and forth.
func (s *Service) begin(w http.ResponseWriter, r *http.Request) error {
	back := returnTo(s.hosts, r.URL.Query().Get("return_to"))
	p, claims, err := s.auth.RootSession(r)
	if err != nil {
		return err
	}
	if p.Kind == identity.Session {
		u := records.User{ID: p.UserID, Username: p.Username, Email: p.Email}
		return s.signIn(w, r, u, claims.ExpiresAt, back)
	}
	return s.proof.Begin(w, r, back)
}

// complete signs in whom the driver vouches for.
func (s *Service) complete(w http.ResponseWriter, r *http.Request) error {
	p, err := s.proof.Complete(w, r)
	if p == nil || err != nil {
		return err
	}
	u, err := s.userOf(r.Context(), p)
	if err != nil {
		return err
	}
	return s.signIn(w, r, u, time.Now().Add(identity.SessionLifetime), returnTo(s.hosts, p.ReturnTo))
}

// userOf: unwritten.
func (s *Service) userOf(context.Context, *Proven) (records.User, error) { panic("unwritten") }

// signIn sets the cookies and leads on.
func (s *Service) signIn(w http.ResponseWriter, r *http.Request, u records.User, expires time.Time, back string) error {
	tokens, err := s.signer.Issue(r.Context(), u, "", expires) // unwritten: the session
	if err != nil {
		return err
	}
	rec := web.RecordOf(r.Context())
	rec.User, rec.Via = u.ID, string(identity.Session)
	identity.SetCookies(w, s.hosts, tokens)
	http.Redirect(w, r, back, http.StatusSeeOther)
	return nil
}

// returnTo checks where to go after sign-in. Pages of this service are no place
// to go on from: they would lead back here, or sign out again.
func returnTo(hosts web.Hosts, raw string) string {
	to := hosts.ReturnTo(raw, home)
	u, err := url.Parse(to)
	if err != nil {
		return home
	}
	_, slug, onHost := hosts.Kind(u.Host)
	if (u.Host == "" || onHost && slug == "") && strings.HasPrefix(strings.ToLower(u.Path), "/auth") {
		return home
	}
	return to
}

// hostOf is the host that a sign-in leads back to, "" for the root host.
func hostOf(back string) string {
	u, err := url.Parse(back)
	if err != nil {
		return ""
	}
	return u.Host
}
