package markdown

import (
	"bytes"
	"crypto/rand"
	"regexp"
	"slices"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// The sanitiser runs over everything that was rendered, and knows only what may
// stay. Two things of ours must stay that a page's author may not write himself:
// ids (or a page could claim the ids that scripts and labels look for) and the
// checkboxes of task lists (or a page could show a form). Both are rendered with
// a seal, which is random, never leaves the process, and is taken off last.

// newSeal makes a prefix that no page can contain but by guessing 128 bits.
func newSeal() string { return "s" + strings.ToLower(rand.Text()) + "-" }

var (
	blockTags = []string{
		"h1", "h2", "h3", "h4", "h5", "h6", "p", "hr", "div", "blockquote", "pre", "ul", "ol", "li", "dl", "dt", "dd",
		"table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "details", "summary", "figure", "figcaption",
	}
	inlineTags = []string{
		"a", "img", "br", "span", "code", "kbd", "samp", "var", "em", "strong", "b", "i", "u", "s", "del", "ins", "mark",
		"small", "sub", "sup", "abbr", "cite", "q", "dfn", "time", "wbr",
	}
	// classes that mean something to the style sheet, besides those of code.
	classes = []string{
		"alert", "alert-note", "alert-tip", "alert-important", "alert-warning", "alert-caution", "alert-title",
		"anchor", "chroma", "footnotes", "footnote-ref", "footnote-backref", "missing", "task-list", "task-list-item",
	}
)

func newPolicy(seal string) *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements(blockTags...)
	p.AllowElements(inlineTags...)
	p.AllowNoAttrs().OnElements("span")

	p.RequireParseableURLs(true)
	p.AllowRelativeURLs(true)
	p.AllowURLSchemes("http", "https", "mailto")
	p.AllowAttrs("href").OnElements("a")
	p.AllowAttrs("src").OnElements("img")
	p.RequireNoFollowOnFullyQualifiedLinks(true)
	p.AllowAttrs("rel").Matching(regexp.MustCompile(`^nofollow noopener$`)).OnElements("a")

	p.AllowAttrs("class").Matching(classPattern(seal)).Globally()
	p.AllowAttrs("id").Matching(regexp.MustCompile(`^`+seal)).OnElements("h1", "h2", "h3", "h4", "h5", "h6", "li", "sup")
	p.AllowAttrs("title").OnElements("a", "img", "abbr", "dfn", "time", "span")
	p.AllowAttrs("alt").OnElements("img")
	p.AllowAttrs("width", "height").Matching(regexp.MustCompile(`^[1-9][0-9]{0,3}%?$`)).OnElements("img")
	p.AllowAttrs("loading").Matching(regexp.MustCompile(`^lazy$`)).OnElements("img")
	p.AllowAttrs("align").Matching(regexp.MustCompile(`^(left|right|center)$`)).OnElements("th", "td", "p", "div", "img", "h1", "h2", "h3")
	p.AllowAttrs("colspan", "rowspan").Matching(regexp.MustCompile(`^[1-9][0-9]?$`)).OnElements("th", "td")
	p.AllowAttrs("scope").Matching(regexp.MustCompile(`^(row|col)$`)).OnElements("th")
	p.AllowAttrs("start").Matching(regexp.MustCompile(`^[0-9]{1,9}$`)).OnElements("ol")
	p.AllowAttrs("open").Matching(regexp.MustCompile(`^(|open)$`)).OnElements("details")
	p.AllowAttrs("datetime").Matching(regexp.MustCompile(`^[0-9TZ:+. -]{4,40}$`)).OnElements("time")
	p.AllowAttrs("lang").Matching(regexp.MustCompile(`^[A-Za-z0-9-]{2,20}$`)).Globally()
	p.AllowAttrs("dir").Matching(regexp.MustCompile(`^(ltr|rtl|auto)$`)).Globally()
	p.AllowAttrs("role").Matching(regexp.MustCompile(`^doc-(noteref|backlink|endnotes)$`)).OnElements("a", "div")
	p.AllowAttrs("tabindex").Matching(regexp.MustCompile(`^0$`)).OnElements("pre")
	p.AllowAttrs("tabindex").Matching(regexp.MustCompile(`^-1$`)).OnElements("a")
	p.AllowAttrs("aria-hidden").Matching(regexp.MustCompile(`^true$`)).OnElements("a")
	return p
}

func classPattern(seal string) *regexp.Regexp {
	names := slices.Concat(classes, codeClasses())
	for i, n := range names {
		names[i] = regexp.QuoteMeta(n)
	}
	one := `(` + strings.Join(names, "|") + `|language-[a-z0-9+#._-]{1,32}|` + seal + `(done|open))`
	return regexp.MustCompile(`^` + one + `( ` + one + `)*$`)
}

// sanitise makes rendered HTML safe and takes the seals off. balance is asked
// for when the page holds raw HTML, whose tags may be left open or closed too
// often; what goldmark renders is balanced by itself.
func (d *dialect) sanitise(rendered []byte, balance bool) (string, error) {
	out := d.policy.SanitizeBytes(rendered)
	if balance {
		var err error
		if out, err = balanced(out); err != nil {
			return "", err
		}
	}
	return strings.NewReplacer(
		`<span class="`+d.seal+`done"></span>`, `<input type="checkbox" disabled checked aria-label="done">`,
		`<span class="`+d.seal+`open"></span>`, `<input type="checkbox" disabled aria-label="open">`,
		d.seal, "",
	).Replace(string(out)), nil
}

// balanced writes a fragment anew as a browser would understand it within a
// <div>. It fails on nesting deeper than 512 elements.
func balanced(fragment []byte) ([]byte, error) {
	nodes, err := html.ParseFragment(bytes.NewReader(fragment), &html.Node{
		Type: html.ElementNode, Data: "div", DataAtom: atom.Div,
	})
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, n := range nodes {
		if err := html.Render(&b, n); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}
