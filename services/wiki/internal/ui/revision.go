package ui

import (
	"bytes"
	"net/http"
	"strings"

	"wikibot.io/pkg/pagepath"
)

// revision shows a page as it was: "/-/revision/{rev}/{path}".
func (u *UI) revision(v *visit) error {
	rev, path, _ := strings.Cut(v.path, "/")
	path = pagepath.Clean(path)
	view, err := u.engine.Index(v.ctx(), v.in.Wiki)
	if err != nil {
		return err
	}
	past, err := entryAt(v, view, rev)
	if err != nil {
		return err
	}
	p, err := u.engine.ReadAt(v.ctx(), v.in.Wiki, path, past.Commit)
	if err != nil {
		return err
	}
	text, err := u.article(v.ctx(), v.in.Wiki, p)
	if err != nil {
		return err
	}
	at := revisionURL(past.Commit, path)
	d := &pageView{shell: u.shellOf(v, text.Title, path, at), Path: path, Crumbs: crumbs(path), Article: text, Past: past}
	if d.shell, err = u.withTree(v, d.shell, path); err != nil {
		return err
	}
	return u.render(v, http.StatusOK, "page", d)
}

// source sends a page as the Markdown it is stored as.
func (u *UI) source(v *visit) error {
	p, err := u.engine.Read(v.ctx(), v.in.Wiki, pagepath.Clean(v.path))
	if err != nil {
		return err
	}
	v.rawHeaders("text/plain; charset=utf-8", p.Blob)
	http.ServeContent(v.w, v.r, "", noTime, bytes.NewReader(p.Content))
	return nil
}
