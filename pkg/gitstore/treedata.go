package gitstore

import (
	"bytes"
	"cmp"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// treeData is a tree as it is hashed. Walking goes through thousands of trees that
// nobody will look at again: decoding them would take most of the time, and the
// place of those in the cache that pages are served from.
func (w *walk) treeData(id OID) ([]byte, error) {
	if id.IsZero() || id == emptyTreeID {
		return nil, nil
	}
	r := w.h.r
	key := cacheKey{repo: r.key, id: id}
	if v, ok := r.store.bases.get(key); ok {
		return v.([]byte), nil
	}
	var data []byte
	v, ok := r.store.cache.get(key)
	if t, is := v.(*Tree); ok && is {
		data = encodeTree(t.Entries)
	} else {
		o, err := r.object(w.ctx, id)
		if err == nil && o.kind != plumbing.TreeObject {
			err = errMissing
		}
		if err != nil {
			return nil, r.explain(err, "tree", id)
		}
		data = o.data
	}
	r.store.bases.put(key, data, int64(len(data)))
	return data, nil
}

// treeEntry is one entry of a tree, in the bytes of which its name lies.
type treeEntry struct {
	name []byte
	mode filemode.FileMode
	id   OID
}

// parseTreeEntry decodes the entry at the beginning of b, and says how long it is.
func parseTreeEntry(b []byte) (e treeEntry, n int, ok bool) {
	sp := bytes.IndexByte(b[:min(len(b), 8)], ' ')
	if sp < 1 {
		return e, 0, false
	}
	for _, c := range b[:sp] {
		if c < '0' || c > '7' {
			return e, 0, false
		}
		e.mode = e.mode<<3 | filemode.FileMode(c-'0')
	}
	nul := bytes.IndexByte(b[sp:], 0)
	if n = sp + nul + 1 + len(e.id); nul < 2 || n > len(b) {
		return e, 0, false
	}
	e.name = b[sp+1 : sp+nul]
	copy(e.id[:], b[sp+nul+1:])
	return e, n, true
}

// compareTreeEntries is the order of entries: see compareEntries.
func compareTreeEntries(a, b treeEntry) int {
	n := min(len(a.name), len(b.name))
	if c := bytes.Compare(a.name[:n], b.name[:n]); c != 0 {
		return c
	}
	return cmp.Compare(a.after(n), b.after(n))
}

// after is the byte that follows the first n of the name, as git sorts it.
func (e treeEntry) after(n int) int {
	switch {
	case n < len(e.name):
		return int(e.name[n])
	case e.mode == filemode.Dir:
		return '/'
	default:
		return 0
	}
}

// treeCursor goes through a tree in step with another one. In a damaged tree it
// finds nothing any more, and then more is sent than needed.
type treeCursor struct{ rest []byte }

// skip steps over an entry if it is just the next one, which most are.
func (c *treeCursor) skip(encoded []byte) bool {
	rest, ok := bytes.CutPrefix(c.rest, encoded)
	if ok {
		c.rest = rest
	}
	return ok
}

// next finds the entry of the name and kind of e. Each e must come after the last.
func (c *treeCursor) next(e treeEntry) (treeEntry, bool) {
	for len(c.rest) > 0 {
		o, n, ok := parseTreeEntry(c.rest)
		if !ok {
			c.rest = nil
			break
		}
		d := compareTreeEntries(o, e)
		if d > 0 {
			break
		}
		c.rest = c.rest[n:]
		if d == 0 {
			return o, true
		}
	}
	return treeEntry{}, false
}
