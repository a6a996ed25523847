package mcp

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/web"
	"wikibot.io/pkg/wiki"
)

// Version is what the server says its own version is. Names, parameters and
// texts of tools are its contract.
const Version = "1.0.0"

// maxBody is the largest request body, in bytes: a page, escaped as JSON.
const maxBody = 4 * wiki.MaxPage

// Deps is what the service stands on.
type Deps struct {
	Engine *wiki.Engine
	Gate   identity.Gate
	Hosts  web.Hosts
	// Issuers are the foreign authorization servers that wikis trust, which clients
	// are told of beside our own; none is fine.
	Issuers []string
	Log     *slog.Logger
}

// Service answers MCP requests for all wikis.
type Service struct {
	engine  *wiki.Engine
	gate    identity.Gate
	hosts   web.Hosts
	issuers []string
	log     *slog.Logger

	server  *mcp.Server
	stream  http.Handler
	params  map[string]map[string]bool // of each tool: the names of its parameters
	changes map[string]bool            // the tools that change the wiki
	human   humanPage
}

// New returns the service.
func New(d Deps) (*Service, error) {
	if d.Engine == nil || d.Gate.Records == nil || d.Hosts == (web.Hosts{}) || d.Log == nil {
		return nil, errors.New("new MCP service: engine, gate, hosts and log are all needed")
	}
	s := &Service{
		engine: d.Engine, gate: d.Gate, hosts: d.Hosts, issuers: d.Issuers, log: d.Log,
		params: map[string]map[string]bool{}, changes: map[string]bool{}, human: newHumanPage(),
	}
	// One server for all wikis: the tools are the same everywhere, and what
	// differs (name, rights) rides in the request's context. A server per request
	// would build ten tools to call one.
	s.server = mcp.NewServer(&mcp.Implementation{Name: "wikibot", Title: "wikibot wiki", Version: Version}, &mcp.ServerOptions{
		Capabilities: &mcp.ServerCapabilities{Tools: &mcp.ToolCapabilities{}},
		SetCacheable: cacheable,
	})
	s.addTools()
	s.server.AddReceivingMiddleware(s.receive)
	s.stream = mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s.server }, &mcp.StreamableHTTPOptions{
		Stateless:    true,
		JSONResponse: true,
		// The door admits only our own hosts, which are not "localhost" even when
		// they are reached over loopback.
		DisableLocalhostProtection: true,
		MaxRequestBodyBytes:        maxBody,
	})
	return s, nil
}

// Guarded answers /mcp and /mcp/ on wiki hosts, behind the authenticator, and the
// metadata that says how to be let in, before it: a client whose token has run
// out reads it to get another.
func (s *Service) Guarded(a *identity.Authenticator) http.Handler {
	guarded := a.MCP(web.Handle(s.serve, s.refuse), s.refuse)
	described := web.Handle(s.describe, nil)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, metadataPath) {
			described.ServeHTTP(w, r)
			return
		}
		guarded.ServeHTTP(w, r)
	})
}

// cacheable keeps answers out of shared caches: even the list of tools comes
// with a wiki's name. The tools change only with a release.
func cacheable(_ context.Context, _ mcp.Request, c *mcp.Cacheable) {
	c.TTLMs, c.CacheScope = 5*60*1000, "private"
}
