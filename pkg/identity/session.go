package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jwt"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
)

// SessionLifetime is how long what is signed for a session is good at most.
const SessionLifetime = 24 * time.Hour

// Claims are what a session says about its bearer. They tell who it is, never
// what they may do.
type Claims struct {
	UserID    string
	SessionID string // claim sid
	Email     string
	Username  string
	Audience  string
	IssuedAt  time.Time
	ExpiresAt time.Time
}

// RootAudience is the audience of sessions for the root host.
func RootAudience(h web.Hosts) string { return h.Root("") }

// WikiAudience is the audience of sessions for all wiki hosts.
func WikiAudience(h web.Hosts) string { return h.Wiki("*", "") }

// SigningKeys hands out the private key that signs at present: RSA, with a kid.
// Only the auth service is given one.
type SigningKeys interface {
	SigningKey(ctx context.Context) (jwk.Key, error)
}

// Signer makes sessions and access tokens.
type Signer struct {
	keys  SigningKeys
	hosts web.Hosts
}

// NewSigner returns a signer for the fleet at hosts.
func NewSigner(keys SigningKeys, hosts web.Hosts) *Signer {
	return &Signer{keys: keys, hosts: hosts}
}

// SessionTokens is what is signed for a session: a token for each audience.
type SessionTokens struct {
	Root      string
	Wikis     string
	ExpiresAt time.Time
}

// Issue signs tokens (RFC 7519, RS256, kid in the header) for a session of the
// user: one for the root host and one for all wiki hosts, both good until expires.
// Issued is a time before the user and, after them, the session were read: what
// ends all sessions from then on ends these tokens too.
func (s *Signer) Issue(ctx context.Context, u records.User, sessionID string, issued, expires time.Time) (SessionTokens, error) {
	if u.ID == "" || sessionID == "" {
		return SessionTokens{}, errors.New("sign session: user and session are both needed")
	}
	key, err := s.key(ctx)
	if err != nil {
		return SessionTokens{}, err
	}
	expires = expires.Truncate(time.Second)
	root, err := s.session(key, u, sessionID, RootAudience(s.hosts), issued, expires)
	if err != nil {
		return SessionTokens{}, err
	}
	wikis, err := s.session(key, u, sessionID, WikiAudience(s.hosts), issued, expires)
	if err != nil {
		return SessionTokens{}, err
	}
	return SessionTokens{Root: root, Wikis: wikis, ExpiresAt: expires}, nil
}

// key returns the key that signs now.
func (s *Signer) key(ctx context.Context) (jwk.Key, error) {
	key, err := s.keys.SigningKey(ctx)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "sign token: the signing key cannot be had")
	}
	if key.KeyID() == "" {
		return nil, errors.New("sign token: the signing key has no kid")
	}
	return key, nil
}

func (s *Signer) session(key jwk.Key, u records.User, sessionID, audience string, issued, expires time.Time) (string, error) {
	// All that was signed in the second in which the user signed out elsewhere is
	// void. A session that was kept is renewed in that very second.
	if after := u.SignedOut.Truncate(time.Second).Add(time.Second); !u.SignedOut.IsZero() && issued.Before(after) {
		issued = after
	}
	tok, err := jwt.NewBuilder().
		Issuer(s.hosts.Root("")).
		Subject(u.ID).
		Audience([]string{audience}).
		IssuedAt(issued).
		Expiration(expires).
		Claim("sid", sessionID).
		Claim("email", u.Email).
		Claim("username", u.Username).
		Build()
	if err != nil {
		return "", fmt.Errorf("sign session: %w", err)
	}
	return sign(key, typeSession, tok)
}
