package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"

	"wikibot.io/contracts/problem"
	"wikibot.io/pkg/web"
)

// Config is what one API differs in from another.
type Config struct {
	Title, Version, Description string
	Servers                     []*huma.Server // none: paths are whole
	// Schemes are the proofs that the API takes, by name; Security those that every
	// operation takes which does not say its own.
	Schemes  map[string]*huma.SecurityScheme
	Security []map[string][]string
	// MaxBody bounds a request's body, in bytes.
	MaxBody int64
}

// API is an API under construction, and afterwards its description.
type API struct {
	huma.API
	maxBody int64
}

// New returns an API without operations on a router.
func New(router chi.Router, c Config) *API {
	return &API{API: humachi.New(router, c.library()), maxBody: c.MaxBody}
}

// library is written out because the library's default serves documentation
// pages, adds a $schema property to every body, and keeps global state.
func (c Config) library() huma.Config {
	explainer := explainer{maxBody: c.MaxBody}
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: c.Title, Version: c.Version, Description: c.Description},
			Servers: c.Servers,
			Components: &huma.Components{
				Schemas:         huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: c.Schemes,
			},
			Security: c.Security,
		},
		// "json" is what the library makes of every media type that ends in +json.
		Formats:       map[string]huma.Format{"application/json": jsonFormat, "json": jsonFormat},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{explainer.explain},
	}
}

// jsonFormat is the library's, but for text that cannot be kept as it was sent.
var jsonFormat = huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: web.UnmarshalText}

// Register adds an operation. Its errors are for [web.ProblemOf].
func Register[I, O any](a *API, op huma.Operation, handle func(context.Context, *I) (*O, error)) {
	op.MaxBodyBytes = a.maxBody
	responses := map[string]*huma.Response{"default": {
		Description: "What went wrong, as problem details",
		Content: map[string]*huma.MediaType{problem.MediaType: {
			Schema: a.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[problem.Problem](), true, "Problem"),
		}},
	}}
	for status, r := range op.Responses {
		responses[status] = r
	}
	op.Responses = responses
	huma.Register(a.API, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, &failure{err}
		}
		return out, nil
	})
}

// Seal mends what the library cannot be told about the description. Call it when
// all operations are registered.
func (a *API) Seal() {
	schemas := a.OpenAPI().Components.Schemas.Map()
	delete(schemas, "ErrorModel") // nothing answers with the library's own
	delete(schemas, "ErrorDetail")
	if p := schemas["Problem"]; p != nil {
		p.Properties["errors"].Nullable = false // absent, never null
	}
}

// Describe returns the API's description, OpenAPI 3.1 in JSON, with a line break
// at its end.
func (a *API) Describe() ([]byte, error) {
	raw, err := json.Marshal(a.OpenAPI())
	if err != nil {
		return nil, fmt.Errorf("describe %s: %w", a.OpenAPI().Info.Title, err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		return nil, fmt.Errorf("describe %s: %w", a.OpenAPI().Info.Title, err)
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// NoStore keeps answers, which are for one principal at one moment, out of every
// cache.
func NoStore(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}
