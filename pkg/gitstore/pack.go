package gitstore

import (
	"cmp"
	"errors"
	"io"
	"math"
	"path/filepath"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
)

// pack is one pack of a repository, with its index in memory.
type pack struct {
	name  string // "pack-<40 hex>", without extension
	file  *file
	index *packIndex

	mu    sync.Mutex
	spans []span // see layout
}

// place is where an object lies: in a pack, or (pack nil) in a loose file.
type place struct {
	pack *pack
	off  int64
}

func (r *Repo) newPack(name string, x *packIndex) *pack {
	return &pack{name: name, index: x, file: r.store.files.file(r.packFile(name + ".pack"))}
}

func (r *Repo) packFile(name string) string { return filepath.Join(r.dir, "objects", "pack", name) }

// isPackName recognises "pack-<40 hex>.idx" and returns it without extension.
// Anything else in the folder is not ours to open.
func isPackName(file string) (string, bool) {
	name, ok := strings.CutSuffix(file, ".idx")
	if !ok || len(name) != len("pack-")+40 || !strings.HasPrefix(name, "pack-") {
		return "", false
	}
	bad := func(r rune) bool { return (r < 'a' || r > 'f') && (r < '0' || r > '9') }
	return name, !strings.ContainsFunc(name[len("pack-"):], bad)
}

// read decodes the entry at off, and its data unless head is all that is asked.
// For deltas the data is the delta.
func (p *pack) read(off int64, headOnly bool) (e entryHead, data []byte, err error) {
	err = p.from(off, func(in *inflater) (err error) {
		if e, err = readEntryHead(in); err != nil {
			return err
		}
		if !headOnly {
			data, err = in.inflate(e.size)
		}
		return err
	})
	return e, data, err
}

// from calls f with what lies at off and beyond. What the disk says comes before
// what f made of it, which would pass for damage.
func (p *pack) from(off int64, f func(*inflater) error) error {
	return p.file.use(func(open readFile) error {
		disk := &watched{ReaderAt: open}
		in := inflaters.Get().(*inflater)
		defer in.done()
		in.in.Reset(io.NewSectionReader(disk, off, math.MaxInt64-off))
		if err := f(in); err != nil {
			return cmp.Or(disk.err, err)
		}
		return nil
	})
}

// watched remembers why reading failed.
type watched struct {
	io.ReaderAt
	err error
}

func (w *watched) ReadAt(b []byte, off int64) (int, error) {
	n, err := w.ReaderAt.ReadAt(b, off)
	if err != nil && !errors.Is(err, io.EOF) {
		w.err = err
	}
	return n, err
}

func readEntryHead(in *inflater) (entryHead, error) {
	b, err := in.in.Peek(maxEntryHead)
	if len(b) == 0 {
		return entryHead{}, io.ErrUnexpectedEOF
	}
	_ = err // a short peek is the end of the pack, which parsing will notice
	e, perr := parseEntryHead(b)
	if perr != nil {
		return e, perr
	}
	_, err = in.in.Discard(e.length)
	return e, err
}

// readDeltaSize reads the size of the result of the delta at off.
func (p *pack) readDeltaSize(off int64) (size int64, err error) {
	err = p.from(off, func(in *inflater) error {
		e, err := readEntryHead(in)
		if err != nil {
			return err
		}
		z, err := in.start(in.in)
		if err != nil {
			return errDamaged
		}
		head := make([]byte, min(e.size, 12))
		if _, err := io.ReadFull(z, head); err != nil {
			return errDamaged
		}
		_, size, _, err = deltaSizes(head)
		return err
	})
	return size, err
}

func isDelta(k plumbing.ObjectType) bool {
	return k == plumbing.OFSDeltaObject || k == plumbing.REFDeltaObject
}
