package markdown

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"
)

func seeds(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.md")
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	for _, p := range payloads {
		f.Add([]byte(p))
	}
	for _, p := range harmful {
		f.Add([]byte("[x](" + p + ") <a href=\"" + p + "\">x</a>"))
	}
}

func FuzzRead(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		info := Read("a/b", src)
		if got, want := countWords(src), len(bytes.Fields(src)); got != want {
			t.Errorf("%d words instead of %d", got, want)
		}
		if !utf8.ValidString(info.Text) || !utf8.ValidString(info.Title) {
			t.Errorf("not UTF-8: %q %q", info.Title, info.Text)
		}
		ids := map[string]bool{}
		for _, h := range info.Headings {
			if h.Anchor == "" || ids[h.Anchor] {
				t.Errorf("anchor %q is empty or there twice", h.Anchor)
			}
			ids[h.Anchor] = true
		}
		for _, l := range info.Links {
			if l.Target == "" || l.Target[0] == '/' {
				t.Errorf("target %q", l.Target)
			}
		}
	})
}

func FuzzRender(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		page, err := Render(src, Options{Path: "a/b", Exists: func(s string) bool { return len(s)%2 == 0 }})
		if err != nil {
			t.Fatal(err)
		}
		if err := safe(page.HTML); err != nil {
			t.Errorf("%v\n%q\n%s", err, src, page.HTML)
		}
	})
}

func FuzzRelink(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		if out, changed := Relink(src, "a/b", "a/b", "no such page, ever", "x"); changed || !bytes.Equal(out, src) {
			t.Errorf("%q became %q", src, out)
		}
		for _, old := range []string{"Page", "docs/Sibling"} {
			out, _ := Relink(src, "docs/Current", "docs/Current", old, "new/Na me")
			for _, l := range Read("docs/Current", out).Links {
				if l.Target == old && utf8.Valid(src) {
					t.Errorf("%q still points to %s: %q", src, old, out)
				}
			}
		}
	})
}
