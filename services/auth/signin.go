package auth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"path"
	"strings"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/limit"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
	"wikibot.io/services/auth/internal/pages"
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
	// Rate is how often one address may sign in.
	Rate() limit.Rate
	// Renew and EndURL are those of [provider.Provider].
	Renew(ctx context.Context, held []byte) ([]byte, error)
	EndURL(held []byte, returnTo string) string
}

// Proven is a sign-in that succeeded. Whose it is, the service finds out: the
// user of the first identity; or the one with the verified e-mail address, who
// gets the identities; or somebody new, who chooses a username.
type Proven struct {
	Person   provider.Person
	ReturnTo string // as it came back from outside: it will be checked
}

// home is where a sign-in leads when nothing better was asked for.
const home = "/app/"

// begin leads whoever is not signed in to the sign-in. Who is signed in already
// goes straight on, with fresh cookies: a wiki that sent them here had not seen a
// session, so without its cookie they would be sent back and forth. So does who
// has a session whose tokens have run out. Who asks for a choice of accounts is
// not taken at their old one.
func (s *Service) begin(w http.ResponseWriter, r *http.Request) error {
	back := returnTo(s.hosts, r.URL.Query().Get("return_to"))
	if !r.URL.Query().Has(fresh) {
		in, err := s.signedIn(w, r)
		if err != nil {
			return err
		}
		if in {
			http.Redirect(w, r, back, http.StatusSeeOther)
			return nil
		}
	}
	rate := s.proof.Rate()
	rate.Name, rate.Max = "begin to "+rate.Name, 2*rate.Max // it can take two pages
	if err := s.limiter.Allow(r.Context(), rate, limit.Address(r)); err != nil {
		return err
	}
	return s.went(w, r, s.proof.Begin(w, r, back))
}

// signedIn reports whether the browser is signed in, and answers with fresh
// cookies if it is. The user is read once more, since whatever was ended after
// the token was checked must not be signed anew.
func (s *Service) signedIn(w http.ResponseWriter, r *http.Request) (bool, error) {
	p, claims, err := s.auth.RootSession(r)
	if err != nil {
		return false, err
	}
	var u records.User
	if p.Kind == identity.Session {
		u, err = s.records.User(r.Context(), p.UserID)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return false, err
		}
	}
	if u.ID != "" && !claims.Ended(u) {
		tokens, err := s.signer.Issue(r.Context(), u, claims.SessionID, claims.IssuedAt, claims.ExpiresAt)
		if err != nil {
			return false, err
		}
		rec := web.RecordOf(r.Context())
		rec.User, rec.Via = u.ID, string(identity.Session)
		identity.SetCookies(w, s.hosts, tokens)
		return true, nil
	}
	n, err := s.renew(r)
	switch {
	case err == nil:
		_, err = s.give(w, r, n)
		return err == nil, err
	case fault.Is(err, fault.Unauthenticated):
		return false, nil
	}
	return false, err
}

// complete goes on with whom the driver vouches for.
func (s *Service) complete(w http.ResponseWriter, r *http.Request) error {
	p, err := s.proof.Complete(w, r)
	if p == nil || err != nil {
		return s.went(w, r, err)
	}
	return s.settle(w, r, waiting{Person: p.Person, ReturnTo: p.ReturnTo})
}

// went answers for an attempt at a provider that came to nothing: with what
// happened and the way to another one. Who is in already, and only reloads the
// page or comes back to it, goes on.
func (s *Service) went(w http.ResponseWriter, r *http.Request, err error) error {
	lost, ok := errors.AsType[*stray](err)
	if !ok {
		return err
	}
	back := returnTo(s.hosts, lost.returnTo)
	if fault.Is(err, fault.Conflict) {
		in, err := s.signedIn(w, r)
		if err != nil {
			return err
		}
		if in {
			http.Redirect(w, r, back, http.StatusSeeOther)
			return nil
		}
	}
	title := map[fault.Kind]string{
		fault.Denied:          "Sign-in was called off",
		fault.Unauthenticated: "That did not prove who you are",
		fault.Unavailable:     "The sign-in provider does not answer",
		fault.NotFound:        "This attempt has run out",
		fault.Conflict:        "This attempt is used up",
	}[fault.KindOf(err)]
	if title == "" {
		return lost.err
	}
	details := web.ProblemOf(r, lost.err)
	web.SetRetryAfter(w.Header(), lost.err)
	onward := again(back)
	if k := fault.KindOf(err); k == fault.Denied || k == fault.Unauthenticated {
		onward = anew(back) // perhaps they would not be let in as who they are there
	}
	return s.pages.Render(w, pages.Page{Name: "stray", Status: details.Status, Data: struct {
		Title, Detail, Instance, Again string
		Kind                           fault.Kind
	}{title, details.Detail, details.Instance, onward, fault.KindOf(err)}})
}

// maxReturnTo bounds where a sign-in leads to, in bytes: it travels in forms.
const maxReturnTo = 4 << 10

// returnTo checks where to go after sign-in. Pages of this service are no place
// to go on from: they would lead back here, or sign out again.
func returnTo(hosts web.Hosts, raw string) string {
	if len(raw) > maxReturnTo {
		return home
	}
	to := hosts.ReturnTo(raw, home)
	u, err := url.Parse(to)
	if err != nil {
		return home
	}
	_, slug, onHost := hosts.Kind(u.Host)
	// Browsers resolve dots before they ask.
	if at := strings.ToLower(path.Clean("/" + u.Path)); (u.Host == "" || onHost && slug == "") && (at == "/auth" || strings.HasPrefix(at, "/auth/")) {
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
