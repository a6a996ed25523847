package markdown

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRead(t *testing.T) {
	src := strings.Join([]string{
		"---", "title:   The  title", "category: notes", "tags: [one, two words, 3, '']", "date: 2024-02-03", "nested: {a: [1, 2.5, true, null], 1: x}", "---", "",
		"# First *heading*", "", "Some **bold** [link text](/Page \"not this\") and", "[[Title|Other]] with `code` &amp; :smile:.", "",
		"| a | b |", "|---|---|", "| [[x|Y]] | 2 |", "", "```go", "fmt.Println(\"hi\")", "return", "```", "",
		"<div class=\"x\">raw <b>text</b><script>no()</script></div>", "", "![alt text](./img.png)", "", "- [x] item", "", "note[^1]", "", "[^1]: The footnote.", "", "## First heading", "",
	}, "\n")
	for _, c := range []struct{ why, src string }{
		{"as it is", src},
		{"with CRLF", strings.ReplaceAll(src, "\n", "\r\n")},
		{"with a byte order mark", "\ufeff" + src},
	} {
		t.Run(c.why, func(t *testing.T) {
			got := Read("docs/Current", []byte(c.src))
			want := &Info{
				Title: "The title", Category: "notes", Tags: []string{"one", "two words"},
				FrontMatter: map[string]any{
					"title": "The  title", "category": "notes", "tags": []any{"one", "two words", int64(3), ""}, "date": "2024-02-03",
					"nested": map[string]any{"a": []any{int64(1), 2.5, true, nil}, "1": "x"},
				},
				Headings: []Heading{{1, "First heading", "first-heading"}, {2, "First heading", "first-heading-1"}},
				Links: []Link{
					{Target: "Page"}, {Target: "Other", Wiki: true}, {Target: "Y", Wiki: true},
					{Target: "docs/Current/img.png", Alt: "docs/img.png", File: true},
				},
				Words: 45,
				Text: "First heading\nSome bold link text and Title with code & 😄.\na b\nx 2\nfmt.Println(\"hi\") return\nraw text\nalt text\n" +
					"item\nnote\nFirst heading\nThe footnote.",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestFrontMatter(t *testing.T) {
	for _, c := range []struct {
		why, src string
		want     map[string]any
		text     string
	}{
		{"empty", "---\n---\nbody", map[string]any{}, "body"},
		{"only a comment", "---\n# x\n---\nbody", map[string]any{}, "body"},
		{"ended by dots", "---\na: b\n...\nbody", map[string]any{"a": "b"}, "body"},
		{"no end", "---\na: b\nbody", nil, "a: b body"},
		{"not at byte 0", "\n---\na: b\n---\n", nil, "a: b"},
		{"no mapping", "---\n- a: b\n---\nbody", nil, "a: b\nbody"},
		{"no YAML", "---\na: [\n---\nbody", nil, "a: [\nbody"},
		{"prose between rules", "---\nSome prose.\n---\n", nil, "Some prose."},
		{"a number that JSON cannot say", "---\na: .nan\nb: .inf\nc: 99999999999999999999\n---\n", map[string]any{"a": ".nan", "b": ".inf", "c": 1e20}, ""},
		{"an alias", "---\na: &x [1]\nb: *x\n---\n", map[string]any{"a": []any{int64(1)}, "b": []any{int64(1)}}, ""},
		{"aliases that explode", "---\na: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n---\nbody", nil, "-"},
		{"an alias of itself", "---\na: &a [*a]\n---\nbody", nil, "-"},
		{"keys twice", "---\na: 1\na: 2\n---\nbody", map[string]any{"a": int64(2)}, "body"},
	} {
		t.Run(c.why, func(t *testing.T) {
			got := Read("p", []byte(c.src))
			if diff := cmp.Diff(c.want, got.FrontMatter); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if c.text != "-" && got.Text != c.text {
				t.Errorf("text %q, want %q", got.Text, c.text)
			}
		})
	}
}

func TestTitle(t *testing.T) {
	for _, c := range []struct{ why, src, title, anchor string }{
		{"of the front matter", "---\ntitle: A\n---\n# B", "A", ""},
		{"of the first heading", "text\n\n## C\n\n# B\n\n# D", "B", "b"},
		{"both the same", "---\ntitle: A b\n---\n# *A* b", "A b", "a-b"},
		{"a title that is no string", "---\ntitle: [x]\n---\n# B", "B", "b"},
		{"only lower headings", "## B", "", ""},
		{"a heading in a quote is not the page's", "> # B", "", ""},
	} {
		t.Run(c.why, func(t *testing.T) {
			page, err := Render([]byte(c.src), Options{Path: "p"})
			if err != nil {
				t.Fatal(err)
			}
			if page.Title != c.title || page.Anchor != c.anchor || Read("p", []byte(c.src)).Title != c.title {
				t.Errorf("title %q, anchor %q; want %q, %q", page.Title, page.Anchor, c.title, c.anchor)
			}
			left := strings.Contains(page.HTML, `id="`+c.anchor+`"`) || slices.ContainsFunc(page.Headings, func(h Heading) bool { return h.Anchor == c.anchor })
			if c.anchor != "" && left {
				t.Errorf("the heading is still there: %s %v", page.HTML, page.Headings)
			}
		})
	}
}

// The anchors that Read and Render report are the ids in the page.
func TestAnchorsAreIDs(t *testing.T) {
	src := []byte("# T\n\n## A\n\n## A\n\n## A-1\n\n## 日本\n\n## 🎉\n\n" + "## " + strings.Repeat("long ", 200) + "\n")
	page, err := Render(src, Options{Path: "p"})
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range page.Headings {
		if len(h.Anchor) > maxSlug || strings.Count(page.HTML, `id="`+h.Anchor+`"`) != 1 {
			t.Errorf("anchor %q is not one id of the page", h.Anchor)
		}
	}
	if diff := cmp.Diff(Read("p", src).Headings[1:], page.Headings); diff != "" {
		t.Error(diff)
	}
}

// A cache that knows the answers for Targets knows all that rendering depends
// on: every target is asked for once, whatever the answers are.
func TestTargetsAreWhatExistsIsAsked(t *testing.T) {
	src := []byte("# [[Title]]\n\n[a](/A) [a](A.md) [[a]] [[A]] [[B|b/C]] [x](./x.png) ![y](./y.png) ![z](/z.png) [d](./D) [e](https://e.com) [f](#f) [g](/-/g) [r]\n\n[r]: R.md\n[unused]: /U\n")
	want := []string{"A", "docs/A", "a", "b/C", "docs/Current/x.png", "docs/x.png", "docs/Current/y.png", "docs/y.png", "docs/D", "docs/Current/D", "docs/R"}
	got := Targets(src, "docs/Current")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, answer := range []bool{true, false} {
		var asked []string
		if _, err := Render(src, Options{Path: "docs/Current", Exists: func(target string) bool { asked = append(asked, target); return answer }}); err != nil {
			t.Fatal(err)
		}
		slices.Sort(asked)
		if diff := cmp.Diff(slices.Sorted(slices.Values(got)), asked); diff != "" {
			t.Errorf("answering %v (-want +got):\n%s", answer, diff)
		}
	}
}

// Parsers, renderer and policy are shared: pages rendered at the same time do
// not see each other.
func TestConcurrentRender(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			name := strings.Repeat("x", i+1)
			src := []byte("# " + name + "\n\n## " + name + "\n\n[[" + name + "]] [^1]\n\n[^1]: " + name + "\n\n```go\nvar " + name + " int\n```\n")
			for range 20 {
				page, err := Render(src, Options{Path: name})
				if err != nil || page.Title != name || strings.Count(page.HTML, `href="/`+name+`"`) != 1 {
					t.Errorf("%v: %+v", err, page)
				}
			}
		})
	}
	wg.Wait()
}

// What is no UTF-8 is readable as far as it goes, and safe.
func TestInvalidUTF8(t *testing.T) {
	src := []byte("# caf\xe9\n\n[[P\xff]] [x](/\xff) `\xc3` <b title=\"\xff\">x</b>\n")
	page, err := Render(src, Options{Path: "p"})
	if err != nil {
		t.Fatal(err)
	}
	checkSafe(t, page.HTML)
	if page.Title != "caf\ufffd" {
		t.Errorf("title %q", page.Title)
	}
}
