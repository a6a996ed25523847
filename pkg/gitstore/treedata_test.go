package gitstore

import (
	"bytes"
	"testing"

	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// What is read of trees on the way must be what reading them whole gives.
func FuzzTreeEntries(f *testing.F) {
	id := bytes.Repeat([]byte{7}, 20)
	for _, head := range []string{"", "100644 a.md\x00", "40000 folder\x00", "040000 folder\x00", "160000 m\x00", " \x00", "100644 \x00", "8 a\x00", "40000 a"} {
		f.Add(append([]byte(head), id...), []byte("100644 b\x00xxxxxxxxxxxxxxxxxxxx"))
	}
	f.Fuzz(func(t *testing.T, data, other []byte) {
		tree, err := parseTree(OID{1}, data)
		c := treeCursor{rest: other}
		self := treeCursor{rest: data}
		var last treeEntry
		n := 0
		for rest := data; len(rest) > 0; n++ {
			e, size, ok := parseTreeEntry(rest)
			if !ok {
				if err == nil {
					t.Fatalf("entry %d of a sound tree cannot be read", n)
				}
				return
			}
			if n%2 == 0 {
				if !self.skip(rest[:size]) {
					t.Fatalf("entry %d is not itself", n)
				}
			}
			_, _ = c.next(e)
			rest = rest[size:]
			if err != nil {
				return
			}
			want := tree.Entries[n]
			if want.ID != e.id || want.Name != string(e.name) || want.Mode != e.mode {
				t.Fatalf("entry %d: %+v, want %+v", n, e, want)
			}
			if n > 0 && compareTreeEntries(last, e) >= 0 {
				t.Fatalf("entry %d is out of order", n)
			}
			if n%2 == 1 {
				if o, ok := self.next(e); !ok || o.id != e.id {
					t.Fatalf("entry %d is not found", n)
				}
			}
			last = e
		}
		if err == nil && n != len(tree.Entries) {
			t.Fatalf("%d entries of %d", n, len(tree.Entries))
		}
	})
}

// A page beside a folder of nearly the same name is where git's order is odd.
func TestTreeCursorsKeepStep(t *testing.T) {
	entry := func(name string, mode filemode.FileMode, n byte) Entry {
		return Entry{Name: name, Mode: mode, ID: OID{n}}
	}
	old := encodeTree([]Entry{
		entry("a", filemode.Regular, 1), entry("a-b", filemode.Regular, 2), entry("a", filemode.Dir, 3), entry("c", filemode.Dir, 4),
	})
	now := encodeTree([]Entry{
		entry("a", filemode.Dir, 9), entry("b", filemode.Regular, 8), entry("c", filemode.Dir, 4), entry("d", filemode.Regular, 7),
	})
	c := treeCursor{rest: old}
	var found []byte
	for len(now) > 0 {
		e, n, ok := parseTreeEntry(now)
		if !ok {
			t.Fatal("cannot be read")
		}
		if o, ok := c.next(e); ok {
			found = append(found, o.id[0])
		}
		now = now[n:]
	}
	if !bytes.Equal(found, []byte{3, 4}) {
		t.Errorf("found %v", found)
	}
}
