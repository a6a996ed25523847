package identity

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
)

// Accounts is what an Authenticator reads on each request: see [records.Users],
// [records.Tokens], [records.Sessions], [records.Connections] and [records.Wikis].
// It is wide because it is what all kinds of proof need; a request uses two of it.
type Accounts interface {
	User(ctx context.Context, id string) (records.User, error)
	TokenByHash(ctx context.Context, hash string) (records.Token, error)
	TouchToken(ctx context.Context, hash string, at time.Time, agent string) error
	UserByIdentity(ctx context.Context, id records.Identity) (records.User, error)
	WikiID(ctx context.Context, slug string) (string, error)
	Session(ctx context.Context, userID, id string) (records.Session, error)
	TouchSession(ctx context.Context, userID, id string, at time.Time) error
	Connection(ctx context.Context, userID, id string) (records.Connection, error)
	TouchConnection(ctx context.Context, userID, id string, at time.Time) error
}

// AuthenticatorDeps is what an Authenticator needs; all of it.
type AuthenticatorDeps struct {
	Hosts    web.Hosts
	Keys     KeySource
	Accounts Accounts
	// Trusted are foreign issuers of access tokens; none is fine.
	Trusted []TrustedIssuer
	Log     *slog.Logger
}

// Authenticator establishes who a request comes from. It is safe for concurrent
// use; one serves a whole process.
type Authenticator struct {
	hosts    web.Hosts
	verifier *Verifier
	trusted  map[string]*foreign // by issuer
	accounts Accounts
	log      *slog.Logger
	touched  *lru.Cache[touch, time.Time]
}

// NewAuthenticator checks its deps and returns an Authenticator.
func NewAuthenticator(d AuthenticatorDeps) (*Authenticator, error) {
	if d.Keys == nil || d.Accounts == nil || d.Log == nil {
		return nil, errors.New("new authenticator: keys, accounts and log are all needed")
	}
	touched, err := lru.New[touch, time.Time](maxTouched)
	if err != nil {
		return nil, err
	}
	a := &Authenticator{
		hosts: d.Hosts, verifier: NewVerifier(d.Keys, d.Hosts), trusted: map[string]*foreign{},
		accounts: d.Accounts, log: d.Log, touched: touched,
	}
	for _, t := range d.Trusted {
		switch {
		case t.Issuer == "" || t.Keys == nil:
			return nil, errors.New("new authenticator: a trusted issuer needs its name and its keys")
		case t.Issuer == d.Hosts.Root("") || a.trusted[t.Issuer] != nil:
			return nil, fmt.Errorf("new authenticator: issuer %s is listed twice, or is our own", t.Issuer)
		case t.Role != "" && t.Role != records.Editor && t.Role != records.Viewer:
			return nil, fmt.Errorf("new authenticator: issuer %s cannot be trusted with role %q: editor or viewer", t.Issuer, t.Role)
		}
		a.trusted[t.Issuer] = newForeign(t)
	}
	return a, nil
}

// Root is the middleware of the root host: a personal token as bearer, else the
// session cookie of that host. A nil write means [web.WriteProblem].
func (a *Authenticator) Root(next http.Handler, write web.ErrorWriter) http.Handler {
	return a.middleware(a.OnRoot, next, write)
}

// Wiki is the middleware of wiki hosts, for browsers and REST: a wiki token or a
// personal one as bearer, else the cookie of the parent domain. The writer is
// handed fault.Unauthenticated for a bearer that is no good and sets the challenge.
func (a *Authenticator) Wiki(next http.Handler, write web.ErrorWriter) http.Handler {
	return a.middleware(a.OnWiki, next, write)
}

// MCP is the middleware of wiki hosts for agents: a wiki token, an access token
// whose audience is this wiki's MCP URL, or a personal token, as bearer; no
// cookies. The writer is handed fault.Unauthenticated for a bearer that is no good.
func (a *Authenticator) MCP(next http.Handler, write web.ErrorWriter) http.Handler {
	return a.middleware(a.OnMCP, next, write)
}

// Git is the middleware of wiki hosts for git clients: a wiki token or a personal
// one as the password of any user, or as bearer. Basic is accepted here alone, because browsers send
// remembered passwords by themselves, to forged requests as well; for the same
// reason cookies are not.
func (a *Authenticator) Git(next http.Handler, write web.ErrorWriter) http.Handler {
	return a.middleware(a.OnGit, next, write)
}

func (a *Authenticator) middleware(who func(*http.Request) (Principal, error), next http.Handler, write web.ErrorWriter) http.Handler {
	return web.Handle(func(w http.ResponseWriter, r *http.Request) error {
		p, err := who(r)
		if err != nil {
			return err
		}
		rec := web.RecordOf(r.Context())
		rec.User, rec.Via = p.UserID, string(p.Kind)
		next.ServeHTTP(w, r.WithContext(With(r.Context(), p)))
		return nil
	}, write)
}

// OnRoot returns the principal of a request to the root host.
func (a *Authenticator) OnRoot(r *http.Request) (Principal, error) {
	p, _, err := a.RootSession(r)
	return p, err
}

// RootSession is OnRoot with the session's claims, which are zero for whoever has
// no session: the anonymous and the command line.
func (a *Authenticator) RootSession(r *http.Request) (Principal, Claims, error) {
	scheme, credentials, given, err := authorization(r)
	if err != nil {
		return Principal{}, Claims{}, err
	}
	if given {
		if !strings.EqualFold(scheme, "Bearer") || !strings.HasPrefix(credentials, PersonalPrefix) {
			return Principal{}, Claims{}, fault.New(fault.Unauthenticated, "check credentials: sign in with a browser, or send a personal token as bearer")
		}
		p, err := a.personal(r, credentials)
		return p, Claims{}, err
	}
	values := cookieValues(r, RootCookie)
	// A browser keeps one __Host- cookie. Whatever sends two lets somebody
	// choose whose session this is.
	if len(values) != 1 {
		return Principal{Kind: Anonymous}, Claims{}, nil
	}
	return a.session(r.Context(), values, RootAudience(a.hosts))
}

// OnWiki returns the principal of a request to a wiki host.
func (a *Authenticator) OnWiki(r *http.Request) (Principal, error) {
	scheme, credentials, given, err := authorization(r)
	if err != nil {
		return Principal{}, err
	}
	if given {
		if !strings.EqualFold(scheme, "Bearer") {
			return Principal{}, fault.New(fault.Unauthenticated, "check credentials: send a wiki token as bearer")
		}
		return a.token(r, credentials)
	}
	p, _, err := a.session(r.Context(), cookieValues(r, WikiCookie), WikiAudience(a.hosts))
	return p, err
}

// OnMCP returns the principal of an agent's request to a wiki host.
func (a *Authenticator) OnMCP(r *http.Request) (Principal, error) {
	scheme, credentials, given, err := authorization(r)
	switch {
	case err != nil:
		return Principal{}, err
	case !given:
		return Principal{Kind: Anonymous}, nil
	case !strings.EqualFold(scheme, "Bearer"):
		return Principal{}, fault.New(fault.Unauthenticated, "check credentials: send an access token or a wiki token as bearer")
	case strings.Contains(credentials, "."): // no token of ours but the signed ones has one
		return a.agent(r, credentials)
	}
	return a.token(r, credentials)
}

// OnGit returns the principal of a git client's request to a wiki host.
func (a *Authenticator) OnGit(r *http.Request) (Principal, error) {
	scheme, credentials, given, err := authorization(r)
	switch {
	case err != nil:
		return Principal{}, err
	case !given:
		return Principal{Kind: Anonymous}, nil
	case strings.EqualFold(scheme, "Bearer"):
		return a.token(r, credentials)
	}
	_, password, ok := r.BasicAuth()
	if !ok {
		return Principal{}, fault.New(fault.Unauthenticated, "check credentials: send a wiki token as password")
	}
	return a.token(r, password)
}

// authorization splits the one Authorization header. Two of them would let a
// proxy and us disagree on who is asking.
func authorization(r *http.Request) (scheme, credentials string, given bool, err error) {
	values := r.Header.Values("Authorization")
	switch len(values) {
	case 0:
		return "", "", false, nil
	case 1:
		scheme, credentials, _ = strings.Cut(strings.TrimSpace(values[0]), " ")
		return scheme, strings.TrimSpace(credentials), true, nil
	}
	return "", "", false, fault.New(fault.Unauthenticated, "check credentials: there is more than one authorization header")
}

// session returns the principal of the first session that holds, Anonymous if
// none does. Only a failure of ours is an error.
func (a *Authenticator) session(ctx context.Context, values []string, audience string) (Principal, Claims, error) {
	for _, value := range values {
		claims, err := a.verifier.Verify(ctx, value, audience)
		if fault.Is(err, fault.Unauthenticated) {
			continue
		}
		if err != nil {
			return Principal{}, Claims{}, err
		}
		u, err := a.accounts.User(ctx, claims.UserID)
		if fault.Is(err, fault.NotFound) {
			continue // the user is gone; what was signed outlives them by up to a day
		}
		if err != nil {
			return Principal{}, Claims{}, err
		}
		if claims.Ended(u) {
			continue
		}
		now := time.Now()
		a.noteUse(ctx, touch{proof: claims.SessionID}, browserTouch, now, func() error {
			return a.accounts.TouchSession(ctx, claims.UserID, claims.SessionID, now)
		})
		p := principalOf(Session, u)
		p.SessionID = claims.SessionID
		return p, claims, nil
	}
	return Principal{Kind: Anonymous}, Claims{}, nil
}

// Ended reports whether the user, as they are now, ended the session before its
// time. Claims count whole seconds, so what was signed in the second of a sign-out
// is void as well.
func (c Claims) Ended(u records.User) bool {
	if _, ok := u.Ended[c.SessionID]; ok {
		return true
	}
	return !u.SignedOut.IsZero() && c.IssuedAt.Unix() <= u.SignedOut.Unix()
}

func principalOf(kind Kind, u records.User) Principal {
	return Principal{Kind: kind, UserID: u.ID, Username: u.Username, Email: u.Email, DisplayName: u.DisplayName}
}
