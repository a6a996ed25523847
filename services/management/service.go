package management

import (
	"context"
	"errors"
	"net/http"

	"github.com/go-chi/chi/v5"

	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/rest"
	"wikibot.io/pkg/web"

	eventsv1 "wikibot.io/contracts/events/v1"
)

// WikiStore keeps wikis and their names: see [records.Wikis].
type WikiStore interface {
	CreateWiki(ctx context.Context, w records.NewWiki) (records.Wiki, error)
	NameTaken(ctx context.Context, name string) (records.Reservation, bool, error)
}

// Store is what the service needs of the records.
type Store interface {
	User(ctx context.Context, id string) (records.User, error)
	WikiStore
	identity.Rights
	UpdateWiki(ctx context.Context, id string, c records.WikiChange, actor *eventsv1.Actor) (records.Wiki, error)
	DeleteWiki(ctx context.Context, id string, actor *eventsv1.Actor) error
	GrantsOfUser(ctx context.Context, userID string) ([]records.Grant, error)
	DeleteGrant(ctx context.Context, wikiID, userID string, actor *eventsv1.Actor) error
	TokenStore
	records.Activities
}

// TokenStore keeps wiki tokens: see [records.Tokens].
type TokenStore interface {
	TokensOfWiki(ctx context.Context, wikiID string) ([]records.Token, error)
	ReplaceToken(ctx context.Context, t records.Token) error
}

// Deps is what the service needs; all of it.
type Deps struct {
	Hosts         web.Hosts
	Records       Store
	Authenticator *identity.Authenticator
}

// Service is the management service.
type Service struct {
	hosts   web.Hosts
	records Store
	gate    identity.Gate
	handler http.Handler
	api     *rest.API
}

// New checks its deps and returns the service.
func New(d Deps) (*Service, error) {
	if d.Records == nil || d.Authenticator == nil || d.Hosts == (web.Hosts{}) {
		return nil, errors.New("new management service: hosts, records and authenticator are all needed")
	}
	s := &Service{hosts: d.Hosts, records: d.Records, gate: identity.Gate{Records: d.Records}}
	router := chi.NewRouter()
	router.Use(rest.NoStore, func(next http.Handler) http.Handler { return d.Authenticator.Root(next, nil) }, sessionOnly)
	router.NotFound(rest.NotFound("the management API has no such path"))
	router.MethodNotAllowed(rest.WrongMethod)
	s.api = rest.New(router, apiConfig())
	s.register()
	s.api.Seal()
	s.handler = router
	return s, nil
}

// Handler answers /api/* on the root host. It expects to stand behind
// [web.Stack].
func (s *Service) Handler() http.Handler { return s.handler }
