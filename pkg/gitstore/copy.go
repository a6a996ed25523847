package gitstore

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha1"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
)

// copier writes a pack from entries of other packs. Their compressed bytes are
// taken over as they are: finding deltas anew is what makes packing slow.
type copier struct {
	r   *Repo
	out *bufio.Writer
	sum hash.Hash
	off int64
	at  map[OID]int64 // where each object that is written begins,
	// unless it is in the pack with which the output begins unchanged
	first *pack
	count int
	buf   []byte

	index *packIndex // of what was written; nil if nobody needs it
}

// newCopier begins a pack of n objects.
func newCopier(r *Repo, w io.Writer, n int) (*copier, error) {
	c := &copier{r: r, sum: sha1.New(), at: map[OID]int64{}, buf: make([]byte, 64<<10)}
	c.out = bufio.NewWriterSize(io.MultiWriter(w, c.sum), 64<<10)
	return c, c.write(packHeader(n), nil)
}

// write appends bytes, and to a running checksum of the entry if one is kept.
func (c *copier) write(b []byte, crc *uint32) error {
	if crc != nil {
		*crc = crc32.Update(*crc, crc32.IEEETable, b)
	}
	c.off += int64(len(b))
	_, err := c.out.Write(b)
	return err
}

// written is where an object has been written to.
func (c *copier) written(id OID) (int64, bool) {
	if at, ok := c.at[id]; ok {
		return at, true
	}
	if c.first != nil {
		return c.first.index.find(id)
	}
	return 0, false
}

// verbatim begins the output with all of a pack, so that nothing in it moves
// and its entries need not be looked at. It must come first.
func (c *copier) verbatim(ctx context.Context, p *pack) error {
	c.first, c.count = p, len(p.index.ids)
	return p.file.use(func(f readFile) error {
		st, err := f.Stat()
		if err != nil {
			return err
		}
		end := st.Size() - int64(len(OID{}))
		c.off = end
		return copyRange(ctx, c.out, f, packHead, end)
	})
}

// all writes every entry of a pack.
func (c *copier) all(ctx context.Context, p *pack) error {
	spans, err := p.layout()
	if err != nil {
		return err
	}
	for i := range spans {
		if err := c.entry(ctx, p, spans, i); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// begin notes that an entry starts here. It is false for one that is written already.
func (c *copier) begin(id OID) bool {
	if _, ok := c.written(id); ok {
		return false
	}
	c.at[id] = c.off
	c.count++
	if c.index != nil {
		c.index.ids = append(c.index.ids, id)
		c.index.offsets = append(c.index.offsets, c.off)
	}
	return true
}

func (c *copier) end(crc uint32) {
	if c.index != nil {
		c.index.crcs = append(c.index.crcs, crc)
	}
}

// object writes an object whole.
func (c *copier) object(id OID, o raw) error {
	if !c.begin(id) {
		return nil
	}
	var crc uint32
	b := bytes.NewBuffer(appendEntryHead(nil, entryHead{kind: o.kind, size: int64(len(o.data))}))
	deflate(b, o.data)
	err := c.write(b.Bytes(), &crc)
	c.end(crc)
	return err
}

// entry writes the i-th entry of a pack. A delta stays one if its base has been
// written before, which also means that there can be no cycle; else the object
// is written whole.
func (c *copier) entry(ctx context.Context, p *pack, spans []span, i int) error {
	s := spans[i]
	if _, ok := c.written(s.id); ok {
		return nil
	}
	return p.file.use(func(f readFile) error {
		first := c.buf[:min(int64(len(c.buf)), s.end-s.start)]
		if _, err := f.ReadAt(first, s.start); err != nil {
			return fmt.Errorf("%s at %d: %w", p.name, s.start, err)
		}
		e, err := parseEntryHead(first)
		if err != nil {
			return fmt.Errorf("%s at %d: %w", p.name, s.start, err)
		}
		head, body := first[:e.length], first[e.length:]
		if isDelta(e.kind) {
			at, ok := c.written(baseOf(e, spans, i))
			if !ok {
				return c.whole(ctx, place{p, s.start}, s.id)
			}
			e = entryHead{kind: plumbing.OFSDeltaObject, size: e.size, back: c.off - at}
			head = appendEntryHead(nil, e)
		}
		return c.copyEntry(f, s, head, body)
	})
}

// whole writes an object that is a delta where it lies.
func (c *copier) whole(ctx context.Context, at place, id OID) error {
	o, err := c.r.objectAt(ctx, id, at)
	if err != nil {
		return err
	}
	if o.id() != id {
		return fmt.Errorf("%w: %s at %d: content does not match the id", errDamaged, at.pack.name, at.off)
	}
	return c.object(id, o)
}

// copyEntry copies the compressed bytes of an entry behind a new head. body is
// what has been read of them.
func (c *copier) copyEntry(f readFile, s span, head, body []byte) error {
	c.begin(s.id)
	var crc uint32
	if err := c.write(head, &crc); err != nil {
		return err
	}
	if err := c.write(body, &crc); err != nil {
		return err
	}
	for at := s.start + min(int64(len(c.buf)), s.end-s.start); at < s.end; {
		b := c.buf[:min(int64(len(c.buf)), s.end-at)]
		if _, err := f.ReadAt(b, at); err != nil {
			return err
		}
		if err := c.write(b, &crc); err != nil {
			return err
		}
		at += int64(len(b))
	}
	c.end(crc)
	return nil
}

// baseOf is the id of the base of the delta that is the i-th entry; zero if it
// is not in the pack.
func baseOf(e entryHead, spans []span, i int) OID {
	if e.kind == plumbing.REFDeltaObject {
		return e.base
	}
	at := spans[i].start - e.back
	n, ok := slices.BinarySearchFunc(spans[:i], at, func(s span, at int64) int { return cmp.Compare(s.start, at) })
	if !ok {
		return OID{}
	}
	return spans[n].id
}

// finish ends the pack with its checksum.
func (c *copier) finish() error {
	if err := c.out.Flush(); err != nil {
		return err
	}
	sum := OID(c.sum.Sum(nil))
	if c.index != nil {
		c.index.sum = sum
	}
	if _, err := c.out.Write(sum[:]); err != nil {
		return err
	}
	return c.out.Flush()
}

func copyRange(ctx context.Context, w io.Writer, f io.ReaderAt, from, to int64) error {
	buf := make([]byte, 128<<10)
	for from < to {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := buf[:min(int64(len(buf)), to-from)]
		if _, err := f.ReadAt(b, from); err != nil {
			return err
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		from += int64(len(b))
	}
	return nil
}
