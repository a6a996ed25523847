package gitstore

import (
	"fmt"
	"io/fs"
	"testing"
	"testing/synctest"
	"time"
)

// A process that has just come does not wait for one save after the other: it
// would be a few round trips each.
func TestALongWayToTheBaseIsReadSideBySide(t *testing.T) {
	const saves = 24
	d := &testDisk{left: -1}
	dir := t.TempDir()
	s := newStore(dir, Options{}, d)
	w, err := s.Create(t.Context(), "w")
	if err != nil {
		t.Fatal(err)
	}
	head := save(t, w, OID{}, "first", map[string]string{"a.md": "0"})
	bases, err := w.Fold(t.Context(), head, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range saves {
		head = save(t, w, head, "m", map[string]string{"a.md": fmt.Sprint(i + 1)})
	}
	synctest.Test(t, func(t *testing.T) {
		cold, err := newStore(dir, Options{}, distantDisk{d}).Repo(t.Context(), "w")
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		h, err := cold.History(t.Context(), head, bases)
		if err != nil {
			t.Fatal(err)
		}
		if len(h.recent) != saves || len(h.bases) != 1 {
			t.Fatalf("%d recent commits upon %d bases", len(h.recent), len(h.bases))
		}
		// The base, the graph, three saves at four round trips each, the folder, the others.
		if waited := time.Since(began) / roundTrip; waited > 22 {
			t.Errorf("waited for %d round trips", waited)
		}
	})
}

// distantDisk takes a round trip for each operation, in the time of the test.
type distantDisk struct{ disk }

const roundTrip = 2 * time.Millisecond

func (d distantDisk) open(name string) (readFile, error) {
	time.Sleep(roundTrip)
	f, err := d.disk.open(name)
	return distantFile{f}, err
}

func (d distantDisk) readFile(name string) ([]byte, error) {
	time.Sleep(2 * roundTrip)
	return d.disk.readFile(name)
}

func (d distantDisk) names(name string) ([]string, error) {
	time.Sleep(2 * roundTrip)
	return d.disk.names(name)
}

func (d distantDisk) stat(name string) (fs.FileInfo, error) {
	time.Sleep(roundTrip)
	return d.disk.stat(name)
}

type distantFile struct{ readFile }

func (f distantFile) ReadAt(b []byte, off int64) (int, error) {
	time.Sleep(roundTrip)
	return f.readFile.ReadAt(b, off)
}
