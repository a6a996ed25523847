package identity

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"
	"github.com/lestrrat-go/jwx/v2/jwt"
)

// The types of token that we sign (header typ). One is never good for the other
// (RFC 8725 section 3.11).
const (
	typeSession = "jwt"
	typeAccess  = "at+jwt"
)

const clockSkew = 30 * time.Second // between the hosts of the fleet, or another's

// sign signs the token with RS256 under the key's kid.
func sign(key jwk.Key, typ string, tok jwt.Token) (string, error) {
	payload, err := json.Marshal(tok)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	if typ == typeSession {
		typ = "JWT" // RFC 7519 section 5.1 recommends capitals
	}
	headers := jws.NewHeaders()
	if err := errors.Join(headers.Set(jws.KeyIDKey, key.KeyID()), headers.Set(jws.TypeKey, typ)); err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	signed, err := jws.Sign(payload, jws.WithKey(jwa.RS256, key, jws.WithProtectedHeaders(headers)))
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return string(signed), nil
}

// proven is a token whose signature holds.
type proven struct {
	typ     string // in lower case, without "application/" (RFC 7515 section 4.1.9)
	payload []byte
}

// open checks a token's signature by the ring's keys. Errors say why it does not
// hold, for the log, or are fault.Unavailable.
func (r *keyring) open(ctx context.Context, token string) (proven, error) {
	protected, _, ok := strings.Cut(token, ".")
	if !ok || strings.Count(token, ".") != 2 {
		return proven{}, errors.New("it is no signed token")
	}
	raw, err := base64.RawURLEncoding.DecodeString(protected)
	if err != nil || !unambiguous(raw) {
		return proven{}, errors.New("its header cannot be read in one way only")
	}
	msg, err := jws.Parse([]byte(token), jws.WithCompact())
	if err != nil || len(msg.Signatures()) != 1 {
		return proven{}, fmt.Errorf("it is no signed token: %w", err)
	}
	// The algorithm is ours to say, not the token's (RFC 8725 section 3.1): none
	// and HS256 with the public key as secret end here. So does "crit", since we
	// understand no extension (RFC 7515 section 4.1.11). A key that travels with
	// the token, or an address of one, is never looked at.
	h := msg.Signatures()[0].ProtectedHeaders()
	if !slices.Contains(r.algs, h.Algorithm()) || len(h.Critical()) > 0 {
		return proven{}, fmt.Errorf("its algorithm is %q", h.Algorithm())
	}
	key, err := r.key(ctx, h.KeyID())
	if err != nil {
		return proven{}, err
	}
	if key == nil || key.alg != h.Algorithm() {
		return proven{}, errors.New("its key is unknown")
	}
	payload, err := jws.Verify([]byte(token), jws.WithKey(key.alg, key.public), jws.WithCompact())
	if err != nil {
		return proven{}, err
	}
	return proven{strings.TrimPrefix(strings.ToLower(h.Type()), "application/"), payload}, nil
}

// claims checks what all tokens must say: who issued it, when, until when, for
// whom, about whom.
func (p proven) claims(issuer string) (jwt.Token, error) {
	if !unambiguous(p.payload) {
		return nil, errors.New("its claims cannot be read in one way only")
	}
	tok := jwt.New()
	if err := json.Unmarshal(p.payload, tok); err != nil {
		return nil, err
	}
	err := jwt.Validate(tok, jwt.WithIssuer(issuer), jwt.WithAcceptableSkew(clockSkew),
		jwt.WithRequiredClaim(jwt.ExpirationKey), jwt.WithRequiredClaim(jwt.IssuedAtKey))
	if err != nil {
		return nil, err
	}
	// The skew is for clocks that are behind at the start of a token's time, not
	// for its end.
	if !time.Now().Before(tok.Expiration()) {
		return nil, errors.New("it has expired")
	}
	if tok.Subject() == "" || len(tok.Audience()) != 1 || tok.Audience()[0] == "" {
		return nil, errors.New("it lacks a subject or its one audience")
	}
	return tok, nil
}

// unambiguous reports whether text is one JSON object that names no member twice:
// of two, parsers do not agree on which one counts (RFC 8259 section 4).
func unambiguous(text []byte) bool {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return false
	}
	seen := map[string]bool{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return false
		}
		// Members that differ in case only are one to some parsers.
		key, _ := name.(string)
		if key = strings.ToLower(key); seen[key] {
			return false
		}
		seen[key] = true
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return false
		}
	}
	_, err := d.Token() // the closing brace
	return err == nil && len(bytes.TrimSpace(text[d.InputOffset():])) == 0
}

// text returns a claim that is a string, or "".
func text(tok jwt.Token, claim string) string {
	s, _ := tok.PrivateClaims()[claim].(string)
	return s
}
