package api

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"wikibot.io/pkg/account"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/names"
	"wikibot.io/pkg/records"
)

// Account is the signed-in person.
type Account struct {
	ID          string     `json:"id" doc:"never changes"`
	Username    string     `json:"username"`
	Email       string     `json:"email"`
	DisplayName string     `json:"display_name" doc:"what commits carry"`
	CreatedAt   time.Time  `json:"created_at"`
	Identities  []Identity `json:"identities" nullable:"false" doc:"ways to sign in"`
}

// Identity is one way to sign in.
type Identity struct {
	Provider string `json:"provider" doc:"an issuer's URL, or another name that never changes"`
	Label    string `json:"label" doc:"for people"`
}

type accountOutput struct{ Body Account }

func (a *API) show(ctx context.Context, _ *struct{}) (*accountOutput, error) {
	u, err := a.records.User(ctx, identity.From(ctx).UserID)
	if err != nil {
		return nil, err
	}
	return a.accountOf(ctx, u)
}

func (a *API) accountOf(ctx context.Context, u records.User) (*accountOutput, error) {
	ids, err := a.records.IdentitiesOfUser(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	out := &accountOutput{Account{
		ID: u.ID, Username: u.Username, Email: u.Email, DisplayName: u.DisplayName, CreatedAt: u.CreatedAt,
		Identities: make([]Identity, 0, len(ids)),
	}}
	for _, id := range ids {
		out.Body.Identities = append(out.Body.Identities, Identity{Provider: id.Provider, Label: label(id.Provider)})
	}
	return out, nil
}

// label says who a provider is: people know those by name that most of them sign
// in with, and any other by its host.
func label(provider string) string {
	if provider == account.DevProvider {
		return "Development sign-in"
	}
	known := map[string]string{
		"workos": "WorkOS", "accounts.google.com": "Google", "appleid.apple.com": "Apple",
		"github.com": "GitHub", "login.microsoftonline.com": "Microsoft", "api.workos.com": "WorkOS",
		"google": "Google", "apple": "Apple", "github": "GitHub", "microsoft": "Microsoft",
	}
	host := provider
	if u, err := url.Parse(provider); err == nil && u.Host != "" {
		host = u.Host
	}
	if name, ok := known[strings.ToLower(host)]; ok {
		return name
	}
	return host
}

type accountChange struct {
	DisplayName *string `json:"display_name,omitempty" doc:"at most 100 characters; left as it is when absent"`
}

type updateInput struct{ Body accountChange }

func (a *API) update(ctx context.Context, in *updateInput) (*accountOutput, error) {
	var change records.UserChange
	if in.Body.DisplayName != nil {
		name := strings.TrimSpace(*in.Body.DisplayName)
		if err := fault.InvalidFields("change account", names.Fields("display_name", names.Display(name))); err != nil {
			return nil, err
		}
		change.DisplayName = &name
	}
	u, err := a.records.UpdateUser(ctx, identity.From(ctx).UserID, change)
	if err != nil {
		return nil, err
	}
	return a.accountOf(ctx, u)
}

type deletion struct {
	Username string `json:"username" doc:"the person's own, typed again"`
}

type deletionInput struct{ Body deletion }

type departure struct {
	FinalAt time.Time `json:"final_at" doc:"until then the account can be had back"`
}

type deletionOutput struct {
	SetCookie []string `header:"Set-Cookie" doc:"the browser is signed out"`
	Body      departure
}

// deleteAccount lets the person go. Agents, tokens and sessions are dead when it
// returns: whoever they act for is found no more.
func (a *API) deleteAccount(ctx context.Context, in *deletionInput) (*deletionOutput, error) {
	p := identity.From(ctx)
	u, err := a.records.User(ctx, p.UserID)
	if err != nil {
		return nil, err
	}
	if in.Body.Username != u.Username {
		return nil, fault.Invalidf("username", "does not match: type %s to delete the account", u.Username)
	}
	now := time.Now().UTC()
	if err := a.records.DeleteUser(ctx, u.ID, now); err != nil {
		return nil, err
	}
	// Who comes back signs in again, on each device: one of them may be why they left.
	if err := a.records.EndSessions(ctx, u.ID, "", now); err != nil {
		a.log.WarnContext(ctx, "end the sessions of a deleted account", "user", u.ID, "err", err)
	}
	a.log.InfoContext(ctx, "account deleted", "user", u.ID)
	return &deletionOutput{SetCookie: a.signedOut(), Body: departure{FinalAt: now.Add(a.grace)}}, nil
}

// signedOut returns the cookies that sign a browser out.
func (a *API) signedOut() []string {
	answer := headerOnly{http.Header{}}
	identity.ClearCookies(answer, a.hosts)
	return answer.Header().Values("Set-Cookie")
}

// headerOnly takes what package identity writes to an answer, which here is the
// library's to write.
type headerOnly struct{ header http.Header }

func (h headerOnly) Header() http.Header         { return h.header }
func (h headerOnly) Write(p []byte) (int, error) { return len(p), nil }
func (h headerOnly) WriteHeader(int)             {}
