package index

import "testing"

// A page on which the parser panics must not stop the index of its wiki, nor
// the process, at every start again.
func TestPanickingParserLosesOnePageOnly(t *testing.T) {
	whole := parse
	t.Cleanup(func() { parse = whole })
	parse = func(path string, src []byte) content {
		if path == "Evil" {
			panic("cannot parse")
		}
		return whole(path, src)
	}
	w := newWorld(t, t.TempDir())
	head := w.save(map[string]string{"Good.md": "# Good\n\ntext", "Evil.md": "boom"})
	c, _ := w.cache()
	closing(t, c)
	v := mustView(t, c, head)
	pages, _, err := v.Pages(t.Context(), Filter{})
	if err != nil || len(pages) != 2 {
		t.Fatalf("pages %v, %v", pages, err)
	}
	hits, _, err := v.Search(t.Context(), "evil", 10, 0)
	if err != nil || len(hits) != 1 || hits[0].Path != "Evil" {
		t.Errorf("the page is not found by its name: %v, %v", hits, err)
	}
}
