package markdown

import (
	"sync"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	emoji "github.com/yuin/goldmark-emoji"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/util"
)

// dialect holds what is dear to build and safe to share: the parser, the
// renderer and the sanitiser. One serves all pages and goroutines.
//
// The order of the rooms of a feature is always the same: how it is parsed
// (an inline or block parser, or a step of [document.finish]), how it is
// rendered (a method of writer), what the sanitiser lets through (sanitise.go),
// and what it means as plain text (text.go).
type dialect struct {
	md     goldmark.Markdown
	policy *bluemonday.Policy
	seal   string
}

// theDialect is built at first use: it loads the emoji table and compiles the
// allow-list, which a process that renders nothing should not pay for.
var theDialect = sync.OnceValue(newDialect)

func newDialect() *dialect {
	seal := newSeal()
	links := &linkParser{next: parser.NewLinkParser()}
	md := goldmark.New(
		goldmark.WithParser(parser.NewParser(
			parser.WithBlockParsers(blockParsers()...),
			parser.WithInlineParsers(
				util.Prioritized(parser.NewCodeSpanParser(), 100),
				util.Prioritized(wikiLinkParser{}, 150), // before links: both begin with "["
				util.Prioritized(links, 200),
				util.Prioritized(parser.NewAutoLinkParser(), 300),
				util.Prioritized(parser.NewRawHTMLParser(), 400),
				util.Prioritized(fewDelimiters{parser.NewEmphasisParser()}, 500),
				util.Prioritized(fewDelimiters{extension.NewStrikethroughParser()}, 500),
				util.Prioritized(fewDelimiters{markParser{}}, 500),
			),
			parser.WithParagraphTransformers(util.Prioritized(fewReferences{parser.LinkReferenceParagraphTransformer}, 100)),
		)),
		goldmark.WithExtensions(
			extension.TaskList,
			extension.NewLinkify(extension.WithLinkifyAllowedProtocols([]string{"http:", "https:"})),
			emoji.New(emoji.WithRenderingMethod(emoji.Unicode)),
		),
		goldmark.WithParserOptions(
			// The parts of the table, footnote and definition list extensions, for the
			// sake of the limits around their parsers.
			parser.WithParagraphTransformers(
				util.Prioritized(fewCells{extension.NewTableParagraphTransformer()}, 200),
			),
			parser.WithBlockParsers(
				util.Prioritized(extension.NewDefinitionListParser(), 101),
				util.Prioritized(shallow{extension.NewDefinitionDescriptionParser()}, 102),
				util.Prioritized(fewFootnotes{shallow{extension.NewFootnoteBlockParser()}}, 999),
			),
			parser.WithInlineParsers(util.Prioritized(fewNoteRefs{extension.NewFootnoteParser()}, 101)),
			parser.WithASTTransformers(util.Prioritized(extension.NewFootnoteASTTransformer(), 999)),
		),
		goldmark.WithRendererOptions(
			html.WithUnsafe(), // raw HTML goes through to the sanitiser
			renderer.WithNodeRenderers(
				util.Prioritized(&writer{seal: seal}, 100),
				util.Prioritized(extension.NewTableHTMLRenderer(
					extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute),
				), 500),
				util.Prioritized(extension.NewStrikethroughHTMLRenderer(), 500),
				util.Prioritized(extension.NewDefinitionListHTMLRenderer(), 500),
				util.Prioritized(extension.NewFootnoteHTMLRenderer(
					extension.WithFootnoteIDPrefix(seal),
					extension.WithFootnoteBacklinkHTML("\u21a9\ufe0e"),
				), 500),
			),
		),
	)
	return &dialect{md: md, policy: newPolicy(seal), seal: seal}
}
