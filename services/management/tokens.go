package management

import (
	"context"
	"time"

	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
)

// TokenInfo is a wiki token without its secret.
type TokenInfo struct {
	ID        string       `json:"id"`
	Name      string       `json:"name"`
	Role      records.Role `json:"role" enum:"editor,viewer" doc:"the most that the token may do"`
	CreatedAt time.Time    `json:"created_at"`
	LastUsed  *time.Time   `json:"last_used" nullable:"true" doc:"to the minute; null if never"`
	LastAgent string       `json:"last_agent" doc:"the client that used it last; empty if never"`
}

func infoOf(t records.Token) TokenInfo {
	info := TokenInfo{ID: t.ID, Name: t.Name, Role: t.Role, CreatedAt: t.CreatedAt, LastAgent: t.LastAgent}
	if !t.LastUsed.IsZero() {
		info.LastUsed = &t.LastUsed
	}
	return info
}

type madeToken struct {
	Token string    `json:"token" doc:"the secret; shown this once"`
	Info  TokenInfo `json:"info"`
}

type tokenOutput struct{ Body madeToken }

// replaceToken makes a new default token. The former one is dead when it
// returns.
func (s *Service) replaceToken(ctx context.Context, in *wikiInput) (*tokenOutput, error) {
	e, err := s.enter(ctx, in.Slug, identity.Admin)
	if err != nil {
		return nil, err
	}
	token, secret := newToken(e.Wiki.ID, e.Principal.UserID, time.Now().UTC())
	if err := s.records.ReplaceToken(ctx, token); err != nil {
		return nil, err
	}
	out := new(tokenOutput)
	out.Body.Token, out.Body.Info = secret, infoOf(token)
	return out, nil
}
