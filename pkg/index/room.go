package index

import (
	"os"
	"path/filepath"
	"syscall"

	"wikibot.io/pkg/records"
)

// spare is how much of the scratch folder's file system a new copy finds free
// beside its own size, so that it can catch up: a quarter of all, or this many
// bytes if that is less.
const spare = 256 << 20

// space is what a file system has, in bytes.
type space struct{ free, total int64 }

func spaceOf(dir string) (space, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return space{}, err
	}
	return space{free: int64(st.Bavail) * int64(st.Bsize), total: int64(st.Blocks) * int64(st.Bsize)}, nil
}

// makeRoom drops the copies of the wikis asked least recently until there is room
// for so many bytes more, or nothing is left to drop. How many copies fit is not
// known before: a wiki's index may have any size, and a function's disk is small
// and stays as full as it is for as long as the function is in use.
func (c *Cache) makeRoom(need int64) {
	for {
		s, err := c.space(c.scratch.dir)
		if err != nil || s.free >= need+min(s.total/4, spare) || !c.dropOldest() {
			return // whoever needs more than there is will say so
		}
	}
}

// dropOldest drops the copy that was asked least recently of those that nobody
// reads, and reports whether there was one.
func (c *Cache) dropOldest() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for place := c.recent.Back(); place != nil; place = place.Prev() {
		if e := place.Value.(*entry); e.copy.readers == 0 {
			c.drop(e)
			return true
		}
	}
	return false
}

// publishedSize is how large the wiki's published index is; 0 if there is none.
func (c *Cache) publishedSize(w records.Wiki) int64 {
	if w.Index.File == "" {
		return 0
	}
	return sizeOf(filepath.Join(c.deps.Git.Dir(w.ID), w.Index.File))
}

func sizeOf(file string) int64 {
	st, err := os.Stat(file)
	if err != nil {
		return 0
	}
	return st.Size()
}
