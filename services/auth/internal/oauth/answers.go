package oauth

import (
	"errors"
	"net/http"
	"net/url"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/web"
	"wikibot.io/services/auth/internal/pages"
)

// pageForm is readForm for a page's own form, whose errors are for people.
func pageForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	form, err := readForm(w, r)
	if p, ok := errors.AsType[*problem](err); ok {
		kind := fault.Invalid
		if p.status == http.StatusRequestEntityTooLarge {
			kind = fault.TooLarge
		}
		return nil, fault.Wrap(p.err, kind, "read the form: %s", p.text)
	}
	return form, err
}

// show draws a page that says why it goes no further.
func (s *Server) show(w http.ResponseWriter, r *http.Request, status int, page refusal) error {
	rec := web.RecordOf(r.Context())
	page.Request = rec.ID
	if rec.Err == nil {
		rec.Err = fault.New(fault.Invalid, "authorize client: %s", page.Title)
	}
	return s.deps.Pages.Render(w, pages.Page{Name: "refused", Status: status, Data: page})
}

// switchUser is where to sign out and come back as somebody else.
func switchUser(r *http.Request) string {
	back := r.URL.Path
	if query := r.URL.Query().Encode(); query != "" {
		back += "?" + query
	}
	return "/auth/logout?" + url.Values{"return_to": {back}}.Encode()
}

// noWiki is the one answer about wikis that the person may not read, of whatever
// kind. It leads nowhere: the client would learn what the person may see.
func (s *Server) noWiki(w http.ResponseWriter, r *http.Request) error {
	page := refusal{
		Title: "There is no such wiki for you",
		Text:  "The wiki that the program asks for does not exist, or is not shared with the account that you are signed in with.",
	}
	if r.Method == http.MethodGet {
		page.Link, page.LinkText = switchUser(r), "Use another account"
	}
	return s.show(w, r, http.StatusNotFound, page)
}

// stale answers a form that has waited too long.
func (s *Server) stale(w http.ResponseWriter, r *http.Request) error {
	return s.refused(w, r, http.StatusGone, "This request has run out",
		"It was made some time ago, or was answered already. Nothing was changed: go back to the program and start again.")
}

// signInFirst leads over sign-in to a page of ours.
func signInFirst(w http.ResponseWriter, r *http.Request, back string) {
	http.Redirect(w, r, "/auth/login?"+url.Values{"return_to": {back}}.Encode(), http.StatusSeeOther)
}

// another answers a form that was shown to somebody else.
func (s *Server) another(w http.ResponseWriter, r *http.Request) error {
	return s.refused(w, r, http.StatusForbidden, "This request was shown to another account",
		"You are signed in as somebody else by now. Nothing was changed: go back to the program and start again.")
}

// connection is the page at the end of a way that leads nowhere else.
type connection struct {
	Client string
	Site   string
	Device string
	Lead   string // what was decided, where the client cannot say it
}

// connected answers a consent that has been used already: people press twice, and
// reload.
func (s *Server) connected(w http.ResponseWriter, r *http.Request, q request) error {
	site := hostOf(q.Resource)
	if q.account() {
		site = hostOf(s.deps.Hosts.Root(""))
	}
	return s.deps.Pages.Render(w, pages.Page{Name: "connected", Status: http.StatusOK, Data: connection{Client: q.ClientName, Site: site, Device: q.Device}})
}
