package ui

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"wikibot.io/contracts/routes"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/index"
	"wikibot.io/pkg/web"
	"wikibot.io/pkg/wiki"
)

// Deps is what the UI stands on. All but CacheBytes are needed.
type Deps struct {
	Engine *wiki.Engine
	Gate   identity.Gate
	Hosts  web.Hosts
	// CacheBytes bounds the finished pages kept in memory, and again the rendered
	// articles. 0 means 48 MiB.
	CacheBytes int64
}

// UI answers everything on a wiki host that is for people.
type UI struct {
	engine    *wiki.Engine
	gate      identity.Gate
	hosts     web.Hosts
	screens   map[string]screen
	templates templates
	assets    *assets
	pages     *lru[pageKey, *answer]
	articles  *lru[articleKey, *article]
	indexes   *patience[*index.View]
	exports   chan struct{} // holds one for each that is being made
}

const (
	defaultCache = 48 << 20
	// indexPatience is how long a page view waits for the index, which tells who
	// wrote the page and what links to it. Of an imported wiki it may have to be
	// made first, which takes long; the page itself is there at once.
	indexPatience = 400 * time.Millisecond
)

// New returns a UI.
func New(d Deps) (*UI, error) {
	if d.Engine == nil || d.Gate.Records == nil || d.Hosts == (web.Hosts{}) {
		return nil, errors.New("new wiki UI: engine, gate and hosts are all needed")
	}
	if d.CacheBytes == 0 {
		d.CacheBytes = defaultCache
	}
	parsed, err := parseTemplates()
	if err != nil {
		return nil, err
	}
	u := &UI{
		engine: d.Engine, gate: d.Gate, hosts: d.Hosts,
		templates: parsed,
		assets:    newAssets(),
		pages:     newLRU[pageKey, *answer](d.CacheBytes),
		articles:  newLRU[articleKey, *article](d.CacheBytes),
		indexes:   newPatience[*index.View](indexPatience),
		exports:   make(chan struct{}, maxExports),
	}
	u.screens = u.table()
	return u, nil
}

// visit is one request by someone who was let into a wiki.
type visit struct {
	w    http.ResponseWriter
	r    *http.Request
	in   identity.Entry
	path string // what the URL names, decoded, without the screen: not yet looked up
}

func (v *visit) ctx() context.Context { return v.r.Context() }

// reads reports whether the request asks for something without changing anything.
func (v *visit) reads() bool { return v.r.Method == http.MethodGet || v.r.Method == http.MethodHead }

// shared reports whether everybody would get the same answer.
func (v *visit) shared() bool { return v.in.Wiki.Public && v.in.Principal.Kind == identity.Anonymous }

func (v *visit) mayWrite() bool { return v.in.May(identity.Write) }

// ServeHTTP answers a request whose context carries the principal.
func (u *UI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var err error
	if name, ok := strings.CutPrefix(r.URL.Path, assetsAt); ok {
		err = u.assets.serve(w, r, name)
	} else {
		err = u.serve(w, r)
	}
	if err != nil {
		u.writeError(w, r, err)
	}
}

func (u *UI) serve(w http.ResponseWriter, r *http.Request) error {
	kind, slug, ok := u.hosts.Kind(r.Host)
	if !ok || kind != routes.WikiHost {
		return fault.New(fault.NotFound, "open %s: there is no wiki at this address", r.Host)
	}
	s, path := u.find(r.URL.Path)
	show := s.get
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodPost:
		show = s.post
	default:
		show = nil
	}
	if show == nil {
		return web.WrongMethod(w, r, s.methods()...)
	}
	in, err := u.enter(r.Context(), slug, s.action)
	if err != nil {
		if s.keep && r.Method == http.MethodPost {
			return u.keepText(w, r, path, err)
		}
		return err
	}
	web.RecordOf(r.Context()).Wiki = in.Wiki.ID
	return show(&visit{w: w, r: r, in: in, path: path})
}

// enter opens a wiki.
func (u *UI) enter(ctx context.Context, slug string, a identity.Action) (identity.Entry, error) {
	in, err := u.gate.Enter(ctx, slug, a)
	if err != nil {
		return in, err
	}
	in.Wiki, err = u.engine.Begun(ctx, in.Wiki)
	return in, err
}
