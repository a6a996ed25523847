package wikibot

import (
	"net/http"

	"wikibot.io/contracts/routes"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/web"
)

// gateway routes requests to services by the table that the deployment uses.
type gateway struct {
	hosts    web.Hosts
	handlers map[routes.HostKind]map[routes.Service]http.Handler
}

// newGateway wraps each service's handler in the authenticator of its host kind.
func newGateway(hosts web.Hosts, auth *identity.Authenticator, services map[routes.Service]http.Handler) *gateway {
	g := &gateway{hosts: hosts, handlers: map[routes.HostKind]map[routes.Service]http.Handler{
		routes.RootHost: {}, routes.WikiHost: {},
	}}
	for _, r := range routes.Table {
		h := services[r.Service]
		switch {
		case r.Service == routes.App:
			// Static files: the same for everybody.
		case r.Host == routes.RootHost:
			h = auth.Root(h, nil)
		case r.Service == routes.GitHTTP:
			h = auth.Git(h, nil)
		default:
			h = auth.Wiki(h, nil)
		}
		g.handlers[r.Host][r.Service] = h
	}
	return g
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind, _, ok := g.hosts.Kind(r.Host)
	if !ok {
		web.WriteProblem(w, r, fault.New(fault.NotFound, "nothing is served for host %q; this is %s", r.Host, g.hosts.Root("/")))
		return
	}
	route, ok := routes.Find(kind, r.URL.Path)
	if !ok {
		web.WriteProblem(w, r, fault.New(fault.NotFound, "there is nothing at %s", r.URL.Path))
		return
	}
	g.handlers[kind][route.Service].ServeHTTP(w, r)
}
