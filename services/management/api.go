package management

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"

	"wikibot.io/contracts/problem"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/web"
)

// Version is the version of the API. The description in contracts/api does not
// change without it: raise the last number for words, the middle one for what
// old clients can ignore, the first one for what breaks them.
const Version = "1.1.0"

// maxBody bounds a request's body, in bytes. The largest sensible one is a name
// of 100 characters.
const maxBody = 16 << 10

const schemaPrefix = "#/components/schemas/"

// apiConfig is written out because the library's default serves documentation
// pages, adds a $schema property to every body, and keeps global state.
func apiConfig() huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title:   "wikibot management API",
				Version: Version,
				Description: "Wikis as things that are made, listed, changed and deleted. It answers on the root host, " +
					"takes the session cookie and no other proof, and state changes must come from a page of that host. " +
					"Errors are problem details (RFC 9457); errors lists every wrong field at once.",
			},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry(schemaPrefix, huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"session": {Type: "apiKey", In: "cookie", Name: identity.RootCookie, Description: "set by the sign-in at /auth/login"},
				},
			},
			Security: []map[string][]string{{"session": {}}},
		},
		// The second name is what the library makes of application/problem+json.
		Formats:       map[string]huma.Format{"application/json": jsonFormat, "json": jsonFormat},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{toProblem},
	}
}

// jsonFormat is the library's, but for text that cannot be kept as it was sent.
var jsonFormat = huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: web.UnmarshalText}

// operation registers a handler. All that is common to the operations is here.
func operation[I, O any](api huma.API, op huma.Operation, handle func(context.Context, *I) (*O, error)) {
	op.MaxBodyBytes = maxBody
	op.Responses = map[string]*huma.Response{"default": {
		Description: "What was wrong",
		Content: map[string]*huma.MediaType{problem.MediaType: {
			Schema: api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[problem.Problem](), true, "Problem"),
		}},
	}}
	huma.Register(api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, failure{err}
		}
		return out, nil
	})
}

// failure carries an error of ours past the library, which knows no errors
// without a status.
type failure struct{ error }

func (f failure) Unwrap() error             { return f.error }
func (f failure) GetStatus() int            { return web.Status(f.error) }
func (f failure) ContentType(string) string { return problem.MediaType }

// toProblem gives every error body the one shape: our own errors, and what the
// library finds wrong with the form of a request. The library's hook for that
// is a global of the process, so it is done here, where a body is about to be
// written.
func toProblem(ctx huma.Context, _ string, body any) (any, error) {
	r, _ := humachi.Unwrap(ctx)
	switch e := body.(type) {
	case failure:
		if e.GetStatus() == http.StatusServiceUnavailable {
			ctx.SetHeader("Retry-After", "2")
		}
		return web.ProblemOf(r, e.error), nil
	case *huma.ErrorModel:
		p := web.ProblemOf(r, malformed(e))
		p.Status = e.Status // sent already
		return p, nil
	}
	return body, nil
}

// malformed words what the library found.
func malformed(e *huma.ErrorModel) error {
	switch e.Status {
	case http.StatusRequestEntityTooLarge:
		return fault.New(fault.TooLarge, "read request: the body may have %d bytes", maxBody)
	case http.StatusBadRequest:
		return fault.New(fault.Invalid, "read request: the body is not JSON of the form that is asked for")
	case http.StatusUnsupportedMediaType:
		return fault.New(fault.Invalid, "read request: send the body as application/json")
	case http.StatusRequestTimeout:
		return fault.New(fault.Unavailable, "read request: the body did not arrive in time")
	}
	if e.Status >= 500 {
		return fault.New(fault.Internal, "%s", e.Detail)
	}
	var fields []fault.Field
	for _, d := range e.Errors {
		name := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(d.Location, "body"), "path"), ".")
		msg := d.Message
		if prop, ok := cutAround(msg, "expected required property ", " to be present"); ok {
			name, msg = prop, "is missing"
		}
		if name == "" {
			name = "body"
		}
		fields = append(fields, fault.Field{Name: name, Msg: msg})
	}
	if len(fields) == 0 {
		return fault.New(fault.Invalid, "read request: %s", e.Detail)
	}
	return fault.InvalidFields("read request", fields)
}

func cutAround(s, prefix, suffix string) (string, bool) {
	s, ok := strings.CutPrefix(s, prefix)
	if !ok {
		return "", false
	}
	return strings.CutSuffix(s, suffix)
}

// describeErrors takes the library's own error model out of the description:
// nothing answers with it.
func describeErrors(o *huma.OpenAPI) {
	schemas := o.Components.Schemas.Map()
	delete(schemas, "ErrorModel")
	delete(schemas, "ErrorDetail")
	schemas["Problem"].Properties["errors"].Nullable = false // absent, never null
}

// Describe returns the API's description, OpenAPI 3.1 in JSON.
func (s *Service) Describe() ([]byte, error) {
	return json.MarshalIndent(s.api.OpenAPI(), "", "  ")
}

func noStore(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// sessionOnly ends requests that no browser session vouches for, before their
// path is looked at, so that strangers cannot tell one path from another.
func sessionOnly(next http.Handler) http.Handler {
	return web.Handle(func(w http.ResponseWriter, r *http.Request) error {
		if identity.From(r.Context()).Kind != identity.Session {
			return fault.New(fault.Unauthenticated, "use the management API: sign in with a browser; wiki tokens do not open it")
		}
		next.ServeHTTP(w, r)
		return nil
	}, nil)
}

func notFound(w http.ResponseWriter, r *http.Request) {
	web.WriteProblem(w, r, fault.New(fault.NotFound, "%s %s: the management API has no such path", r.Method, r.URL.Path))
}

func wrongMethod(w http.ResponseWriter, r *http.Request) {
	web.WriteProblem(w, r, web.WrongMethod(w, r, web.AllowedMethods(func(method string) bool {
		return chi.RouteContext(r.Context()).Routes.Match(chi.NewRouteContext(), method, r.URL.Path)
	})...))
}
