package githttp

import (
	"cmp"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"wikibot.io/contracts/routes"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/web"
	"wikibot.io/services/githttp/internal/pktline"
)

// Deps is what the service stands on. All but MinBundle are needed.
type Deps struct {
	Git   *gitstore.Store
	Gate  identity.Gate
	Hosts web.Hosts
	Log   *slog.Logger
	// MinBundle is the size in bytes from which on the bundle of a public wiki is
	// offered to clients; 0 for 8 MiB.
	MinBundle int64
}

// Service answers git clients for all wikis.
type Service struct {
	git       *gitstore.Store
	gate      identity.Gate
	hosts     web.Hosts
	log       *slog.Logger
	minBundle int64
	buffers   sync.Pool // of *[]byte: what a long answer is gathered in
}

// New returns the service.
func New(d Deps) (*Service, error) {
	if d.Git == nil || d.Gate.Records == nil || d.Hosts == (web.Hosts{}) || d.Log == nil {
		return nil, errors.New("new git service: store, gate, hosts and log are all needed")
	}
	return &Service{
		git: d.Git, gate: d.Gate, hosts: d.Hosts, log: d.Log, minBundle: cmp.Or(d.MinBundle, minBundle),
		buffers: sync.Pool{New: func() any { b := make([]byte, 0, pktline.BufferSize); return &b }},
	}, nil
}

// Handler answers everything below /repo.git/ on wiki hosts. The principal must
// be in the request's context already (see identity.Authenticator.Git, to which
// [Service.WriteError] belongs as its error writer).
func (s *Service) Handler() http.Handler { return web.Handle(s.serve, s.WriteError) }

// Guarded is Handler behind the authenticator.
func (s *Service) Guarded(a *identity.Authenticator) http.Handler {
	return a.Git(s.Handler(), s.WriteError)
}

// remote is the path of the repository on a wiki's host.
const remote = "/repo.git"

func (s *Service) serve(w http.ResponseWriter, r *http.Request) error {
	kind, slug, ok := s.hosts.Kind(r.Host)
	if !ok || kind != routes.WikiHost {
		return fault.New(fault.NotFound, "no wiki is served at host %q", r.Host)
	}
	entry, err := s.gate.Enter(r.Context(), slug, identity.Read)
	if err != nil {
		return err
	}
	web.RecordOf(r.Context()).Wiki = entry.Wiki.ID
	noCache(w.Header())
	if entry.Wiki.GitOff { // those who may not read it have been sent away already
		return fault.New(fault.Denied, "git access is switched off for this wiki; ask its owner to switch it on, or read it at %s", s.hosts.Wiki(slug, "/"))
	}
	switch file := file(r.URL.Path); file {
	case "info/refs":
		return s.advertise(w, r, entry)
	case "git-upload-pack":
		return s.uploadPack(w, r, entry)
	case "git-receive-pack":
		return s.receivePack(w, r, entry)
	default:
		if name, ok := strings.CutPrefix(file, "bundle/"); ok {
			return s.serveBundle(w, r, entry, name)
		}
		return fault.New(fault.NotFound, "this is a git remote, not a folder of files: git clone %s", s.hosts.Wiki(slug, remote))
	}
}

// file is the path below the repository. Some clients double a slash when they
// join a URL that ends in one.
func file(path string) string {
	var parts []string
	for part := range strings.SplitSeq(strings.TrimPrefix(path, remote), "/") {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "/")
}

// noCache is what git's own server sends: a proxy that keeps an advertisement
// makes clients miss commits.
func noCache(h http.Header) {
	h.Set("Cache-Control", "no-cache, max-age=0, must-revalidate")
	h.Set("Pragma", "no-cache")
	h.Set("Expires", "Fri, 01 Jan 1980 00:00:00 GMT")
}

// WriteError answers with an error as text, which git prints. A 401 asks for a
// password (RFC 7617); clients that know better may send the token as bearer.
func (s *Service) WriteError(w http.ResponseWriter, r *http.Request, err error) {
	p := web.ProblemOf(r, err)
	h := w.Header()
	noCache(h)
	h.Set("Content-Type", "text/plain; charset=utf-8")
	switch p.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", "Basic "+s.hosts.Realm(r)+`, charset="UTF-8"`)
		p.Error = "this wiki is private or does not exist: send a token of the wiki as the password, with any user name"
	case http.StatusUnprocessableEntity: // a client that does not speak the protocol
		p.Status = http.StatusBadRequest
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", "2")
	case http.StatusInternalServerError:
		p.Error += " (request " + p.Instance + ")"
	}
	w.WriteHeader(p.Status)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, p.Error+"\n") // the client is gone if this fails
	}
}
