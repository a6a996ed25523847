package markdown

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	emojiast "github.com/yuin/goldmark-emoji/ast"
	"github.com/yuin/goldmark/ast"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/util"
	"golang.org/x/net/html"
)

// plain is a node's text without markup, on one line.
func (d *document) plain(n ast.Node) string {
	var b strings.Builder
	d.writePlain(&b, n)
	return strings.Join(strings.Fields(b.String()), " ")
}

// writePlain writes the text of the inline nodes below n.
func (d *document) writePlain(b *strings.Builder, n ast.Node) {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		switch c := c.(type) {
		case *ast.Text:
			v := c.Segment.Value(d.body)
			if !c.IsRaw() && n.Kind() != ast.KindCodeSpan {
				v = unescapeText(v)
			}
			b.Write(v)
			if c.SoftLineBreak() || c.HardLineBreak() {
				b.WriteByte(' ')
			}
		case *ast.String:
			b.Write(c.Value)
		case *ast.AutoLink:
			b.Write(c.Label(d.body))
		case *wikiLinkNode:
			b.Write(d.body[c.label.start:c.label.stop])
		case *emojiast.Emoji:
			b.WriteString(string(c.Value.Unicode))
		case *ast.RawHTML, *east.FootnoteLink, *east.FootnoteBacklink, *east.TaskCheckBox:
		default:
			d.writePlain(b, c)
		}
	}
}

// unescapeText undoes backslash escapes and entities.
func unescapeText(v []byte) []byte {
	if bytes.IndexByte(v, '\\') < 0 && bytes.IndexByte(v, '&') < 0 {
		return v
	}
	return util.ResolveEntityNames(util.ResolveNumericReferences(util.UnescapePunctuations(v)))
}

// text is the page as search sees it: one block a line, a table row being one.
func (d *document) text() string {
	var b strings.Builder
	b.Grow(len(d.body))
	line := func(s string) {
		at := b.Len()
		for word := range strings.FieldsSeq(s) {
			if b.Len() > at {
				b.WriteByte(' ')
			}
			b.WriteString(word)
		}
		if b.Len() > at {
			b.WriteByte('\n')
		}
	}
	_ = ast.Walk(d.root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.LinkReferenceDefinition:
			return ast.WalkSkipChildren, nil
		case *ast.CodeBlock, *ast.FencedCodeBlock:
			line(string(n.Lines().Value(d.body)))
			return ast.WalkSkipChildren, nil
		case *ast.HTMLBlock:
			line(htmlText(d.rawBlock(n)))
			return ast.WalkSkipChildren, nil
		case *east.TableHeader, *east.TableRow:
			var row strings.Builder
			for c := n.FirstChild(); c != nil; c = c.NextSibling() {
				d.writePlain(&row, c)
				row.WriteByte(' ')
			}
			line(row.String())
			return ast.WalkSkipChildren, nil
		}
		if n.Type() == ast.TypeBlock && n.FirstChild() != nil && n.FirstChild().Type() == ast.TypeInline {
			var s strings.Builder
			d.writePlain(&s, n)
			line(s.String())
			return ast.WalkSkipChildren, nil
		}
		return ast.WalkContinue, nil
	})
	return strings.TrimSuffix(b.String(), "\n")
}

func (d *document) rawBlock(n *ast.HTMLBlock) []byte {
	raw := n.Lines().Value(d.body)
	if n.HasClosure() {
		raw = append(bytes.Clone(raw), n.ClosureLine.Value(d.body)...)
	}
	return raw
}

// htmlText is the text between the tags of a fragment; scripts and styles are
// no text.
func htmlText(raw []byte) string {
	var b strings.Builder
	z := html.NewTokenizer(bytes.NewReader(raw))
	hidden := false
	for {
		switch z.Next() {
		case html.ErrorToken:
			return b.String()
		case html.TextToken:
			if !hidden {
				b.Write(z.Text())
			}
		case html.StartTagToken:
			name, _ := z.TagName()
			hidden = string(name) == "script" || string(name) == "style"
			b.WriteByte(' ')
		case html.EndTagToken:
			hidden = false
			b.WriteByte(' ')
		}
	}
}

// countWords counts white-space separated words.
func countWords(b []byte) int {
	n, in := 0, false
	for len(b) > 0 {
		r, size := rune(b[0]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(b)
		}
		space := unicode.IsSpace(r)
		if !space && !in {
			n++
		}
		in, b = !space, b[size:]
	}
	return n
}
