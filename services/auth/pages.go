package auth

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"

	"wikibot.io/pkg/look"
	"wikibot.io/pkg/web"
)

//go:embed templates/*.html templates/sheet.css
var files embed.FS

// pages draws the service's few pages. The style sheet stands in the page
// itself, so that the first paint is the last and there is nothing to cache.
type pages struct {
	hosts     web.Hosts
	templates map[string]*template.Template
	style     template.CSS
	csp       string
}

func newPages(hosts web.Hosts) (*pages, error) {
	sheet, err := files.ReadFile("templates/sheet.css")
	if err != nil {
		return nil, err
	}
	style := "\n" + look.Tokens + "\n" + string(sheet)
	sum := sha256.Sum256([]byte(style))
	p := &pages{hosts: hosts, templates: map[string]*template.Template{}, style: template.CSS(style)}
	// Browsers hold the redirect that follows a posted form against form-action
	// too, so the hosts that a sign-in may lead back to are listed.
	p.csp = fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; form-action 'self' %s; base-uri 'none'; frame-ancestors 'none'",
		base64.StdEncoding.EncodeToString(sum[:]), hosts.Wiki("*", ""))
	for _, name := range []string{"login", "no-sign-in", "logout", "logged-out", "error"} {
		if p.templates[name], err = template.ParseFS(files, "templates/frame.html", "templates/"+name+".html"); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// headers sets what every answer of the service carries.
func (p *pages) headers(h http.Header) {
	h.Set("Content-Security-Policy", p.csp)
	h.Set("Cache-Control", "no-store")
}

// render draws a page whole before it answers, so that a failure can still
// become an error page.
func (p *pages) render(w http.ResponseWriter, status int, name string, data any) error {
	var page bytes.Buffer
	err := p.templates[name].ExecuteTemplate(&page, "frame", struct {
		Style template.CSS
		Data  any
	}{p.style, data})
	if err != nil {
		return fmt.Errorf("draw page %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = page.WriteTo(w) // the client is gone if this fails
	return nil
}

// fail answers with an error as a page.
func (p *pages) fail(w http.ResponseWriter, r *http.Request, err error) {
	problem := web.ProblemOf(r, err)
	if problem.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "2") // seconds
	}
	if p.render(w, problem.Status, "error", problem) != nil {
		web.WriteProblem(w, r, err)
	}
}
