package githttp

import (
	"bytes"
	"net/http"
	"strings"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/web"
)

// mainRef is the only branch that a wiki has.
const mainRef = "refs/heads/main"

// capabilities is what this server can do (gitprotocol-capabilities(5)).
// thin-pack is left out, since deltas against what the client has are not made.
var capabilities = strings.Join([]string{
	"multi_ack", "multi_ack_detailed", "no-done", "side-band", "side-band-64k", "ofs-delta",
	"no-progress", "include-tag", "object-format=sha1", "agent=wikibot",
}, " ")

// advertise answers info/refs: which service is meant is the one parameter.
func (s *Service) advertise(w http.ResponseWriter, r *http.Request, entry identity.Entry) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return web.WrongMethod(w, r, http.MethodGet, http.MethodHead)
	}
	var out bytes.Buffer
	service := r.URL.Query().Get("service")
	// Writing to a bytes.Buffer does not fail.
	_ = writePacket(&out, "# service=%s\n", service)
	_ = writeFlush(&out)
	switch service {
	case "git-upload-pack":
		head := entry.Wiki.Head
		if head == "" {
			_ = writePacket(&out, "%040d capabilities^{}\x00%s\n", 0, capabilities)
		} else {
			_ = writePacket(&out, "%s HEAD\x00%s symref=HEAD:%s\n", head, capabilities, mainRef)
			_ = writePacket(&out, "%s %s\n", head, mainRef)
		}
		_ = writeFlush(&out)
	case "git-receive-pack":
		_ = writePacket(&out, "ERR %s\n", s.noPush(entry.Wiki.Slug))
	default:
		return fault.New(fault.Denied, "only the smart protocol is served here: use git 1.6.6 or newer, with git clone %s", s.hosts.Wiki(entry.Wiki.Slug, remote))
	}
	w.Header().Set("Content-Type", "application/x-"+service+"-advertisement")
	_, _ = w.Write(out.Bytes()) // the client is gone if this fails
	return nil
}
