package ui

import (
	"net/http"
	"strings"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
)

// screen is what stands below "/-/{name}".
type screen struct {
	get, post func(*visit) error // post is nil where nothing can be changed
	action    identity.Action    // what the gate is asked for, whatever the method
	keep      bool               // a refused POST shows the text it carried
}

func (s screen) methods() []string {
	if s.post == nil {
		return []string{http.MethodGet, http.MethodHead}
	}
	return []string{http.MethodGet, http.MethodHead, http.MethodPost}
}

// table lists the screens. The principal must be allowed the action to see the
// form as well as to send it.
func (u *UI) table() map[string]screen {
	return map[string]screen{
		"edit":   {get: u.editForm, post: u.saveEdit, action: identity.Write, keep: true},
		"new":    {get: u.newForm, post: u.saveNew, action: identity.Write, keep: true},
		"rename": {get: u.renameForm, post: u.rename, action: identity.Write},
		"delete": {get: u.deleteForm, post: u.delete, action: identity.Write},

		"history":   {get: u.history, action: identity.Read},
		"revision":  {get: u.revision, action: identity.Read},
		"diff":      {get: u.diff, action: identity.Read},
		"commit":    {get: u.commit, action: identity.Read},
		"index":     {get: u.index, action: identity.Read},
		"changelog": {get: u.changelog, action: identity.Read},
		"search":    {get: u.search, action: identity.Read},
		"source":    {get: u.source, action: identity.Read},

		"export.zip": {get: u.export, action: identity.Read},

		// Names that people know from An Otter Wiki.
		"log":    {get: moved("changelog"), action: identity.Read},
		"create": {get: moved("new"), action: identity.Read},
	}
}

// find returns the screen that a URL path names and the rest of the path. What
// is not below "/-/" is a page, a file or a folder.
func (u *UI) find(urlPath string) (screen, string) {
	rest, ok := strings.CutPrefix(urlPath, "/-/")
	if !ok {
		return screen{get: u.open, action: identity.Read}, urlPath
	}
	name, path, _ := strings.Cut(rest, "/")
	if s, ok := u.screens[name]; ok {
		return s, path
	}
	return screen{get: noScreen, action: identity.Read}, path
}

func noScreen(v *visit) error {
	return fault.New(fault.NotFound, "open %s: the wiki has no such screen", v.r.URL.Path)
}

func moved(to string) func(*visit) error {
	return func(v *visit) error {
		v.redirect(screenURL(to, ""), http.StatusMovedPermanently)
		return nil
	}
}

// redirect leads to a path on the same host. No cache may keep it without
// asking: what is moved today may be somewhere else tomorrow.
func (v *visit) redirect(to string, status int) {
	h := v.w.Header()
	h["Content-Security-Policy"] = cspValue
	h["Vary"] = varyValue
	h["Cache-Control"] = privateFor
	if v.shared() {
		h["Cache-Control"] = publicFor
	}
	h.Set("Location", to)
	v.w.WriteHeader(status)
}
