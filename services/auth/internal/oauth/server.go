package oauth

import (
	"context"
	"log/slog"
	"net/http"
	"time"

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
	Pages    *pages.Pages
	Limiter  *limit.Limiter
	// Documents fetches client ID metadata documents.
	Documents outbound.Fetcher
	Log       *slog.Logger
}

// Server is the authorization server.
type Server struct{ deps Deps }

// New checks its deps and returns the server.
func New(d Deps) (*Server, error) { panic("unwritten") }

// Mount adds /oauth/* and the discovery documents to mux.
func (s *Server) Mount(mux *http.ServeMux) { panic("unwritten") }
