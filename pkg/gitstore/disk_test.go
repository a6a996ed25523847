package gitstore

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/gitstore/gitstoretest"
)

// testDisk is the real disk, with every operation counted and the n-th one that
// changes anything made to fail.
type testDisk struct {
	osDisk
	mu     sync.Mutex
	log    []string // of all operations
	left   int      // changes until one fails; negative: never
	broken bool     // every later change fails too, as on a disk that stays full
}

var errFull = &fs.PathError{Op: "write", Path: "test", Err: syscall.ENOSPC}

func (d *testDisk) note(op, name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.log = append(d.log, op+" "+filepath.Base(name))
	switch op {
	case "create", "write", "sync", "close", "rename", "mkdir":
		if d.left == 0 {
			if !d.broken {
				d.left = -1
			}
			return errFull
		}
		if d.left > 0 {
			d.left--
		}
	}
	return nil
}

func (d *testDisk) reset(left int, broken bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.log, d.left, d.broken = nil, left, broken
}

type testFile struct {
	d    *testDisk
	name string
	w    writeFile
}

func (f testFile) Write(b []byte) (int, error) {
	if err := f.d.note("write", f.name); err != nil {
		n, _ := f.w.Write(b[:len(b)/2]) // a full disk takes a part
		return n, err
	}
	return f.w.Write(b)
}

func (f testFile) Sync() error {
	return errors.Join(f.d.note("sync", f.name), f.w.Sync())
}

func (f testFile) Close() error {
	return errors.Join(f.d.note("close", f.name), f.w.Close())
}

type testReadFile struct {
	readFile
	d    *testDisk
	name string
}

func (f testReadFile) Sync() error { return errors.Join(f.d.note("sync", f.name), f.readFile.Sync()) }

func (f testReadFile) ReadAt(b []byte, off int64) (int, error) {
	return f.readFile.ReadAt(b, off)
}

func (d *testDisk) create(name string) (writeFile, error) {
	if err := d.note("create", name); err != nil {
		return nil, err
	}
	w, err := d.osDisk.create(name)
	return testFile{d, name, w}, err
}

func (d *testDisk) open(name string) (readFile, error) {
	_ = d.note("open", name)
	f, err := d.osDisk.open(name)
	return testReadFile{f, d, name}, err
}

func (d *testDisk) readFile(name string) ([]byte, error) {
	_ = d.note("read", name)
	return d.osDisk.readFile(name)
}

func (d *testDisk) names(name string) ([]string, error) {
	_ = d.note("list", name)
	return d.osDisk.names(name)
}

func (d *testDisk) stat(name string) (fs.FileInfo, error) {
	_ = d.note("stat", name)
	return d.osDisk.stat(name)
}

func (d *testDisk) mkdirAll(name string) error {
	if err := d.note("mkdir", name); err != nil {
		return err
	}
	return d.osDisk.mkdirAll(name)
}

func (d *testDisk) rename(from, to string) error {
	if err := d.note("rename", to); err != nil {
		return err
	}
	return d.osDisk.rename(from, to)
}

func (d *testDisk) remove(name string) error {
	_ = d.note("remove", name)
	return d.osDisk.remove(name)
}

func newTestDisk(t *testing.T) (*Store, *Repo, *testDisk) {
	t.Helper()
	d := &testDisk{left: -1}
	s := newStore(t.TempDir(), Options{}, d)
	r, err := s.Create(t.Context(), wikiID)
	if err != nil {
		t.Fatal(err)
	}
	return s, r, d
}

// A reader that learned the head elsewhere opens the pack by its name and lists
// nothing until it needs something older.
func TestAColdReadOpensTheHeadByName(t *testing.T) {
	s, r, _ := newTestDisk(t)
	head := save(t, r, OID{}, "first", map[string]string{"Home.md": "x"})
	d := &testDisk{left: -1}
	cold, err := newStore(s.dir, Options{}, d).Repo(t.Context(), wikiID)
	if err != nil {
		t.Fatal(err)
	}
	if got := content(t, cold, head); got["Home.md"] != "x" {
		t.Error(got)
	}
	want := fmt.Sprintf("stat HEAD, read pack-%s.idx, open pack-%s.pack", head, head)
	if got := strings.Join(d.log, ", "); got != want {
		t.Errorf("file operations of a cold read: %s", got)
	}
}

func TestFullDiskLeavesNothingToReadersAndTheNextSaveSucceeds(t *testing.T) {
	for _, broken := range []bool{false, true} {
		failed := true
		for n := 0; failed; n++ {
			s, r, d := newTestDisk(t)
			first := save(t, r, OID{}, "first", map[string]string{"a/b.md": "1"})
			if err := r.Mirror(t.Context(), first, 1); err != nil {
				t.Fatal(err)
			}
			b, second := prepare(t, r, first, "second", map[string]string{"a/b.md": "2"})
			d.reset(n, broken)
			err := b.Flush(t.Context())
			if err == nil {
				err = r.Mirror(t.Context(), second, 2)
				failed = err != nil
			}
			d.reset(-1, false)
			if err != nil && !fault.Is(err, fault.Unavailable) {
				t.Fatalf("operation %d fails: %v", n, err)
			}
			if failed {
				want, herr := r.MirrorHead(t.Context())
				if herr != nil {
					t.Fatal(herr)
				}
				gitstoretest.Check(t, s.dir, wikiID, want.String(), gitstoretest.Unindexed)
			}
			second = save(t, r, first, "second", map[string]string{"a/b.md": "2"})
			if err := r.Mirror(t.Context(), second, 3); err != nil {
				t.Fatal(err)
			}
			if got := content(t, fresh(t, s), second); got["a/b.md"] != "2" {
				t.Errorf("after operation %d failed: %v", n, got)
			}
			gitstoretest.Check(t, s.dir, wikiID, second.String())
			if !failed && n < 15 {
				t.Errorf("only %d operations were made to fail", n)
			}
		}
	}
}

func TestFullDiskWhileCreatingLeavesNoRepository(t *testing.T) {
	for n := 0; ; n++ {
		d := &testDisk{left: n, broken: true}
		s := newStore(t.TempDir(), Options{}, d)
		_, err := s.Create(t.Context(), wikiID)
		if err == nil {
			if n < 10 {
				t.Errorf("only %d operations were made to fail", n)
			}
			return
		}
		if !fault.Is(err, fault.Unavailable) {
			t.Fatalf("operation %d fails: %v", n, err)
		}
		d.reset(-1, false)
		if _, err := s.Create(t.Context(), wikiID); err != nil {
			t.Fatal(err)
		}
		gitstoretest.Check(t, s.dir, wikiID, "")
	}
}
