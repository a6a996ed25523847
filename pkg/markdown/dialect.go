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
		goldmark.WithExtensions(
			extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)),
			extension.Strikethrough,
			extension.TaskList,
			extension.NewLinkify(extension.WithLinkifyAllowedProtocols([]string{"http:", "https:"})),
			extension.NewFootnote(
				extension.WithFootnoteIDPrefix(seal),
				extension.WithFootnoteBacklinkHTML("\u21a9\ufe0e"),
			),
			extension.DefinitionList,
			emoji.New(emoji.WithRenderingMethod(emoji.Unicode)),
		),
		goldmark.WithParserOptions(parser.WithInlineParsers(
			util.Prioritized(wikiLinkParser{}, 150), // before links: both begin with "["
			util.Prioritized(links, 199),            // in place of goldmark's own at 200
			util.Prioritized(markParser{}, 500),
		)),
		goldmark.WithRendererOptions(
			html.WithUnsafe(), // raw HTML goes through to the sanitiser
			renderer.WithNodeRenderers(util.Prioritized(&writer{seal: seal}, 100)),
		),
	)
	return &dialect{md: md, policy: newPolicy(seal), seal: seal}
}
