package identity

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwt"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

// AccessLifetime is how long an OAuth access token is good for. Revocation does
// not wait for it: rights are read from the records on each request.
const AccessLifetime = 24 * time.Hour

// The scopes of OAuth access tokens. Whoever may write may also read.
const (
	ScopeRead  = "wiki:read"
	ScopeWrite = "wiki:write"
)

// Scopes returns the scope (RFC 6749 section 3.3) of what the role may do:
// "wiki:read", or "wiki:read wiki:write".
func Scopes(r records.Role) string {
	if rank[r] >= rank[records.Editor] {
		return ScopeRead + " " + ScopeWrite
	}
	return ScopeRead
}

// RoleOfScope returns the most that a scope allows: Editor or Viewer. Scopes that
// are not ours are ignored; ok is false when none is.
func RoleOfScope(scope string) (r records.Role, ok bool) {
	for s := range strings.SplitSeq(scope, " ") {
		switch s {
		case ScopeWrite:
			return records.Editor, true
		case ScopeRead:
			r, ok = records.Viewer, true
		}
	}
	return r, ok
}

// Access is what an access token says (RFC 9068): claims sub, client_id, scope,
// aud, iat, exp, jti, and cid for ConnectionID; header typ "at+jwt".
type Access struct {
	Issuer       string // set by VerifyAccess
	UserID       string // sub; of a foreign issuer: its own name for the user
	ClientID     string
	ConnectionID string // "" with a foreign issuer
	Scope        string
	Resource     string // aud: a wiki's MCP URL
	IssuedAt     time.Time
	ExpiresAt    time.Time
}

// IssueAccess signs an access token (RS256, kid in the header). It is issued now,
// whatever a says, and good until a.ExpiresAt, or for AccessLifetime if that is
// zero.
func (s *Signer) IssueAccess(ctx context.Context, a Access) (string, error) {
	if a.UserID == "" || a.ClientID == "" || a.ConnectionID == "" || a.Scope == "" || a.Resource == "" {
		return "", errors.New("sign access token: user, client, connection, scope and resource are all needed")
	}
	key, err := s.key(ctx)
	if err != nil {
		return "", err
	}
	now := time.Now()
	if a.ExpiresAt.IsZero() {
		a.ExpiresAt = now.Add(AccessLifetime)
	}
	tok, err := jwt.NewBuilder().
		Issuer(s.hosts.Root("")).
		Subject(a.UserID).
		Audience([]string{a.Resource}).
		IssuedAt(now).
		Expiration(a.ExpiresAt).
		JwtID(rand.Text()).
		Claim("client_id", a.ClientID).
		Claim("scope", a.Scope).
		Claim("cid", a.ConnectionID).
		Build()
	if err != nil {
		return "", fmt.Errorf("sign access token: %w", err)
	}
	return sign(key, typeAccess, tok)
}

// VerifyAccess returns what an access token says that we signed for that resource
// and that is good now; errors are those of [Verifier.Verify]. A session is no
// access token, nor the other way round.
func (v *Verifier) VerifyAccess(ctx context.Context, token, resource string) (Access, error) {
	a, err := v.access.of(token, func() (Access, time.Time, error) {
		a, err := v.verifyAccess(ctx, token)
		return a, a.ExpiresAt, err
	})
	if err != nil {
		return Access{}, accessFault(err)
	}
	if a.Resource != resource {
		return Access{}, badAccess(fmt.Errorf("it is for %q, not for %q", a.Resource, resource))
	}
	return a, nil
}

func (v *Verifier) verifyAccess(ctx context.Context, token string) (Access, error) {
	p, err := v.ring.open(ctx, token)
	if err != nil {
		return Access{}, err
	}
	if p.typ != typeAccess {
		return Access{}, fmt.Errorf("its type is %q", p.typ)
	}
	tok, err := p.claims(v.issuer)
	if err != nil {
		return Access{}, err
	}
	a := accessOf(tok)
	if a.ConnectionID = text(tok, "cid"); a.ConnectionID == "" || a.ClientID == "" {
		return Access{}, errors.New("it lacks its client or connection")
	}
	return a, nil
}

// accessOf reads what all access tokens have, ours and others'.
func accessOf(tok jwt.Token) Access {
	return Access{
		Issuer: tok.Issuer(), UserID: tok.Subject(), ClientID: text(tok, "client_id"), Scope: text(tok, "scope"),
		Resource: tok.Audience()[0], IssuedAt: tok.IssuedAt(), ExpiresAt: tok.Expiration(),
	}
}

// badAccess names none of the reasons: the client asks for another token whatever
// they are.
func badAccess(cause error) error {
	return fault.Wrap(cause, fault.Unauthenticated, "check access token: it is not valid: connect again")
}

func accessFault(err error) error {
	if fault.Is(err, fault.Unavailable) {
		return err
	}
	return badAccess(err)
}

// TrustedIssuer is a foreign authorization server whose access tokens open wikis
// too: for the user who has its subject as an identity at the provider Issuer.
type TrustedIssuer struct {
	Issuer string       // URL, byte for byte as in its tokens
	Role   records.Role // the most that a token without scopes of ours may do
	Keys   KeySource    // its public keys
}

// foreign checks the access tokens of one trusted issuer.
type foreign struct {
	TrustedIssuer
	ring     keyring
	verified *memo[Access]
}

func newForeign(t TrustedIssuer) *foreign {
	// ES256 is what several authorization servers sign with; both are asymmetric,
	// and each key is good for its own algorithm alone.
	return &foreign{TrustedIssuer: t, ring: keyring{source: t.Keys, algs: []jwa.SignatureAlgorithm{jwa.RS256, jwa.ES256}}, verified: newMemo[Access]()}
}

// verify is VerifyAccess for tokens of that issuer. Not all issuers know typ
// "at+jwt". So what is meant for another purpose is told by what it says: an ID
// token has a nonce or at_hash, or it is for a client, never for a wiki.
func (f *foreign) verify(ctx context.Context, token, resource string) (Access, error) {
	a, err := f.verified.of(token, func() (Access, time.Time, error) {
		p, err := f.ring.open(ctx, token)
		if err != nil {
			return Access{}, time.Time{}, err
		}
		if p.typ != "" && p.typ != typeSession && p.typ != typeAccess {
			return Access{}, time.Time{}, fmt.Errorf("its type is %q", p.typ)
		}
		tok, err := p.claims(f.Issuer)
		if err != nil {
			return Access{}, time.Time{}, err
		}
		for _, claim := range []string{"nonce", "at_hash", "c_hash"} {
			if _, ok := tok.Get(claim); ok {
				return Access{}, time.Time{}, errors.New("it is an ID token")
			}
		}
		return accessOf(tok), tok.Expiration(), nil
	})
	if err != nil {
		return Access{}, accessFault(err)
	}
	if a.Resource != resource || a.Resource == a.ClientID {
		return Access{}, badAccess(fmt.Errorf("it is for %q, not for %q", a.Resource, resource))
	}
	return a, nil
}

// role is the most that a token of the issuer may do.
func (f *foreign) role(a Access) records.Role {
	if r, ok := RoleOfScope(a.Scope); ok {
		return r
	}
	return f.Role
}
