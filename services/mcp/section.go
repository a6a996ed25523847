package mcp

import (
	"fmt"
	"slices"
	"strings"
)

// section is a heading of a page with the text below it, up to the next heading
// of its level or a higher one.
type section struct {
	path  string // titles of the headings above and its own, joined with " > "
	title string
	level int
	start int // offset of the heading's line
	end   int
}

const sectionSeparator = " > "

// sections finds the ATX headings of a page outside of fenced code and front
// matter (CommonMark 0.31, sections 4.2 and 4.5).
func sections(text string) []section {
	var found []section
	var above []section // the headings that are open
	fence := ""
	for at := frontMatterEnd(text); at < len(text); {
		line := text[at:]
		if end := strings.IndexByte(line, '\n'); end >= 0 {
			line = line[:end+1]
		}
		switch mark := fenceOf(line); {
		case fence != "":
			if closes(line, fence) {
				fence = ""
			}
		case mark != "":
			fence = mark
		default:
			if level, title := headingOf(line); level > 0 {
				for len(above) > 0 && above[len(above)-1].level >= level {
					above = above[:len(above)-1]
				}
				path := title
				if len(above) > 0 {
					path = above[len(above)-1].path + sectionSeparator + title
				}
				s := section{path: path, title: title, level: level, start: at}
				above = append(above, s)
				found = append(found, s)
			}
		}
		at += len(line)
	}
	for i := range found {
		found[i].end = len(text)
		for _, next := range found[i+1:] {
			if next.level <= found[i].level {
				found[i].end = next.start
				break
			}
		}
	}
	return found
}

// frontMatterEnd returns where the body begins: a "#" in front matter is a
// comment.
func frontMatterEnd(text string) int {
	first, rest, ok := strings.Cut(text, "\n")
	if !ok || strings.TrimRight(first, " \t\r") != "---" {
		return 0
	}
	for at := len(text) - len(rest); at < len(text); {
		line, _, _ := strings.Cut(text[at:], "\n")
		at += len(line) + 1
		if l := strings.TrimRight(line, " \t\r"); l == "---" || l == "..." {
			return min(at, len(text))
		}
	}
	return 0
}

// indented returns the line without its indentation; ok is false for four
// columns or more, which make a code block.
func indented(line string) (string, bool) {
	s := strings.TrimLeft(line, " ")
	return s, len(line)-len(s) <= 3
}

// fenceOf returns the fence that the line opens: its run of backticks or tildes.
func fenceOf(line string) string {
	s, ok := indented(line)
	if !ok || s == "" || s[0] != '`' && s[0] != '~' {
		return ""
	}
	run := s[:len(s)-len(strings.TrimLeft(s, s[:1]))]
	if len(run) < 3 || run[0] == '`' && strings.Contains(s[len(run):], "`") {
		return ""
	}
	return run
}

// closes reports whether the line ends a fence: the same character, at least as
// many, and nothing after.
func closes(line, fence string) bool {
	s, ok := indented(strings.TrimRight(line, " \t\r\n"))
	return ok && len(s) >= len(fence) && strings.Trim(s, fence[:1]) == ""
}

// headingOf returns the level and title of an ATX heading; 0 for other lines. A
// closing run of "#" is dropped only after a space, so "C#" keeps its own.
func headingOf(line string) (int, string) {
	s, ok := indented(strings.TrimRight(line, " \t\r\n"))
	if !ok {
		return 0, ""
	}
	rest := strings.TrimLeft(s, "#")
	level := len(s) - len(rest)
	if level < 1 || level > 6 || rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		return 0, ""
	}
	title := strings.Trim(rest, " \t")
	if open := strings.TrimRight(title, "#"); open == "" || open != title && strings.HasSuffix(open, " ") {
		title = strings.TrimRight(open, " \t")
	}
	return level, title
}

// findSection finds the one section that a query names: by its whole path, else
// by the end of its path, else by its title; case does not matter. Otherwise the
// error lists what there is to choose from.
func findSection(all []section, query string) (section, error) {
	if len(all) == 0 {
		return section{}, fmt.Errorf("section not found: %q. The note has no headings; read it without section", query)
	}
	want := foldPath(query)
	for _, matches := range []func(section) bool{
		func(s section) bool { return foldPath(s.path) == want },
		func(s section) bool { return strings.HasSuffix(foldPath(s.path), sectionSeparator+want) },
		func(s section) bool { return fold(s.title) == fold(query) },
	} {
		var hits []section
		for _, s := range all {
			if matches(s) {
				hits = append(hits, s)
			}
		}
		if len(hits) == 1 {
			return hits[0], nil
		}
		if len(hits) > 1 {
			return section{}, fmt.Errorf("section not found: %q means more than one section. Give the whole path of one of:\n%s", query, sectionList(hits))
		}
	}
	return section{}, fmt.Errorf("section not found: %q. The sections of the note are:\n%s", query, sectionList(all))
}

func fold(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

// foldPath is fold for a path, whose separator may be typed without spaces.
func foldPath(s string) string {
	parts := strings.Split(s, ">")
	for i, p := range parts {
		parts[i] = fold(p)
	}
	parts = slices.DeleteFunc(parts, func(p string) bool { return p == "" })
	return strings.Join(parts, sectionSeparator)
}

const maxListed = 100 // sections in a list; more would be no help

func sectionList(all []section) string {
	var b strings.Builder
	for i, s := range all {
		if i == maxListed {
			fmt.Fprintf(&b, "- and %d more\n", len(all)-i)
			break
		}
		fmt.Fprintf(&b, "- %s\n", s.path)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
