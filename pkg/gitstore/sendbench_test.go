package gitstore

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// grown is a wiki of some 25,000 objects: many edits of many pages in one base,
// then saves of one page each. GITSTORE_SOURCE names a repository to take instead.
func grown(t testing.TB, saves int) (*Repo, OID, []string) {
	t.Helper()
	dir := os.Getenv("GITSTORE_SOURCE")
	if dir == "" {
		dir = filepath.Join(t.TempDir(), "source.git")
		gitFed(t, t.TempDir(), "", "init", "-q", "--bare", "-b", "main", dir)
		var in bytes.Buffer
		for i := range 6200 {
			fmt.Fprintf(&in, "commit refs/heads/main\ncommitter Ada <ada@example.org> %d +0000\ndata 1\nx\n", 1_700_000_000+i*60)
			path := fmt.Sprintf("folder %d/%d/page %d.md", i*7919%20, i*31%5, i*7919%600)
			text := fmt.Sprintf("# Page %d\n%s edit %d\n", i, strings.Repeat(path+" says the same as before, or nearly so.\n", 30), i)
			fmt.Fprintf(&in, "M 644 inline %s\ndata %d\n%s\n", path, len(text), text)
		}
		gitFed(t, dir, in.String(), "-c", "fastimport.unpackLimit=1", "fast-import", "--quiet")
		gitFed(t, dir, "", "repack", "-adq")
	}
	s, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	head, bases := importWithBase(t, s, dir)
	r, err := s.Repo(context.Background(), wikiID)
	if err != nil {
		t.Fatal(err)
	}
	for i := range saves {
		head = save(t, r, head, "m", map[string]string{fmt.Sprintf("page %d.md", i): fmt.Sprint(i)})
	}
	return r, head, bases
}

func importWithBase(t testing.TB, s *Store, dir string) (OID, []string) {
	t.Helper()
	in, err := s.Import(context.Background(), wikiID, dir, nil)
	head := in.Head
	if err != nil {
		t.Fatal(err)
	}
	return head, in.Bases
}

// asked are the questions that matter, and what they are called.
func asked(t testing.TB, h *History, prior OID) map[string]Fetch {
	t.Helper()
	return map[string]Fetch{
		"full":       {Wants: []OID{h.head}},
		"blob none":  {Wants: []OID{h.head}, Filter: Filter{Kind: NoBlobs}},
		"small":      {Wants: []OID{h.head}, Filter: Filter{Kind: SmallBlobs, Limit: 1500}},
		"depth 1":    {Wants: []OID{h.head}, Deepen: Deepen{Depth: 1}},
		"one commit": {Wants: []OID{h.head}, Haves: []OID{prior}, Thin: true},
	}
}

func BenchmarkAnswer(b *testing.B) {
	r, head, bases := grown(b, 20)
	h, err := r.History(b.Context(), head, bases)
	if err != nil {
		b.Fatal(err)
	}
	c, err := r.Commit(b.Context(), head)
	if err != nil {
		b.Fatal(err)
	}
	questions := asked(b, h, c.Parents[0])
	for _, name := range []string{"full", "blob none", "small", "depth 1", "one commit"} {
		f := questions[name]
		edge, err := h.Boundary(b.Context(), f)
		if err != nil {
			b.Fatal(err)
		}
		answer := func(b *testing.B, forget bool) {
			n := int64(0)
			b.ReportAllocs()
			for b.Loop() {
				if forget {
					r.store.answers.drop(h.question(f, edge))
				}
				s, err := h.Select(b.Context(), f, edge)
				if err != nil {
					b.Fatal(err)
				}
				var count counter
				if err := s.WritePack(b.Context(), &count); err != nil {
					b.Fatal(err)
				}
				n = int64(count)
			}
			b.SetBytes(n)
		}
		b.Run(name+"/anew", func(b *testing.B) { answer(b, true) })
		b.Run(name+"/again", func(b *testing.B) { answer(b, false) })
	}
}

type counter int64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

// Whatever the size of a repository, sending it takes a window of memory.
func TestSendingTakesLittleMemory(t *testing.T) {
	r, head, bases := grown(t, 5)
	h, err := r.History(t.Context(), head, bases)
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range asked(t, h, h.bases[0].tip) {
		edge, err := h.Boundary(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		s, err := h.Select(t.Context(), f, edge)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if err := s.WritePack(t.Context(), io.Discard); err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 6<<20 && len(s.plan.rebuilt) == 0 {
				t.Errorf("%s: %d objects were sent with %d bytes of memory", name, s.Objects(), n)
			}
		}
		if cost := s.plan.cost(); cost > 2*maxHeld {
			t.Errorf("%s: the plan takes %d bytes", name, cost)
		}
	}
}
