package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/web"
)

// Verifier checks sessions and access tokens. It holds public keys only. It is
// safe for concurrent use.
type Verifier struct {
	ring     keyring
	issuer   string
	sessions *memo[Claims]
	access   *memo[Access]
}

// NewVerifier returns a verifier of what the fleet at hosts issues.
func NewVerifier(keys KeySource, hosts web.Hosts) *Verifier {
	return &Verifier{
		ring: keyring{source: keys, algs: []jwa.SignatureAlgorithm{jwa.RS256}}, issuer: hosts.Root(""),
		sessions: newMemo[Claims](), access: newMemo[Access](),
	}
}

// Verify returns the claims of a session that we signed with RS256 for this
// audience and that is good now. The error is fault.Unauthenticated for any
// other token, whose reason goes to the log only, and fault.Unavailable when the
// keys cannot be had.
func (v *Verifier) Verify(ctx context.Context, token, audience string) (Claims, error) {
	c, err := v.sessions.of(token, func() (Claims, time.Time, error) {
		c, err := v.verify(ctx, token)
		return c, c.ExpiresAt, err
	})
	if fault.Is(err, fault.Unavailable) {
		return Claims{}, err
	}
	if err != nil {
		return Claims{}, badSession(err)
	}
	if c.Audience != audience {
		return Claims{}, badSession(fmt.Errorf("it is for %q, not for %q", c.Audience, audience))
	}
	return c, nil
}

func (v *Verifier) verify(ctx context.Context, token string) (Claims, error) {
	p, err := v.ring.open(ctx, token)
	if err != nil {
		return Claims{}, err
	}
	if p.typ != typeSession {
		return Claims{}, fmt.Errorf("its type is %q", p.typ)
	}
	tok, err := p.claims(v.issuer)
	if err != nil {
		return Claims{}, err
	}
	c := Claims{
		UserID: tok.Subject(), SessionID: text(tok, "sid"), Email: text(tok, "email"), Username: text(tok, "username"),
		Audience: tok.Audience()[0], IssuedAt: tok.IssuedAt(), ExpiresAt: tok.Expiration(),
	}
	// What names no session could not be ended before its time.
	if c.SessionID == "" {
		return Claims{}, errors.New("it names no session")
	}
	return c, nil
}

func badSession(cause error) error {
	return fault.Wrap(cause, fault.Unauthenticated, "check session: it is not valid: sign in again")
}
