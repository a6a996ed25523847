package api

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/rest"
	"wikibot.io/pkg/web"
	"wikibot.io/pkg/wiki"
)

// Version is that of the API description. Whatever changes the description
// changes it too: the last number for what old clients do not notice, the one
// before for additions.
const Version = "1.0.0"

// maxBody is the largest request body, in bytes. Escaping makes JSON longer than
// the page it carries: twice for line ends and quotes, three times for text that
// a client escapes to ASCII.
const maxBody = 4 * wiki.MaxPage

// Deps is what the API stands on. All are needed.
type Deps struct {
	Engine *wiki.Engine
	Gate   identity.Gate
	Hosts  web.Hosts
	Log    *slog.Logger
}

type service struct {
	engine *wiki.Engine
	gate   identity.Gate
	hosts  web.Hosts
	log    *slog.Logger
	api    *rest.API
}

// New returns the handler of everything below [Prefix]. The principal must be in
// the request's context already.
func New(d Deps) (http.Handler, error) {
	if d.Engine == nil || d.Gate.Records == nil || d.Hosts == (web.Hosts{}) || d.Log == nil {
		return nil, errors.New("new wiki API: engine, gate, hosts and log are all needed")
	}
	return build(&service{engine: d.Engine, gate: d.Gate, hosts: d.Hosts, log: d.Log})
}

func build(s *service) (http.Handler, error) {
	root := chi.NewRouter()
	root.Use(normalise, rest.NoStore, middleware.GetHead)
	root.NotFound(rest.NotFound("the API has nothing there; see " + Prefix + "/openapi.json"))
	root.MethodNotAllowed(wrongMethod)
	var err error
	root.Route(Prefix, func(r chi.Router) {
		s.api = rest.New(r, config())
		s.register()
		var doc []byte
		if doc, err = s.api.Describe(); err != nil {
			return
		}
		r.Get("/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/openapi+json")
			w.Write(doc)
		})
	})
	return root, err
}

// Description returns the OpenAPI 3.1 description of the API.
func Description() ([]byte, error) {
	s := new(service)
	if _, err := build(s); err != nil {
		return nil, err
	}
	return s.api.Describe()
}

func config() rest.Config {
	return rest.Config{
		Title:   "wikibot wiki API",
		Version: Version,
		Description: "Pages of one wiki: read, write, search, history. Served on each wiki's own host. " +
			"A page path may hold slashes; a page whose last segment is history, rename or diff is addressed with the slash before it encoded (%2F). " +
			"Errors are problem details (RFC 9457) that repeat their text in the field error.",
		Servers: []*huma.Server{{URL: Prefix}},
		Schemes: map[string]*huma.SecurityScheme{
			"token":   {Type: "http", Scheme: "bearer", Description: "A token of this wiki (wbt_…)."},
			"session": {Type: "apiKey", In: "cookie", Name: identity.WikiCookie, Description: "The session of a signed-in browser; state changes must come from the wiki's own pages."},
		},
		MaxBody: maxBody,
	}
}

// add registers an operation whose handler gets the opened wiki. Rights follow
// from the method: what is safe needs read, everything else write.
func add[I, O any](s *service, op huma.Operation, h func(r request, in *I) (*O, error)) {
	op.Middlewares = huma.Middlewares{s.enter}
	op.Security = []map[string][]string{{"token": {}}, {"session": {}}}
	if op.Method == http.MethodGet {
		op.Security = append(op.Security, map[string][]string{}) // public wikis
	}
	op.BodyReadTimeout = time.Minute
	rest.Register(s.api, op, typed(h))
}
