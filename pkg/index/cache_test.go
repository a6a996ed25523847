package index

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/records"
)

// Commits arrive while many ask: whoever has been told of a commit finds it.
func TestReadersNeverMissAnAcknowledgedCommit(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.save(map[string]string{"P0.md": "start [[P1]]"})
	c, _ := w.cache(func(d *Deps) { d.MaxOpen = 1 })
	closing(t, c)
	ctx := context.Background()
	const commits = 12
	var stop atomic.Bool
	var readers sync.WaitGroup
	for n := range 6 {
		readers.Go(func() {
			for !stop.Load() {
				wiki := w.shelf.now()
				v, err := c.At(ctx, wiki)
				if err != nil {
					t.Error(err)
					return
				}
				last := fmt.Sprintf("P%d", wiki.Sequence-1)
				if _, err := v.Page(ctx, last); err != nil {
					t.Errorf("page of step %d: %v", wiki.Sequence, err)
				}
				if h, err := v.History(ctx, last, 0, ""); err != nil || len(h) != 1 || h[0].Kind != "created" {
					t.Errorf("history of step %d: %v %v", wiki.Sequence, h, err)
				}
				if _, total, err := v.Changelog(ctx, 1, ""); err != nil || int64(total) < wiki.Sequence {
					t.Errorf("changelog has %d of %d commits: %v", total, wiki.Sequence, err)
				}
				if hits, _, err := v.Search(ctx, fmt.Sprintf(`"word%d"`, wiki.Sequence-1), 5, 0); err != nil || wiki.Sequence > 1 && len(hits) != 1 {
					t.Errorf("search for step %d: %v %v", wiki.Sequence, hits, err)
				}
				if n == 0 {
					if err := c.Publish(ctx, wikiID); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	for i := 1; i <= commits; i++ {
		w.save(map[string]string{fmt.Sprintf("P%d.md", i): fmt.Sprintf("word%d [[P0]]", i)})
	}
	stop.Store(true)
	readers.Wait()
}

func TestViewOutlivesItsCopy(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, dir)
	wiki := w.save(map[string]string{"A.md": "a"})
	c, _ := w.cache(func(d *Deps) { d.MaxOpen = 1 })
	closing(t, c)
	v := mustView(t, c, wiki)
	if _, err := w.git.Create(context.Background(), "other"); err != nil {
		t.Fatal(err)
	}
	mustView(t, c, records.Wiki{ID: "other"}) // evicts the first
	copies, err := filepath.Glob(filepath.Join(c.scratch.dir, "copy-*"))
	if err != nil || len(copies) != 1 {
		t.Fatalf("%d copies are kept, want 1 (%v)", len(copies), err)
	}
	if got := titles(t, v); got != "A" {
		t.Errorf("pages %q, want A", got)
	}
}

func TestEmptyWiki(t *testing.T) {
	w := newWorld(t, t.TempDir())
	c, _ := w.cache()
	closing(t, c)
	q := questions{filters: []Filter{{}}, paths: []string{"Home"}, commits: []string{strings.Repeat("0", 40)}, prefixes: []string{"abcd"}, queries: []string{"x"}}
	want := scan(t, w.repoDir(), "").answer(q)
	if got := ask(t, mustView(t, c, w.shelf.now()), q); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestUnknownWiki(t *testing.T) {
	w := newWorld(t, t.TempDir())
	c, _ := w.cache()
	closing(t, c)
	_, err := c.At(context.Background(), records.Wiki{ID: "nobody", Head: strings.Repeat("a", 40), Sequence: 1})
	if !fault.Is(err, fault.NotFound) {
		t.Errorf("got %v, want not found", err)
	}
}

// When there is no room or no folder for working copies, the answer is "try
// again", never a wrong or an empty one, and it works again when there is.
func TestScratchFails(t *testing.T) {
	ctx := context.Background()
	t.Run("folder replaced by a file", func(t *testing.T) {
		w := newWorld(t, t.TempDir())
		wiki := w.save(map[string]string{"A.md": "a"})
		c, _ := w.cache()
		dir := c.scratch.dir
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := c.At(ctx, wiki); !fault.Is(err, fault.Unavailable) {
			t.Fatalf("got %v, want unavailable", err)
		}
		if err := os.Remove(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if got := titles(t, mustView(t, closing(t, c), wiki)); got != "A" {
			t.Errorf("pages %q, want A", got)
		}
	})
	t.Run("full", func(t *testing.T) {
		w := newWorld(t, t.TempDir())
		wiki := w.save(map[string]string{"A.md": "a"})
		c, _ := w.cache(func(d *Deps) { d.MaxBytes = 50 * 4096 })
		closing(t, c)
		v := mustView(t, c, wiki)
		if got := titles(t, v); got != "A" {
			t.Fatalf("pages %q, want A", got)
		}
		set := make(map[string]string)
		for i := range 800 {
			set[fmt.Sprintf("Page %d.md", i)] = strings.Repeat(fmt.Sprintf("word%d other%d ", i, i), 50)
		}
		wiki = w.save(set)
		if _, err := c.At(ctx, wiki); !fault.Is(err, fault.Unavailable) {
			t.Errorf("got %v, want unavailable", err)
		}
		if _, err := v.Page(ctx, "A"); !fault.Is(err, fault.Unavailable) && err != nil {
			t.Errorf("the older view: %v, want its answer or unavailable", err)
		}
	})
	t.Run("copy deleted by somebody", func(t *testing.T) {
		w := newWorld(t, t.TempDir())
		wiki := w.save(map[string]string{"A.md": "a"})
		c, _ := w.cache()
		closing(t, c)
		mustView(t, c, wiki)
		copies, _ := filepath.Glob(filepath.Join(c.scratch.dir, "copy-*"))
		for _, dir := range copies {
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
		wiki = w.save(map[string]string{"B.md": "b"})
		for range 3 {
			v, err := c.At(ctx, wiki)
			if err == nil {
				if pages, _, err := v.Pages(ctx, Filter{}); err == nil {
					if len(pages) != 2 {
						t.Errorf("%d pages, want 2", len(pages))
					}
					return
				}
			}
		}
		t.Error("does not recover")
	})
}

func TestScratchOfADeadProcessIsRemovedAndOfALivingOneIsNot(t *testing.T) {
	w := newWorld(t, t.TempDir())
	shared := t.TempDir()
	dead := filepath.Join(shared, scratchPrefix+"dead")
	if err := os.MkdirAll(filepath.Join(dead, "copy-1"), 0o700); err != nil {
		t.Fatal(err)
	}
	wiki := w.save(map[string]string{"A.md": "a"})
	living, _ := w.cache(func(d *Deps) { d.Scratch = shared })
	closing(t, living)
	v := mustView(t, living, wiki)
	second, _ := w.cache(func(d *Deps) { d.Scratch = shared })
	closing(t, second)
	if _, err := os.Stat(dead); !os.IsNotExist(err) {
		t.Errorf("the dead one's folder is still there: %v", err)
	}
	if got := titles(t, v); got != "A" {
		t.Errorf("pages %q, want A", got)
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	w := newWorld(t, t.TempDir())
	wiki := w.save(map[string]string{"A.md": "a"})
	// A name with every character that means something in a URI.
	c, _ := w.cache(func(d *Deps) { d.Scratch = filepath.Join(d.Scratch, "a b?c#d%20e") })
	v := mustView(t, c, wiki)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if list, err := os.ReadDir(filepath.Dir(c.scratch.dir)); err != nil || len(list) > 0 {
		t.Errorf("left behind: %v %v", list, err)
	}
	if _, err := v.Page(context.Background(), "A"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a view of a closed cache: %v, want unavailable", err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
}

func TestForget(t *testing.T) {
	w := newWorld(t, t.TempDir())
	wiki := w.save(map[string]string{"A.md": "a"})
	c, _ := w.cache()
	closing(t, c)
	v := mustView(t, c, wiki)
	c.Forget(wikiID)
	c.Forget("never seen")
	if copies, _ := filepath.Glob(filepath.Join(c.scratch.dir, "copy-*")); len(copies) != 0 {
		t.Errorf("copies left: %v", copies)
	}
	if err := w.git.Remove(context.Background(), wikiID); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Page(context.Background(), "A"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a page of a deleted wiki: %v, want not found", err)
	}
}

// Whoever gives up waiting does not stop the work for the others.
func TestGivingUp(t *testing.T) {
	w := newWorld(t, t.TempDir())
	wiki := w.save(map[string]string{"A.md": "a"})
	c, _ := w.cache()
	closing(t, c)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.At(ctx, wiki); err != nil && !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v, want unavailable", err)
	}
	if got := titles(t, mustView(t, c, wiki)); got != "A" {
		t.Errorf("pages %q, want A", got)
	}
}

func TestNewWants(t *testing.T) {
	if _, err := New(Deps{Git: new(gitstore.Store), Records: new(shelf)}); err == nil {
		t.Error("a cache without a scratch folder")
	}
	if _, err := New(Deps{Scratch: t.TempDir()}); err == nil {
		t.Error("a cache without records")
	}
}
