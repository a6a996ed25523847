package identity

import (
	"context"
	"time"

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
func Scopes(r records.Role) string { panic("unwritten") }

// RoleOfScope returns the most that a scope allows: Editor or Viewer. Scopes that
// are not ours are ignored; ok is false when none is.
func RoleOfScope(scope string) (r records.Role, ok bool) { panic("unwritten") }

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

// IssueAccess signs an access token (RS256, kid in the header).
func (s *Signer) IssueAccess(ctx context.Context, a Access) (string, error) { panic("unwritten") }

// VerifyAccess returns what an access token says that we signed for that resource
// and that is good now; errors are those of [Verifier.Verify]. A session is no
// access token, nor the other way round.
func (v *Verifier) VerifyAccess(ctx context.Context, token, resource string) (Access, error) {
	panic("unwritten")
}

// TrustedIssuer is a foreign authorization server whose access tokens open wikis
// too: for the user who has its subject as an identity at the provider Issuer.
type TrustedIssuer struct {
	Issuer string       // URL, byte for byte as in its tokens
	Role   records.Role // the most that a token without scopes of ours may do
	Keys   KeySource    // its public keys
}
