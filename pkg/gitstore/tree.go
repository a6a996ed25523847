package gitstore

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing/filemode"

	"wikibot.io/pkg/pagepath"
)

// Tree is a decoded tree. Treat as read-only.
type Tree struct {
	ID      OID
	Entries []Entry // in git's order

	fold func() map[string][]Entry
}

func newTree(id OID, entries []Entry) *Tree {
	t := &Tree{ID: id, Entries: entries}
	t.fold = sync.OnceValue(func() map[string][]Entry {
		m := make(map[string][]Entry, len(entries))
		for _, e := range entries {
			k := pagepath.Key(e.Name)
			m[k] = append(m[k], e)
		}
		return m
	})
	return t
}

// Entry returns the entry of exactly that name.
func (t *Tree) Entry(name string) (Entry, bool) {
	for _, mode := range []filemode.FileMode{filemode.Regular, filemode.Dir} {
		want := Entry{Name: name, Mode: mode}
		i, ok := slices.BinarySearchFunc(t.Entries, want, compareEntries)
		if ok {
			return t.Entries[i], true
		}
	}
	return Entry{}, false
}

// Fold returns the entries whose names have the given pagepath.Key.
func (t *Tree) Fold(key string) []Entry {
	if t.fold == nil {
		return nil
	}
	return t.fold()[key]
}

// compareEntries is git's order: by bytes, a folder's name as if it ended in a
// slash. A folder and a file of one name are therefore not equal here.
func compareEntries(a, b Entry) int {
	n := min(len(a.Name), len(b.Name))
	if c := strings.Compare(a.Name[:n], b.Name[:n]); c != 0 {
		return c
	}
	return cmp.Compare(after(a, n), after(b, n))
}

// after is the byte that follows the first n of the name, as git sorts it.
func after(e Entry, n int) int {
	switch {
	case n < len(e.Name):
		return int(e.Name[n])
	case e.Mode == filemode.Dir:
		return '/'
	default:
		return 0
	}
}

// parseTree decodes a tree. It accepts only what git's own check accepts in
// names and order, because everything above relies on it.
func parseTree(id OID, data []byte) (*Tree, error) {
	entries := make([]Entry, 0, len(data)/36)
	for len(data) > 0 {
		sp := bytes.IndexByte(data, ' ')
		nul := bytes.IndexByte(data, 0)
		if sp < 1 || sp > 7 || nul < sp || len(data) < nul+1+len(OID{}) {
			return nil, fmt.Errorf("%w: malformed tree entry", errDamaged)
		}
		mode, err := strconv.ParseUint(string(data[:sp]), 8, 32)
		if err != nil {
			return nil, fmt.Errorf("%w: tree entry with a bad mode", errDamaged)
		}
		e := Entry{Name: string(data[sp+1 : nul]), Mode: filemode.FileMode(mode)}
		copy(e.ID[:], data[nul+1:])
		if err := checkName(e.Name); err != nil {
			return nil, fmt.Errorf("%w: tree entry %q %w", errDamaged, e.Name, err)
		}
		if n := len(entries); n > 0 && compareEntries(entries[n-1], e) >= 0 {
			return nil, fmt.Errorf("%w: tree entry %q is out of order", errDamaged, e.Name)
		}
		entries = append(entries, e)
		data = data[nul+1+len(OID{}):]
	}
	if err := checkTwins(entries); err != nil {
		return nil, err
	}
	return newTree(id, entries), nil
}

// checkTwins refuses a file and a folder of one name: they are equal names that
// git's order keeps apart.
func checkTwins(entries []Entry) error {
	for i, e := range entries {
		if e.Mode != filemode.Dir {
			continue
		}
		_, twin := slices.BinarySearchFunc(entries[:i], Entry{Name: e.Name, Mode: filemode.Regular}, compareEntries)
		if twin {
			return fmt.Errorf("%w: tree entry %q is both file and folder", errDamaged, e.Name)
		}
	}
	return nil
}

// encodeTree is the form that is hashed; entries must be in git's order.
func encodeTree(entries []Entry) []byte {
	var b bytes.Buffer
	for _, e := range entries {
		fmt.Fprintf(&b, "%o %s\x00", uint32(e.Mode), e.Name)
		b.Write(e.ID[:])
	}
	return b.Bytes()
}

// isFile reports entries that have a blob: files, executables and symbolic
// links, but not folders and submodules.
func isFile(m filemode.FileMode) bool { return m != filemode.Dir && m != filemode.Submodule }
