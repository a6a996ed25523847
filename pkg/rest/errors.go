package rest

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"

	"wikibot.io/contracts/problem"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/web"
)

// failure carries an error of ours past the library, which knows no errors
// without a status.
type failure struct{ error }

func (f *failure) Unwrap() error             { return f.error }
func (f *failure) GetStatus() int            { return web.Status(f.error) }
func (f *failure) ContentType(string) string { return problem.MediaType }

// GetHeaders is how the library asks for the headers of an error.
func (f *failure) GetHeaders() http.Header {
	h := http.Header{}
	web.SetRetryAfter(h, f.error)
	return h
}

// explainer gives every error body the one shape: our own errors, and what the
// library finds wrong with the form of a request. The library's hook for that is a
// global of the process, so it is done where a body is about to be written.
type explainer struct{ maxBody int64 }

func (e explainer) explain(ctx huma.Context, _ string, body any) (any, error) {
	r, _ := humachi.Unwrap(ctx)
	switch found := body.(type) {
	case *failure:
		return web.ProblemOf(r, found.error), nil
	case *huma.ErrorModel:
		p := web.ProblemOf(r, e.malformed(r, found))
		p.Status = found.Status // sent already
		return p, nil
	}
	return body, nil
}

// malformed words what the library found.
func (e explainer) malformed(r *http.Request, found *huma.ErrorModel) error {
	what := strings.ToLower(r.Method) + " " + r.URL.Path
	switch found.Status {
	case http.StatusRequestEntityTooLarge:
		return fault.New(fault.TooLarge, "%s: the body may have %d bytes", what, e.maxBody)
	case http.StatusBadRequest:
		return fault.New(fault.Invalid, "%s: the body is not JSON of the form that is asked for", what)
	case http.StatusUnsupportedMediaType:
		return fault.New(fault.Invalid, "%s: send the body as application/json", what)
	case http.StatusRequestTimeout:
		return fault.New(fault.Unavailable, "%s: the body did not arrive in time", what)
	}
	if found.Status >= http.StatusInternalServerError {
		return found
	}
	fields := make([]fault.Field, 0, len(found.Errors))
	for _, d := range found.Errors {
		fields = append(fields, fieldOf(d))
	}
	if len(fields) == 0 {
		return fault.New(fault.Invalid, "%s: %s", what, found.Detail)
	}
	return fault.InvalidFields(what, fields)
}

// fieldOf names a field as a form would, wherever in the request it stood.
func fieldOf(d *huma.ErrorDetail) fault.Field {
	if name, ok := cutAround(d.Message, "expected required property ", " to be present"); ok {
		return fault.Field{Name: name, Msg: "is missing"}
	}
	name := d.Location
	for _, in := range []string{"body.", "query.", "path.", "header."} {
		name = strings.TrimPrefix(name, in)
	}
	if name == "" {
		name = "body"
	}
	return fault.Field{Name: name, Msg: d.Message}
}

func cutAround(s, prefix, suffix string) (string, bool) {
	s, ok := strings.CutPrefix(s, prefix)
	if !ok {
		return "", false
	}
	return strings.CutSuffix(s, suffix)
}

// NotFound answers for paths that the API has not; says ends the error's text.
func NotFound(says string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		web.WriteProblem(w, r, fault.New(fault.NotFound, "%s %s: %s", strings.ToLower(r.Method), r.URL.Path, says))
	}
}

// WrongMethod answers where a path is right and its method is not.
func WrongMethod(w http.ResponseWriter, r *http.Request) {
	web.WriteProblem(w, r, web.WrongMethod(w, r, web.AllowedMethods(func(method string) bool {
		return chi.RouteContext(r.Context()).Routes.Match(chi.NewRouteContext(), method, r.URL.Path)
	})...))
}
