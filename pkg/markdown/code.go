package markdown

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"

	"strings"
	"sync"
	"time"

	"github.com/alecthomas/chroma/v2"
	"github.com/alecthomas/chroma/v2/lexers"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/util"
)

// codeNode is a fenced code block, highlighted.
type codeNode struct {
	ast.BaseBlock
	lang string // fit for a class; "" if none was named
	html []byte
}

var kindCode = ast.NewNodeKind("Code")

func (n *codeNode) Kind() ast.NodeKind            { return kindCode }
func (n *codeNode) IsRaw() bool                   { return true }
func (n *codeNode) Dump(source []byte, level int) { ast.DumpHelper(n, source, level, nil, nil) }

// Highlighting runs other people's regular expressions over a stranger's text,
// so it has limits. Code beyond them is plain.
const (
	maxHighlightBlock = 64 << 10                // bytes of one block
	maxHighlightPage  = 256 << 10               // bytes of all blocks of a page
	maxHighlightTime  = 1500 * time.Millisecond // of a page
)

var langName = regexp.MustCompile(`^[A-Za-z0-9+#._-]{1,32}$`)

// language reads the language from a code block's info string: the first word,
// without attributes ("rust,ignore", "{.rust}") and Otterwiki's "=" for line
// numbers.
func language(info string) string {
	info = strings.TrimLeft(strings.TrimSpace(info), "{.")
	if i := strings.IndexAny(info, " \t,;:={}"); i >= 0 {
		info = info[:i]
	}
	if !langName.MatchString(info) {
		return ""
	}
	return strings.ToLower(info)
}

// highlighter highlights the code of one page.
type highlighter struct {
	bytes int
	since time.Time
}

func (h *highlighter) highlight(lang, code string) []byte {
	plain := func() []byte { return util.EscapeHTML([]byte(code)) }
	if h.since.IsZero() {
		h.since = time.Now()
	}
	h.bytes += len(code)
	lexer := findLexer(lang)
	if lexer == nil || len(code) > maxHighlightBlock || h.bytes > maxHighlightPage || time.Since(h.since) > maxHighlightTime {
		return plain()
	}
	tokens, err := lexer.Tokenise(nil, code)
	if err != nil {
		return plain()
	}
	var b bytes.Buffer
	open := ""
	for t := tokens(); t != chroma.EOF; t = tokens() {
		if time.Since(h.since) > maxHighlightTime {
			return plain()
		}
		class := tokenClass(t.Type)
		if strings.TrimSpace(t.Value) == "" {
			class = open // white space has no colour: it splits no span
		}
		if class != open {
			if open != "" {
				b.WriteString("</span>")
			}
			if class != "" {
				b.WriteString(`<span class="` + class + `">`)
			}
			open = class
		}
		b.Write(util.EscapeHTML([]byte(t.Value)))
	}
	if open != "" {
		b.WriteString("</span>")
	}
	return b.Bytes()
}

// findLexer finds a lexer by its name or alias. File names are not tried: that
// would compare each unknown word with hundreds of patterns.
func findLexer(lang string) chroma.Lexer {
	switch lang {
	case "", "text", "plain", "plaintext", "txt", "output", "none":
		return nil
	}
	return lexersByName()[lang]
}

var lexersByName = sync.OnceValue(func() map[string]chroma.Lexer {
	m := map[string]chroma.Lexer{}
	add := func(name string, l chroma.Lexer) {
		if name = strings.ToLower(name); m[name] == nil || m[name].Config().Priority < l.Config().Priority {
			m[name] = l
		}
	}
	all := lexers.GlobalLexerRegistry.Lexers
	for _, l := range all {
		add(l.Config().Name, l)
		for _, a := range l.Config().Aliases {
			add(a, l)
		}
	}
	named := maps.Clone(m)
	for _, l := range all {
		for _, f := range l.Config().Filenames {
			// "rs" for *.rs, but no name is taken from another lexer.
			if ext, ok := strings.CutPrefix(f, "*."); ok && named[strings.ToLower(ext)] == nil {
				add(ext, l)
			}
		}
	}
	return m
})

// codeStyles are the classes of highlighted code. Chroma tells some ninety kinds
// of token apart; a reader does not.
var codeStyles = []struct {
	class       string
	light, dark string // on the tokens' --code-bg
	extra       string
}{
	{class: "k", light: "#86215f", dark: "#e59ac6"},                              // keywords
	{class: "kt", light: "#0b5a6b", dark: "#74c5d6"},                             // types, classes
	{class: "nf", light: "#0a509b", dark: "#82b8f5"},                             // functions, built-ins
	{class: "nt", light: "#0a509b", dark: "#82b8f5"},                             // tags, attributes, decorators
	{class: "s", light: "#1f6430", dark: "#93cf9f"},                              // strings
	{class: "se", light: "#735000", dark: "#dfc074"},                             // escapes and interpolations in strings
	{class: "m", light: "#735000", dark: "#dfc074"},                              // numbers and constants
	{class: "nv", light: "#5c3d1e", dark: "#d9bfa0"},                             // variables of languages that mark them
	{class: "c", light: "#63666d", dark: "#9aa0a8", extra: ";font-style:italic"}, // comments
	{class: "cp", light: "#63666d", dark: "#9aa0a8"},                             // preprocessor
	{class: "gh", light: "#1c1e21", dark: "#e8e6e1", extra: ";font-weight:600"},  // headings, hunk headers
	{class: "gd", light: "#a3211a", dark: "#ff9a90"},                             // deleted
	{class: "gi", light: "#166a2f", dark: "#7fd397"},                             // inserted
	{class: "gp", light: "#63666d", dark: "#9aa0a8"},                             // prompts
}

func codeClasses() []string {
	var all []string
	for _, s := range codeStyles {
		all = append(all, s.class)
	}
	return all
}

// CSS is the style sheet of highlighted code, for both colour schemes. Every
// colour reaches 4.5:1 on the code background.
func CSS() string {
	var light, dark, rules strings.Builder
	for _, s := range codeStyles {
		fmt.Fprintf(&light, "--code-%s:%s;", s.class, s.light)
		fmt.Fprintf(&dark, "--code-%s:%s;", s.class, s.dark)
		fmt.Fprintf(&rules, ".chroma .%s{color:var(--code-%s)%s}\n", s.class, s.class, s.extra)
	}
	return ":root{" + light.String() + "}\n" +
		"@media (prefers-color-scheme:dark){:root:not([data-scheme=light]){" + dark.String() + "}}\n" + rules.String()
}

// tokenClass maps chroma's kinds to ours; "" is the colour of text.
func tokenClass(t chroma.TokenType) string {
	switch t {
	case chroma.KeywordConstant:
		return "m"
	case chroma.KeywordType, chroma.NameClass, chroma.NameException:
		return "kt"
	case chroma.NameFunction, chroma.NameFunctionMagic, chroma.NameBuiltin, chroma.NameBuiltinPseudo:
		return "nf"
	case chroma.NameTag, chroma.NameAttribute, chroma.NameDecorator, chroma.NameEntity:
		return "nt"
	case chroma.NameConstant:
		return "m"
	case chroma.NameVariable, chroma.NameVariableClass, chroma.NameVariableGlobal, chroma.NameVariableInstance, chroma.NameVariableMagic:
		return "nv"
	case chroma.StringEscape, chroma.StringInterpol, chroma.StringRegex:
		return "se"
	case chroma.CommentPreproc, chroma.CommentPreprocFile:
		return "cp"
	case chroma.GenericHeading, chroma.GenericSubheading:
		return "gh"
	case chroma.GenericDeleted, chroma.GenericError:
		return "gd"
	case chroma.GenericInserted:
		return "gi"
	case chroma.GenericPrompt:
		return "gp"
	case chroma.OperatorWord:
		return "k"
	}
	switch {
	case t.InCategory(chroma.Keyword):
		return "k"
	case t.InSubCategory(chroma.String):
		return "s"
	case t.InCategory(chroma.Literal):
		return "m"
	case t.InCategory(chroma.Comment):
		return "c"
	}
	return ""
}
