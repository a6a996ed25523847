package api

import (
	"context"
	"fmt"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
)

// Export is everything that is kept about a person, but for what is in their
// wikis: those are linked to, each whole.
type Export struct {
	ExportedAt time.Time       `json:"exported_at"`
	Profile    Profile         `json:"profile"`
	Identities []FullIdentity  `json:"identities" nullable:"false"`
	Sessions   []Session       `json:"sessions" nullable:"false"`
	Agents     []Agent         `json:"agents" nullable:"false"`
	Wikis      []OwnedWiki     `json:"wikis" nullable:"false" doc:"that the person owns"`
	Grants     []Membership    `json:"grants" nullable:"false" doc:"roles in all wikis, owned ones included"`
	Tokens     []TokenMetadata `json:"tokens" nullable:"false" doc:"of the person's wikis, and those that they made in others"`
}

// Profile is what a person is known by.
type Profile struct {
	ID          string       `json:"id"`
	Username    string       `json:"username"`
	Email       string       `json:"email"`
	DisplayName string       `json:"display_name"`
	Tier        records.Tier `json:"tier" enum:"free,premium"`
	CreatedAt   time.Time    `json:"created_at"`
}

// FullIdentity is how a provider knows the person.
type FullIdentity struct {
	Provider string `json:"provider"`
	Subject  string `json:"subject"`
}

// OwnedWiki says where all of a wiki can be had.
type OwnedWiki struct {
	Slug      string    `json:"slug"`
	Name      string    `json:"name"`
	Public    bool      `json:"public"`
	PageCount int64     `json:"page_count"`
	CreatedAt time.Time `json:"created_at"`
	URL       string    `json:"url"`
	GitURL    string    `json:"git_url" doc:"git clone brings all pages, files and history"`
	ZipURL    string    `json:"zip_url" doc:"pages and files as they are now"`
}

// Membership is a role in a wiki.
type Membership struct {
	WikiSlug  string       `json:"wiki_slug"`
	Role      records.Role `json:"role" enum:"owner,editor,viewer"`
	GrantedAt time.Time    `json:"granted_at"`
}

// TokenMetadata is a wiki token without its secret and without what it could be
// checked with.
type TokenMetadata struct {
	WikiSlug  string       `json:"wiki_slug"`
	ID        string       `json:"id"`
	Name      string       `json:"name"`
	Role      records.Role `json:"role" enum:"editor,viewer"`
	CreatedAt time.Time    `json:"created_at"`
	ExpiresAt *time.Time   `json:"expires_at" nullable:"true" doc:"null: never"`
	LastUsed  *time.Time   `json:"last_used" nullable:"true" doc:"null: never"`
	LastAgent string       `json:"last_agent"`
}

type exportOutput struct {
	Disposition string `header:"Content-Disposition"`
	Body        Export
}

func (a *API) export(ctx context.Context, _ *struct{}) (*exportOutput, error) {
	p := identity.From(ctx)
	u, err := a.records.User(ctx, p.UserID)
	if err != nil {
		return nil, err
	}
	e := Export{
		ExportedAt: time.Now().UTC().Truncate(time.Second),
		Profile:    Profile{ID: u.ID, Username: u.Username, Email: u.Email, DisplayName: u.DisplayName, Tier: u.Tier, CreatedAt: u.CreatedAt},
		Identities: []FullIdentity{}, Wikis: []OwnedWiki{}, Grants: []Membership{}, Tokens: []TokenMetadata{},
	}
	ids, err := a.records.IdentitiesOfUser(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		e.Identities = append(e.Identities, FullIdentity(id))
	}
	if e.Sessions, err = a.sessions(ctx, p); err != nil {
		return nil, err
	}
	if e.Agents, err = a.agents(ctx, u.ID); err != nil {
		return nil, err
	}
	if err := a.exportWikis(ctx, u.ID, &e); err != nil {
		return nil, err
	}
	// A username is a DNS label: nothing in it ends the quotes.
	return &exportOutput{fmt.Sprintf(`attachment; filename="wikibot-export-%s.json"`, u.Username), e}, nil
}

// exportWikis adds what the person has to do with each of their wikis.
func (a *API) exportWikis(ctx context.Context, userID string, e *Export) error {
	grants, err := a.records.GrantsOfUser(ctx, userID)
	if err != nil {
		return err
	}
	for _, g := range grants {
		w, err := a.openWiki(ctx, g.WikiID)
		if err != nil {
			return err
		}
		if w.ID == "" {
			continue // its grants are removed a moment later
		}
		e.Grants = append(e.Grants, Membership{WikiSlug: w.Slug, Role: g.Role, GrantedAt: g.GrantedAt})
		if g.Role == records.Owner {
			e.Wikis = append(e.Wikis, OwnedWiki{
				Slug: w.Slug, Name: w.Name, Public: w.Public, PageCount: w.PageCount, CreatedAt: w.CreatedAt,
				URL: a.hosts.Wiki(w.Slug, "/"), GitURL: a.hosts.Wiki(w.Slug, "/repo.git"), ZipURL: a.hosts.Wiki(w.Slug, "/-/export.zip"),
			})
		}
		tokens, err := a.records.TokensOfWiki(ctx, w.ID)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		for _, t := range tokens {
			if g.Role == records.Owner || t.UserID == userID {
				e.Tokens = append(e.Tokens, metadataOf(t, w))
			}
		}
	}
	return nil
}

func metadataOf(t records.Token, w records.Wiki) TokenMetadata {
	m := TokenMetadata{WikiSlug: w.Slug, ID: t.ID, Name: t.Name, Role: t.Role, CreatedAt: t.CreatedAt, LastAgent: t.LastAgent}
	if !t.ExpiresAt.IsZero() {
		m.ExpiresAt = &t.ExpiresAt
	}
	if !t.LastUsed.IsZero() {
		m.LastUsed = &t.LastUsed
	}
	return m
}
