package markdown

import (
	"bytes"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// document is a parsed page.
type document struct {
	front map[string]any // nil: none
	start int            // where the body begins in the page's text
	body  []byte
	root  ast.Node
	spans map[ast.Node]span // where link destinations stand; only if asked for

	headings  []*ast.Heading // in page order
	anchors   map[*ast.Heading]string
	rawHTML   bool // the page holds raw HTML
	firstHead *ast.Heading
}

var utf8BOM = []byte("\ufeff")

// parse parses a page. Spans of links are recorded only for relinking.
func parse(src []byte, withSpans bool) *document {
	d := &document{}
	if bytes.HasPrefix(src, utf8BOM) {
		d.start = len(utf8BOM)
	}
	if front, n, ok := readFrontMatter(src[d.start:]); ok {
		d.front, d.start = front, d.start+n
	}
	d.body = src[d.start:]
	pc := newContext(len(d.body))
	if withSpans {
		d.spans = map[ast.Node]span{}
		pc.Set(spansKey, d.spans)
	}
	// Positions in the masked text are positions in the body, so the tree may be
	// rendered with the body's own bytes.
	d.root = theDialect().md.Parser().Parse(text.NewReader(maskPipes(d.body)), parser.WithContext(pc))
	d.finish()
	return d
}

// validText makes a page's text valid UTF-8. What is no character becomes
// U+FFFD, so a page in a foreign encoding is readable as far as it is ASCII.
func validText(src []byte) []byte {
	if utf8.Valid(src) {
		return src
	}
	return bytes.ToValidUTF8(src, []byte("\ufffd"))
}

// finish walks the tree once: it turns quotes into alerts, marks task lists and
// gives headings their anchors.
func (d *document) finish() {
	var quotes []*ast.Blockquote
	var slugs slugger
	d.anchors = map[*ast.Heading]string{}
	_ = ast.Walk(d.root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Blockquote:
			quotes = append(quotes, n)
		case *ast.HTMLBlock, *ast.RawHTML:
			d.rawHTML = true
		case *ast.Heading:
			d.headings = append(d.headings, n)
			d.anchors[n] = slugs.next(d.plain(n))
			if d.firstHead == nil && n.Level == 1 && n.Parent() == d.root {
				d.firstHead = n
			}
		case *east.TableCell:
			d.unescapePipes(n)
		case *east.TaskCheckBox:
			markTask(n)
		}
		return ast.WalkContinue, nil
	})
	for _, q := range quotes {
		d.alert(q)
	}
}

func markTask(box *east.TaskCheckBox) {
	item, ok := box.Parent().Parent().(*ast.ListItem)
	if !ok {
		return
	}
	item.SetAttributeString("class", []byte("task-list-item"))
	item.Parent().SetAttributeString("class", []byte("task-list"))
}

// title is the front matter's, else the first heading's of level 1.
func (d *document) title() string {
	if t := frontString(d.front["title"]); t != "" {
		return t
	}
	if d.firstHead != nil {
		return d.plain(d.firstHead)
	}
	return ""
}

// dropTitle takes the first heading of level 1 out of the page if it says the
// title, which the caller shows himself. It returns what it took, or nil.
func (d *document) dropTitle() *ast.Heading {
	h := d.firstHead
	if h == nil || d.plain(h) != d.title() {
		return nil
	}
	d.root.RemoveChild(d.root, h)
	return h
}

// contents lists the headings, all but skip.
func (d *document) contents(skip *ast.Heading) []Heading {
	var all []Heading
	for _, h := range d.headings {
		if h != skip {
			all = append(all, Heading{Level: h.Level, Text: d.plain(h), Anchor: d.anchors[h]})
		}
	}
	return all
}

var alertLine = regexp.MustCompile(`(?i)^[ \t]*\[!(note|tip|important|warning|caution)\][ \t]*\r?\n?$`)

// alertNode is a quote whose first line is [!NOTE] or one of its four siblings.
type alertNode struct {
	ast.BaseBlock
	kind string // lower case
}

var kindAlert = ast.NewNodeKind("Alert")

func (n *alertNode) Kind() ast.NodeKind            { return kindAlert }
func (n *alertNode) Dump(source []byte, level int) { ast.DumpHelper(n, source, level, nil, nil) }
func (n *alertNode) title() string                 { return strings.ToUpper(n.kind[:1]) + n.kind[1:] }

// alert replaces a quote by an alert if it is one. A marker with nothing below
// it is an ordinary quote, as on GitHub.
func (d *document) alert(q *ast.Blockquote) {
	p, ok := q.FirstChild().(*ast.Paragraph)
	if !ok || p.Lines().Len() == 0 {
		return
	}
	line := p.Lines().At(0)
	m := alertLine.FindSubmatch(line.Value(d.body))
	if m == nil || p.Lines().Len() == 1 && q.ChildCount() == 1 {
		return
	}
	for c := p.FirstChild(); c != nil; {
		t, ok := c.(*ast.Text)
		if !ok || t.Segment.Start >= line.Stop {
			break
		}
		next := c.NextSibling()
		p.RemoveChild(p, c)
		c = next
	}
	if !p.HasChildren() {
		q.RemoveChild(q, p)
	}
	a := &alertNode{kind: strings.ToLower(string(m[1]))}
	for c := q.FirstChild(); c != nil; c = q.FirstChild() {
		a.AppendChild(a, c)
	}
	q.Parent().ReplaceChild(q.Parent(), q, a)
}
