package provider

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"golang.org/x/oauth2"

	"wikibot.io/pkg/fault"
)

// check refuses attempts that would protect nobody: the caller has made a mistake.
func (a Attempt) check() error {
	if len(a.State) < 22 || len(a.Nonce) < 22 || len(a.Verifier) < 43 || len(a.Verifier) > 128 || a.RedirectURI == "" {
		return errors.New("sign in: the attempt lacks a state, a nonce, a verifier of 43 to 128 characters, or a redirect URI")
	}
	return nil
}

// declined words the error with which the browser came back (RFC 6749 4.1.2.1,
// Core 3.1.2.6).
func declined(label string, callback url.Values) error {
	code := callback.Get("error")
	cause := fmt.Errorf("the provider answered %q: %q", brief(code), brief(withoutAddresses(callback.Get("error_description"))))
	switch code {
	case "access_denied", "consent_required", "signin_consent_denied":
		return fault.Wrap(cause, fault.Denied, "sign in with %s: it was cancelled there; nothing has changed, and you can try again", label)
	case "temporarily_unavailable", "server_error":
		return fault.Wrap(cause, fault.Unavailable, "sign in with %s: it has a fault at the moment; try again in a few minutes", label)
	case "login_required", "interaction_required", "account_selection_required":
		return fault.Wrap(cause, fault.Unauthenticated, "sign in with %s: it did not finish there; try again", label)
	}
	return fault.Wrap(cause, fault.Denied, "sign in with %s: it refused; if that goes on, tell whoever runs this site", label)
}

// withoutAddresses takes e-mail addresses out of what somebody else wrote: some
// providers name whom they refuse, and causes end in the log.
func withoutAddresses(text string) string {
	words := strings.Fields(text)
	for i, w := range words {
		if strings.Contains(w, "@") {
			words[i] = "…"
		}
	}
	return strings.Join(words, " ")
}

// unavailable: nobody knows, because whoever knows does not say so properly.
func unavailable(label string, cause error) error {
	return fault.Wrap(cause, fault.Unavailable, "sign in with %s: it does not answer as it should; try again in a few minutes", label)
}

// unproven: what came back is not from whom it should be, or not for us, or not
// of this attempt.
func unproven(label string, cause error) error {
	return fault.Wrap(cause, fault.Unauthenticated, "sign in with %s: what came back proves nothing, or came too late; begin again", label)
}

func (p *issuer) unavailable(cause error) error { return unavailable(p.Label, cause) }

func (p *issuer) unproven(cause error) error { return unproven(p.Label, cause) }

// refusal words the error of a token endpoint. Only invalid_grant is about the
// code or the refresh token; every other one is about us, and nobody's session
// ends for it.
func (p *issuer) refusal(err error) error {
	e, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		if !unreachable(err) {
			err = errors.New("the token endpoint's answer has no access token")
		}
		return p.unavailable(err)
	}
	// Its text may hold anything that the endpoint saw fit to repeat.
	cause := fmt.Errorf("the token endpoint answered %d %q", e.Response.StatusCode, brief(e.ErrorCode))
	if e.ErrorCode == "invalid_grant" {
		return p.unproven(cause)
	}
	return p.unavailable(cause)
}
