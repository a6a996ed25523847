package identity

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
	"github.com/lestrrat-go/jwx/v2/jwt"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/web"
)

const (
	maxSession   = 4096             // bytes of a token; ours have about 700
	keepVerified = 5 * time.Minute  // so long may a retired key's session live on
	maxVerified  = 8192             // sessions kept, about 4 MB
	clockSkew    = 30 * time.Second // between the hosts of the fleet
)

// Verifier checks sessions. It holds public keys only. It is safe for
// concurrent use.
type Verifier struct {
	ring   keyring
	issuer string
	// verified spares page views the RSA arithmetic. Keys are hashes, so that
	// the process does not hold usable sessions.
	verified *lru.Cache[[sha256.Size]byte, verifiedSession]
}

type verifiedSession struct {
	claims Claims
	until  time.Time
}

// NewVerifier returns a verifier of the sessions that the fleet at hosts issues.
func NewVerifier(keys KeySource, hosts web.Hosts) *Verifier {
	cache, err := lru.New[[sha256.Size]byte, verifiedSession](maxVerified)
	if err != nil {
		panic(err) // the size is a positive constant
	}
	return &Verifier{ring: keyring{source: keys}, issuer: hosts.Root(""), verified: cache}
}

// Verify returns the claims of a session that we signed with RS256 for this
// audience and that is good now. The error is fault.Unauthenticated for any
// other token, whose reason goes to the log only, and fault.Unavailable when the
// keys cannot be had.
func (v *Verifier) Verify(ctx context.Context, token, audience string) (Claims, error) {
	if len(token) > maxSession {
		return Claims{}, badSession(errors.New("it is too long"))
	}
	sum := sha256.Sum256([]byte(token))
	now := wallClock()
	s, ok := v.verified.Get(sum)
	if !ok || !now.Before(s.until) {
		claims, err := v.verify(ctx, token)
		if err != nil {
			return Claims{}, err
		}
		s = verifiedSession{claims: claims, until: now.Add(keepVerified)}
		if claims.ExpiresAt.Before(s.until) {
			s.until = claims.ExpiresAt
		}
		v.verified.Add(sum, s)
	}
	if s.claims.Audience != audience {
		return Claims{}, badSession(fmt.Errorf("it is for %q, not for %q", s.claims.Audience, audience))
	}
	return s.claims, nil
}

func (v *Verifier) verify(ctx context.Context, token string) (Claims, error) {
	msg, err := jws.Parse([]byte(token), jws.WithCompact())
	if err != nil || len(msg.Signatures()) != 1 {
		return Claims{}, badSession(fmt.Errorf("it is no signed token: %w", err))
	}
	// The algorithm is ours to say, not the token's (RFC 8725 section 3.1): none
	// and HS256 with the public key as secret end here. So does "crit", since we
	// understand no extension (RFC 7515 section 4.1.11).
	h := msg.Signatures()[0].ProtectedHeaders()
	if h.Algorithm() != jwa.RS256 || len(h.Critical()) > 0 {
		return Claims{}, badSession(fmt.Errorf("its algorithm is %q", h.Algorithm()))
	}
	key, err := v.ring.key(ctx, h.KeyID())
	if err != nil {
		return Claims{}, err
	}
	if key == nil {
		return Claims{}, badSession(errors.New("its key is unknown"))
	}
	payload, err := jws.Verify([]byte(token), jws.WithKey(jwa.RS256, key), jws.WithCompact())
	if err != nil {
		return Claims{}, badSession(err)
	}
	return v.claims(payload)
}

func (v *Verifier) claims(payload []byte) (Claims, error) {
	tok := jwt.New()
	if err := json.Unmarshal(payload, tok); err != nil {
		return Claims{}, badSession(err)
	}
	err := jwt.Validate(tok, jwt.WithIssuer(v.issuer), jwt.WithAcceptableSkew(clockSkew),
		jwt.WithRequiredClaim(jwt.ExpirationKey), jwt.WithRequiredClaim(jwt.IssuedAtKey))
	if err != nil {
		return Claims{}, badSession(err)
	}
	// The skew is for clocks that are behind at the start of a session, not for
	// its end.
	if !time.Now().Before(tok.Expiration()) {
		return Claims{}, badSession(errors.New("it has expired"))
	}
	if tok.Subject() == "" || len(tok.Audience()) != 1 {
		return Claims{}, badSession(errors.New("it lacks a subject or its one audience"))
	}
	c := Claims{UserID: tok.Subject(), Audience: tok.Audience()[0], IssuedAt: tok.IssuedAt(), ExpiresAt: tok.Expiration()}
	c.Email, _ = tok.PrivateClaims()["email"].(string)
	c.Username, _ = tok.PrivateClaims()["username"].(string)
	return c, nil
}

func badSession(cause error) error {
	return fault.Wrap(cause, fault.Unauthenticated, "check session: it is not valid: sign in again")
}
