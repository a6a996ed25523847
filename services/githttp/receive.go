package githttp

import (
	"fmt"
	"net/http"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/services/githttp/internal/pktline"
)

// receivePack answers a push. This is where one would be taken: the principal
// has been let in for reading only.
func (s *Service) receivePack(_ http.ResponseWriter, _ *http.Request, entry identity.Entry) error {
	return fault.New(fault.Denied, "%s", s.noPush(entry.Wiki.Slug))
}

// advertiseReceive answers a client that is about to push, in a way that it
// shows to people.
func (s *Service) advertiseReceive(out *pktline.Writer, entry identity.Entry) {
	out.Line("# service=git-receive-pack\n")
	out.Flush()
	out.Line("ERR %s\n", s.noPush(entry.Wiki.Slug))
}

// noPush says how to edit. It is one line, since git prints it after "remote:".
func (s *Service) noPush(slug string) string {
	return fmt.Sprintf("pushing to this wiki is not possible; edit its pages in the browser at %s, through the REST API at %s, or with an agent over MCP at %s",
		s.hosts.Wiki(slug, "/"), s.hosts.Wiki(slug, "/api/v1/"), s.hosts.Wiki(slug, "/mcp"))
}
