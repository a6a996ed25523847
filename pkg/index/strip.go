package index

import (
	"bytes"
	"strings"
)

// plainText is roughly what a page says, for snippets: front matter, markup,
// link targets and HTML tags are left out. Parsing Markdown properly takes a
// millisecond a page, and a list of results shows many; an odd character in a
// snippet does no harm, as it is shown as text.
func plainText(src []byte) string {
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	text := strings.ToValidUTF8(string(withoutFrontMatter(src)), "\uFFFD")
	var b strings.Builder
	b.Grow(len(text))
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "```") || strings.HasPrefix(line, "~~~") || rule(line) {
			continue
		}
		inline(&b, strings.TrimSpace(strings.TrimLeft(line, "#>|")))
		b.WriteByte('\n')
	}
	return strings.TrimSpace(b.String())
}

func withoutFrontMatter(src []byte) []byte {
	first, rest, ok := bytes.Cut(src, []byte("\n"))
	if !ok || string(bytes.TrimRight(first, " \t\r")) != "---" {
		return src
	}
	for at := rest; len(at) > 0; {
		line, after, _ := bytes.Cut(at, []byte("\n"))
		if string(bytes.TrimRight(line, " \t\r")) == "---" {
			return after
		}
		at = after
	}
	return src
}

// rule reports lines that only draw: thematic breaks, underlines of headings and
// the line below a table's head.
func rule(line string) bool {
	return line != "" && strings.Trim(line, "-=*_|: \t") == ""
}

// inline writes a line without its markup.
func inline(b *strings.Builder, s string) {
	for s != "" {
		i := strings.IndexAny(s, "*`[]<|!\\")
		if i < 0 {
			b.WriteString(s)
			return
		}
		b.WriteString(s[:i])
		c := s[i]
		s = s[i+1:]
		switch {
		case c == '|':
			b.WriteByte(' ')
		case c == '!' && !strings.HasPrefix(s, "["):
			b.WriteByte(c)
		case c == '\\' && s != "":
			b.WriteByte(s[0])
			s = s[1:]
		case c == ']' && strings.HasPrefix(s, "("):
			if end := strings.IndexByte(s, ')'); end >= 0 {
				s = s[end+1:]
			}
		case c == '<':
			end := strings.IndexByte(s, '>')
			if end < 0 || s[0] == ' ' || s[0] == '=' {
				b.WriteByte(c)
			} else {
				s = s[end+1:]
			}
		}
	}
}
