package markdown

import (
	"bytes"
	"slices"

	"github.com/yuin/goldmark/ast"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// Some constructs cost goldmark quadratic time, so that a page of a few hundred
// kilobytes made for the purpose would keep a core busy for minutes. Beyond
// these limits, which no page written for readers comes near, a construct is
// ordinary text.
const (
	maxNesting    = 100  // quotes, lists, their items, definitions, footnotes within each other
	maxFootnotes  = 1000 // of a page
	maxNoteRefs   = 5000 // references to footnotes, of a page
	maxDelimiters = 1000 // *, _, ~~ and == runs of one paragraph, cell or heading
	maxTarget     = 4096 // bytes of a link's destination in the text
	maxReferences = 5000 // lines of a paragraph that may begin with link definitions
)

// shallow is a parser of blocks that may hold blocks, up to maxNesting.
type shallow struct{ parser.BlockParser }

func (p shallow) Open(parent ast.Node, reader text.Reader, pc parser.Context) (ast.Node, parser.State) {
	depth := 0
	for n := parent; n != nil; n = n.Parent() {
		if depth++; depth > maxNesting {
			return nil, parser.NoChildren
		}
	}
	return p.BlockParser.Open(parent, reader, pc)
}

// blockParsers are goldmark's own, the nesting ones made shallow.
func blockParsers() []util.PrioritizedValue {
	nesting := []any{parser.NewListParser(), parser.NewBlockquoteParser()}
	all := parser.DefaultBlockParsers()
	for i, p := range all {
		if slices.Contains(nesting, p.Value) {
			all[i].Value = shallow{p.Value.(parser.BlockParser)}
		}
	}
	return all
}

var footnotesKey = parser.NewContextKey()

// fewFootnotes opens at most maxFootnotes footnotes on a page.
type fewFootnotes struct{ parser.BlockParser }

func (p fewFootnotes) Open(parent ast.Node, reader text.Reader, pc parser.Context) (ast.Node, parser.State) {
	count, _ := pc.Get(footnotesKey).(int)
	if count >= maxFootnotes {
		return nil, parser.NoChildren
	}
	n, state := p.BlockParser.Open(parent, reader, pc)
	if n != nil {
		pc.Set(footnotesKey, count+1)
	}
	return n, state
}

var noteRefsKey = parser.NewContextKey()

// fewNoteRefs makes at most maxNoteRefs references to footnotes: each is looked
// for among all footnotes.
type fewNoteRefs struct{ parser.InlineParser }

func (p fewNoteRefs) Parse(parent ast.Node, block text.Reader, pc parser.Context) ast.Node {
	if line, _ := block.PeekLine(); !bytes.Contains(line[:min(len(line), 3)], []byte("[^")) {
		return nil
	}
	tried, _ := pc.Get(noteRefsKey).(int)
	if tried >= maxNoteRefs {
		return nil
	}
	pc.Set(noteRefsKey, tried+1)
	return p.InlineParser.Parse(parent, block, pc)
}

var delimitersKey = parser.NewContextKey()

type delimiterCount struct {
	parent ast.Node
	n      int
}

// fewDelimiters is a parser of delimiter runs that stops at maxDelimiters.
type fewDelimiters struct{ parser.InlineParser }

func (p fewDelimiters) Parse(parent ast.Node, block text.Reader, pc parser.Context) ast.Node {
	count, _ := pc.Get(delimitersKey).(*delimiterCount)
	if count == nil {
		count = &delimiterCount{}
		pc.Set(delimitersKey, count)
	}
	if count.parent != parent {
		*count = delimiterCount{parent: parent}
	}
	if count.n >= maxDelimiters {
		return nil
	}
	n := p.InlineParser.Parse(parent, block, pc)
	if n != nil {
		count.n++
	}
	return n
}

// runaway reports that the destination of a link that would begin at line, with
// "](", does not end within maxTarget. Goldmark would search to the end of the
// line each time.
func runaway(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte("]("))
	if !ok || len(rest) <= maxTarget && !bytes.HasPrefix(rest, []byte("<")) {
		return false
	}
	rest = bytes.TrimLeft(rest[:min(len(rest), maxTarget)], " \t")
	if bytes.HasPrefix(rest, []byte("<")) {
		return bytes.IndexByte(rest, '>') < 0
	}
	open := 0
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '\\':
			i++
		case c == '(':
			open++
		case c == ')':
			if open--; open < 0 {
				return false
			}
		case util.IsSpace(c):
			return false
		}
	}
	return true
}

// unescapePipes makes "\|" a "|" in the code of table cells. Goldmark does it in
// time quadratic to their number, so [maskPipes] hides them from it.
func (d *document) unescapePipes(cell *east.TableCell) {
	_ = ast.Walk(cell, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering || n.Kind() != ast.KindCodeSpan {
			return ast.WalkContinue, nil
		}
		for c := n.FirstChild(); c != nil; c = c.NextSibling() {
			t, ok := c.(*ast.Text)
			if !ok {
				continue
			}
			at := bytes.Index(t.Segment.Value(d.body), []byte(`\|`))
			if at < 0 {
				continue
			}
			at += t.Segment.Start
			rest := ast.NewRawTextSegment(t.Segment.WithStart(at + 1))
			t.Segment = t.Segment.WithStop(at)
			n.InsertAfter(n, t, rest)
			if rest.Segment.Len() == 0 {
				break
			}
		}
		return ast.WalkSkipChildren, nil
	})
}

const maxCells = 200_000 // of all tables of a page, those included that a short row leaves out

var cellsKey = parser.NewContextKey()

// fewCells makes tables until the page has maxCells cells. A wide head over
// many empty rows is short to write and makes their product in cells.
type fewCells struct{ parser.ParagraphTransformer }

func (p fewCells) Transform(node *ast.Paragraph, reader text.Reader, pc parser.Context) {
	lines := node.Lines()
	cells := 0
	for i := 1; i < lines.Len(); i++ {
		seg := lines.At(i)
		line := seg.Value(reader.Source())
		if len(bytes.Trim(line, "|:- \t\r\n")) == 0 && bytes.IndexByte(line, '-') >= 0 {
			cells += (bytes.Count(line, []byte("|")) + 1) * (lines.Len() - i)
		}
	}
	if cells == 0 {
		return
	}
	used, _ := pc.Get(cellsKey).(int)
	if used+cells > maxCells {
		return
	}
	pc.Set(cellsKey, used+cells)
	p.ParagraphTransformer.Transform(node, reader, pc)
}

const maxBracketSteps = 50_000_000 // lines of a paragraph times its brackets

var bracketsKey = parser.NewContextKey()

type bracketWork struct {
	parent ast.Node
	steps  int
}

// tired reports that a paragraph has had brackets enough: for each of them
// goldmark looks through the paragraph's lines.
func tired(parent ast.Node, pc parser.Context) bool {
	work, _ := pc.Get(bracketsKey).(*bracketWork)
	if work == nil {
		work = &bracketWork{}
		pc.Set(bracketsKey, work)
	}
	if work.parent != parent {
		*work = bracketWork{parent: parent}
	}
	if parent.Type() == ast.TypeBlock {
		work.steps += parent.Lines().Len()
	}
	return work.steps > maxBracketSteps
}

// fewReferences looks for link definitions in paragraphs of up to maxReferences
// lines.
type fewReferences struct{ parser.ParagraphTransformer }

func (p fewReferences) Transform(node *ast.Paragraph, reader text.Reader, pc parser.Context) {
	if node.Lines().Len() <= maxReferences {
		p.ParagraphTransformer.Transform(node, reader, pc)
	}
}

// minExpansion is what the references of any page may expand to, in bytes.
const minExpansion = 100_000

// fewExpansions is a context that stops resolving references to link definitions
// once the destinations and titles put in for them are longer than the page
// itself. One definition of 50 kB, referred to by a page full of "[a]", would
// make gigabytes. (The reference implementation of CommonMark does the same.)
type fewExpansions struct {
	parser.Context
	left int
}

func newContext(size int) parser.Context {
	return &fewExpansions{parser.NewContext(), max(size, minExpansion)}
}

func (c *fewExpansions) Reference(label string) (parser.Reference, bool) {
	ref, ok := c.Context.Reference(label)
	if !ok {
		return nil, false
	}
	size := len(ref.Destination()) + len(ref.Title())
	if size > c.left {
		return nil, false
	}
	c.left -= size
	return ref, true
}
