package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"wikibot.io/contracts/routes"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
	"wikibot.io/pkg/wiki"
)

// request is what a handler knows beside its typed input.
type request struct {
	context.Context
	wiki   records.Wiki
	author wiki.Author
}

// requestKey: huma's typed handlers get nothing but a context and their input,
// so the opened wiki rides in the context from enter to typed, and no further.
type requestKey struct{}

// enter opens the wiki before huma looks at the input.
func (s *service) enter(ctx huma.Context, next func(huma.Context)) {
	r, w := humachi.Unwrap(ctx)
	req, err := s.open(r)
	if err != nil {
		s.hosts.WriteProblem(w, r, err)
		return
	}
	next(huma.WithValue(ctx, requestKey{}, req))
}

func (s *service) open(r *http.Request) (*request, error) {
	kind, slug, ok := s.hosts.Kind(r.Host)
	if !ok || kind != routes.WikiHost {
		return nil, fault.New(fault.NotFound, "open the API of host %q: no wiki is served there", r.Host)
	}
	action := identity.Write
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		action = identity.Read
	}
	e, err := s.gate.Enter(r.Context(), slug, action)
	if err != nil {
		return nil, err
	}
	web.RecordOf(r.Context()).Wiki = e.Wiki.ID
	if e.Wiki, err = s.engine.Begun(r.Context(), e.Wiki); err != nil {
		return nil, err
	}
	return &request{Context: r.Context(), wiki: e.Wiki, author: s.author(e.Principal, r.UserAgent())}, nil
}

// author is who commits made through this request are by. A session is a person
// at a browser; only with a token does the client's own name mean something.
func (s *service) author(p identity.Principal, userAgent string) wiki.Author {
	a := wiki.Author{
		UserID: p.UserID, Name: p.DisplayName, Via: "api",
		Email: identity.CommitEmail(p.Username, s.hosts.Domain()),
	}
	if p.Kind == identity.WikiToken {
		a.Agent = identity.Agent(userAgent)
	}
	return a
}

// typed gives a handler the wiki that enter opened.
func typed[I, O any](h func(r request, in *I) (*O, error)) func(context.Context, *I) (*O, error) {
	return func(ctx context.Context, in *I) (*O, error) {
		r := *ctx.Value(requestKey{}).(*request)
		r.Context = ctx
		return h(r, in)
	}
}
