package api

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

// failure carries a handler's error through huma, which asks it for its status
// and media type; explain then turns it into the body.
type failure struct{ err error }

func (f *failure) Error() string             { return f.err.Error() }
func (f *failure) Unwrap() error             { return f.err }
func (f *failure) GetStatus() int            { return web.Status(f.err) }
func (f *failure) ContentType(string) string { return problem.MediaType }

// GetHeaders is how huma asks for headers of an error.
func (f *failure) GetHeaders() http.Header {
	h := http.Header{}
	if fault.Is(f.err, fault.Unavailable) {
		h.Set("Retry-After", "2")
	}
	return h
}

// explain turns both kinds of error that huma may be writing, ours and its own
// about input, into problem details. It is a transformer and not a replacement
// of huma.NewError because that is a global, shared with every other API in the
// process.
func explain(ctx huma.Context, _ string, v any) (any, error) {
	r, _ := humachi.Unwrap(ctx)
	switch e := v.(type) {
	case *failure:
		return web.ProblemOf(r, e.err), nil
	case *huma.ErrorModel:
		p := web.ProblemOf(r, invalid(r, e))
		p.Status = e.Status
		return p, nil
	}
	return v, nil
}

// invalid translates huma's report about the input.
func invalid(r *http.Request, e *huma.ErrorModel) error {
	what := strings.ToLower(r.Method) + " " + r.URL.Path
	switch {
	case e.Status == http.StatusRequestEntityTooLarge:
		return fault.New(fault.TooLarge, "%s: the request is larger than %d bytes", what, maxBody)
	case e.Status >= http.StatusInternalServerError:
		return e
	}
	var fields []fault.Field
	for _, d := range e.Errors {
		name := d.Location
		for _, in := range []string{"body.", "query.", "path.", "header."} {
			name = strings.TrimPrefix(name, in)
		}
		fields = append(fields, fault.Field{Name: name, Msg: d.Message})
	}
	if len(fields) == 0 {
		return fault.New(fault.Invalid, "%s: %s", what, e.Detail)
	}
	return fault.InvalidFields(what, fields)
}

func noRoute(w http.ResponseWriter, r *http.Request) {
	web.WriteProblem(w, r, fault.New(fault.NotFound, "%s %s: the API has nothing there; see %s/openapi.json", strings.ToLower(r.Method), r.URL.Path, Prefix))
}

func wrongMethod(w http.ResponseWriter, r *http.Request) {
	err := web.WrongMethod(w, r, web.AllowedMethods(func(method string) bool {
		if method == http.MethodHead {
			method = http.MethodGet // see middleware.GetHead
		}
		return chi.RouteContext(r.Context()).Routes.Match(chi.NewRouteContext(), method, r.URL.RawPath)
	})...)
	if verb := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]; verbs[verb] {
		err.Msg += "; for the page whose name ends in /" + verb + " write the slash before it as %2F"
	}
	web.WriteProblem(w, r, err)
}
