package auth

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/lestrrat-go/jwx/v2/jwk"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
	"wikibot.io/services/auth/internal/pages"
)

// Records is what the service keeps and reads: see package records.
type Records interface {
	records.Users
	records.Sessions
	records.Connections
	records.Tickets
	records.Clients
	records.Counters
	records.Departures
	NameTaken(ctx context.Context, name string) (records.Reservation, bool, error)
	identity.Rights
	GrantsOfUser(ctx context.Context, userID string) ([]records.Grant, error)
	TokensOfWiki(ctx context.Context, wikiID string) ([]records.Token, error)
}

// Deps is what the service needs; all of it.
type Deps struct {
	Hosts         web.Hosts
	SignIn        SignIn
	Records       Records
	Signer        *identity.Signer
	Keys          identity.KeySource
	Authenticator *identity.Authenticator
	Log           *slog.Logger
}

// Service is the auth service.
type Service struct {
	hosts   web.Hosts
	proof   SignIn
	signer  *identity.Signer
	keys    identity.KeySource
	auth    *identity.Authenticator
	pages   *pages.Pages
	handler http.Handler
}

// New checks its deps and returns the service.
func New(d Deps) (*Service, error) {
	if d.SignIn == nil || d.Records == nil || d.Signer == nil || d.Keys == nil || d.Authenticator == nil || d.Log == nil || d.Hosts == (web.Hosts{}) {
		return nil, errors.New("new auth service: hosts, sign-in, records, signer, keys, authenticator and log are all needed")
	}
	p, err := pages.New(d.Hosts)
	if err != nil {
		return nil, err
	}
	s := &Service{hosts: d.Hosts, proof: d.SignIn, signer: d.Signer, keys: d.Keys, auth: d.Authenticator, pages: p}
	mux := http.NewServeMux()
	mux.Handle("GET /auth/login", s.page(s.begin))
	mux.Handle(d.SignIn.Callback(), s.page(s.complete))
	mux.Handle("GET /auth/logout", s.page(s.showLogout))
	mux.Handle("POST /auth/logout", s.page(s.logout))
	mux.Handle("GET /auth/logged-out", s.page(s.loggedOut))
	mux.Handle("GET /.well-known/jwks.json", web.Handle(s.jwks, nil))
	mux.Handle("/auth/", s.page(func(http.ResponseWriter, *http.Request) error {
		return fault.New(fault.NotFound, "open page: there is none at this address")
	}))
	s.handler = mux
	return s, nil
}

// Handler answers /auth/* and /.well-known/jwks.json on the root host. It
// expects to stand behind [web.Stack], which refuses posts from other origins.
func (s *Service) Handler() http.Handler { return s.handler }

// page makes a handler whose errors are pages.
func (s *Service) page(h web.HandlerFunc) http.Handler {
	return web.Handle(func(w http.ResponseWriter, r *http.Request) error {
		s.pages.Headers(w.Header())
		return h(w, r)
	}, s.pages.Fail)
}

// jwks serves the public keys. Verifiers elsewhere look again after a few
// minutes, which bounds how soon they learn of a new key.
func (s *Service) jwks(w http.ResponseWriter, r *http.Request) error {
	set, err := s.keys.PublicKeys(r.Context())
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "read the public keys: they cannot be had")
	}
	public, err := jwk.PublicSetOf(set) // whatever the source thinks is public
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "public, max-age=300")
	return web.WriteJSON(w, http.StatusOK, public)
}
