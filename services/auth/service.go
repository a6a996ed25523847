package auth

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/limit"
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
	// Documents fetches what sites say of OAuth clients, in tests; nil for the client
	// that cannot be turned inward, which is right everywhere else.
	Documents *http.Client
	Log       *slog.Logger
}

// Service is the auth service.
type Service struct {
	hosts   web.Hosts
	proof   SignIn
	records Records
	signer  *identity.Signer
	keys    identity.KeySource
	auth    *identity.Authenticator
	log     *slog.Logger
	limiter *limit.Limiter
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
	l, err := limit.New(d.Records, d.Log)
	if err != nil {
		return nil, err
	}
	s := &Service{
		hosts: d.Hosts, proof: d.SignIn, records: d.Records, signer: d.Signer, keys: d.Keys, auth: d.Authenticator,
		log: d.Log, limiter: l, pages: p,
	}
	mux := http.NewServeMux()
	s.mount(mux)
	if err := errors.Join(s.mountOAuth(mux, d.Documents), s.mountAPI(mux)); err != nil {
		return nil, err
	}
	s.handler = mux
	return s, nil
}

// How often an address may do what costs or tells something. The rate of the
// sign-in itself is its driver's.
var (
	rateOfNewcomers = limit.Rate{Name: "choose a username", Max: 20, Window: time.Minute}
	rateOfLookups   = limit.Rate{Name: "look up a username", Max: 60, Window: time.Minute}
	rateOfRenewals  = limit.Rate{Name: "renew a session", Max: 60, Window: time.Minute}
)

// mount adds the pages of this package, and the keys.
func (s *Service) mount(mux *http.ServeMux) {
	signIn := s.proof.Rate()
	mux.Handle("GET /auth/login", s.pages.Handle(s.begin))
	mux.Handle(s.proof.Callback(), s.limited(signIn, s.complete))
	mux.Handle("GET /auth/welcome", s.pages.Handle(s.showWelcome))
	mux.Handle("POST /auth/welcome", s.limited(rateOfNewcomers, s.welcome))
	mux.Handle("GET /auth/username", s.limiter.Handler(rateOfLookups, web.Handle(s.username, nil), nil))
	mux.Handle("GET /auth/welcome-back", s.pages.Handle(s.showRestore))
	mux.Handle("POST /auth/welcome-back", s.limited(rateOfNewcomers, s.restore))
	mux.Handle("POST /auth/refresh", s.limiter.Handler(rateOfRenewals, web.Handle(s.refresh, nil), nil))
	mux.Handle("GET /auth/logout", s.pages.Handle(s.showLogout))
	mux.Handle("POST /auth/logout", s.pages.Handle(s.logout))
	mux.Handle("GET /auth/logged-out", s.pages.Handle(s.loggedOut))
	mux.Handle("GET /.well-known/jwks.json", web.Handle(s.jwks, nil))
	mux.Handle("/auth/", s.pages.Handle(func(http.ResponseWriter, *http.Request) error {
		return fault.New(fault.NotFound, "open page: there is none at this address")
	}))
}

// limited makes a handler of pages that an address may call at a rate.
func (s *Service) limited(r limit.Rate, h web.HandlerFunc) http.Handler {
	return s.limiter.Handler(r, s.pages.Handle(h), s.pages.Fail)
}

// Handler answers /auth/*, /oauth/*, /api/account and the documents about keys
// and authorization on the root host. It expects to stand behind [web.Stack], which refuses posts from other origins.
func (s *Service) Handler() http.Handler { return s.handler }

// jwks serves the public keys. What a cache keeps of them must be gone long before
// a new key signs, an hour or more after it was published.
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
