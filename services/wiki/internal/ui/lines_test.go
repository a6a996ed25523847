package ui

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/markdown"
	"wikibot.io/pkg/wiki"
)

func TestRunsMarkWhatDiffersWithinALine(t *testing.T) {
	for _, c := range []struct {
		why string
		old string
		now string
		cut diffLine
		add diffLine
	}{
		{
			"a word in a paragraph", "it is mild in spring, mostly\n", "it is mild in summer, mostly\n",
			diffLine{"cut", "−", 1, "it is mild in ", "spring", ", mostly"}, diffLine{"add", "+", 1, "it is mild in ", "summer", ", mostly"},
		},
		{
			"words that begin alike are marked whole", "see the cathedral here\n", "see the category here\n",
			diffLine{"cut", "−", 1, "see the ", "cathedral", " here"}, diffLine{"add", "+", 1, "see the ", "category", " here"},
		},
		{
			"letters of several bytes are not torn", "größe der häuser\n", "größe der hölle\n",
			diffLine{"cut", "−", 1, "größe der ", "häuser", ""}, diffLine{"add", "+", 1, "größe der ", "hölle", ""},
		},
		{
			"something appended", "a list of things\n", "a list of things and more\n",
			diffLine{"cut", "−", 1, "a list of ", "things", ""}, diffLine{"add", "+", 1, "a list of ", "things and more", ""},
		},
		{
			"lines with little in common", "alpha\n", "omega\n",
			diffLine{"cut", "−", 1, "alpha", "", ""}, diffLine{"add", "+", 1, "omega", "", ""},
		},
	} {
		got := runsOf(wiki.Hunks([]byte(c.old), []byte(c.now)))
		if diff := cmp.Diff([][]diffLine{{c.cut, c.add}}, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.why, diff)
		}
	}
}

func FuzzMarkLosesNothing(f *testing.F) {
	f.Add("one two three", "one 2 three")
	f.Add("\xff\xfea", "\xff\xfeb")
	f.Fuzz(func(t *testing.T, x, y string) {
		a, b := diffLine{Text: x}, diffLine{Text: y}
		mark(&a, &b)
		if a.Text+a.Mark+a.Rest != x || b.Text+b.Mark+b.Rest != y {
			t.Errorf("%q and %q became %v and %v", x, y, a, b)
		}
	})
}

func TestMarkerLine(t *testing.T) {
	for text, want := range map[string]int{
		"":                                      0,
		"Title\n=======\n":                      0, // a heading's underline
		"a\n<<<<<<< your text\nb\n":             2,
		"a\r\n>>>>>>> the page as it is now":    2,
		"<<<<<<< HEAD\n=======\n>>>>>>> main\n": 0, // somebody writes about git
	} {
		if got := markerLine(text); got != want {
			t.Errorf("%q: line %d, want %d", text, got, want)
		}
	}
}

func TestContentsPickTheLevelsThatDivideThePage(t *testing.T) {
	h := func(levels ...int) (all []markdown.Heading) {
		for _, l := range levels {
			all = append(all, markdown.Heading{Level: l, Text: "x"})
		}
		return all
	}
	for _, c := range []struct {
		why    string
		levels []int
		want   []int // indents
	}{
		{"a title and its sections", []int{1, 2, 3, 2, 4}, []int{0, 1, 0}},
		{"several first-level headings", []int{1, 2, 1, 1}, []int{0, 1, 0, 0}},
		{"one section divides nothing", []int{1, 2}, nil},
		{"none", nil, nil},
	} {
		var got []int
		for _, e := range contents(h(c.levels...)) {
			got = append(got, e.Level)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.why, diff)
		}
	}
}
