package provider

import (
	"context"
	"errors"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"wikibot.io/pkg/fault"
)

// Renew redeems the refresh token (Core 12). It does not stop when the browser
// goes away: the token would be spent, and its successor lost.
func (p *issuer) Renew(ctx context.Context, raw []byte) ([]byte, error) {
	h, ok := readHeld(raw, p.Issuer)
	if !ok || h.Refresh == "" {
		return nil, fault.Wrap(ErrCannotAsk, fault.Unauthenticated, "renew the session at %s: sign in again", p.Label)
	}
	ctx, cancel := patient(oidc.ClientContext(ctx, p.discovery.client))
	defer cancel()
	f, err := p.discovery.get(ctx)
	if err != nil {
		return nil, p.unavailable(err)
	}
	// The library keeps the old refresh token if there is no new one.
	token, err := f.oauth.TokenSource(ctx, &oauth2.Token{RefreshToken: h.Refresh}).Token()
	if err != nil {
		return nil, p.refusal(err)
	}
	h.Refresh = token.RefreshToken
	if err := p.renewHint(ctx, f, token, &h); err != nil {
		return nil, err
	}
	h.End = f.EndSession
	return h.bytes()
}

// renewHint takes over the ID token that may come with a renewal. It must be of
// the same person (Core 12.2). If the keys cannot be had, the old one stays: the
// renewal has happened, and its refresh token must not be lost.
func (p *issuer) renewHint(ctx context.Context, f *found, token *oauth2.Token, h *held) error {
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return nil
	}
	id, c, err := p.verify(ctx, f, raw)
	if fault.Is(err, fault.Unavailable) {
		return nil
	}
	if err != nil {
		return err
	}
	if id.Subject != h.Subject {
		return p.unproven(errors.New("the ID token of the renewal is of another subject"))
	}
	h.IDToken = raw
	if c.Session != "" {
		h.Session = c.Session
	}
	return nil
}

// EndURL follows RP-Initiated Logout 1.0. An expired ID token is a hint as good
// as any.
func (p *issuer) EndURL(raw []byte, returnTo string) string {
	h, _ := readHeld(raw, p.Issuer)
	end := h.End
	if f := p.discovery.now.Load(); f != nil {
		end = f.EndSession
	}
	u, err := secure(end, strings.HasPrefix(p.Issuer, "http://"))
	if err != nil {
		return "" // it has no such page
	}
	q := u.Query()
	q.Set("client_id", p.ClientID)
	switch {
	case h.IDToken != "":
		q.Set("id_token_hint", h.IDToken)
	case h.Session != "":
		q.Set("logout_hint", h.Session)
	}
	if returnTo != "" {
		q.Set("post_logout_redirect_uri", returnTo)
	}
	u.RawQuery = q.Encode()
	return u.String()
}
