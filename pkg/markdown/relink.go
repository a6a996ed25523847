package markdown

import (
	"bytes"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"

	"wikibot.io/pkg/pagepath"
)

// Relink rewrites, in the text of the page at path (after a rename, its new
// path is given as newPath, which is equal to path otherwise), every WikiLink
// and Markdown link, image or link definition that points to the page oldTarget,
// or to a file directly in its attachment folder, so that it points to newTarget.
// When the page itself moves, its relative links are rewritten as well as far as
// needed to point where they pointed. Sub-pages of oldTarget do not move with
// it. Everything else stays byte for byte. It reports whether anything changed.
func Relink(src []byte, path, newPath, oldTarget, newTarget string) ([]byte, bool) {
	d := parse(src, true)
	r := &relinker{
		doc: d, path: path, newPath: newPath,
		old: pagepath.Clean(oldTarget), new: pagepath.Clean(newTarget),
	}
	r.oldKey = pagepath.Key(r.old)
	_ = ast.Walk(d.root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			r.visit(n)
		}
		return ast.WalkContinue, nil
	})
	if len(r.edits) == 0 {
		return src, false
	}
	slices.SortFunc(r.edits, func(a, b edit) int { return a.start - b.start })
	var out bytes.Buffer
	out.Grow(len(src) + 64*len(r.edits))
	out.Write(src[:d.start])
	at := 0
	for _, e := range r.edits {
		out.Write(d.body[at:e.start])
		out.WriteString(e.text)
		at = e.stop
	}
	out.Write(d.body[at:])
	return out.Bytes(), true
}

type edit struct {
	span
	text string
}

type relinker struct {
	doc              *document
	path, newPath    string
	old, new, oldKey string
	edits            []edit
}

func (r *relinker) visit(n ast.Node) {
	switch n := n.(type) {
	case *wikiLinkNode:
		r.wikiLink(n)
	case *ast.Link, *ast.Image:
		if s, ok := r.doc.spans[n]; ok {
			r.destination(s)
		}
	case *ast.LinkReferenceDefinition:
		if s, ok := definitionSpan(r.doc.body, n); ok {
			r.destination(s)
		}
	}
}

// moved says where a target lies after the rename.
func (r *relinker) moved(target string, file bool) string {
	if pagepath.Key(target) == r.oldKey {
		return r.new
	}
	if cut := strings.LastIndexByte(target, '/'); file && cut > 0 && pagepath.Key(target[:cut]) == r.oldKey {
		return r.new + target[cut:]
	}
	return target
}

func (r *relinker) wikiLink(n *wikiLinkNode) {
	ref := resolveWiki(n.dest)
	if ref.reach != inWiki {
		return
	}
	to := r.moved(ref.target, false)
	if to == ref.target {
		return
	}
	if strings.HasPrefix(n.dest, "/") {
		to = "/" + to
	}
	if hasExt(n.dest) {
		to += n.dest[len(n.dest)-len(pagepath.Ext):]
	}
	r.edits = append(r.edits, edit{n.target, to})
}

// destination rewrites the destination of a Markdown link if need be.
func (r *relinker) destination(s span) {
	raw := r.doc.body[s.start:s.stop]
	ref := resolve(r.path, unescapeDest(raw))
	if ref.reach != inWiki {
		return
	}
	to := r.moved(ref.target, ref.file)
	absolute := strings.HasPrefix(ref.path, "/")
	if to == ref.target && (absolute || resolve(r.newPath, ref.raw).target == to) {
		return
	}
	dest := to
	if hasExt(percentDecode(ref.path)) {
		dest += ref.path[len(ref.path)-len(pagepath.Ext):]
	}
	switch {
	case absolute:
		dest = "/" + dest
	case strings.HasPrefix(ref.path, "./"):
		dest = r.dotted(ref, to, dest)
	default:
		dest = relative(path.Dir("/"+r.newPath), dest)
	}
	if strings.HasSuffix(ref.path, "/") {
		dest += "/"
	}
	if out := spell(dest, raw, ref, s.start > 0 && r.doc.body[s.start-1] == '<'); out != string(raw) {
		r.edits = append(r.edits, edit{s, out})
	}
}

// dotted spells a target that was written "./x", in the reading it had.
func (r *relinker) dotted(ref reference, to, dest string) string {
	attached := strings.HasPrefix(pagepath.Key(ref.target), pagepath.Key(wikiPath(r.path))+"/") && ref.alt != "" &&
		strings.HasPrefix(pagepath.Key(to), pagepath.Key(wikiPath(r.newPath))+"/")
	if attached {
		return "./" + dest[len(wikiPath(r.newPath))+1:]
	}
	dest = relative(path.Dir("/"+r.newPath), dest)
	if strings.HasPrefix(dest, "../") {
		return dest
	}
	if again := resolve(r.newPath, "./"+encodePath(dest, "", false)); again.target != to {
		return dest // "./" would be read as the attachment folder
	}
	return "./" + dest
}

// relative is the path from folder (absolute) to target (from the root).
func relative(folder, target string) string {
	from := strings.Split(strings.Trim(folder, "/"), "/")
	if from[0] == "" {
		from = nil
	}
	to := strings.Split(target, "/")
	for len(from) > 0 && len(to) > 1 && from[0] == to[0] {
		from, to = from[1:], to[1:]
	}
	return strings.Repeat("../", len(from)) + strings.Join(to, "/")
}

// spell writes a decoded destination in the manner of the one it replaces, with
// that one's query and fragment.
func spell(dest string, raw []byte, ref reference, angle bool) string {
	encoded := strings.Contains(ref.path, "%") && percentDecode(ref.path) != ref.path
	foreign := func(r rune) bool { return r >= utf8.RuneSelf }
	plain := !encoded || strings.ContainsFunc(ref.path, foreign)
	var out string
	if spaces := angle && !encoded; spaces {
		parts := strings.Split(dest, " ")
		for i, p := range parts {
			parts[i] = encodePath(p, "<>\\&", true)
		}
		out = strings.Join(parts, " ")
	} else {
		out = encodePath(dest, "()<>\\&", plain)
	}
	if first, _, _ := strings.Cut(out, "/"); strings.Contains(first, ":") {
		out = "./" + out // or the colon would end a scheme
	}
	if !bytes.HasSuffix(raw, []byte(ref.suffix)) {
		return out + encodeSuffix(ref.suffix) // it was written with escapes
	}
	return out + ref.suffix
}

// definitionSpan finds the destination of "[label]: destination".
func definitionSpan(body []byte, n *ast.LinkReferenceDefinition) (span, bool) {
	block := text.NewBlockReader(body, n.Lines())
	block.SkipSpaces()
	if block.Peek() != '[' {
		return span{}, false
	}
	block.Advance(1)
	if _, ok := block.FindClosure('[', ']', text.FindClosureOptions{Newline: true, Advance: true}); !ok || block.Peek() != ':' {
		return span{}, false
	}
	block.Advance(1)
	block.SkipSpaces()
	return destination(block), true
}
