package auth

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/lestrrat-go/jwx/v2/jwk"

	"wikibot.io/pkg/account"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
)

// Users keeps users: see [records.Users].
type Users interface {
	account.Store
	User(ctx context.Context, id string) (records.User, error)
	UserByEmail(ctx context.Context, email string) (records.User, error)
}

// Deps is what the service needs; all of it.
type Deps struct {
	Hosts         web.Hosts
	Users         Users
	Signer        *identity.Signer
	Keys          identity.KeySource
	Authenticator *identity.Authenticator
	// Listen is the address that the process listens on, "host:port".
	Listen string
}

// Service is the auth service.
type Service struct {
	hosts   web.Hosts
	users   Users
	signer  *identity.Signer
	keys    identity.KeySource
	auth    *identity.Authenticator
	pages   *pages
	handler http.Handler
}

// New checks its deps and returns the service. It refuses a listen address that
// other machines can reach.
func New(d Deps) (*Service, error) {
	if d.Users == nil || d.Signer == nil || d.Keys == nil || d.Authenticator == nil || d.Hosts == (web.Hosts{}) {
		return nil, errors.New("new auth service: hosts, users, signer, keys and authenticator are all needed")
	}
	if err := loopbackOnly(d.Listen); err != nil {
		return nil, err
	}
	p, err := newPages(d.Hosts)
	if err != nil {
		return nil, err
	}
	s := &Service{hosts: d.Hosts, users: d.Users, signer: d.Signer, keys: d.Keys, auth: d.Authenticator, pages: p}
	mux := http.NewServeMux()
	mux.Handle("GET /auth/login", s.page(s.showLogin))
	mux.Handle("POST /auth/login", s.page(s.login))
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
		s.pages.headers(w.Header())
		return h(w, r)
	}, s.pages.fail)
}

// loopbackOnly refuses to let the development sign-in be reached from elsewhere:
// whoever reaches it can be anybody.
func loopbackOnly(listen string) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("new auth service: listen address %q is not host:port", listen)
	}
	if strings.EqualFold(host, "localhost") {
		return nil
	}
	if addr, err := netip.ParseAddr(host); err == nil && addr.Unmap().IsLoopback() {
		return nil
	}
	return fmt.Errorf("new auth service: the development sign-in takes anybody at their word, so it only listens on loopback "+
		"(127.0.0.1, ::1 or localhost), not on %q: bind to loopback", listen)
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
