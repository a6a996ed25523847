package sqlite_test

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/records"
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
	ctx := b.Context()
	if err := s.CreateUser(ctx, records.User{ID: "u", Username: "ada", Email: "ada@example.org"}, records.Identity{Provider: "dev", Subject: "u"}); err != nil {
		b.Fatal(err)
	}
	for i := range wikis {
		id := fmt.Sprint("w", i)
		if _, err := s.CreateWiki(ctx, records.NewWiki{ID: id, Slug: id, Name: id, OwnerID: "u",
			Token: records.Token{ID: id, Hash: id, UserID: "u", Name: "default", Role: records.Editor}}); err != nil {
			b.Fatal(err)
		}
	}
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
		{"Grant", func(b *testing.B) error { _, err := s.Grant(b.Context(), "w0", "u"); return err }},
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
			var next atomic.Int64
			b.SetParallelism(max(1, writers/2)) // times GOMAXPROCS, 2 where the figures in the docs come from
			if writers == 1 {
				advanceAll(b, s, "w0", b.Loop)
				return
			}
			b.RunParallel(func(pb *testing.PB) {
				advanceAll(b, s, fmt.Sprint("w", next.Add(1)-1), pb.Next)
			})
		})
	}
}

// advanceAll moves a wiki's head for as long as there is more to do.
func advanceAll(b *testing.B, s *sqlite.Store, wiki string, more func() bool) {
	head := ""
	for n := 1; more(); n++ {
		next := fmt.Sprintf("%040x", n)
		env, err := events.New(time.Now(), wiki, &events.Actor{UserId: "u"}, &eventsv1.PageSaved{Commit: &eventsv1.Commit{OldHead: head, NewHead: next,
			Changes: []*eventsv1.PageChange{{Kind: eventsv1.PageChange_KIND_EDITED, Path: "Home"}}}})
		if err != nil {
			b.Error(err)
			return
		}
		if _, err := s.AdvanceHead(b.Context(), records.HeadChange{WikiID: wiki, Old: head, New: next, Event: env}); err != nil {
			b.Error(err)
			return
		}
		head = next
	}
}
