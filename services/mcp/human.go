package mcp

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"

	"wikibot.io/pkg/look"
)

//go:embed human.html
var humanHTML string

const humanCSS = `main{max-width:44rem;margin:0 auto;padding:var(--space-6) var(--space-4)}
h1{font-size:var(--step-3);line-height:1.2}pre{background:var(--code-bg);border:1px solid var(--line);border-radius:var(--radius);padding:var(--space-3) var(--space-4);white-space:pre-wrap}code{overflow-wrap:anywhere}`

// humanPage is what a person sees who opens the endpoint in a browser. It says
// nothing about the wiki but its address, which they have.
type humanPage struct {
	page *template.Template
	css  string
	csp  string
}

func newHumanPage() humanPage {
	css := look.Tokens + humanCSS
	sum := sha256.Sum256([]byte(css))
	return humanPage{
		page: template.Must(template.New("human").Parse(humanHTML)), css: css,
		csp: "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'",
	}
}

func (p humanPage) write(w http.ResponseWriter, slug, endpoint, app string) error {
	var b bytes.Buffer
	err := p.page.Execute(&b, map[string]any{"Slug": slug, "Endpoint": endpoint, "App": app, "CSS": template.CSS(p.css)})
	if err != nil {
		return fmt.Errorf("write the page about the endpoint of %s: %w", slug, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", p.csp)
	h.Set("Vary", "Accept")
	w.Write(b.Bytes()) // the reader is gone if this fails
	return nil
}
