package identity

import (
	"context"
	"errors"
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
// [records.Tokens], [records.Sessions] and [records.Connections].
type Accounts interface {
	User(ctx context.Context, id string) (records.User, error)
	TokenByHash(ctx context.Context, hash string) (records.Token, error)
	TouchToken(ctx context.Context, hash string, at time.Time, agent string) error
	UserByIdentity(ctx context.Context, id records.Identity) (records.User, error)
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
	accounts Accounts
	log      *slog.Logger
	touched  *lru.Cache[touch, time.Time]
}

// touch is a use of a token that the records know of already.
type touch struct{ hash, agent string }

const (
	touchEvery = time.Minute // the precision of a token's last use
	maxTouched = 4096        // uses remembered
)

// NewAuthenticator checks its deps and returns an Authenticator.
func NewAuthenticator(d AuthenticatorDeps) (*Authenticator, error) {
	if d.Keys == nil || d.Accounts == nil || d.Log == nil {
		return nil, errors.New("new authenticator: keys, accounts and log are all needed")
	}
	touched, err := lru.New[touch, time.Time](maxTouched)
	if err != nil {
		return nil, err
	}
	return &Authenticator{
		hosts: d.Hosts, verifier: NewVerifier(d.Keys, d.Hosts), accounts: d.Accounts, log: d.Log, touched: touched,
	}, nil
}

// Root is the middleware of the root host: the session cookie of that host and
// nothing else. A nil write means [web.WriteProblem].
func (a *Authenticator) Root(next http.Handler, write web.ErrorWriter) http.Handler {
	return a.middleware(a.OnRoot, next, write)
}

// Wiki is the middleware of wiki hosts, for browsers, REST and MCP: a bearer
// token, else the cookie of the parent domain. The writer is handed
// fault.Unauthenticated for a token that is no good and sets the challenge.
func (a *Authenticator) Wiki(next http.Handler, write web.ErrorWriter) http.Handler {
	return a.middleware(a.OnWiki, next, write)
}

// MCP is the middleware of wiki hosts for agents: a wiki token, an access token
// whose audience is this wiki's MCP URL, or a personal token, as bearer; no
// cookies. The writer is handed fault.Unauthenticated for a bearer that is no good.
func (a *Authenticator) MCP(next http.Handler, write web.ErrorWriter) http.Handler {
	panic("unwritten")
}

// Git is the middleware of wiki hosts for git clients: a token as the password
// of any user, or as bearer. Basic is accepted here alone, because browsers send
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

// RootSession is OnRoot with the session's claims, which are zero for an
// anonymous request.
func (a *Authenticator) RootSession(r *http.Request) (Principal, Claims, error) {
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
			continue // the user is gone; the session outlives them by up to a day
		}
		if err != nil {
			return Principal{}, Claims{}, err
		}
		return principalOf(Session, u), claims, nil
	}
	return Principal{Kind: Anonymous}, Claims{}, nil
}

func (a *Authenticator) token(r *http.Request, secret string) (Principal, error) {
	refused := fault.New(fault.Unauthenticated, "check token: it is unknown, expired or revoked: make another one in the wiki's settings")
	if !looksLikeToken(secret) {
		return Principal{}, refused
	}
	ctx, hash := r.Context(), HashToken(secret)
	t, err := a.accounts.TokenByHash(ctx, hash)
	if fault.Is(err, fault.NotFound) {
		return Principal{}, refused
	}
	if err != nil {
		return Principal{}, err
	}
	now := time.Now()
	if !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt) {
		return Principal{}, refused
	}
	u, err := a.accounts.User(ctx, t.UserID)
	if fault.Is(err, fault.NotFound) {
		return Principal{}, refused
	}
	if err != nil {
		return Principal{}, err
	}
	a.noteUse(r, t, now)
	p := principalOf(WikiToken, u)
	p.WikiID, p.MaxRole, p.TokenID = t.WikiID, t.Role, t.ID
	return p, nil
}

// noteUse tells the records that a token was used. It is for people to look at,
// so a failure is logged and the request goes on.
func (a *Authenticator) noteUse(r *http.Request, t records.Token, now time.Time) {
	use := touch{t.Hash, ClientName(r.UserAgent())}
	if last, ok := a.touched.Get(use); ok && now.Sub(last) < touchEvery {
		return
	}
	a.touched.Add(use, now)
	if err := a.accounts.TouchToken(r.Context(), use.hash, now, use.agent); err != nil {
		a.log.WarnContext(r.Context(), "note token use", "token", t.ID, "err", err)
	}
}

func principalOf(kind Kind, u records.User) Principal {
	return Principal{Kind: kind, UserID: u.ID, Username: u.Username, Email: u.Email, DisplayName: u.DisplayName}
}
