package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/limit"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/rest"
	"wikibot.io/pkg/web"
)

// Version is the version of the API. The description in contracts/api does not
// change without it: raise the last number for words, the middle one for what
// old clients can ignore, the first one for what breaks them.
const Version = "1.0.0"

// maxBody bounds a request's body, in bytes. The largest sensible one is a name
// of 100 characters.
const maxBody = 4 << 10

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
type API struct {
	hosts   web.Hosts
	records Records
	limiter *limit.Limiter
	grace   time.Duration
	log     *slog.Logger
	api     *rest.API
	handler http.Handler
}

// New checks its deps and returns the API.
func New(d Deps) (*API, error) {
	if d.Hosts == (web.Hosts{}) || d.Records == nil || d.Authenticator == nil || d.Limiter == nil || d.Grace <= 0 || d.Log == nil {
		return nil, errors.New("new account API: hosts, records, authenticator, limiter, grace and log are all needed")
	}
	a := &API{hosts: d.Hosts, records: d.Records, limiter: d.Limiter, grace: d.Grace, log: d.Log}
	authenticate := func(next http.Handler) http.Handler { return d.Authenticator.Root(next, nil) }
	router := chi.NewRouter()
	router.Use(rest.NoStore, authenticate, sessionOnly, a.limited)
	router.NotFound(rest.NotFound("the account API has no such path"))
	router.MethodNotAllowed(rest.WrongMethod)
	a.api = rest.New(router, config())
	a.register()
	a.api.Seal()
	a.handler = router
	return a, nil
}

func config() rest.Config {
	return rest.Config{
		Title:   "wikibot account API",
		Version: Version,
		Description: "The signed-in person: who they are, where they are signed in, which agents they have connected. " +
			"It answers on the root host, takes the session cookie and no other proof, and state changes must come from a page of that host. " +
			"Errors are problem details (RFC 9457); errors lists every wrong field at once.",
		Schemes: map[string]*huma.SecurityScheme{
			"session": {Type: "apiKey", In: "cookie", Name: identity.RootCookie, Description: "set by the sign-in at /auth/login, renewed by POST /auth/refresh"},
		},
		Security: []map[string][]string{{"session": {}}},
		MaxBody:  maxBody,
	}
}

// Handler answers /api/account and all below it. It expects to stand behind
// [web.Stack].
func (a *API) Handler() http.Handler { return a.handler }

// Describe returns the API's description, OpenAPI 3.1 in JSON.
func (a *API) Describe() ([]byte, error) { return a.api.Describe() }

// exportPath costs more than the other reads do.
const exportPath = "/api/account/export"

// register lists the operations.
func (a *API) register() {
	const account, sessions, agents = "/api/account", "/api/account/sessions", "/api/account/agents"
	rest.Register(a.api, huma.Operation{
		OperationID: "getAccount", Method: http.MethodGet, Path: account,
		Summary: "Who is signed in, and by which providers",
	}, a.show)
	rest.Register(a.api, huma.Operation{
		OperationID: "updateAccount", Method: http.MethodPatch, Path: account,
		Summary: "Change the name that commits carry",
	}, a.update)
	rest.Register(a.api, huma.Operation{
		OperationID: "listSessions", Method: http.MethodGet, Path: sessions,
		Summary: "Where the person is signed in, newest first",
	}, a.listSessions)
	rest.Register(a.api, huma.Operation{
		OperationID: "endSession", Method: http.MethodDelete, Path: sessions + "/{id}", DefaultStatus: http.StatusNoContent,
		Summary: "Sign out on one device, at once",
	}, a.endSession)
	rest.Register(a.api, huma.Operation{
		OperationID: "endOtherSessions", Method: http.MethodDelete, Path: sessions, DefaultStatus: http.StatusNoContent,
		Summary:     "Sign out everywhere else, at once",
		Description: "What is signed for this browser is void too: POST /auth/refresh renews it.",
	}, a.endOtherSessions)
	rest.Register(a.api, huma.Operation{
		OperationID: "listAgents", Method: http.MethodGet, Path: agents,
		Summary: "The agents that the person has connected, newest first",
	}, a.listAgents)
	rest.Register(a.api, huma.Operation{
		OperationID: "disconnectAgent", Method: http.MethodDelete, Path: agents + "/{id}", DefaultStatus: http.StatusNoContent,
		Summary: "Disconnect an agent, at once",
	}, a.disconnectAgent)
	rest.Register(a.api, huma.Operation{
		OperationID: "exportAccount", Method: http.MethodGet, Path: exportPath,
		Summary: "Everything that is kept about the person, as a file, with links to all of their wikis",
	}, a.export)
	rest.Register(a.api, huma.Operation{
		OperationID: "deleteAccount", Method: http.MethodPost, Path: account + "/deletion", DefaultStatus: http.StatusAccepted,
		Summary:     "Delete the account and the wikis that it owns",
		Description: "Everything is closed at once, and gone for good at final_at. Until then signing in offers to have it back.",
	}, a.deleteAccount)
}

// sessionOnly ends requests that no browser's session vouches for, before their
// path is looked at, so that strangers cannot tell one path from another.
func sessionOnly(next http.Handler) http.Handler {
	return web.Handle(func(w http.ResponseWriter, r *http.Request) error {
		switch p := identity.From(r.Context()); {
		case p.Kind == identity.Session && p.UserID != "":
			next.ServeHTTP(w, r)
			return nil
		case p.Kind == identity.CommandLine:
			return fault.New(fault.Denied, "use the account API: sign in with a browser; the token of the command line does not open it")
		}
		return fault.New(fault.Unauthenticated, "use the account API: sign in with a browser")
	}, nil)
}

// changes is how often an address, and a person, may change things.
var changes = limit.Rate{Name: "change account", Max: 20, Window: time.Minute}

func (a *API) limited(next http.Handler) http.Handler {
	return web.Handle(func(w http.ResponseWriter, r *http.Request) error {
		safe := r.Method == http.MethodGet || r.Method == http.MethodHead
		if !safe || r.URL.Path == exportPath {
			for _, who := range []string{limit.Address(r), identity.From(r.Context()).UserID} {
				if err := a.limiter.Allow(r.Context(), changes, who); err != nil {
					return err
				}
			}
		}
		next.ServeHTTP(w, r)
		return nil
	}, nil)
}
