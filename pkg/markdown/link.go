package markdown

import (
	"path"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"wikibot.io/pkg/pagepath"
)

// reach says where a link leads.
type reach int

const (
	nowhere  reach = iota // a scheme that is not allowed: no link at all
	external              // http, https, mailto or //host: left as it is
	local                 // a fragment or query of this page, or a screen of the wiki itself
	inWiki                // a page or attachment
)

// reference is a link's destination, understood.
type reference struct {
	reach  reach
	raw    string // the destination, unescaped as Markdown asks
	path   string // raw without suffix, not yet percent-decoded
	suffix string // "?query#fragment", as written
	target string // for inWiki, see Link
	alt    string // for inWiki, see Link
	file   bool   // see Link
	wiki   bool   // from a WikiLink
}

var (
	scheme  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:`)
	fileExt = regexp.MustCompile(`\.[0-9]?[A-Za-z][A-Za-z0-9]{0,9}$`)
)

// unescapeDest undoes backslash escapes and entities of a destination as it
// stands in the text.
func unescapeDest(raw []byte) string {
	v := util.UnescapePunctuations(unmask(raw))
	return string(util.ResolveEntityNames(util.ResolveNumericReferences(v)))
}

// resolve understands the destination of a Markdown link or image on the page
// at from.
func resolve(from, dest string) reference {
	ref := reference{raw: dest}
	switch {
	case !utf8.ValidString(dest) || strings.ContainsFunc(dest, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return ref
	case scheme.MatchString(dest):
		switch s, _, _ := strings.Cut(strings.ToLower(dest), ":"); s {
		case "http", "https", "mailto":
			ref.reach = external
		}
		return ref
	case strings.HasPrefix(dest, "//"):
		ref.reach = external
		return ref
	}
	ref.path, ref.suffix = dest, ""
	if i := strings.IndexAny(dest, "?#"); i >= 0 {
		ref.path, ref.suffix = dest[:i], dest[i:]
	}
	p := percentDecode(ref.path)
	clean := path.Clean("/" + p)
	if p == "" || clean == "/-" || strings.HasPrefix(p, "/") && strings.HasPrefix(clean, "/-/") {
		ref.reach = local
		return ref
	}
	ref.file = isFile(p)
	folder := path.Dir("/" + from)
	rest, dotted := strings.CutPrefix(p, "./")
	switch {
	case strings.HasPrefix(p, "/"):
		ref.target = wikiPath(p)
	case dotted && !hasExt(p):
		// "./x" is a file of the page's own attachment folder to Otterwiki, and a
		// neighbour of the page to everybody else. A single file name is read the
		// first way unless the caller knows better.
		ref.target, ref.alt = wikiPath(path.Join(folder, rest)), wikiPath(path.Join("/"+from, rest))
		if ref.file && !strings.Contains(rest, "/") {
			ref.target, ref.alt = ref.alt, ref.target
		}
	default:
		ref.target = wikiPath(path.Join(folder, p))
	}
	if ref.target == "" { // the root, which is whatever the wiki shows there
		ref.reach, ref.alt = local, ""
		return ref
	}
	ref.reach = inWiki
	return ref
}

// resolveWiki understands the page of a WikiLink, which always counts from the
// root.
func resolveWiki(dest string) reference {
	ref := reference{raw: dest, path: dest, wiki: true, target: wikiPath(dest), reach: inWiki}
	if ref.target == "" || !utf8.ValidString(dest) {
		ref.reach = local
	}
	return ref
}

// attachment returns which of the two readings of "./x" is the one below the
// page's own path, and the other one.
func (r reference) attachment(from string) (inFolder, beside string) {
	if strings.HasPrefix(r.alt, wikiPath(from)+"/") {
		return r.alt, r.target
	}
	return r.target, r.alt
}

func wikiPath(p string) string { return pagepath.Clean(path.Clean("/" + p)) }

// hasExt reports whether p ends in ".md".
func hasExt(p string) bool {
	cut := len(p) - len(pagepath.Ext)
	return cut > 0 && strings.EqualFold(p[cut:], pagepath.Ext)
}

func isFile(p string) bool { return !hasExt(p) && fileExt.MatchString(p) }

// percentDecode decodes what is well formed and leaves the rest, so that a path
// that was never encoded ("100% sure") means itself. What would decode to
// control characters or broken UTF-8 stays encoded.
func percentDecode(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && util.IsHexDecimal(s[i+1]) && util.IsHexDecimal(s[i+2]) {
			b.WriteByte(unhex(s[i+1])<<4 | unhex(s[i+2]))
			i += 2
			continue
		}
		b.WriteByte(s[i])
	}
	out := b.String()
	if !utf8.ValidString(out) || strings.ContainsFunc(out, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return s
	}
	return out
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c >= 'a':
		return c - 'a' + 10
	}
	return c - 'A' + 10
}

const unreserved = "-_.~!$&'()*+,;=:@/" // RFC 3986 pchar, and the slash

// encodePath percent-encodes a decoded path for use in a URL. With also, more
// characters can be asked to be encoded; beyond ASCII is left alone if plain.
func encodePath(p, also string, plain bool) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(p) {
		c := p[i]
		ok := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
			strings.IndexByte(unreserved, c) >= 0 || c >= utf8.RuneSelf && plain
		if ok && strings.IndexByte(also, c) < 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}

// href is the absolute URL path of a target.
func href(target string) string { return "/" + encodePath(target, "", false) }

// encodeSuffix makes a query or fragment fit for an attribute: what is encoded
// stays so.
func encodeSuffix(s string) string { return string(util.URLEscape([]byte(s), false)) }

// reference understands a node if it is a link or image.
func (d *document) reference(from string, n ast.Node) (reference, bool) {
	switch n := n.(type) {
	case *ast.Link:
		return resolve(from, unescapeDest(n.Destination)), true
	case *ast.Image:
		return resolve(from, unescapeDest(n.Destination)), true
	case *wikiLinkNode:
		return resolveWiki(n.dest), true
	}
	return reference{}, false
}

// links lists what points into the wiki, in page order.
func (d *document) links(from string) []Link {
	var all []Link
	_ = ast.Walk(d.root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		if ref, ok := d.reference(from, n); ok && ref.reach == inWiki {
			all = append(all, Link{Target: ref.target, Alt: ref.alt, Wiki: ref.wiki, File: ref.file})
		}
		return ast.WalkContinue, nil
	})
	return all
}

// spansKey finds, in the parser's context, the map in which the linkParser
// notes where destinations stand. Without it nothing is noted.
var spansKey = parser.NewContextKey()

// linkParser is goldmark's own, and notes where the destinations of inline links
// and images stand, without their angle brackets.
type linkParser struct{ next parser.InlineParser }

func (p *linkParser) Trigger() []byte { return p.next.Trigger() }

func (p *linkParser) CloseBlock(parent ast.Node, block text.Reader, pc parser.Context) {
	p.next.(parser.CloseBlocker).CloseBlock(parent, block, pc)
}

func (p *linkParser) Parse(parent ast.Node, block text.Reader, pc parser.Context) ast.Node {
	if line, _ := block.PeekLine(); runaway(line) || tired(parent, pc) {
		return nil
	}
	startLine, start := block.Position()
	n := p.next.Parse(parent, block, pc)
	spans, ok := pc.Get(spansKey).(map[ast.Node]span)
	if !ok || n == nil {
		return n
	}
	var ref *ast.ReferenceLink
	switch n := n.(type) {
	case *ast.Link:
		ref = n.Reference
	case *ast.Image:
		ref = n.Reference
	default:
		return n
	}
	if ref != nil {
		return n // the definition is what has a destination
	}
	endLine, end := block.Position()
	block.SetPosition(startLine, start)
	block.Advance(len("]("))
	block.SkipSpaces()
	spans[n] = destination(block)
	block.SetPosition(endLine, end)
	return n
}

// destination finds the destination at which block stands. That it is well
// formed was checked by who parsed the link.
func destination(block text.Reader) span {
	line, seg := block.PeekLine()
	i, depth := 0, 0
	angle := len(line) > 0 && line[0] == '<'
	if angle {
		i = 1
	}
	begin := i
scan:
	for i < len(line) {
		switch c := line[i]; {
		case c == '\\' && i+1 < len(line) && util.IsPunct(line[i+1]):
			i++
		case angle && c == '>':
			break scan
		case angle:
		case util.IsSpace(c):
			break scan
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth < 0 {
				break scan
			}
		}
		i++
	}
	i = min(i, len(line))
	return span{seg.Start + begin, seg.Start + i}
}
