package management

import (
	"context"
	"slices"
	"strings"
	"time"

	"wikibot.io/contracts/events"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/names"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
)

// Wiki is a wiki as the app shows it.
type Wiki struct {
	Slug         string       `json:"slug"`
	Name         string       `json:"name"`
	Public       bool         `json:"public" doc:"anyone may read it"`
	Git          bool         `json:"git" doc:"whoever may read it may clone it at git_url; if false nobody may"`
	Role         string       `json:"role" enum:"owner,editor,viewer,none" doc:"the caller's; none for a stranger to a public wiki"`
	PageCount    int64        `json:"page_count"`
	CreatedAt    time.Time    `json:"created_at"`
	LastActivity LastActivity `json:"last_activity"`
	URL          string       `json:"url"`
	MCPURL       string       `json:"mcp_url"`
	GitURL       string       `json:"git_url"`
	APIURL       string       `json:"api_url"`
}

// LastActivity is the last change of any page. At comes from the wiki's own
// record and is always true; who and what arrive moments later and are empty
// until then.
type LastActivity struct {
	At    time.Time `json:"at" doc:"the creation of the wiki before its first commit"`
	Name  string    `json:"name" doc:"of the person; empty if not known yet"`
	Agent string    `json:"agent" doc:"the client through which the person acted; empty if by hand"`
	Page  string    `json:"page"`
	Kind  string    `json:"kind" doc:"created, edited, renamed or deleted; empty if not known yet"`
}

type wikiList struct {
	Wikis []Wiki `json:"wikis" nullable:"false" doc:"every wiki in which the caller has a role, newest activity first"`
}

type wikisOutput struct{ Body wikiList }

func (s *Service) listWikis(ctx context.Context, _ *struct{}) (*wikisOutput, error) {
	grants, err := s.records.GrantsOfUser(ctx, identity.From(ctx).UserID)
	if err != nil {
		return nil, err
	}
	out := new(wikisOutput)
	out.Body.Wikis = make([]Wiki, 0, len(grants))
	for _, g := range grants {
		w, err := s.records.Wiki(ctx, g.WikiID)
		if fault.Is(err, fault.NotFound) {
			continue // deleted; its grants are removed a moment later
		}
		if err != nil {
			return nil, err
		}
		shown, err := s.show(ctx, w, g.Role)
		if err != nil {
			return nil, err
		}
		out.Body.Wikis = append(out.Body.Wikis, shown)
	}
	slices.SortFunc(out.Body.Wikis, func(a, b Wiki) int {
		if c := b.LastActivity.At.Compare(a.LastActivity.At); c != 0 {
			return c
		}
		return strings.Compare(a.Slug, b.Slug)
	})
	return out, nil
}

// show adds to a record what the app wants to know.
func (s *Service) show(ctx context.Context, w records.Wiki, role records.Role) (Wiki, error) {
	shown := Wiki{
		Slug: w.Slug, Name: w.Name, Public: w.Public, Git: !w.GitOff, Role: string(role),
		PageCount: w.PageCount, CreatedAt: w.CreatedAt,
		LastActivity: LastActivity{At: w.HeadAt},
		URL:          s.hosts.Wiki(w.Slug, "/"),
		MCPURL:       s.hosts.Wiki(w.Slug, "/mcp"),
		GitURL:       s.hosts.Wiki(w.Slug, "/repo.git"),
		APIURL:       s.hosts.Wiki(w.Slug, "/api/v1"),
	}
	if role == "" {
		shown.Role = "none"
	}
	if w.Sequence == 0 {
		return shown, nil // nothing has happened
	}
	a, err := s.records.Activity(ctx, w.ID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return Wiki{}, err
	}
	if err == nil && a.Sequence == w.Sequence {
		shown.LastActivity.Name, shown.LastActivity.Agent = a.Name, a.Agent
		shown.LastActivity.Page, shown.LastActivity.Kind = a.Page, a.Kind
	}
	return shown, nil
}

type wikiCreation struct {
	Slug   string `json:"slug" doc:"3 to 30 of a-z, 0-9 and hyphen; on the free plan the caller's username" example:"ada"`
	Name   string `json:"name" doc:"at most 100 characters" example:"Ada's notes"`
	Public bool   `json:"public,omitempty" doc:"anyone may read"`
}

type createInput struct{ Body wikiCreation }

type createdWiki struct {
	Wiki  Wiki   `json:"wiki"`
	Token string `json:"token" doc:"secret of the default token; shown this once"`
}

type createOutput struct{ Body createdWiki }

func (s *Service) createWiki(ctx context.Context, in *createInput) (*createOutput, error) {
	u, err := s.records.User(ctx, identity.From(ctx).UserID)
	if err != nil {
		return nil, err
	}
	w, secret, err := CreateWiki(ctx, s.records, u, NewWiki{Slug: in.Body.Slug, Name: in.Body.Name, Public: in.Body.Public})
	if err != nil {
		return nil, err
	}
	web.RecordOf(ctx).Wiki = w.ID
	out := new(createOutput)
	out.Body.Token = secret
	out.Body.Wiki, err = s.show(ctx, w, records.Owner)
	return out, err
}

type wikiInput struct {
	Slug string `path:"slug"`
}

type wikiDetail struct {
	Wiki   Wiki        `json:"wiki"`
	Tokens []TokenInfo `json:"tokens" nullable:"false" doc:"for the owner; empty for others"`
}

type wikiOutput struct{ Body wikiDetail }

func (s *Service) getWiki(ctx context.Context, in *wikiInput) (*wikiOutput, error) {
	e, err := s.enter(ctx, in.Slug, identity.Read)
	if err != nil {
		return nil, err
	}
	out := &wikiOutput{wikiDetail{Tokens: []TokenInfo{}}}
	if out.Body.Wiki, err = s.show(ctx, e.Wiki, e.Role); err != nil {
		return nil, err
	}
	if e.May(identity.Admin) {
		tokens, err := s.records.TokensOfWiki(ctx, e.Wiki.ID)
		if err != nil {
			return nil, err
		}
		for _, t := range tokens {
			out.Body.Tokens = append(out.Body.Tokens, infoOf(t))
		}
	}
	return out, nil
}

type wikiChange struct {
	Name   *string `json:"name,omitempty" doc:"left as it is when absent"`
	Public *bool   `json:"public,omitempty" doc:"left as it is when absent"`
	Git    *bool   `json:"git,omitempty" doc:"left as it is when absent"`
}

type updateInput struct {
	Slug string `path:"slug"`
	Body wikiChange
}

type changedWiki struct {
	Wiki Wiki `json:"wiki"`
}

type updateOutput struct{ Body changedWiki }

func (s *Service) updateWiki(ctx context.Context, in *updateInput) (*updateOutput, error) {
	e, err := s.enter(ctx, in.Slug, identity.Admin)
	if err != nil {
		return nil, err
	}
	change := records.WikiChange{Public: in.Body.Public}
	if in.Body.Name != nil {
		name := strings.TrimSpace(*in.Body.Name)
		if err := fault.InvalidFields("change wiki", names.Fields("name", names.Display(name))); err != nil {
			return nil, err
		}
		change.Name = &name
	}
	if in.Body.Git != nil {
		off := !*in.Body.Git
		change.GitOff = &off
	}
	w := e.Wiki
	// Saying the same again is no change: nobody is to be told about it.
	if differs(change.Name, w.Name) || differs(change.Public, w.Public) || differs(change.GitOff, w.GitOff) {
		if w, err = s.records.UpdateWiki(ctx, w.ID, change, actorOf(ctx)); err != nil {
			return nil, err
		}
	}
	out := new(updateOutput)
	out.Body.Wiki, err = s.show(ctx, w, e.Role)
	return out, err
}

// differs reports whether a change asks for something else than there is.
func differs[T comparable](asked *T, is T) bool { return asked != nil && *asked != is }

type wikiDeletion struct {
	Confirm string `json:"confirm" doc:"the slug, typed again"`
}

type deleteInput struct {
	Slug string `path:"slug"`
	Body wikiDeletion
}

func (s *Service) deleteWiki(ctx context.Context, in *deleteInput) (*struct{}, error) {
	e, err := s.enter(ctx, in.Slug, identity.Admin)
	if err != nil {
		return nil, err
	}
	if in.Body.Confirm != e.Wiki.Slug {
		return nil, fault.Invalidf("confirm", "does not match: type %s to delete the wiki", e.Wiki.Slug)
	}
	return nil, s.records.DeleteWiki(ctx, e.Wiki.ID, actorOf(ctx))
}

// enter opens the wiki through the gate and notes it in the request's record.
func (s *Service) enter(ctx context.Context, slug string, a identity.Action) (identity.Entry, error) {
	e, err := s.gate.Enter(ctx, slug, a)
	if err == nil {
		web.RecordOf(ctx).Wiki = e.Wiki.ID
	}
	return e, err
}

func actorOf(ctx context.Context) *events.Actor {
	p := identity.From(ctx)
	return &events.Actor{UserId: p.UserID, Name: p.DisplayName}
}

func sentence(messages []string) string { return strings.Join(messages, "; ") }
