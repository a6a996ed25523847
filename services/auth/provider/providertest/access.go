package providertest

import (
	"crypto/rand"
	"encoding/json"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Access is what an access token says that the provider gives out as an
// authorization server for somebody else's resource (RFC 9068).
type Access struct {
	Username string
	Audience string
	Scope    string
	ClientID string        // "" means "agent"
	Life     time.Duration // 0 means an hour; less than 0 that it has expired
	Issuer   string        // "" means the provider's own
}

// AccessToken signs one.
func (p *OIDC) AccessToken(a Access) (string, error) {
	if a.ClientID == "" {
		a.ClientID = "agent"
	}
	if a.Life == 0 {
		a.Life = time.Hour
	}
	if a.Issuer == "" {
		a.Issuer = p.URL()
	}
	now := time.Now()
	claims, err := json.Marshal(map[string]any{
		"iss": a.Issuer, "sub": a.Username, "aud": a.Audience, "client_id": a.ClientID, "scope": a.Scope,
		"iat": now.Unix(), "exp": now.Add(a.Life).Unix(), "jti": rand.Text(),
	})
	if err != nil {
		return "", err
	}
	p.store.mu.Lock()
	k := p.store.keys[len(p.store.keys)-1]
	p.store.mu.Unlock()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: k.private, KeyID: k.id}}, (&jose.SignerOptions{}).WithType("at+jwt"))
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}
