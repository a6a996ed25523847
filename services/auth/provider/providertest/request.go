package providertest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// request is an authorization request, and who answered it: op.AuthRequest.
type request struct {
	*oidc.AuthRequest
	id      string
	subject string // "" until somebody has signed in
	at      time.Time
}

func (r *request) GetID() string                      { return r.id }
func (r *request) GetACR() string                     { return "" }
func (r *request) GetAMR() []string                   { return nil }
func (r *request) GetAudience() []string              { return []string{r.ClientID} }
func (r *request) GetAuthTime() time.Time             { return r.at }
func (r *request) GetClientID() string                { return r.ClientID }
func (r *request) GetNonce() string                   { return r.Nonce }
func (r *request) GetRedirectURI() string             { return r.RedirectURI }
func (r *request) GetResponseType() oidc.ResponseType { return r.ResponseType }
func (r *request) GetResponseMode() oidc.ResponseMode { return r.ResponseMode }
func (r *request) GetScopes() []string                { return r.Scopes }
func (r *request) GetState() string                   { return r.State }
func (r *request) GetSubject() string                 { return r.subject }
func (r *request) Done() bool                         { return r.subject != "" }
func (r *request) GetCodeChallenge() *oidc.CodeChallenge {
	if r.CodeChallenge == "" {
		return nil
	}
	return &oidc.CodeChallenge{Challenge: r.CodeChallenge, Method: r.CodeChallengeMethod}
}

// renewal is what a refresh token stands for: op.RefreshTokenRequest.
type renewal struct{ signedIn }

func (r *renewal) GetAMR() []string            { return nil }
func (r *renewal) GetAudience() []string       { return []string{r.clientID} }
func (r *renewal) GetAuthTime() time.Time      { return r.at }
func (r *renewal) GetClientID() string         { return r.clientID }
func (r *renewal) GetScopes() []string         { return r.scopes }
func (r *renewal) GetSubject() string          { return r.subject }
func (r *renewal) SetCurrentScopes(s []string) { r.scopes = s }

// key signs ID tokens.
type key struct {
	id      string
	private *ecdsa.PrivateKey
}

func newKey() (key, error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return key{id: rand.Text(), private: k}, err
}

func (k key) ID() string { return k.id }

type signingKey struct{ key }

func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.ES256 }
func (k signingKey) Key() any                                    { return k.private }

type publicKey struct{ key }

func (k publicKey) Algorithm() jose.SignatureAlgorithm { return jose.ES256 }
func (k publicKey) Use() string                        { return "sig" }
func (k publicKey) Key() any                           { return &k.private.PublicKey }
