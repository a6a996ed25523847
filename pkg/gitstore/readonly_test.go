package gitstore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"wikibot.io/pkg/fault"
)

// readOnlyDisk is a file system that was mounted without the right to write.
type readOnlyDisk struct {
	osDisk
	t *testing.T
}

func (d readOnlyDisk) refuse(op, name string) error {
	d.t.Errorf("%s %s on a file system that is only read", op, filepath.Base(name))
	return &fs.PathError{Op: op, Path: name, Err: syscall.EROFS}
}

func (d readOnlyDisk) create(name string) (writeFile, error) { return nil, d.refuse("create", name) }
func (d readOnlyDisk) mkdirAll(name string) error            { return d.refuse("mkdir", name) }
func (d readOnlyDisk) rename(from, _ string) error           { return d.refuse("rename", from) }
func (d readOnlyDisk) remove(name string) error              { return d.refuse("remove", name) }
func (d readOnlyDisk) removeAll(name string) error           { return d.refuse("remove", name) }

// Who may only read starts before anybody wrote, and leaves what it finds alone.
func TestReadOnly(t *testing.T) {
	none := filepath.Join(t.TempDir(), "wikis")
	s, err := Open(none, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Repo(t.Context(), wikiID); !fault.Is(err, fault.NotFound) {
		t.Errorf("in a folder that is not there: %v, want not found", err)
	}
	if _, err := os.Stat(none); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder: %v, want none", err)
	}

	written, r := newTestRepo(t)
	id := save(t, r, OID{}, "one", map[string]string{"A.md": "a"})
	left := r.packFile(tempPrefix + "pack_left")
	if err := os.WriteFile(left, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(left, time.Time{}, time.Now().Add(-2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	reader := newStore(written.dir, Options{ReadOnly: true}, readOnlyDisk{t: t})
	if r, err = reader.Repo(t.Context(), wikiID); err != nil {
		t.Fatal(err)
	}
	c, err := r.Commit(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Walk(t.Context(), c.Tree, func(string, Entry) error { return nil }); err != nil {
		t.Error(err)
	}
	if _, err := r.loadAll(t.Context(), true); err != nil {
		t.Error(err)
	}
}
