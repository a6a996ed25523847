package provider

import (
	"context"
	"errors"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
)

const (
	subjectLimit  = 255 // Core 2: "MUST NOT exceed 255 ASCII characters"
	nameLimit     = 100
	nicknameLimit = 64
	addressLimit  = 254 // RFC 5321 4.5.3.1.3, without the angle brackets
)

// claims are what we read of an ID token or of the userinfo (Core 5.1).
type claims struct {
	Subject       string `json:"sub"`
	Party         string `json:"azp"`
	Session       string `json:"sid"`
	Email         string `json:"email"`
	EmailVerified truth  `json:"email_verified"`
	Name          string `json:"name"`
	Preferred     string `json:"preferred_username"`
	Nickname      string `json:"nickname"`
}

// truth is a boolean that some issuers write as a string. Whatever is neither is
// not true.
type truth bool

// UnmarshalJSON never fails: a strange value is no reason to turn somebody away.
func (t *truth) UnmarshalJSON(raw []byte) error {
	*t = string(raw) == "true" || string(raw) == `"true"`
	return nil
}

// with fills in from the userinfo what the ID token did not say. An address comes
// with its own verification, never with that of another.
func (c claims) with(more claims) claims {
	if c.Email == "" {
		c.Email, c.EmailVerified = more.Email, more.EmailVerified
	}
	if c.Name == "" {
		c.Name = more.Name
	}
	if c.Preferred == "" && c.Nickname == "" {
		c.Preferred, c.Nickname = more.Preferred, more.Nickname
	}
	return c
}

// nickname is what a username may be made of. Where people sign in by e-mail
// address, their preferred username is one.
func (c claims) nickname() string {
	for _, name := range []string{c.Preferred, c.Nickname} {
		before, _, _ := strings.Cut(name, "@")
		if name := clip(before, nicknameLimit); name != "" {
			return name
		}
	}
	return ""
}

// address returns an e-mail address, "" for what cannot be one.
func address(s string) string {
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at == len(s)-1 || len(s) > addressLimit || clip(s, addressLimit) != s || strings.ContainsAny(s, " <>,;\"\\") {
		return ""
	}
	return s
}

// witness remembers why keys could not be had: the library tells only that they
// could not.
type witness struct {
	oidc.KeySet
	err error
}

func (w *witness) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := w.KeySet.VerifySignature(ctx, token)
	w.err = err
	return payload, err
}

// verify checks an ID token as Core 3.1.3.7 says, but for the nonce: signature,
// algorithm, issuer, audience, authorized party, expiry.
func (p *issuer) verify(ctx context.Context, f *found, raw string) (*oidc.IDToken, claims, error) {
	w := &witness{KeySet: f.keys}
	id, err := oidc.NewVerifier(p.Issuer, w, &oidc.Config{
		ClientID: p.ClientID, SupportedSigningAlgs: f.algorithms,
	}).Verify(ctx, raw)
	if err != nil {
		if unreachable(w.err) {
			return nil, claims{}, p.unavailable(errors.New("read the keys: " + brief(w.err.Error())))
		}
		return nil, claims{}, p.unproven(errors.New("check the ID token: " + brief(err.Error())))
	}
	var c claims
	if err := id.Claims(&c); err != nil {
		return nil, claims{}, p.unproven(errors.New("check the ID token: its claims are of a wrong type"))
	}
	if c.Party != "" && c.Party != p.ClientID || c.Party == "" && len(id.Audience) > 1 {
		return nil, claims{}, p.unproven(errors.New("check the ID token: another client is the authorized party"))
	}
	if id.Subject == "" || len(id.Subject) > subjectLimit || clip(id.Subject, subjectLimit) != id.Subject {
		return nil, claims{}, p.unproven(errors.New("check the ID token: its subject is empty, too long or not printable"))
	}
	return id, c, nil
}
