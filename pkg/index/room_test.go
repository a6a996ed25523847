package index

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"wikibot.io/pkg/records"
)

// used is what the files below a folder hold.
func used(t *testing.T, dir string) (n int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			var st fs.FileInfo
			if st, err = d.Info(); err == nil {
				n += st.Size()
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The disk of a function is small, and may be full long before there are as many
// copies as may be open. It must not stay full: wikis that nobody asks make room.
func TestFullScratchMakesRoom(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, t.TempDir())
	c, _ := w.cache()
	closing(t, c)
	wikis := []records.Wiki{w.save(map[string]string{"A.md": "a"})}
	for n := range 4 {
		id := fmt.Sprintf("other%d", n)
		if err := os.CopyFS(w.git.Dir(id), os.DirFS(w.git.Dir(wikiID))); err != nil {
			t.Fatal(err)
		}
		wikis = append(wikis, records.Wiki{ID: id, Head: wikis[0].Head, Sequence: 1})
	}
	first := mustView(t, c, wikis[0])
	one := used(t, c.scratch.dir)
	disk := space{total: 3 * one}
	c.space = func(dir string) (space, error) {
		return space{free: disk.total - used(t, dir), total: disk.total}, nil
	}
	for _, wiki := range wikis[1:] {
		if got := titles(t, mustView(t, c, wiki)); got != "A" {
			t.Errorf("wiki %s: pages %q, want A", wiki.ID, got)
		}
		if now := used(t, c.scratch.dir); now > disk.total {
			t.Errorf("after wiki %s there are %d bytes on a disk of %d", wiki.ID, now, disk.total)
		}
	}
	// One that is being read stays; its room is not to be had.
	cp, err := c.acquire(ctx, wikis[1])
	if err != nil {
		t.Fatal(err)
	}
	mustView(t, c, wikis[2])
	mustView(t, c, wikis[3])
	if _, err := os.Stat(filepath.Join(cp.dir, indexFile)); err != nil {
		t.Errorf("the copy that is being read: %v", err)
	}
	c.release(cp)
	if got := titles(t, first); got != "A" {
		t.Errorf("the wiki that made room, asked again: pages %q, want A", got)
	}
}
