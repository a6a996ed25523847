package githttp

import (
	"net/http"
	"strings"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/web"
	"wikibot.io/services/githttp/internal/pktline"
)

// mainRef is the only branch that a wiki has.
const mainRef = "refs/heads/main"

// agent is what clients may learn of this program.
const agent = "agent=wikibot"

// capabilities is what this server can do in versions 0 and 1
// (gitprotocol-capabilities(5)).
var capabilities = strings.Join([]string{
	"multi_ack", "thin-pack", "side-band", "side-band-64k", "ofs-delta",
	"shallow", "deepen-since", "deepen-not", "deepen-relative", "no-progress", "include-tag",
	"multi_ack_detailed", "allow-tip-sha1-in-want", "allow-reachable-sha1-in-want", "no-done", "filter",
	"object-format=sha1", agent,
}, " ")

// capabilities2 is what it can do in version 2 (gitprotocol-v2(5)).
var capabilities2 = []string{
	agent, "ls-refs=unborn", "fetch=shallow wait-for-done filter ref-in-want", "server-option", "object-format=sha1", "object-info",
}

// advertise answers info/refs: which service is meant is the one parameter.
// Nothing but the record has been read for it.
func (s *Service) advertise(w http.ResponseWriter, r *http.Request, entry identity.Entry) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return web.WrongMethod(w, r, http.MethodGet, http.MethodHead)
	}
	out := pktline.NewWriter(w, nil)
	service := r.URL.Query().Get("service")
	switch service {
	case "git-upload-pack":
		if v := version(r); v == 2 {
			advertise2(out, entry)
		} else {
			advertise0(out, entry, v)
		}
	case "git-receive-pack":
		s.advertiseReceive(out, entry)
	default:
		return fault.New(fault.Denied, "only the smart protocol is served here: use git 1.6.6 or newer, with git clone %s", s.hosts.Wiki(entry.Wiki.Slug, remote))
	}
	w.Header().Set("Content-Type", "application/x-"+service+"-advertisement")
	_ = out.Send() // the client is gone if this fails
	return nil
}

// advertise0 lists the refs, with the capabilities behind the first.
func advertise0(out *pktline.Writer, entry identity.Entry, version int) {
	out.Line("# service=git-upload-pack\n")
	out.Flush()
	if version == 1 {
		out.Line("version 1\n")
	}
	if head := entry.Wiki.Head; head == "" {
		out.Line("%040d capabilities^{}\x00%s\n", 0, capabilities)
	} else {
		out.Line("%s HEAD\x00%s symref=HEAD:%s\n", head, capabilities, mainRef)
		out.Line("%s %s\n", head, mainRef)
	}
	out.Flush()
}

// advertise2 lists the commands.
func advertise2(out *pktline.Writer, entry identity.Entry) {
	out.Line("version 2\n")
	for _, c := range capabilities2 {
		out.Line("%s\n", c)
	}
	if hasBundle(entry.Wiki) {
		out.Line("bundle-uri\n")
	}
	out.Flush()
}
