package provider

import (
	"context"
	"errors"
	"net/url"

	"wikibot.io/pkg/records"
)

// Provider knows people. It is safe for concurrent use. It may be slow: each
// method but Choices and EndURL may call out, within 10 seconds.
type Provider interface {
	// Choices are the ways in that it offers, for buttons; one at least.
	Choices() []Choice
	// Begin returns where to send the browser. fault.Unavailable when the provider
	// cannot be reached.
	Begin(ctx context.Context, a Attempt) (string, error)
	// Finish reads the query with which the browser came back, after the caller has
	// compared its state. fault.Denied when the person, or the provider, said no;
	// fault.Unauthenticated when what came back proves nothing (RFC 9207 iss, ID
	// token, nonce, code); fault.Unavailable.
	Finish(ctx context.Context, a Attempt, callback url.Values) (Person, error)
	// Renew asks whether the provider's own session lives, and returns what to hold
	// from now on: a former one may be good no more. fault.Unauthenticated when it
	// has ended, or, with [ErrCannotAsk], nothing is held by which to ask;
	// fault.Unavailable when nobody knows.
	Renew(ctx context.Context, held []byte) ([]byte, error)
	// EndURL is where to send the browser to end the provider's session too, and
	// come back to returnTo; "" when the provider has no such page.
	EndURL(held []byte, returnTo string) string
}

// ErrCannotAsk is what Renew fails with when the provider gave nothing by which to
// ask whether its session lives: no refresh token.
var ErrCannotAsk = errors.New("nothing is held by which to ask")

// Choice is one way in.
type Choice struct {
	ID    string // "google"; what Attempt.Choice takes
	Label string // "Google"
}

// Attempt is one person's try to sign in. It is kept where only their browser
// leads to.
type Attempt struct {
	State       string // 256 random bits, base64url
	Nonce       string // likewise
	Verifier    string // of PKCE (RFC 7636)
	Choice      string // ID of a Choice; "" for the first
	RedirectURI string
	LoginHint   string // an e-mail address; "" for none
	// Fresh asks the provider to let the person choose an account, though it knows
	// who is in.
	Fresh bool
	// Address and UserAgent are the browser's, for providers that judge risks by
	// them; "" for unknown.
	Address, UserAgent string
}

// Person is whom a provider vouches for.
type Person struct {
	// Identities are how the provider knows them: the first one counts. Others let
	// one leave a broker such as WorkOS: the subject at the provider behind it.
	Identities    []records.Identity
	Email         string
	EmailVerified bool
	Name          string // full name; may be ""
	Nickname      string // what a username may be made of; may be ""
	// Held is what Renew and EndURL take: secret, a few kilobytes at most.
	Held []byte
}
