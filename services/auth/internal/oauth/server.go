package oauth

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/limit"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
	"wikibot.io/services/auth/internal/outbound"
	"wikibot.io/services/auth/internal/pages"
)

// Records is what the server keeps and reads.
type Records interface {
	User(ctx context.Context, id string) (records.User, error)
	records.Connections
	records.Tickets
	records.Clients
	CreateSession(ctx context.Context, s records.Session) error
	Session(ctx context.Context, userID, id string) (records.Session, error)
	EndSession(ctx context.Context, userID, id string, now, until time.Time) error
}

// Deps is what the server needs; all of it.
type Deps struct {
	Hosts    web.Hosts
	Records  Records
	Gate     identity.Gate
	Signer   *identity.Signer
	Verifier *identity.Verifier
	// SignedIn says whose browser a request comes from; Anonymous if nobody's.
	SignedIn func(*http.Request) (identity.Principal, error)
	// Renewed is SignedIn for a form, which may have been open for longer than
	// tokens last: it goes on with the session behind them, and sets cookies.
	Renewed func(http.ResponseWriter, *http.Request) (identity.Principal, error)
	Pages   *pages.Pages
	Limiter *limit.Limiter
	// Documents fetches client ID metadata documents: see [MaxDocument].
	Documents outbound.Fetcher
	Log       *slog.Logger
}

// Server is the authorization server. It is safe for concurrent use.
type Server struct {
	deps      Deps
	documents *documents
}

// New checks its deps and returns the server.
func New(d Deps) (*Server, error) {
	if d.Hosts == (web.Hosts{}) || d.Records == nil || d.Gate.Records == nil || d.Signer == nil || d.Verifier == nil ||
		d.SignedIn == nil || d.Renewed == nil || d.Pages == nil || d.Limiter == nil || d.Documents == nil || d.Log == nil {
		return nil, errors.New("new authorization server: hosts, records, gate, signer, verifier, signed-in, renewed, pages, limiter, documents and log are all needed")
	}
	docs, err := newDocuments(d.Documents, d.Hosts)
	if err != nil {
		return nil, err
	}
	return &Server{deps: d, documents: docs}, nil
}

// Mount adds /oauth/* and the discovery documents to mux.
func (s *Server) Mount(mux *http.ServeMux) {
	d := &s.deps
	mux.Handle("GET /oauth/authorize", s.page(s.authorize))
	mux.Handle("POST /oauth/authorize", s.page(s.consent))
	mux.Handle("GET /oauth/device", s.page(s.showDevice))
	mux.Handle("POST /oauth/device", s.page(s.decideDevice))
	s.endpoint(mux, "/oauth/token", s.token)
	s.endpoint(mux, "/oauth/register", s.register)
	s.endpoint(mux, "/oauth/revoke", s.revoke)
	s.endpoint(mux, "/oauth/device_authorization", s.authorizeDevice)
	s.document(mux, "/.well-known/oauth-authorization-server", s.metadata())
	s.document(mux, "/.well-known/openid-configuration", s.openIDMetadata())
	mux.Handle("/oauth/", d.Pages.Handle(func(http.ResponseWriter, *http.Request) error {
		return fault.New(fault.NotFound, "open page: there is none at this address")
	}))
}

// The rates. Agents that live on somebody's servers all come from a few
// addresses, so what succeeds at the token endpoint is counted by whose it is,
// and what fails by address; see [Server.token].
var (
	visits        = limit.Rate{Name: "open the consent page", Max: 20, Window: time.Minute}
	people        = limit.Rate{Name: "ask for consent", Max: 20, Window: time.Minute}
	registrations = limit.Rate{Name: "register a client", Max: 20, Window: time.Minute}
	allClients    = limit.Rate{Name: "register a client", Max: 1000, Window: time.Hour}
	attempts      = limit.Rate{Name: "ask for a token", Max: 600, Window: time.Minute}
	failures      = limit.Rate{Name: "ask for a token in vain", Max: 20, Window: time.Minute}
	tokens        = limit.Rate{Name: "get a token", Max: 20, Window: time.Minute}
	deviceStarts  = limit.Rate{Name: "start a sign-in of the command line", Max: 20, Window: time.Minute}
	userCodes     = limit.Rate{Name: "enter a code", Max: 10, Window: 10 * time.Minute}
	polls         = limit.Rate{Name: "poll for a device", Max: 1, Window: pollInterval}
)

// page adds a page for people, which each address may open so often.
func (s *Server) page(h web.HandlerFunc) http.Handler {
	return s.deps.Pages.Handle(func(w http.ResponseWriter, r *http.Request) error {
		if err := s.deps.Limiter.Allow(r.Context(), visits, limit.Address(r)); err != nil {
			return err
		}
		return h(w, r)
	})
}

// endpoint adds what programs post to. Scripts of any origin may, since nothing
// there looks at cookies.
func (s *Server) endpoint(mux *http.ServeMux, path string, h web.HandlerFunc) {
	post := web.Handle(func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Cache-Control", "no-store")
		return h(w, r)
	}, writeProblem)
	mux.Handle(path, open("POST, OPTIONS", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", "POST, OPTIONS")
			writeProblem(w, r, &problem{code: invalidRequest, status: http.StatusMethodNotAllowed, text: "this endpoint takes POST"})
			return
		}
		post.ServeHTTP(w, r)
	})))
}

// open lets scripts of every origin in, without credentials, and answers their
// preflights.
func open(methods string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", "Retry-After, WWW-Authenticate")
		if r.Method == http.MethodOptions {
			h.Set("Access-Control-Allow-Methods", methods)
			h.Set("Access-Control-Allow-Headers", "Accept, Authorization, Content-Type, MCP-Protocol-Version")
			h.Set("Access-Control-Max-Age", "86400")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}
