package api

import (
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"wikibot.io/pkg/web"
)

// wrongMethod is not package rest's: HEAD goes where GET does, routes are found by
// the path that normalise wrote, and a verb may have been meant as a page.
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
