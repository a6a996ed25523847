package management

import (
	"context"

	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/names"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/tier"
)

// Me is the signed-in user.
type Me struct {
	ID          string       `json:"id" doc:"never changes"`
	Username    string       `json:"username"`
	Email       string       `json:"email"`
	DisplayName string       `json:"display_name" doc:"what commits carry"`
	Tier        records.Tier `json:"tier" enum:"free,premium"`
	Limits      Limits       `json:"limits"`
}

// Limits are what the user's plan allows.
type Limits struct {
	Wikis          int   `json:"wikis" doc:"wikis that the user may own"`
	PagesPerWiki   int64 `json:"pages_per_wiki" doc:"0: no limit"`
	AuthorsPerWiki int   `json:"authors_per_wiki" doc:"the owner included"`
}

type meOutput struct{ Body Me }

func (s *Service) me(ctx context.Context, _ *struct{}) (*meOutput, error) {
	u, err := s.records.User(ctx, identity.From(ctx).UserID)
	if err != nil {
		return nil, err
	}
	l := tier.Of(u.Tier)
	return &meOutput{Me{
		ID: u.ID, Username: u.Username, Email: u.Email, DisplayName: u.DisplayName, Tier: u.Tier,
		Limits: Limits{Wikis: l.Wikis, PagesPerWiki: l.Pages, AuthorsPerWiki: l.Authors},
	}}, nil
}

// Name says whether a wiki may be given a name.
type Name struct {
	Name      string `json:"name"`
	Available bool   `json:"available"`
	Reason    string `json:"reason" doc:"why it is not available, for people; empty when it is"`
}

type nameInput struct {
	Name string `path:"name" doc:"a slug as typed"`
}

type nameOutput struct{ Body Name }

func (s *Service) name(ctx context.Context, in *nameInput) (*nameOutput, error) {
	out := &nameOutput{Name{Name: in.Name}}
	if wrong := names.Label(in.Name); wrong != nil {
		out.Body.Reason = sentence(wrong)
		return out, nil
	}
	free, err := available(ctx, s.records, identity.From(ctx).UserID, in.Name)
	if err != nil {
		return nil, err
	}
	out.Body.Available = free
	if !free {
		out.Body.Reason = slugTaken
	}
	return out, nil
}
