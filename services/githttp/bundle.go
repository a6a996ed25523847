package githttp

import (
	"net/http"
	"strings"
	"time"

	"wikibot.io/contracts/routes"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
)

// minBundle is the size from which it pays a client to fetch the bulk of a wiki
// from a cache near it, and only the rest from here.
const minBundle = 8 << 20

// bundlePath is where the bundle of a base is.
func bundlePath(base string) string {
	return strings.TrimSuffix(routes.Bundles, "*") + base + ".bundle"
}

// hasBundle reports whether there may be a bundle for clients to find by
// themselves. How large it is only the store knows, which an advertisement does
// not ask. A private wiki's would have to be fetched with the token, which
// clients do not send along to an address that they were given.
func hasBundle(w records.Wiki) bool { return w.Public && len(w.BasePacks) > 0 }

// bundleURI lists the bundles to begin a clone with (gitprotocol-v2(5),
// "bundle-uri").
func (x *exchange) bundleURI(args *commandArgs) error {
	if err := args.each(func([]byte) error { return malformed("bundle-uri takes no arguments") }); err != nil {
		return err
	}
	x.read = true
	name, size, err := x.bundle()
	if err != nil {
		return err
	}
	if size >= x.s.minBundle {
		x.out.Line("bundle.version=1\n")
		x.out.Line("bundle.mode=all\n")
		x.out.Line("bundle.%s.uri=%s\n", name, x.s.hosts.Wiki(x.entry.Wiki.Slug, bundlePath(name)))
	}
	x.out.Flush()
	return nil
}

// bundle returns name and size of the wiki's bundle, zero if there is none.
func (x *exchange) bundle() (string, int64, error) {
	h, err := x.history()
	if err != nil {
		return "", 0, err
	}
	b, err := h.Bundle(x.ctx)
	if fault.Is(err, fault.NotFound) {
		return "", 0, nil
	}
	if err != nil {
		return "", 0, err
	}
	_ = b.Close() // nothing was read
	return b.Name, b.Size, nil
}

// serveBundle serves the bundle of the lowest base, whole or in parts. Under its
// name it never changes; once the base has been replaced it is gone.
func (s *Service) serveBundle(w http.ResponseWriter, r *http.Request, entry identity.Entry, file string) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return web.WrongMethod(w, r, http.MethodGet, http.MethodHead)
	}
	gone := fault.New(fault.NotFound, "there is no such bundle, or none any more: git clone %s", s.hosts.Wiki(entry.Wiki.Slug, remote))
	name, ok := strings.CutSuffix(file, ".bundle")
	if !ok || len(entry.Wiki.BasePacks) == 0 || name != entry.Wiki.BasePacks[0] {
		return gone
	}
	history, err := s.history(r.Context(), entry)
	if err != nil {
		return err
	}
	b, err := history.Bundle(r.Context())
	if fault.Is(err, fault.NotFound) {
		return gone
	}
	if err != nil {
		return err
	}
	defer func() { _ = b.Close() }() // it was only read
	if b.Name != name {
		return gone
	}
	h := w.Header()
	h.Set("Content-Type", "application/x-git-bundle")
	h.Set("ETag", `"`+name+`"`)
	// A shared cache may keep what everybody may read, and has to ask each time: a
	// wiki that turned private is no longer served from there.
	h.Set("Cache-Control", "private, no-store")
	if entry.Wiki.Public && entry.Principal.Kind == identity.Anonymous {
		h.Set("Cache-Control", "public, max-age=0, must-revalidate")
	}
	h.Set("Vary", "Cookie, Authorization")
	h.Del("Pragma")
	h.Del("Expires")
	http.ServeContent(w, r, "", time.Time{}, b)
	return nil
}
