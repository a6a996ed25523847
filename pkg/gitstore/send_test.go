package gitstore

import (
	"bytes"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
)

// readingDisk counts readings, each of which is a round trip on a network file
// system.
type readingDisk struct {
	osDisk
	reads atomic.Int64
}

func (d *readingDisk) open(name string) (readFile, error) {
	f, err := d.osDisk.open(name)
	return readingFile{f, d}, err
}

type readingFile struct {
	readFile
	d *readingDisk
}

func (f readingFile) ReadAt(b []byte, off int64) (int, error) {
	f.d.reads.Add(1)
	return f.readFile.ReadAt(b, off)
}

// A clone of what was consolidated is a copy of bytes, whatever is filtered out by
// kind, and takes few readings.
func TestClonesOfABaseAreCopies(t *testing.T) {
	s, r := newTestRepo(t)
	head := OID{}
	for i := range 40 {
		head = save(t, r, head, "m", map[string]string{fmt.Sprintf("%d/page.md", i%5): incompressible(i, 100_000)})
	}
	names, err := r.Fold(t.Context(), head, nil)
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	file, err := os.ReadFile(r.packFile(names[0] + ".pack"))
	if err != nil {
		t.Fatal(err)
	}
	d := &readingDisk{}
	reader, err := newStore(s.dir, Options{}, d).Repo(t.Context(), wikiID)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		filter  Filter
		objects int
		reads   int64
	}{
		{"everything", Filter{}, 40 + 80 + 40, int64(len(file)/sendWindow) + 1},
		{"no blobs", Filter{Kind: NoBlobs}, 40 + 80, 1},
		{"no blob is small enough", Filter{Kind: SmallBlobs}, 40 + 80, 1},
		{"commits", Filter{Kind: TreeDepth}, 40, 1},
		{"all blobs are small", Filter{Kind: SmallBlobs, Limit: maxObjectBytes + 1}, 40 + 80 + 40, int64(len(file)/sendWindow) + 1},
	} {
		selection := selected(t, reader, head, Fetch{Filter: c.filter}, names...)
		before := d.reads.Load()
		var pack bytes.Buffer
		if err := selection.WritePack(t.Context(), &pack); err != nil {
			t.Fatal(err)
		}
		if n := d.reads.Load() - before; n > c.reads {
			t.Errorf("%s: %d readings, want at most %d", c.name, n, c.reads)
		}
		if p := selection.plan; len(p.runs) != 1 || len(p.rebuilt) != 0 || p.objects != c.objects {
			t.Errorf("%s: %d runs, %d rebuilt, %d objects", c.name, len(p.runs), len(p.rebuilt), p.objects)
		}
		if c.objects == 160 && !bytes.Equal(pack.Bytes(), file) {
			t.Errorf("%s: the file itself is not what is sent", c.name)
		}
	}
	// One commit more is one small pack more, which is held.
	next := save(t, r, head, "m", map[string]string{"0/page.md": "x"})
	selection := selected(t, reader, next, Fetch{Haves: []OID{head}, Thin: true}, names...)
	before := d.reads.Load()
	if written(t, selection); selection.Objects() != 4 || d.reads.Load() != before {
		t.Errorf("%d objects, sent in %d readings", selection.Objects(), d.reads.Load()-before)
	}
}
