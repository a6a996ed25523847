package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"wikibot.io/contracts/problem"
	"wikibot.io/pkg/identity"
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
	api    huma.API
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
	root.Use(normalise, noStore, middleware.GetHead)
	root.NotFound(noRoute)
	root.MethodNotAllowed(wrongMethod)
	var err error
	root.Route(Prefix, func(r chi.Router) {
		s.api = humachi.New(r, config())
		s.register()
		var doc []byte
		if doc, err = s.description(); err != nil {
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
	return s.description()
}

func (s *service) description() ([]byte, error) {
	raw, err := json.Marshal(s.api.OpenAPI())
	if err != nil {
		return nil, fmt.Errorf("describe the wiki API: %w", err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		return nil, fmt.Errorf("describe the wiki API: %w", err)
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

func config() huma.Config {
	format := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: web.UnmarshalText}
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title:   "wikibot wiki API",
				Version: Version,
				Description: "Pages of one wiki: read, write, search, history. Served on each wiki's own host. " +
					"A page path may hold slashes; a page whose last segment is history, rename or diff is addressed with the slash before it encoded (%2F). " +
					"Errors are problem details (RFC 9457) that repeat their text in the field error.",
			},
			Servers: []*huma.Server{{URL: Prefix}},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"token":   {Type: "http", Scheme: "bearer", Description: "A token of this wiki (wbt_…)."},
					"session": {Type: "apiKey", In: "cookie", Name: identity.WikiCookie, Description: "The session of a signed-in browser; state changes must come from the wiki's own pages."},
				},
			},
		},
		// "json" serves every media type that ends in +json.
		Formats:       map[string]huma.Format{"application/json": format, "json": format},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{explain},
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
	op.MaxBodyBytes = maxBody
	op.BodyReadTimeout = time.Minute
	op.Responses = s.responses(op.Responses)
	huma.Register(s.api, op, typed(h))
}

// responses adds the error that every operation may answer with.
func (s *service) responses(more map[string]*huma.Response) map[string]*huma.Response {
	all := map[string]*huma.Response{"default": {
		Description: "What went wrong, as problem details",
		Content: map[string]*huma.MediaType{problem.MediaType: {
			Schema: s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[problem.Problem](), true, "Problem"),
		}},
	}}
	for status, r := range more {
		all[status] = r
	}
	return all
}

// noStore keeps answers, which are for one principal at one moment, out of every
// cache.
func noStore(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}
