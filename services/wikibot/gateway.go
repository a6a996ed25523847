package wikibot

import (
	"net/http"

	"wikibot.io/contracts/routes"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/web"
)

// gateway routes requests to services by the table that the deployment uses.
type gateway struct {
	hosts    web.Hosts
	services map[routes.Service]http.Handler
}

func newGateway(hosts web.Hosts, services map[routes.Service]http.Handler) *gateway {
	return &gateway{hosts: hosts, services: services}
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
	g.services[route.Service].ServeHTTP(w, r)
}
