package sqlite_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"wikibot.io/pkg/records/sqlite"
)

// benchStore holds a user with the wikis w0, w1, …
func benchStore(b *testing.B, wikis int) *sqlite.Store {
	s, err := sqlite.Open(filepath.Join(b.TempDir(), "records.db"), sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	fill(b, s, wikis)
	return s
}

func BenchmarkHotReads(b *testing.B) {
	s := benchStore(b, 1)
	for _, c := range []struct {
		name string
		read func(b *testing.B) error
	}{
		{"Wiki", func(b *testing.B) error { _, err := s.Wiki(b.Context(), "w0"); return err }},
		{"WikiID", func(b *testing.B) error { _, err := s.WikiID(b.Context(), "w0"); return err }},
		{"Grant", func(b *testing.B) error { _, err := s.Grant(b.Context(), "w0", "ada"); return err }},
		{"TokenByHash", func(b *testing.B) error { _, err := s.TokenByHash(b.Context(), "w0"); return err }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := c.read(b); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(c.name+"/64", func(b *testing.B) {
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := c.read(b); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// Every read misses: what a commit elsewhere costs each record once.
func BenchmarkColdWiki(b *testing.B) {
	s := benchStore(b, 1)
	for b.Loop() {
		sqlite.Forget(s)
		if _, err := s.Wiki(b.Context(), "w0"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAdvanceHead(b *testing.B) {
	for _, writers := range []int{1, 8, 64} {
		b.Run(fmt.Sprint(writers), func(b *testing.B) {
			s := benchStore(b, writers)
			var left atomic.Int64
			left.Store(int64(b.N))
			var wg sync.WaitGroup
			b.ResetTimer()
			for i := range writers {
				wg.Go(func() {
					head, wiki := "", fmt.Sprint("w", i)
					for n := 1; left.Add(-1) >= 0; n++ {
						next := fmt.Sprintf("%040x", n)
						if _, err := s.AdvanceHead(b.Context(), change(wiki, head, next)); err != nil {
							b.Error(err)
							return
						}
						head = next
					}
				})
			}
			wg.Wait()
		})
	}
}
