package provider

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

// OIDCOptions says which issuer knows people.
type OIDCOptions struct {
	Issuer       string // URL, as in its discovery document
	ClientID     string
	ClientSecret string // "" for a public client
	Label        string // for the button; "" means the issuer's host
	Client       *http.Client
}

// OIDC signs in at any OpenID Connect issuer: discovery, authorization code with
// PKCE, nonce. The issuer is asked for nothing before the first attempt.
//
// Its redirect URI is whatever the attempts say; the page to come back to after
// EndURL has to be registered there as well. An issuer whose discovery document
// lists the scope offline_access is asked for a refresh token.
func OIDC(o OIDCOptions) (Provider, error) {
	u, err := secure(o.Issuer, true)
	if err != nil {
		return nil, fmt.Errorf("configure OpenID Connect: the issuer is %w", err)
	}
	if u.RawQuery != "" || o.ClientID == "" {
		return nil, errors.New("configure OpenID Connect: a client ID and an issuer without query are needed")
	}
	if o.Label == "" {
		o.Label = u.Host
	}
	return &issuer{
		OIDCOptions: o,
		discovery: discovery{
			issuer: o.Issuer, clientID: o.ClientID, secret: o.ClientSecret,
			client: caller(o.Client), turn: make(chan struct{}, 1),
		},
	}, nil
}

// issuer is an OpenID Connect issuer.
type issuer struct {
	OIDCOptions
	discovery discovery
}

// choice is the one way in: the issuer has its own page to choose from.
const choice = "oidc"

func (p *issuer) Choices() []Choice { return []Choice{{ID: choice, Label: p.Label}} }

// Begin asks for the code in the query (OAuth 2.0 Multiple Response Types 2.1).
func (p *issuer) Begin(ctx context.Context, a Attempt) (string, error) {
	if err := a.check(); err != nil {
		return "", err
	}
	if a.Choice != "" && a.Choice != choice {
		return "", fault.Invalidf("choice", "there is no such way to sign in")
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	f, err := p.discovery.get(ctx)
	if err != nil {
		return "", p.unavailable(err)
	}
	c := f.oauth
	c.RedirectURL = a.RedirectURI
	options := []oauth2.AuthCodeOption{
		oauth2.S256ChallengeOption(a.Verifier), oidc.Nonce(a.Nonce),
		oauth2.SetAuthURLParam("response_mode", "query"),
	}
	if a.LoginHint != "" {
		options = append(options, oauth2.SetAuthURLParam("login_hint", a.LoginHint))
	}
	if a.Fresh {
		options = append(options, oauth2.SetAuthURLParam("prompt", f.prompt()))
	}
	return c.AuthCodeURL(a.State, options...), nil
}

// Finish redeems the code, and believes the ID token alone.
func (p *issuer) Finish(ctx context.Context, a Attempt, callback url.Values) (Person, error) {
	if err := a.check(); err != nil {
		return Person{}, err
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, p.discovery.client), callTime)
	defer cancel()
	f, err := p.discovery.get(ctx)
	if err != nil {
		return Person{}, p.unavailable(err)
	}
	code, err := p.code(f, callback)
	if err != nil {
		return Person{}, err
	}
	c := f.oauth
	c.RedirectURL = a.RedirectURI
	token, err := c.Exchange(ctx, code, oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return Person{}, p.refusal(err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, claims, err := p.verify(ctx, f, raw)
	if err != nil {
		return Person{}, err
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(a.Nonce)) != 1 {
		return Person{}, p.unproven(errors.New("the ID token has another nonce"))
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(token.AccessToken); err != nil {
			return Person{}, p.unproven(errors.New("the ID token is of another access token"))
		}
	}
	return p.person(ctx, f, id.Subject, claims, token, raw)
}

// code reads the answer of the authorization endpoint. Whose answer it is comes
// first (RFC 9207): not even its error is believed otherwise.
func (p *issuer) code(f *found, callback url.Values) (string, error) {
	for _, name := range []string{"code", "error", "iss"} {
		if len(callback[name]) > 1 {
			return "", p.unproven(fmt.Errorf("the answer has more than one %s", name))
		}
	}
	if callback.Has("iss") && callback.Get("iss") != p.Issuer || f.SendsIssuer && !callback.Has("iss") {
		return "", p.unproven(errors.New("the answer is of another issuer"))
	}
	if callback.Has("error") {
		return "", declined(p.Label, callback)
	}
	if callback.Get("code") == "" {
		return "", p.unproven(errors.New("the answer has no code"))
	}
	return callback.Get("code"), nil
}

// person puts together who it is; the e-mail address may be known to the userinfo
// endpoint only (Core 5.4).
func (p *issuer) person(ctx context.Context, f *found, subject string, c claims, token *oauth2.Token, raw string) (Person, error) {
	session := c.Session
	if c.Email == "" && f.UserInfo != "" {
		var more claims
		if err := getJSON(ctx, p.discovery.client, f.UserInfo, token.AccessToken, &more); err != nil {
			return Person{}, p.unavailable(fmt.Errorf("read the userinfo: %w", err))
		}
		if more.Subject != subject {
			return Person{}, p.unproven(errors.New("the userinfo is of another subject"))
		}
		c = c.with(more)
	}
	h := held{
		Provider: p.Issuer, Subject: subject, Refresh: token.RefreshToken,
		IDToken: raw, Session: session, End: f.EndSession,
	}
	keep, err := h.bytes()
	if err != nil {
		return Person{}, err
	}
	return Person{
		Identities:    []records.Identity{{Provider: p.Issuer, Subject: subject}},
		Email:         address(c.Email),
		EmailVerified: bool(c.EmailVerified) && address(c.Email) != "",
		Name:          clip(c.Name, nameLimit),
		Nickname:      c.nickname(),
		Held:          keep,
	}, nil
}
