package gitstore

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"wikibot.io/pkg/gitstore/gitstoretest"
)

// BenchmarkSaveOnePage saves a page of a wiki of 500, flushed, with the mirror;
// beside it, the same edit by the command line with every fsync that git has.
func BenchmarkSaveOnePage(b *testing.B) {
	pages := map[string]string{}
	for i := range 500 {
		pages[fmt.Sprintf("folder %d/page %d.md", i%20, i)] = fmt.Sprintf("# Page %d\n", i)
	}
	b.Run("store", func(b *testing.B) {
		s, err := Open(b.TempDir(), Options{})
		if err != nil {
			b.Fatal(err)
		}
		r, err := s.Create(b.Context(), wikiID)
		if err != nil {
			b.Fatal(err)
		}
		head := save(b, r, OID{}, "first", pages)
		for i := int64(1); b.Loop(); i++ {
			head = save(b, r, head, "edit", map[string]string{"folder 3/page 3.md": fmt.Sprint(i)})
			if err := r.Mirror(b.Context(), head, i); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("git commit", func(b *testing.B) {
		dir := b.TempDir()
		gitstoretest.Git(b, dir, "init", "-q")
		write := func(name, text string) {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				b.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				b.Fatal(err)
			}
		}
		for name, text := range pages {
			write(name, text)
		}
		gitstoretest.Git(b, dir, "add", "-A")
		gitstoretest.Git(b, dir, "commit", "-q", "-m", "first")
		for i := 0; b.Loop(); i++ {
			write("folder 3/page 3.md", fmt.Sprint(i))
			gitstoretest.Git(b, dir, "-c", "core.fsync=all", "-c", "gc.auto=0", "commit", "-q", "-a", "-m", "edit")
		}
	})
}
