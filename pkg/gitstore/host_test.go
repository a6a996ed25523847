package gitstore

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"wikibot.io/pkg/gitstore/gitstoretest"
)

// host is a client of a network file system whose memory of names never expires:
// a folder is listed once, and a name that was not there stays away until this
// host itself changes it. Real clients forget after a minute at the latest, which
// is too late for a reader who knows of an acknowledged save.
type host struct {
	osDisk
	mu      sync.Mutex
	absent  map[string]bool
	listing map[string][]string
	stale   int // reads that find the file replaced on the server
}

func newHost() *host { return &host{absent: map[string]bool{}, listing: map[string][]string{}} }

// look notes what was not there, and answers from memory if it is asked again.
func (h *host) look(name string, f func() error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.absent[name] {
		return fs.ErrNotExist
	}
	err := f()
	h.absent[name] = errors.Is(err, fs.ErrNotExist)
	return err
}

func (h *host) open(name string) (f readFile, err error) {
	err = h.look(name, func() (err error) { f, err = h.osDisk.open(name); return err })
	return hostFile{f, h}, err
}

func (h *host) readFile(name string) (b []byte, err error) {
	err = h.look(name, func() (err error) { b, err = h.osDisk.readFile(name); return err })
	return b, err
}

func (h *host) stat(name string) (st fs.FileInfo, err error) {
	err = h.look(name, func() (err error) { st, err = h.osDisk.stat(name); return err })
	return st, err
}

func (h *host) names(dir string) (names []string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.listing[dir] == nil {
		if h.listing[dir], err = h.osDisk.names(dir); err != nil {
			return nil, err
		}
	}
	return h.listing[dir], nil
}

func (h *host) rename(from, to string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.absent, to)
	if known := h.listing[filepath.Dir(to)]; known != nil {
		h.listing[filepath.Dir(to)] = append(known, filepath.Base(to))
	}
	return h.osDisk.rename(from, to)
}

type hostFile struct {
	readFile
	h *host
}

func (f hostFile) ReadAt(b []byte, off int64) (int, error) {
	f.h.mu.Lock()
	defer f.h.mu.Unlock()
	if f.h.stale > 0 {
		f.h.stale--
		return 0, &fs.PathError{Op: "read", Path: "pack", Err: syscall.ESTALE}
	}
	return f.readFile.ReadAt(b, off)
}

func onHost(t *testing.T, s *Store, h *host) *Repo {
	t.Helper()
	r, err := newStore(s.dir, Options{}, h).Repo(t.Context(), wikiID)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Each save is in a folder of its own, so that a reader of a later head needs
// the packs of saves that it was never told of.
func TestReaderOnAnotherHostNeedsNoFreshListing(t *testing.T) {
	s, writer := newTestRepo(t)
	n := 0
	write := func(head OID) OID {
		n++
		return save(t, writer, head, fmt.Sprintf("save %d", n), map[string]string{fmt.Sprintf("folder-%d/page.md", n): fmt.Sprint(n)})
	}
	read := func(r *Repo, head OID) {
		t.Helper()
		got := content(t, r, head)
		for i := 1; i <= n; i++ {
			if page := fmt.Sprintf("folder-%d/page.md", i); got[page] != fmt.Sprint(i) {
				t.Errorf("after %d saves %s is %q", n, page, got[page])
			}
		}
	}
	head := write(OID{})
	head = write(head)
	reader := onHost(t, s, newHost())
	read(reader, head) // lists the folder, for good
	for range 3 {
		for range 5 {
			head = write(head)
		}
		read(reader, head)
	}
	// Memory is short: what was learned by name must not be lost with the table.
	head = write(write(head))
	read(reader, head)
	reader.unload()
	reader.store.cache.forget(reader.key)
	read(reader, head)

	// Two who write in turn.
	other := onHost(t, s, newHost())
	for range 3 {
		for _, r := range []*Repo{reader, other, writer} {
			n++
			head = save(t, r, head, fmt.Sprintf("save %d", n), map[string]string{fmt.Sprintf("folder-%d/page.md", n): fmt.Sprint(n)})
		}
	}
	for _, r := range []*Repo{reader, other, writer} {
		read(r, head)
	}
}

// A reader that was shown many heads, one by one, without needing more than the
// commits, finds the gaps between them too.
func TestManyHeadsSeenFromAfar(t *testing.T) {
	s, writer := newTestRepo(t)
	head := save(t, writer, OID{}, "first", map[string]string{"Home.md": "x"})
	reader := onHost(t, s, newHost())
	content(t, reader, head)
	const saves = 300
	for i := range saves {
		head = save(t, writer, head, fmt.Sprint("save ", i), map[string]string{fmt.Sprintf("folder-%d/page.md", i): "x"})
		if i%2 == 1 {
			if _, err := reader.Commit(t.Context(), head); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := len(content(t, reader, head)); got != saves+1 {
		t.Errorf("read %d pages of %d", got, saves+1)
	}
}

// The same commit written by two hosts is the same pack: whoever comes second
// replaces the file that others have open.
func TestPackReplacedByItsEqual(t *testing.T) {
	s, writer := newTestRepo(t)
	head := save(t, writer, OID{}, "first", map[string]string{"Home.md": "x"})
	h := newHost()
	reader := onHost(t, s, h)
	if _, err := reader.Commit(t.Context(), head); err != nil {
		t.Fatal(err)
	}
	h.stale = 1
	if got := content(t, reader, head); got["Home.md"] != "x" {
		t.Errorf("read %v", got)
	}
}

// Two hosts are sent the same save in the same second. One lands it; then the
// disk fails the other one, which must not clean up what the first has landed.
func TestFailedWriterLeavesTheEqualPackOfAnother(t *testing.T) {
	for n := range 20 {
		s, r, d := newTestDisk(t)
		first := save(t, r, OID{}, "first", map[string]string{"a.md": "1"})
		other := onHost(t, s, newHost())
		late, second := prepare(t, r, first, "second", map[string]string{"a.md": "2"})
		early, same := prepare(t, other, first, "second", map[string]string{"a.md": "2"})
		if same != second {
			t.Fatal("the two saves are not the same commit")
		}
		if err := early.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		d.reset(n, true)
		err := late.Flush(t.Context())
		d.reset(-1, false)
		if got := content(t, fresh(t, s), second); got["a.md"] != "2" {
			t.Fatalf("operation %d failed the second writer (%v): read %v", n, err, got)
		}
		if err := r.Mirror(t.Context(), second, 2); err != nil {
			t.Fatal(err)
		}
		gitstoretest.Check(t, s.dir, wikiID, second.String())
	}
}
