package identity

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"wikibot.io/contracts/routes"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

// touch is a use of a proof that the records know of already.
type touch struct{ proof, agent string }

const (
	touchEvery = time.Minute // the precision of a last use
	maxTouched = 4096        // uses remembered
	// browserTouch is coarser: people look at many pages, and only at which device it
	// was that they used today.
	browserTouch = 10 * time.Minute
)

// token returns the principal of a bearer that is no signed token: a wiki token
// or a personal one.
func (a *Authenticator) token(r *http.Request, secret string) (Principal, error) {
	if strings.HasPrefix(secret, PersonalPrefix) {
		return a.personal(r, secret)
	}
	refused := fault.New(fault.Unauthenticated, "check token: it is unknown, expired or revoked: make another one in the wiki's settings")
	if !looksLikeToken(secret) {
		return Principal{}, refused
	}
	ctx, hash := r.Context(), HashToken(secret)
	t, err := a.accounts.TokenByHash(ctx, hash)
	if err != nil {
		return Principal{}, gone(err, refused)
	}
	now := time.Now()
	if !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt) {
		return Principal{}, refused
	}
	u, err := a.accounts.User(ctx, t.UserID)
	if err != nil {
		return Principal{}, gone(err, refused)
	}
	use := touch{hash, ClientName(r.UserAgent())}
	a.noteUse(ctx, use, touchEvery, now, func() error { return a.accounts.TouchToken(ctx, hash, now, use.agent) })
	p := principalOf(WikiToken, u)
	p.WikiID, p.MaxRole, p.TokenID = t.WikiID, t.Role, t.ID
	return p, nil
}

// personal returns the principal of what "wikibot login" keeps.
func (a *Authenticator) personal(r *http.Request, secret string) (Principal, error) {
	refused := fault.New(fault.Unauthenticated, "check token: it is unknown, expired or signed out: run wikibot login")
	c, ok := ParseCredential(PersonalPrefix, secret)
	if !ok {
		return Principal{}, refused
	}
	ctx := r.Context()
	s, err := a.accounts.Session(ctx, c.UserID, c.ID)
	if err != nil {
		return Principal{}, gone(err, refused)
	}
	now := time.Now()
	// The kind is checked because a browser's secret is to renew a session with, and
	// never travels in a header.
	if !SameHash(s.SecretHash, c.Hash()) || s.Kind != records.CommandLine || !now.Before(s.ExpiresAt) {
		return Principal{}, refused
	}
	u, err := a.accounts.User(ctx, c.UserID)
	if err != nil {
		return Principal{}, gone(err, refused)
	}
	a.noteUse(ctx, touch{proof: s.ID}, touchEvery, now, func() error { return a.accounts.TouchSession(ctx, c.UserID, c.ID, now) })
	p := principalOf(CommandLine, u)
	p.SessionID = s.ID
	return p, nil
}

// agent returns the principal of an access token for the wiki of the request's
// host.
func (a *Authenticator) agent(r *http.Request, token string) (Principal, error) {
	kind, slug, ok := a.hosts.Kind(r.Host)
	if !ok || kind != routes.WikiHost {
		return Principal{}, badAccess(nil)
	}
	resource := a.hosts.Wiki(slug, "/mcp")
	if len(a.trusted) > 0 {
		if f := a.trusted[claimedIssuer(token)]; f != nil {
			return a.vouched(r.Context(), f, token, slug, resource)
		}
	}
	access, err := a.verifier.VerifyAccess(r.Context(), token, resource)
	if err != nil {
		return Principal{}, err
	}
	return a.connected(r.Context(), access)
}

// connected returns the principal of an access token that we issued.
func (a *Authenticator) connected(ctx context.Context, access Access) (Principal, error) {
	refused := fault.New(fault.Unauthenticated, "check access token: the agent is no longer connected: connect it again")
	role, ok := RoleOfScope(access.Scope)
	if !ok {
		return Principal{}, refused
	}
	c, err := a.accounts.Connection(ctx, access.UserID, access.ConnectionID)
	if err != nil {
		return Principal{}, gone(err, refused)
	}
	now := time.Now()
	// An id is never given twice, so the rest only differs if a record was tampered
	// with.
	if !now.Before(c.ExpiresAt) || c.UserID != access.UserID || c.ClientID != access.ClientID || c.Resource != access.Resource {
		return Principal{}, refused
	}
	u, err := a.accounts.User(ctx, access.UserID)
	if err != nil {
		return Principal{}, gone(err, refused)
	}
	a.noteUse(ctx, touch{proof: c.ID}, touchEvery, now, func() error { return a.accounts.TouchConnection(ctx, c.UserID, c.ID, now) })
	p := principalOf(ConnectedAgent, u)
	p.WikiID, p.MaxRole, p.ConnectionID, p.Client = c.WikiID, lower(c.Role, role), c.ID, ClientName(c.ClientName)
	return p, nil
}

// vouched returns the principal of an access token of a trusted issuer.
func (a *Authenticator) vouched(ctx context.Context, f *foreign, token, slug, resource string) (Principal, error) {
	access, err := f.verify(ctx, token, resource)
	if err != nil {
		return Principal{}, err
	}
	u, err := a.accounts.UserByIdentity(ctx, records.Identity{Provider: f.Issuer, Subject: access.UserID})
	if err != nil {
		return Principal{}, gone(err, fault.New(fault.Unauthenticated, "check access token: its user has no account here: sign in once with a browser"))
	}
	// Whether there is such a wiki is not ours to tell: the gate does, for all alike.
	wikiID, err := a.accounts.WikiID(ctx, slug)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return Principal{}, err
	}
	p := principalOf(ConnectedAgent, u)
	p.WikiID, p.MaxRole = wikiID, f.role(access)
	return p, nil
}

// claimedIssuer is whom a token says it is from. Nothing is proven by it: it
// chooses the keys that have to prove it.
func claimedIssuer(token string) string {
	if len(token) > maxToken {
		return ""
	}
	_, rest, _ := strings.Cut(token, ".")
	payload, _, _ := strings.Cut(rest, ".")
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return ""
	}
	var claims struct {
		Issuer string `json:"iss"`
	}
	if json.Unmarshal(raw, &claims) != nil {
		return ""
	}
	return claims.Issuer
}

// gone is the answer to a look-up that failed: the refusal when there is no such
// thing, else the failure, which is ours and signs nobody out.
func gone(err error, refused *fault.Error) error {
	if fault.Is(err, fault.NotFound) {
		return refused
	}
	return err
}

// noteUse tells the records, every so often, that a proof was used. It is for people to look at,
// so a failure is logged and the request goes on.
func (a *Authenticator) noteUse(ctx context.Context, use touch, every time.Duration, now time.Time, note func() error) {
	if last, ok := a.touched.Get(use); ok && now.Sub(last) < every {
		return
	}
	a.touched.Add(use, now)
	if err := note(); err != nil {
		a.log.WarnContext(ctx, "note the use of a token", "err", err)
	}
}
