package ui

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"
	"time"

	"wikibot.io/pkg/pagepath"
)

//go:embed templates/*.html
var templateFiles embed.FS

// templates holds, for each file but layout.html and parts.html, the layout
// with that file's "main" in it.
type templates map[string]*template.Template

func parseTemplates() (templates, error) {
	base, err := template.New("").Funcs(template.FuncMap{
		"pageURL": pageURL, "screenURL": screenURL, "revisionURL": revisionURL, "diffURL": diffURL,
		"short": short, "title": pagepath.Title, "parent": parent,
		"iso": iso, "stamp": stamp, "exact": exact, "day": day, "count": count, "size": size, "soft": soft, "flat": flat,
	}).ParseFS(templateFiles, "templates/layout.html", "templates/parts.html")
	if err != nil {
		return nil, fmt.Errorf("parse the layout: %w", err)
	}
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	all := templates{}
	for _, file := range files {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if name == "layout" || name == "parts" {
			continue
		}
		t, err := base.Clone()
		if err != nil {
			return nil, err
		}
		if all[name], err = t.ParseFS(templateFiles, file); err != nil {
			return nil, fmt.Errorf("parse template %s: %w", name, err)
		}
	}
	return all, nil
}

func (t templates) execute(name string, data any) ([]byte, error) {
	var out bytes.Buffer
	if err := t[name].ExecuteTemplate(&out, "layout", data); err != nil {
		return nil, fmt.Errorf("render %s: %w", name, err)
	}
	return out.Bytes(), nil
}

// render answers with a page that nobody else will ask for in the same form.
func (u *UI) render(v *visit, status int, name string, data any) error {
	body, err := u.templates.execute(name, data)
	if err != nil {
		return err
	}
	newAnswer(body, false).send(v, status)
	return nil
}

// Times are written out in full, so that a finished page stays true; the script
// makes them relative where there is one.

func iso(t time.Time) string   { return t.UTC().Format(time.RFC3339) }
func stamp(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04 UTC") }
func exact(t time.Time) string { return t.UTC().Format("Monday, 2 January 2006, 15:04:05 UTC") }
func day(t time.Time) string   { return t.UTC().Format("Monday, 2 January 2006") }

// count says how many: count(1, "page") is "1 page", count(2, "page") "2 pages".
func count(n int, noun string) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if n != 1 {
		noun += "s"
	}
	return digits + " " + noun
}

func size(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d bytes", n)
	case n < 1_000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	default:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
}

// soft lets a long name break where a person would break it.
func soft(name string) template.HTML {
	if len(name) < 16 {
		return template.HTML(template.HTMLEscapeString(name))
	}
	var b strings.Builder
	from := 0
	for i := range len(name) - 1 {
		if c := name[i]; c == '.' || c == '_' || c == '/' || c == '+' {
			b.WriteString(template.HTMLEscapeString(name[from:i+1]) + "<wbr>")
			from = i + 1
		}
	}
	b.WriteString(template.HTMLEscapeString(name[from:]))
	return template.HTML(b.String())
}
