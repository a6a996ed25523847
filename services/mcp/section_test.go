package mcp

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const sectioned = "---\ntitle: x\n# a comment of YAML\n---\nPreamble\n\n# Background\nintro\n\n## Military Strategy ##\nplans\n\n```sh\n# not a heading\n~~~\n```\n\n### C#\nsharp\n\n## Trade\ngoods\n\n~~~~\n# nor this\n~~~\n# nor this\n~~~~\n\n# Aftermath\n## Trade\nlater\n    # indented code\n#no space\n"

func TestSections(t *testing.T) {
	var got []string
	for _, s := range sections(sectioned) {
		got = append(got, s.path)
	}
	want := []string{
		"Background", "Background > Military Strategy", "Background > Military Strategy > C#",
		"Background > Trade", "Aftermath", "Aftermath > Trade",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestFindSection(t *testing.T) {
	for _, c := range []struct{ why, query, path, text, err string }{
		{"by title", "military strategy", "Background > Military Strategy", "## Military Strategy ##\nplans", ""},
		{"by path", "Background > Trade", "Background > Trade", "## Trade\ngoods", ""},
		{"spaces around the separator are free", "background>trade", "Background > Trade", "## Trade\ngoods", ""},
		{"by the end of the path", "Military Strategy > C#", "Background > Military Strategy > C#", "### C#\nsharp", ""},
		{"a section holds those below it", "Aftermath", "Aftermath", "# Aftermath\n## Trade\nlater", ""},
		{"ambiguous: candidates only", "Trade", "", "", "more than one section. Give the whole path of one of:\n- Background > Trade\n- Aftermath > Trade"},
		{"missing: all are listed", "Nowhere", "", "", "The sections of the note are:\n- Background\n"},
	} {
		all := sections(sectioned)
		s, err := findSection(all, c.query)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: findSection(%q): error %v, want one with %q", c.why, c.query, err, c.err)
			}
			continue
		}
		if err != nil || s.path != c.path || !strings.HasPrefix(sectioned[s.start:s.end], c.text) {
			t.Errorf("%s: findSection(%q) = %q %q, %v", c.why, c.query, s.path, sectioned[s.start:s.end], err)
		}
	}
	if _, err := findSection(sections("no headings"), "x"); err == nil || !strings.Contains(err.Error(), "no headings") {
		t.Errorf("a note without headings: %v", err)
	}
}

// A top-level heading can be chosen although a nested one has its title.
func TestFindSectionPrefersTheWholePath(t *testing.T) {
	s, err := findSection(sections("# Log\na\n# Other\n## Log\nb\n"), "log")
	if err != nil || s.path != "Log" {
		t.Errorf("got %q, %v", s.path, err)
	}
}

func FuzzSections(f *testing.F) {
	for _, s := range []string{sectioned, "---\n", "# ", "```\n#", "#\n##\n#######", "---\n---", "~~~"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		last := -1
		for _, s := range sections(text) {
			if s.start <= last || s.start >= s.end || s.end > len(text) || s.level < 1 || s.level > 6 {
				t.Fatalf("section %+v of %d bytes", s, len(text))
			}
			last = s.start
		}
	})
}
