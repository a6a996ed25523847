package markdown

import (
	"bytes"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// span is a half-open range of bytes in the body.
type span struct{ start, stop int }

// wikiLinkNode is [[Page]], [[Title|Page]], [[Page#Anchor]] or [[#here]].
type wikiLinkNode struct {
	ast.BaseInline
	label  span   // the title as typed, else all that stands between the brackets
	target span   // the page, without the anchor
	dest   string // the page as typed
	anchor string // as typed, without "#"
}

var kindWikiLink = ast.NewNodeKind("WikiLink")

func (n *wikiLinkNode) Kind() ast.NodeKind            { return kindWikiLink }
func (n *wikiLinkNode) Dump(source []byte, level int) { ast.DumpHelper(n, source, level, nil, nil) }

// pipeMask stands for the pipe of a WikiLink while a page is parsed, so that the
// table parser does not split the cell there. It is one byte wide, and no
// character that anybody types.
const pipeMask = 0x1f

// wikiLink is the reading of one WikiLink; spans count from its first bracket.
type wikiLink struct {
	len           int
	label, target span
	anchor        span
}

// readWikiLink reads the WikiLink at the beginning of line. One that is followed
// by "(" is the text of a Markdown link, as in [[1]](http://example.org).
func readWikiLink(line []byte) (w wikiLink, ok bool) {
	if len(line) < 5 || line[0] != '[' || line[1] != '[' {
		return w, false
	}
	end := 2
	for end < len(line) && line[end] != ']' {
		if c := line[end]; c == '[' || c < ' ' && c != pipeMask && c != '\t' {
			return w, false
		}
		end++
	}
	if end+1 >= len(line) || line[end+1] != ']' || end+2 < len(line) && line[end+2] == '(' {
		return w, false
	}
	w.len = end + 2
	w.label = trimSpan(line, span{2, end})
	w.target = w.label
	if at := bytes.IndexAny(line[2:end], "|\x1f"); at >= 0 {
		// "\|" is how a table cell asks for a pipe elsewhere: it separates as well.
		title := span{2, 2 + at}
		if at > 0 && line[1+at] == '\\' {
			title.stop--
		}
		w.label = trimSpan(line, title)
		w.target = trimSpan(line, span{3 + at, end})
	}
	if at := bytes.IndexByte(line[w.target.start:w.target.stop], '#'); at >= 0 {
		w.anchor = span{w.target.start + at + 1, w.target.stop}
		w.target = trimSpan(line, span{w.target.start, w.target.start + at})
	}
	empty := w.target.start == w.target.stop && len(bytes.TrimSpace(line[w.anchor.start:w.anchor.stop])) == 0
	return w, !empty && w.label.start < w.label.stop
}

func trimSpan(b []byte, s span) span {
	for s.start < s.stop && (b[s.start] == ' ' || b[s.start] == '\t') {
		s.start++
	}
	for s.stop > s.start && (b[s.stop-1] == ' ' || b[s.stop-1] == '\t') {
		s.stop--
	}
	return s
}

// maxWikiLink bounds the search for the closing brackets, in bytes, so that a
// line of opening brackets costs no quadratic time.
const maxWikiLink = 2048

// maskPipes replaces by [pipeMask] the pipes that the table parser must not see:
// the separating one of each WikiLink, and, for the sake of [unescapePipes], the
// escaped ones of lines with code. Code outside of tables is masked too, which
// does no harm: rendering reads the unmasked bytes.
func maskPipes(body []byte) []byte {
	if bytes.IndexByte(body, '|') < 0 {
		return body
	}
	masked := bytes.Clone(body)
	for at := 0; at < len(body); {
		line := body[at:]
		if end := bytes.IndexByte(line, '\n'); end >= 0 {
			line = line[:end+1]
		}
		if bytes.IndexByte(line, '|') >= 0 {
			maskLine(masked[at:at+len(line)], line)
		}
		at += len(line)
	}
	return masked
}

func maskLine(masked, line []byte) {
	code := bytes.IndexByte(line, '`') >= 0
	for i := 0; i < len(line); i++ {
		switch {
		case code && line[i] == '|' && i > 0 && line[i-1] == '\\':
			masked[i] = pipeMask
		case line[i] == '[':
			w, ok := readWikiLink(line[i:min(len(line), i+maxWikiLink)])
			if !ok {
				continue
			}
			if pipe := bytes.IndexByte(line[i:i+w.len], '|'); pipe >= 0 {
				masked[i+pipe] = pipeMask
			}
			i += w.len - 1
		}
	}
}

func unmask(b []byte) []byte { return bytes.ReplaceAll(b, []byte{pipeMask}, []byte{'|'}) }

type wikiLinkParser struct{}

func (wikiLinkParser) Trigger() []byte { return []byte{'['} }

func (wikiLinkParser) Parse(_ ast.Node, block text.Reader, pc parser.Context) ast.Node {
	line, seg := block.PeekLine()
	line = line[:min(len(line), maxWikiLink)]
	w, ok := readWikiLink(line)
	if !ok {
		return nil
	}
	// [[x]] where [x] is defined as a reference is that link in brackets.
	if _, defined := pc.Reference(util.ToLinkReference(line[2 : w.len-2])); defined {
		return nil
	}
	at := func(s span) span { return span{seg.Start + s.start, seg.Start + s.stop} }
	n := &wikiLinkNode{
		label:  at(w.label),
		target: at(w.target),
		dest:   string(unmask(line[w.target.start:w.target.stop])),
		anchor: string(bytes.TrimSpace(unmask(line[w.anchor.start:w.anchor.stop]))),
	}
	block.Advance(w.len)
	return n
}
