package mcp

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/markdown"
	"wikibot.io/pkg/pagepath"
	"wikibot.io/pkg/wiki"
)

// maxText is how much of a note one call returns, in bytes. Clients cut results
// at about 25,000 tokens, some without saying so; this stays below.
const maxText = 60_000

type readInput struct {
	Path     string `json:"path" jsonschema:"Path of the note, such as Guides/Setup"`
	Revision string `json:"revision,omitempty" jsonschema:"An older revision to read, 4 to 40 hex digits; the present one if left out"`
	Section  string `json:"section,omitempty" jsonschema:"A heading, or a path of headings joined with \" > \", to read only that section"`
	Offset   int    `json:"offset,omitempty" jsonschema:"Where to go on in a text that was cut, in bytes"`
}

type readOutput struct {
	Name        string         `json:"name" jsonschema:"Title of the note"`
	Path        string         `json:"path"`
	Revision    string         `json:"revision" jsonschema:"To send with a change"`
	Section     string         `json:"section,omitempty" jsonschema:"Whole path of the section, if one was asked for"`
	Frontmatter map[string]any `json:"frontmatter,omitempty"`
	LinksTo     []string       `json:"links_to,omitempty" jsonschema:"The first 50; get_links has more"`
	LinkedFrom  []string       `json:"linked_from,omitempty" jsonschema:"The first 50; get_links has more"`
	Content     string         `json:"content"`
	NextOffset  int            `json:"next_offset,omitempty" jsonschema:"Set if the text was cut: send as offset for the rest"`
	TotalBytes  int            `json:"total_bytes" jsonschema:"Length of the note or section"`
}

func (s *Service) readNote(c call, in readInput) (string, readOutput, error) {
	page, err := s.page(c, in)
	if err != nil {
		return "", readOutput{}, err
	}
	info := page.Info()
	out := readOutput{Name: titleOf(info, page.Path), Path: page.Path, Revision: page.Revision, Frontmatter: info.FrontMatter}
	if err := s.relate(c, in, page, &out); err != nil {
		return "", readOutput{}, err
	}
	text := strings.ToValidUTF8(string(page.Content), "\ufffd")
	all := sections(text)
	if strings.TrimSpace(in.Section) != "" {
		sec, err := findSection(all, in.Section)
		if err != nil {
			return "", readOutput{}, fault.New(fault.Invalid, "read note %q: %s", page.Path, err.Error())
		}
		text, out.Section = text[sec.start:sec.end], sec.path
		out.LinksTo, out.LinkedFrom, out.Frontmatter = nil, nil, nil
		all = slices.DeleteFunc(all, func(s section) bool { return s.start <= sec.start || s.start >= sec.end })
	}
	if in.Offset < 0 || in.Offset > len(text) {
		return "", readOutput{}, fault.Invalidf("offset", "%d is outside of the text, which has %d bytes", in.Offset, len(text))
	}
	out.TotalBytes = len(text)
	for in.Offset > 0 && in.Offset < len(text) && !utf8.RuneStart(text[in.Offset]) {
		in.Offset--
	}
	out.Content = cut(text[in.Offset:], maxText)
	if end := in.Offset + len(out.Content); end < len(text) {
		out.NextOffset = end
	}
	said := readText(out, in.Offset, all)
	out.LinksTo, out.LinkedFrom = first(out.LinksTo, maxBeside), first(out.LinkedFrom, maxBeside)
	return said, out, nil
}

func (s *Service) page(c call, in readInput) (wiki.Page, error) {
	if in.Revision != "" {
		return s.engine.ReadAt(c, c.Wiki, in.Path, in.Revision)
	}
	return s.engine.Read(c, c.Wiki, in.Path)
}

// relate fills in what the index knows of a note.
func (s *Service) relate(c call, in readInput, page wiki.Page, out *readOutput) error {
	view, err := s.engine.Index(c, c.Wiki)
	if err != nil {
		return err
	}
	if out.LinksTo, out.LinkedFrom, err = view.Links(c, in.Path); err != nil || in.Revision != "" {
		return err
	}
	// The index may be newer than the text. Its revision is given only if it is the
	// text's: a change based on a later one than was read would undo that one.
	row, err := view.Page(c, page.Path)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err == nil && row.Blob == page.Blob {
		out.Revision = row.Last.Commit
	}
	return err
}

func titleOf(info *markdown.Info, path string) string {
	if info.Title != "" {
		return info.Title
	}
	return pagepath.Title(path)
}

func readText(out readOutput, offset int, below []section) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\nPath: %s\nRevision: %s\n", out.Name, out.Path, short(out.Revision))
	if out.Section != "" {
		fmt.Fprintf(&b, "Section: %s\n", out.Section)
	}
	if line := frontmatterLine(out.Frontmatter); line != "" {
		b.WriteString(line + "\n")
	}
	links(&b, "Links to", out.LinksTo)
	links(&b, "Linked from", out.LinkedFrom)
	b.WriteString("\n---\n")
	b.WriteString(out.Content)
	if out.NextOffset > 0 {
		fmt.Fprintf(&b, "\n\n[Showing bytes %d to %d of %d. Call again with offset %d for the rest", offset, out.NextOffset, out.TotalBytes, out.NextOffset)
		if len(below) > 0 {
			fmt.Fprintf(&b, ", or with one of these sections:\n%s", sectionList(below))
		}
		b.WriteString("]")
	}
	return b.String()
}

// maxBeside is how many links of one direction stand beside a note's text;
// get_links has more.
const maxBeside = 50

func links(b *strings.Builder, title string, paths []string) {
	if len(paths) == 0 {
		return
	}
	fmt.Fprintf(b, "%s: %s", title, strings.Join(first(paths, maxBeside), ", "))
	if rest := len(paths) - maxBeside; rest > 0 {
		fmt.Fprintf(b, " and %d more (get_links)", rest)
	}
	b.WriteString("\n")
}

// frontmatterLine shows front matter on one line, without the title, which has
// its own.
func frontmatterLine(m map[string]any) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if value := plain(m[key]); value != "" && key != "title" {
			parts = append(parts, titleCase(key)+": "+value)
		}
	}
	return strings.Join(parts, " | ")
}

func plain(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return strings.Join(strings.Fields(v), " ")
	case bool:
		return strconv.FormatBool(v)
	case []any:
		parts := make([]string, 0, len(v))
		for _, e := range v {
			parts = append(parts, plain(e))
		}
		return strings.Join(parts, ", ")
	case map[string]any:
		parts := make([]string, 0, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, key+"="+plain(v[key]))
		}
		return strings.Join(parts, ", ")
	default:
		return fmt.Sprint(v)
	}
}

func titleCase(key string) string {
	r, size := utf8.DecodeRuneInString(key)
	return string(unicode.ToUpper(r)) + strings.ReplaceAll(key[size:], "_", " ")
}
