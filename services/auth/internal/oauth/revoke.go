package oauth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/limit"
)

// revoke answers POST /oauth/revoke (RFC 7009): 200 for whatever is no token, or
// none any more, since that is what was asked for. A refresh or access token ends
// its connection, so that neither of the two is good; a personal token its
// sign-in.
func (s *Server) revoke(w http.ResponseWriter, r *http.Request) error {
	if err := s.deps.Limiter.Allow(r.Context(), attempts, limit.Address(r)); err != nil {
		return err
	}
	form, err := readForm(w, r)
	if err != nil {
		return err
	}
	token := form.Get("token")
	if token == "" {
		return refuse(invalidRequest, "token is missing")
	}
	client := ""
	if form.Has("client_id") || form.Has("client_secret") || r.Header.Get("Authorization") != "" {
		if client, err = clientID(r, form); err != nil {
			return err
		}
	}
	switch {
	case strings.HasPrefix(token, identity.RefreshPrefix):
		err = s.revokeRefresh(r.Context(), client, token)
	case strings.HasPrefix(token, identity.PersonalPrefix):
		err = s.revokePersonal(r.Context(), client, token)
	default:
		err = s.revokeAccess(r.Context(), client, token)
	}
	if err != nil && !errors.Is(err, errNoToken) {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// errNoToken is for what need not be revoked.
var errNoToken = errors.New("it is no token that is good")

// ofAnother refuses to revoke what another client was given (RFC 7009 section
// 2.1). Who names no client is believed for having the token.
func ofAnother(client, owner string) error {
	if client != "" && client != owner {
		return refuse(invalidGrant, "the token was given to another client")
	}
	return nil
}

func (s *Server) revokeRefresh(ctx context.Context, client, token string) error {
	cred, ok := identity.ParseCredential(identity.RefreshPrefix, token)
	if !ok {
		return errNoToken
	}
	c, err := s.deps.Records.Connection(ctx, cred.UserID, cred.ID)
	if fault.Is(err, fault.NotFound) {
		return errNoToken
	}
	if err != nil {
		return err
	}
	if !identity.SameHash(cred.Hash(), c.RefreshHash) && !identity.SameHash(cred.Hash(), c.FormerHash) {
		return errNoToken
	}
	if err := ofAnother(client, c.ClientID); err != nil {
		return err
	}
	return s.end(ctx, false, c.UserID, c.ID, now())
}

func (s *Server) revokePersonal(ctx context.Context, client, token string) error {
	cred, ok := identity.ParseCredential(identity.PersonalPrefix, token)
	if !ok {
		return errNoToken
	}
	session, err := s.deps.Records.Session(ctx, cred.UserID, cred.ID)
	if fault.Is(err, fault.NotFound) || err == nil && !identity.SameHash(cred.Hash(), session.SecretHash) {
		return errNoToken
	}
	if err != nil {
		return err
	}
	if err := ofAnother(client, CommandLine); err != nil {
		return err
	}
	return s.end(ctx, true, session.UserID, session.ID, now())
}

func (s *Server) revokeAccess(ctx context.Context, client, token string) error {
	a, err := s.deps.Verifier.VerifyAccess(ctx, token, audienceOf(token))
	if fault.Is(err, fault.Unauthenticated) {
		return errNoToken
	}
	if err != nil {
		return err
	}
	if err := ofAnother(client, a.ClientID); err != nil {
		return err
	}
	return s.end(ctx, false, a.UserID, a.ConnectionID, now())
}

// audienceOf reads which resource a token says it is for, before anything in it is
// believed: whoever revokes it need not know.
func audienceOf(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || len(token) > maxForm {
		return ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var claims struct {
		Audience json.RawMessage `json:"aud"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return ""
	}
	var one string
	if json.Unmarshal(claims.Audience, &one) == nil {
		return one
	}
	var many []string
	if json.Unmarshal(claims.Audience, &many) == nil && len(many) == 1 {
		return many[0]
	}
	return ""
}
