package markdown

import (
	"bytes"

	"github.com/yuin/goldmark/ast"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/renderer"
	gmhtml "github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/util"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Rendering has two steps. prepare walks the tree with all that is known of the
// page's surroundings and notes the outcome at the nodes: hrefs, classes, ids,
// highlighted code. writer then writes nodes and knows nothing but them, so one
// writer serves all pages.

// surroundings answers questions about link targets, each target once.
type surroundings struct {
	path   string
	exists func(string) bool
	known  map[string]bool
}

func (s *surroundings) has(target string) bool {
	if s.exists == nil {
		return true
	}
	known, asked := s.known[target]
	if !asked {
		known = s.exists(target)
		s.known[target] = known
	}
	return known
}

// settle picks the reading of a link that exists. Both are always asked for, so
// that the questions depend on the text alone.
func (s *surroundings) settle(ref reference) (target string, exists bool) {
	if ref.alt == "" || s.exists == nil {
		return ref.target, s.has(ref.target)
	}
	first, second := ref.attachment(s.path)
	hasFirst, hasSecond := s.has(first), s.has(second)
	switch {
	case hasFirst:
		return first, true
	case hasSecond:
		return second, true
	}
	return ref.target, false
}

// render writes the page's HTML. Raw HTML that is nested too deeply to be
// balanced is shown as text instead.
func (d *document) render(o Options) (string, error) {
	t := theDialect()
	d.prepare(&surroundings{path: o.Path, exists: o.Exists, known: map[string]bool{}}, t.seal)
	var b bytes.Buffer
	if err := t.md.Renderer().Render(&b, d.body, d.root); err != nil {
		return "", err
	}
	out, err := t.sanitise(b.Bytes(), d.rawHTML)
	if err == nil || !d.rawHTML {
		return out, err
	}
	return t.sanitise([]byte("<pre>"+html.EscapeString(string(d.body))+"</pre>"), false)
}

func (d *document) prepare(s *surroundings, seal string) {
	var fences []ast.Node
	_ = ast.Walk(d.root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Link, *wikiLinkNode:
			d.prepareLink(n, s)
		case *ast.Image:
			d.prepareImage(n, s)
		case *ast.AutoLink:
			setAutoLink(n, d.body)
		case *ast.Heading:
			n.SetAttributeString("id", []byte(seal+d.anchors[n]))
		case *ast.FencedCodeBlock:
			fences = append(fences, n)
		}
		return ast.WalkContinue, nil
	})
	var h highlighter
	for _, n := range fences {
		f := n.(*ast.FencedCodeBlock)
		info := ""
		if f.Info != nil {
			info = string(f.Info.Segment.Value(d.body))
		}
		c := &codeNode{lang: language(info)}
		c.html = h.highlight(c.lang, string(f.Lines().Value(d.body)))
		f.Parent().ReplaceChild(f.Parent(), f, c)
	}
}

func (d *document) prepareLink(n ast.Node, s *surroundings) {
	ref, _ := d.reference(s.path, n)
	set := func(name, value string) { n.SetAttributeString(name, []byte(value)) }
	suffix := encodeSuffix(ref.suffix)
	if w, ok := n.(*wikiLinkNode); ok && w.anchor != "" {
		suffix = "#" + encodePath(slug(w.anchor), "", false)
	}
	switch ref.reach {
	case nowhere:
		return
	case external:
		set("href", encodeSuffix(ref.raw))
		set("rel", "nofollow noopener")
	case local:
		set("href", encodePath(percentDecode(ref.path), "", false)+suffix)
	case inWiki:
		target, exists := s.settle(ref)
		set("href", href(target)+suffix)
		if !exists {
			set("class", "missing")
		}
	}
	if l, ok := n.(*ast.Link); ok && len(l.Title) > 0 {
		set("title", string(unescapeText(unmask(l.Title))))
	}
}

func (d *document) prepareImage(n *ast.Image, s *surroundings) {
	ref, _ := d.reference(s.path, n)
	set := func(name, value string) { n.SetAttributeString(name, []byte(value)) }
	switch ref.reach {
	case external:
		set("src", encodeSuffix(ref.raw))
	case local:
		set("src", encodePath(percentDecode(ref.path), "", false)+encodeSuffix(ref.suffix))
	case inWiki:
		target := ref.target
		if ref.alt != "" {
			target, _ = s.settle(ref)
		}
		set("src", href(target)+encodeSuffix(ref.suffix))
	}
	set("alt", d.plain(n))
	if len(n.Title) > 0 {
		set("title", string(unescapeText(unmask(n.Title))))
	}
	set("loading", "lazy")
}

func setAutoLink(n *ast.AutoLink, body []byte) {
	url := string(n.URL(body))
	if n.AutoLinkType == ast.AutoLinkEmail {
		url = "mailto:" + string(n.Label(body))
	}
	if ref := resolve("", url); ref.reach == external {
		n.SetAttributeString("href", []byte(encodeSuffix(url)))
		n.SetAttributeString("rel", []byte("nofollow noopener"))
	}
}

// asked lists the targets that prepare asks about, in page order.
func (d *document) asked(path string) []string {
	var all []string
	seen := map[string]bool{}
	add := func(target string) {
		if !seen[target] {
			seen[target] = true
			all = append(all, target)
		}
	}
	_ = ast.Walk(d.root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		ref, ok := d.reference(path, n)
		_, image := n.(*ast.Image)
		if !ok || ref.reach != inWiki || image && ref.alt == "" {
			return ast.WalkContinue, nil
		}
		add(ref.target)
		if ref.alt != "" {
			add(ref.alt)
		}
		return ast.WalkContinue, nil
	})
	return all
}

// writer writes the nodes that are ours, and those of goldmark's that need our
// attributes.
type writer struct{ seal string }

func (r *writer) RegisterFuncs(reg renderer.NodeRendererFuncRegisterer) {
	reg.Register(ast.KindLink, r.link)
	reg.Register(kindWikiLink, r.wikiLink)
	reg.Register(ast.KindAutoLink, r.autoLink)
	reg.Register(ast.KindImage, r.image)
	reg.Register(ast.KindHeading, r.heading)
	reg.Register(ast.KindRawHTML, r.rawHTML)
	reg.Register(ast.KindHTMLBlock, r.htmlBlock)
	reg.Register(ast.KindCodeBlock, r.indentedCode)
	reg.Register(kindCode, r.code)
	reg.Register(kindAlert, r.alert)
	reg.Register(kindMark, r.mark)
	reg.Register(east.KindTaskCheckBox, r.task)
}

func writeTag(w util.BufWriter, tag string, n ast.Node) {
	_ = w.WriteByte('<')
	_, _ = w.WriteString(tag)
	for _, a := range n.Attributes() {
		_ = w.WriteByte(' ')
		_, _ = w.Write(a.Name)
		_, _ = w.WriteString(`="`)
		_, _ = w.Write(util.EscapeHTML(a.Value.([]byte)))
		_ = w.WriteByte('"')
	}
	_ = w.WriteByte('>')
}

func (r *writer) link(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if _, ok := n.AttributeString("href"); !ok {
		return ast.WalkContinue, nil
	}
	if entering {
		writeTag(w, "a", n)
	} else {
		_, _ = w.WriteString("</a>")
	}
	return ast.WalkContinue, nil
}

func (r *writer) wikiLink(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		writeTag(w, "a", n)
		label := n.(*wikiLinkNode).label
		_, _ = w.Write(util.EscapeHTML(source[label.start:label.stop]))
		_, _ = w.WriteString("</a>")
	}
	return ast.WalkSkipChildren, nil
}

func (r *writer) autoLink(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	_, ok := n.AttributeString("href")
	if ok {
		writeTag(w, "a", n)
	}
	_, _ = w.Write(util.EscapeHTML(n.(*ast.AutoLink).Label(source)))
	if ok {
		_, _ = w.WriteString("</a>")
	}
	return ast.WalkContinue, nil
}

func (r *writer) image(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		if _, ok := n.AttributeString("src"); ok {
			writeTag(w, "img", n)
		} else if alt, ok := n.AttributeString("alt"); ok {
			_, _ = w.Write(util.EscapeHTML(alt.([]byte)))
		}
	}
	return ast.WalkSkipChildren, nil
}

func (r *writer) heading(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	tag := "h" + string("0123456"[n.(*ast.Heading).Level])
	if entering {
		writeTag(w, tag, n)
		return ast.WalkContinue, nil
	}
	// The mark that copies the link is not read out: the heading is the text.
	id, _ := n.AttributeString("id")
	_, _ = w.WriteString(` <a class="anchor" href="#`)
	_, _ = w.WriteString(encodePath(string(bytes.TrimPrefix(id.([]byte), []byte(r.seal))), "", false))
	_, _ = w.WriteString(`" aria-hidden="true" tabindex="-1">#</a></` + tag + ">\n")
	return ast.WalkContinue, nil
}

func (r *writer) alert(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if a := n.(*alertNode); entering {
		_, _ = w.WriteString(`<div class="alert alert-` + a.kind + `">` + "\n" + `<p class="alert-title">` + a.title() + "</p>\n")
	} else {
		_, _ = w.WriteString("</div>\n")
	}
	return ast.WalkContinue, nil
}

func (r *writer) mark(w util.BufWriter, _ []byte, _ ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		_, _ = w.WriteString("<mark>")
	} else {
		_, _ = w.WriteString("</mark>")
	}
	return ast.WalkContinue, nil
}

func (r *writer) task(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		state := "open"
		if n.(*east.TaskCheckBox).IsChecked {
			state = "done"
		}
		_, _ = w.WriteString(`<span class="` + r.seal + state + `"></span> `)
	}
	return ast.WalkContinue, nil
}

func (r *writer) rawHTML(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		var raw []byte
		segs := n.(*ast.RawHTML).Segments
		for i := range segs.Len() {
			seg := segs.At(i)
			raw = append(raw, seg.Value(source)...)
		}
		writeRaw(w, raw)
	}
	return ast.WalkSkipChildren, nil
}

func (r *writer) htmlBlock(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		b := n.(*ast.HTMLBlock)
		raw := b.Lines().Value(source)
		if b.HasClosure() {
			raw = append(bytes.Clone(raw), b.ClosureLine.Value(source)...)
		}
		writeRaw(w, raw)
	}
	return ast.WalkContinue, nil
}

// writeRaw lets raw HTML through to the sanitiser, except for tags that HTML
// does not know: "Vec<String>" outside of code is meant as text, and would lose
// its parameter.
func writeRaw(w util.BufWriter, raw []byte) {
	z := html.NewTokenizer(bytes.NewReader(raw))
	for {
		t := z.Next()
		if t == html.ErrorToken {
			_, _ = w.Write(z.Raw())
			return
		}
		tok := bytes.Clone(z.Raw())
		if t == html.StartTagToken || t == html.EndTagToken || t == html.SelfClosingTagToken {
			if name, _ := z.TagName(); atom.Lookup(name) == 0 {
				tok = util.EscapeHTML(tok)
			}
		}
		_, _ = w.Write(tok)
	}
}

func (r *writer) indentedCode(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		_, _ = w.WriteString(`<pre tabindex="0"><code>`)
		gmhtml.DefaultWriter.RawWrite(w, n.Lines().Value(source))
		_, _ = w.WriteString("</code></pre>\n")
	}
	return ast.WalkSkipChildren, nil
}

func (r *writer) code(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if c := n.(*codeNode); entering {
		_, _ = w.WriteString(`<pre class="chroma" tabindex="0"><code`)
		if c.lang != "" {
			_, _ = w.WriteString(` class="language-` + c.lang + `"`)
		}
		_ = w.WriteByte('>')
		_, _ = w.Write(c.html)
		_, _ = w.WriteString("</code></pre>\n")
	}
	return ast.WalkSkipChildren, nil
}
