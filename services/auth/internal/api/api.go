package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/limit"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
)

// Records is what the API reads and changes.
type Records interface {
	User(ctx context.Context, id string) (records.User, error)
	UpdateUser(ctx context.Context, id string, c records.UserChange) (records.User, error)
	IdentitiesOfUser(ctx context.Context, userID string) ([]records.Identity, error)
	DeleteUser(ctx context.Context, id string, at time.Time) error
	SessionsOfUser(ctx context.Context, userID string) ([]records.Session, error)
	EndSession(ctx context.Context, userID, id string, now, until time.Time) error
	EndSessions(ctx context.Context, userID, keep string, now time.Time) error
	ConnectionsOfUser(ctx context.Context, userID string) ([]records.Connection, error)
	EndConnection(ctx context.Context, userID, id string) error
	GrantsOfUser(ctx context.Context, userID string) ([]records.Grant, error)
	Wiki(ctx context.Context, id string) (records.Wiki, error)
	TokensOfWiki(ctx context.Context, wikiID string) ([]records.Token, error)
}

// Deps is what the API needs; all of it.
type Deps struct {
	Hosts         web.Hosts
	Records       Records
	Authenticator *identity.Authenticator
	Limiter       *limit.Limiter
	// Grace is how long a deleted account can be had back.
	Grace time.Duration
	Log   *slog.Logger
}

// API is the account API.
type API struct{ handler http.Handler }

// New checks its deps and returns the API.
func New(d Deps) (*API, error) { return nil, errors.New("unwritten") }

// Handler answers /api/account and all below it.
func (a *API) Handler() http.Handler { return a.handler }

// Describe returns the API's description, OpenAPI 3.1 in JSON.
func (a *API) Describe() ([]byte, error) { panic("unwritten") }
