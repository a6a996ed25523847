package pages

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"wikibot.io/contracts/problem"
	"wikibot.io/pkg/look"
	"wikibot.io/pkg/web"
)

//go:embed templates/*.html templates/*.js templates/sheet.css
var files embed.FS

// Pages draws the service's pages. The style sheet stands in the page itself, so
// that the first paint is the last and there is nothing to cache.
type Pages struct {
	hosts     web.Hosts
	templates map[string]*template.Template
	scripts   map[string]string
	style     template.CSS
	styleSum  string
}

// New reads the templates: each file but the frame is a page of its name. A script
// of that name runs in it.
func New(hosts web.Hosts) (*Pages, error) {
	sheet, err := files.ReadFile("templates/sheet.css")
	if err != nil {
		return nil, err
	}
	style := "\n" + look.Tokens + "\n" + string(sheet)
	p := &Pages{hosts: hosts, templates: map[string]*template.Template{}, scripts: map[string]string{}, style: template.CSS(style), styleSum: sum(style)}
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		page := strings.TrimSuffix(path.Base(name), ".html")
		if page == "frame" {
			continue
		}
		if p.templates[page], err = template.ParseFS(files, "templates/frame.html", name); err != nil {
			return nil, err
		}
		if script, err := files.ReadFile("templates/" + page + ".js"); err == nil {
			p.scripts[page] = "\n" + string(script)
		}
	}
	return p, nil
}

func sum(text string) string {
	s := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(s[:])
}

// Page is one page to draw.
type Page struct {
	Name   string // of its template
	Status int
	Data   any
	// Script is run in the page instead of the one of its name; "" for that one. It
	// may call its own host.
	Script string
	// FormAction lists where its forms may lead besides our own hosts, as sources
	// of CSP: browsers hold the redirect that follows a posted form against
	// form-action too.
	FormAction []string
}

// Headers sets what every answer of the service carries.
func (p *Pages) Headers(h http.Header) {
	h.Set("Content-Security-Policy", p.policy(Page{}))
	h.Set("Cache-Control", "no-store")
}

func (p *Pages) policy(page Page) string {
	csp := fmt.Sprintf("default-src 'none'; img-src 'self'; style-src 'sha256-%s'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' %s",
		p.styleSum, p.hosts.Wiki("*", ""))
	for _, source := range page.FormAction {
		csp += " " + source
	}
	if page.Script != "" {
		csp += fmt.Sprintf("; script-src 'sha256-%s'; connect-src 'self'", sum(page.Script))
	}
	return csp
}

// Render draws a page whole before it answers, so that a failure can still
// become an error page.
func (p *Pages) Render(w http.ResponseWriter, page Page) error {
	t := p.templates[page.Name]
	if t == nil {
		return fmt.Errorf("draw page %s: there is none of that name", page.Name)
	}
	if page.Script == "" {
		page.Script = p.scripts[page.Name]
	}
	var text bytes.Buffer
	err := t.ExecuteTemplate(&text, "frame", struct {
		Style  template.CSS
		Script template.JS
		Data   any
	}{p.style, template.JS(page.Script), page.Data}) //nolint:gosec // scripts are constants of ours
	if err != nil {
		return fmt.Errorf("draw page %s: %w", page.Name, err)
	}
	w.Header().Set("Content-Security-Policy", p.policy(page))
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(page.Status)
	_, _ = text.WriteTo(w) // the client is gone if this fails
	return nil
}

// Fail answers with an error as a page.
func (p *Pages) Fail(w http.ResponseWriter, r *http.Request, err error) {
	p.FailWith(w, r, err, nil)
}

// FailWith is Fail with a way on: a link below the error's text.
func (p *Pages) FailWith(w http.ResponseWriter, r *http.Request, err error, onward *Link) {
	details := web.ProblemOf(r, err)
	web.SetRetryAfter(w.Header(), err)
	page := Page{Name: "error", Status: details.Status, Data: struct {
		problem.Problem
		Onward *Link
	}{details, onward}}
	if p.Render(w, page) != nil {
		web.WriteProblem(w, r, err)
	}
}

// Link is a way on.
type Link struct{ Text, URL string }

// Handle makes a handler whose errors are pages.
func (p *Pages) Handle(h web.HandlerFunc) http.Handler {
	return web.Handle(func(w http.ResponseWriter, r *http.Request) error {
		p.Headers(w.Header())
		return h(w, r)
	}, p.Fail)
}
