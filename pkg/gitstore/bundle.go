package gitstore

import (
	"context"
	"errors"
	"io"

	"wikibot.io/pkg/fault"
)

// Bundle is a git bundle (gitformat-bundle(5)) of all that is reachable from the
// tip of a wiki's lowest base. It never changes.
type Bundle struct {
	io.ReadSeeker
	io.Closer
	Name string // of the base
	Tip  OID
	Size int64
}

// Bundle opens the bundle of the lowest base; fault.NotFound if the history has
// no base. Close it.
func (h *History) Bundle(ctx context.Context) (*Bundle, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(h.bases) == 0 {
		return nil, fault.New(fault.NotFound, "open bundle: the history of wiki %s has no base yet", h.r.wiki)
	}
	b := h.bases[0]
	f, err := h.r.store.disk.open(h.r.packFile(b.pack.name + ".pack"))
	if isGone(err) {
		return nil, fault.Wrap(err, fault.NotFound, "open bundle: base %s of wiki %s was replaced", b.pack.name, h.r.wiki)
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "open bundle of wiki %s", h.r.wiki)
	}
	st, err := f.Stat()
	if err != nil {
		_ = f.Close() // only read
		return nil, fault.Wrap(err, fault.Unavailable, "open bundle of wiki %s", h.r.wiki)
	}
	head := []byte("# v2 git bundle\n" + b.tip.String() + " " + mainRef + "\n\n")
	file := &bundleFile{head: head, f: f, size: int64(len(head)) + st.Size()}
	return &Bundle{ReadSeeker: file, Closer: f, Name: b.pack.name, Tip: b.tip, Size: file.size}, nil
}

// bundleFile is a pack behind the head of a bundle. It reads ahead, because those
// who send files ask for 32 KiB at a time.
type bundleFile struct {
	head []byte
	f    readFile
	size int64
	at   int64

	buf  []byte
	from int64 // where in the bundle buf lies
}

func (b *bundleFile) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if b.at >= b.size {
		return 0, io.EOF
	}
	if off := b.at - int64(len(b.head)); off < 0 {
		n := copy(p, b.head[b.at:])
		b.at += int64(n)
		return n, nil
	}
	if b.at < b.from || b.at >= b.from+int64(len(b.buf)) {
		if err := b.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, b.buf[b.at-b.from:])
	b.at += int64(n)
	return n, nil
}

func (b *bundleFile) fill() error {
	n := min(planWindow, b.size-b.at)
	if b.buf == nil {
		b.buf = make([]byte, 0, min(planWindow, b.size))
	}
	b.from, b.buf = b.at, b.buf[:n]
	if _, err := b.f.ReadAt(b.buf, b.at-int64(len(b.head))); err != nil {
		b.buf = b.buf[:0]
		return err
	}
	return nil
}

var errSeek = errors.New("seek in a bundle: to before its beginning")

func (b *bundleFile) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += b.at
	case io.SeekEnd:
		offset += b.size
	}
	if offset < 0 {
		return b.at, errSeek
	}
	b.at = offset
	return offset, nil
}
