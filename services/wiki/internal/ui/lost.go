package ui

import (
	"net/http"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/web"
)

// lost says why a text could not be saved at all. Whoever wrote for an hour and
// was signed out meanwhile still gets the text back.
type lost struct {
	SignIn string // "" when signing in would not help
}

// keepText answers a refused save with the text that it carried. It shows
// nothing but what the request itself brought: the sender may be a stranger.
func (u *UI) keepText(w http.ResponseWriter, r *http.Request, path string, refusal error) error {
	if !wantsHTML(r) {
		return refusal
	}
	s, err := readSubmission(w, r)
	if err != nil || s.text == "" {
		return refusal
	}
	p := web.ProblemOf(r, refusal)
	d := &editView{shell: u.bareShell(r), Text: unix(s.text), Message: s.message, Base: s.base, Cancel: "/"}
	d.Title, d.Path, d.Action = "Not saved", path, screenURL("edit", path)
	if path == "" {
		d.New, d.Path, d.Action = true, s.path, screenURL("new", "")
	}
	d.Lost = &lost{}
	if fault.Is(refusal, fault.Unauthenticated) {
		_, slug, _ := u.hosts.Kind(r.Host)
		d.Lost.SignIn = u.signIn(slug, "/")
	}
	return u.showEditor(&visit{w: w, r: r}, p.Status, d)
}
