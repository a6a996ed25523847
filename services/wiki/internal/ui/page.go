package ui

import (
	"context"
	"net/http"
	"strings"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/index"
	"wikibot.io/pkg/pagepath"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
	"wikibot.io/pkg/wiki"
)

// pageKey is everything that a finished page depends on. Two visits with equal
// keys get equal bytes.
type pageKey struct {
	wikiID, head string
	slug, name   string
	public, git  bool
	role         records.Role
	kind         identity.Kind
	user         string // the name shown in the header
	path         string // of the URL
}

func (v *visit) key() pageKey {
	k := pageKey{
		wikiID: v.in.Wiki.ID, head: v.in.Wiki.Head,
		slug: v.in.Wiki.Slug, name: v.in.Wiki.Name, public: v.in.Wiki.Public, git: !v.in.Wiki.GitOff,
		path: v.r.URL.Path,
	}
	if !v.shared() {
		k.kind, k.user, k.role = v.in.Principal.Kind, nameOf(v.in.Principal), v.in.Role
	}
	return k
}

// open answers for everything that is not below "/-/": a page, a file, a folder
// or nothing.
func (u *UI) open(v *visit) error {
	plain := v.r.URL.RawQuery == ""
	if plain {
		if a, ok := u.pages.get(v.key()); ok {
			a.send(v, http.StatusOK)
			return nil
		}
	}
	path := pagepath.Clean(v.path)
	if path == "" {
		return u.openHome(v)
	}
	// A file is looked up as it was typed: "a.md/" is no file, "Notes.txt" is.
	kind, err := u.engine.Exists(v.ctx(), v.in.Wiki, path)
	if err != nil {
		return err
	}
	switch kind {
	case wiki.PageKind:
		return u.page(v, path)
	case wiki.FileKind:
		return u.file(v, path)
	case wiki.FolderKind:
		return u.folder(v, path)
	}
	if to, ok := otterwikiURL(path); ok {
		v.redirect(to, http.StatusMovedPermanently)
		return nil
	}
	return u.missing(v, path)
}

// openHome shows the home page; in a repository that came from elsewhere its
// README; else the list of what there is.
func (u *UI) openHome(v *visit) error {
	kind, err := u.engine.Exists(v.ctx(), v.in.Wiki, home)
	if err != nil {
		return err
	}
	if kind == wiki.PageKind {
		return u.page(v, home)
	}
	if kind, err = u.engine.Exists(v.ctx(), v.in.Wiki, "README"); err != nil {
		return err
	}
	if kind == wiki.PageKind {
		v.redirect(pageURL("README"), http.StatusFound)
		return nil
	}
	return u.folder(v, "")
}

// otterwikiURL translates the addresses of An Otter Wiki, which puts the verb
// after the page.
func otterwikiURL(path string) (string, bool) {
	page, verb := parent(path), pagepath.Title(path)
	if page == "" {
		return "", false
	}
	switch verb {
	case "view":
		return pageURL(page), true
	case "edit", "history", "source", "rename", "delete":
		return screenURL(verb, page), true
	}
	return "", false
}

// pageView is what page.html draws.
type pageView struct {
	shell
	Path       string
	Crumbs     []crumb
	Article    *article
	Provenance provenance
	LinkedFrom []string
	Gathering  bool // the index is not there yet: Provenance and LinkedFrom are not known
	Files      []wiki.File
	Past       *index.Entry // the revision shown, if not the present one
	Merged     string       // the revision that a save found and was merged with
}

// provenance says who touched the page last, and who before them if that was
// somebody else.
type provenance struct {
	Last, Before *index.Change
}

func (u *UI) page(v *visit, path string) error {
	p, err := u.engine.Read(v.ctx(), v.in.Wiki, path)
	if err != nil {
		return err
	}
	if to := pageURL(p.Path); v.r.URL.Path != unescaped(p.Path) {
		if q := v.r.URL.RawQuery; q != "" {
			to += "?" + q
		}
		v.redirect(to, http.StatusMovedPermanently)
		return nil
	}
	data, err := u.viewOf(v, p)
	if err != nil {
		return err
	}
	data.Merged = v.r.URL.Query().Get("merged")
	body, err := u.templates.execute("page", data)
	if err != nil {
		return err
	}
	a := newAnswer(body, true)
	if v.r.URL.RawQuery == "" && !data.Gathering {
		u.pages.put(v.key(), a, a.cost())
	}
	a.send(v, http.StatusOK)
	return nil
}

// unescaped is the URL path of a page as http.Request decodes it.
func unescaped(path string) string {
	if pageURL(path) == "/" {
		return "/"
	}
	return "/" + path
}

func (u *UI) viewOf(v *visit, p wiki.Page) (*pageView, error) {
	ctx, w := v.ctx(), v.in.Wiki
	text, err := u.article(ctx, w, p)
	if err != nil {
		return nil, err
	}
	at := pageURL(p.Path)
	d := &pageView{shell: u.shellOf(v, text.Title, p.Path, at), Path: p.Path, Crumbs: crumbs(p.Path), Article: text}
	d.Index = w.Public
	d.Canonical = u.hosts.Wiki(w.Slug, at)
	d.Source = screenURL("source", p.Path)
	d.Description = text.Description
	if d.Writer {
		d.Edit = screenURL("edit", p.Path)
	}
	if d.shell, err = u.withTree(v, d.shell, p.Path); err != nil {
		return nil, err
	}
	if d.Files, err = u.engine.Files(ctx, w, p.Path); err != nil {
		return nil, err
	}
	return d, u.surroundings(v, d)
}

// surroundings adds what only the index knows: who wrote the page and what
// links to it. An index that cannot be had, such as when the disk is full, takes
// the page itself from nobody.
func (u *UI) surroundings(v *visit, d *pageView) error {
	err := u.gather(v, d)
	if fault.Is(err, fault.Unavailable) {
		web.RecordOf(v.ctx()).Err = err
		d.LinkedFrom, d.Gathering = nil, true
		return nil
	}
	return err
}

func (u *UI) gather(v *visit, d *pageView) error {
	w := v.in.Wiki
	view, ok, err := u.indexes.wait(w.ID, func() (*index.View, error) {
		return u.engine.Index(context.WithoutCancel(v.ctx()), w)
	})
	if err != nil {
		return err
	}
	if !ok {
		d.Gathering = true
		return nil
	}
	if _, d.LinkedFrom, err = view.Links(v.ctx(), d.Path); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	changes, err := view.History(v.ctx(), d.Path, 8, "")
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	d.Provenance = provenanceOf(changes)
	return nil
}

func provenanceOf(newestFirst []index.Change) provenance {
	if len(newestFirst) == 0 {
		return provenance{}
	}
	p := provenance{Last: &newestFirst[0]}
	for i, c := range newestFirst[1:] {
		if c.Author != p.Last.Author || c.Agent != p.Last.Agent {
			p.Before = &newestFirst[i+1]
			break
		}
	}
	return p
}

// missingView is what missing.html draws.
type missingView struct {
	shell
	Path   string
	Crumbs []crumb
	Create string // the form that creates the page; "" for those who may not
	Bad    string // why no page can be created here
	Gone   bool   // there was a page, and it was deleted
}

// missing answers for a path at which there is nothing. What was renamed leads
// to its new place: links from elsewhere are not ours to rewrite.
func (u *UI) missing(v *visit, path string) error {
	path = strings.ToValidUTF8(path, "\uFFFD")
	view, err := u.engine.Index(v.ctx(), v.in.Wiki)
	if err != nil {
		return err
	}
	past, err := view.History(v.ctx(), path, 1, "")
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if len(past) > 0 && past[0].Path != path {
		kind, err := u.engine.Exists(v.ctx(), v.in.Wiki, past[0].Path)
		if err != nil {
			return err
		}
		if kind == wiki.PageKind {
			v.redirect(pageURL(past[0].Path), http.StatusFound)
			return nil
		}
	}
	d := missingView{shell: u.shellOf(v, "No page here", path, "/"+escape(path)), Path: path, Crumbs: crumbs(path), Gone: len(past) > 0}
	if err := pagepath.Check(path); err != nil {
		d.Bad = err.Error()
	} else if d.Writer {
		d.Create = newURL(path)
	}
	if d.shell, err = u.withTree(v, d.shell, path); err != nil {
		return err
	}
	return u.render(v, http.StatusNotFound, "missing", d)
}
