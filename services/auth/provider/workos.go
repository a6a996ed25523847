package provider

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

// WorkOSOptions is an application at WorkOS.
type WorkOSOptions struct {
	ClientID string // client_…
	APIKey   string // sk_…
	BaseURL  string // "" means https://api.workos.com
	Client   *http.Client
}

// workOS is the name of WorkOS in identities, whatever the base URL: one of our
// own domain may stand before it one day, and its users stay the same.
const workOS = "https://api.workos.com"

// WorkOS signs in with WorkOS AuthKit by its user management API: Google, GitHub,
// Microsoft, Apple, or AuthKit's own page. The subject at the provider behind it
// is an identity of its own, so that one can leave.
//
// The redirect URI, and the page to come back to after EndURL, have to be
// registered at WorkOS. Nothing is verified by keys here: all that counts comes in
// the answer to a request of ours, over TLS.
func WorkOS(o WorkOSOptions) (Provider, error) {
	if o.BaseURL == "" {
		o.BaseURL = workOS
	}
	u, err := secure(o.BaseURL, true)
	if err != nil {
		return nil, fmt.Errorf("configure WorkOS: the base URL is %w", err)
	}
	if u.RawQuery != "" || o.ClientID == "" || o.APIKey == "" {
		return nil, errors.New("configure WorkOS: a client ID, an API key, and a base URL without query are needed")
	}
	o.BaseURL = strings.TrimSuffix(o.BaseURL, "/")
	return &broker{WorkOSOptions: o, client: caller(o.Client)}, nil
}

// broker is WorkOS.
type broker struct {
	WorkOSOptions
	client *http.Client
}

// way is one way in at WorkOS.
type way struct {
	Choice
	parameter string
	// fresh is the parameter, and its value, by which people get to choose an
	// account; what is behind WorkOS has its own.
	fresh [2]string
}

// ways are the ways in, and what WorkOS calls them. AuthKit's own page knows
// e-mail codes, passwords, passkeys and the single sign-on of companies.
var ways = []way{
	{Choice{"google", "Google"}, "GoogleOAuth", behindIt},
	{Choice{"github", "GitHub"}, "GitHubOAuth", behindIt},
	{Choice{"microsoft", "Microsoft"}, "MicrosoftOAuth", behindIt},
	{Choice{"apple", "Apple"}, "AppleOAuth", [2]string{}}, // it asks always
	{Choice{"authkit", "e-mail or SSO"}, "authkit", [2]string{"prompt", "login"}},
}

// behindIt is handed on to the provider behind WorkOS.
var behindIt = [2]string{"provider_query_params[prompt]", "select_account"}

// behind names the provider behind WorkOS in an identity, by what WorkOS calls it
// (its documents spell one of them in two ways).
//
// Google's and Apple's subjects are those that they would tell us themselves,
// Apple's if the application stays with the same developer team. GitHub's are the
// numeric ids of its users; it is no OpenID Connect issuer, so its address stands
// for one. Of Microsoft there is only the object id of the account, over all
// tenants ("common"); its own ID tokens have another subject for each application,
// and carry that id as oid.
var behind = map[string]string{
	"GoogleOAuth":    "https://accounts.google.com",
	"GitHubOAuth":    "https://github.com",
	"GithubOAuth":    "https://github.com",
	"MicrosoftOAuth": "https://login.microsoftonline.com/common/v2.0",
	"AppleOAuth":     "https://appleid.apple.com",
}

func (p *broker) Choices() []Choice {
	list := make([]Choice, len(ways))
	for i, w := range ways {
		list[i] = w.Choice
	}
	return list
}

// chosen finds a way in, the first for "".
func chosen(id string) (way, error) {
	if id == "" {
		return ways[0], nil
	}
	for _, w := range ways {
		if w.ID == id {
			return w, nil
		}
	}
	return way{}, fault.Invalidf("choice", "there is no such way to sign in")
}

// Begin asks WorkOS for nothing: the address can be made here.
func (p *broker) Begin(_ context.Context, a Attempt) (string, error) {
	if err := a.check(); err != nil {
		return "", err
	}
	w, err := chosen(a.Choice)
	if err != nil {
		return "", err
	}
	challenge := sha256.Sum256([]byte(a.Verifier))
	q := url.Values{
		"response_type":         {"code"},
		"client_id":             {p.ClientID},
		"redirect_uri":          {a.RedirectURI},
		"state":                 {a.State},
		"provider":              {w.parameter},
		"code_challenge":        {base64.RawURLEncoding.EncodeToString(challenge[:])},
		"code_challenge_method": {"S256"},
	}
	if a.LoginHint != "" {
		q.Set("login_hint", a.LoginHint)
	}
	if a.Fresh && w.fresh[0] != "" {
		q.Set(w.fresh[0], w.fresh[1])
	}
	return p.BaseURL + "/user_management/authorize?" + q.Encode(), nil
}

// Finish redeems the code. Who is behind WorkOS is asked for afterwards, and
// somebody whose identities cannot be had signs in without them: the next time
// will tell.
func (p *broker) Finish(ctx context.Context, a Attempt, callback url.Values) (Person, error) {
	if err := a.check(); err != nil {
		return Person{}, err
	}
	w, err := chosen(a.Choice)
	if err != nil {
		return Person{}, err
	}
	if callback.Has("error") {
		return Person{}, declined(w.Label, callback)
	}
	if len(callback["code"]) != 1 || callback.Get("code") == "" {
		return Person{}, unproven(w.Label, errors.New("the answer has no code, or more than one"))
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	s, err := p.authenticate(ctx, w.Label, grant{
		Type: "authorization_code", Code: callback.Get("code"), Verifier: a.Verifier,
		Address: a.Address, UserAgent: clip(a.UserAgent, agentLimit),
	})
	if err != nil {
		return Person{}, err
	}
	if s.Impersonator != nil {
		cause := errors.New("the session is an impersonation")
		return Person{}, fault.Wrap(cause, fault.Denied, "sign in with %s: nobody can sign in here in the name of somebody else", w.Label)
	}
	keep, err := s.held(held{}).bytes()
	if err != nil {
		return Person{}, err
	}
	email := address(s.User.Email)
	return Person{
		Identities:    append([]records.Identity{{Provider: workOS, Subject: s.User.ID}}, p.identities(ctx, s.User.ID)...),
		Email:         email,
		EmailVerified: s.User.EmailVerified && email != "",
		Name:          s.User.name(),
		Held:          keep,
	}, nil
}

// Renew spends the refresh token; see [issuer.Renew] on who must not interrupt it.
func (p *broker) Renew(ctx context.Context, raw []byte) ([]byte, error) {
	h, ok := readHeld(raw, workOS)
	if !ok || h.Refresh == "" {
		return nil, fault.Wrap(ErrCannotAsk, fault.Unauthenticated, "renew the session: sign in again")
	}
	ctx, cancel := patient(ctx)
	defer cancel()
	s, err := p.authenticate(ctx, broad, grant{Type: "refresh_token", Refresh: h.Refresh})
	if fault.Is(err, fault.Denied) {
		// WorkOS wants the person once more, for a second factor or at their company.
		return nil, fault.Wrap(err, fault.Unauthenticated, "renew the session: the provider wants to see you again; sign in")
	}
	if err != nil {
		return nil, err
	}
	if s.User.ID != h.Subject {
		return nil, unproven(broad, errors.New("the renewal is of another user"))
	}
	return s.held(h).bytes()
}

// EndURL ends the session at WorkOS, by the id that the access token told.
func (p *broker) EndURL(raw []byte, returnTo string) string {
	h, ok := readHeld(raw, workOS)
	if !ok || h.Session == "" {
		return ""
	}
	q := url.Values{"session_id": {h.Session}}
	if returnTo != "" {
		q.Set("return_to", returnTo)
	}
	return p.BaseURL + "/user_management/sessions/logout?" + q.Encode()
}
