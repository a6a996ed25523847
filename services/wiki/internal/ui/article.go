package ui

import (
	"context"
	"html/template"
	"strings"
	"unicode/utf8"

	"wikibot.io/pkg/markdown"
	"wikibot.io/pkg/pagepath"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/wiki"
)

// article is a rendered text. It is immutable.
type article struct {
	Title       string
	HTML        template.HTML // sanitised by markdown.Render
	Contents    []markdown.Heading
	Description string
	Damaged     bool // the text is not valid UTF-8; what could not be read shows as U+FFFD

	targets []string
	exists  string // for each target '1' or '0': what the rendering depends on
}

type articleKey struct{ blob, path string }

// article renders a page's text, or finds it rendered with the same links alive.
func (u *UI) article(ctx context.Context, w records.Wiki, p wiki.Page) (*article, error) {
	key := articleKey{p.Blob, p.Path}
	known, ok := u.articles.get(key)
	targets := []string(nil)
	src := p.Content
	if ok {
		targets = known.targets
	} else {
		if !utf8.Valid(src) {
			src = []byte(strings.ToValidUTF8(string(src), "\uFFFD"))
		}
		targets = markdown.Targets(src, p.Path)
	}
	exists, err := u.exists(ctx, w, targets)
	if err != nil {
		return nil, err
	}
	if ok && known.exists == exists {
		return known, nil
	}
	fresh, err := renderArticle(p, targets, exists)
	if err != nil {
		return nil, err
	}
	u.articles.put(key, fresh, int64(len(fresh.HTML))+1024)
	return fresh, nil
}

func (u *UI) exists(ctx context.Context, w records.Wiki, targets []string) (string, error) {
	bits := make([]byte, len(targets))
	for i, t := range targets {
		kind, err := u.engine.Exists(ctx, w, t)
		if err != nil {
			return "", err
		}
		bits[i] = '1'
		if kind == wiki.None {
			bits[i] = '0'
		}
	}
	return string(bits), nil
}

func renderArticle(p wiki.Page, targets []string, exists string) (*article, error) {
	a := &article{Damaged: !utf8.Valid(p.Content), targets: targets, exists: exists}
	src := p.Content
	if a.Damaged {
		src = []byte(strings.ToValidUTF8(string(src), "\uFFFD"))
	}
	alive := make(map[string]bool, len(targets))
	for i, t := range targets {
		alive[t] = exists[i] == '1'
	}
	rendered, err := markdown.Render(src, markdown.Options{Path: p.Path, Exists: func(t string) bool { return alive[t] }})
	if err != nil {
		return nil, err
	}
	a.Title, a.HTML = rendered.Title, template.HTML(scrollable.Replace(rendered.HTML))
	if a.Title == "" {
		a.Title = pagepath.Title(p.Path)
	}
	a.Contents = contents(rendered.Headings)
	a.Description = description(markdown.Read(p.Path, src).Text)
	return a, nil
}

// scrollable puts each table into a box of its own, which scrolls where the
// table is wider than the screen. Sanitised HTML holds "<table" only as a tag.
var scrollable = strings.NewReplacer(
	"<table", `<div class="scroll" tabindex="0" role="group" aria-label="Table"><table`,
	"</table>", "</table></div>",
)

// contents picks the headings worth listing: the two highest levels that the
// page uses more than once, or nothing when there is little to choose from.
func contents(all []markdown.Heading) []markdown.Heading {
	var per [7]int
	for _, h := range all {
		per[h.Level]++
	}
	top := 1
	for top < 6 && per[top] < 2 {
		top++
	}
	var list []markdown.Heading
	for _, h := range all {
		if (h.Level == top || h.Level == top+1) && h.Text != "" {
			h.Level -= top // 0 or 1: the template indents by it
			list = append(list, h)
		}
	}
	if len(list) < 2 {
		return nil
	}
	return list
}

// description is the beginning of the text, for search engines and previews.
func description(text string) string {
	const limit = 200
	text = strings.Join(strings.Fields(text[:min(len(text), 4*limit)]), " ")
	if len(text) <= limit {
		return strings.ToValidUTF8(text, "")
	}
	cut := strings.LastIndexByte(text[:limit], ' ')
	if cut < limit/2 {
		cut = limit
	}
	return strings.ToValidUTF8(text[:cut], "") + "…"
}
