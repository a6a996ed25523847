package gitstore

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
)

// limits bound what an import may make the process do.
type limits struct {
	objects  int   // in all packs together
	pack     int64 // bytes of all packs together
	inflated int64 // bytes of all objects together
	depth    int   // of delta chains
}

var defaultLimits = limits{objects: 4_000_000, pack: 8 << 30, inflated: 256 << 30, depth: maxDeltaDepth}

// scanner indexes packs of which nothing is trusted: it reads them from front
// to back, rebuilds every object and computes its id. No index that came with a
// pack is looked at.
type scanner struct {
	limits limits
	graph  *graph // nil if nobody asks what refers to what
	report *reporter

	objects  int
	packed   int64
	inflated int64
}

// scanned is one entry of a pack.
type scanned struct {
	head  entryHead
	start int64
	size  int64 // of the rebuilt object
	id    OID
	done  bool    // id is known
	below []int32 // entries that are deltas against this one
}

// packScan is the work on one pack.
type packScan struct {
	*scanner
	f       io.ReaderAt
	entries []scanned

	mu    sync.Mutex
	byRef map[OID][]int32 // deltas that wait for a base of this id

	count int
}

// scan indexes the pack in f, which has size bytes.
func (s *scanner) scan(ctx context.Context, f io.ReaderAt, size int64) (*packIndex, error) {
	if s.packed += size; s.packed > s.limits.pack {
		return nil, fmt.Errorf("packs are larger than %d bytes together", s.limits.pack)
	}
	p := &packScan{scanner: s, f: f, byRef: map[OID][]int32{}}
	sum, err := p.readEntries(ctx, size)
	if err != nil {
		return nil, err
	}
	if err := p.linkBases(); err != nil {
		return nil, err
	}
	if err := p.resolve(ctx); err != nil {
		return nil, err
	}
	x := &packIndex{sum: sum}
	for _, e := range p.entries {
		x.ids = append(x.ids, e.id)
		x.offsets = append(x.offsets, e.start)
		x.crcs = append(x.crcs, 0) // this index is never written
	}
	x.sort()
	for i := range x.ids[1:] {
		if x.ids[i] == x.ids[i+1] {
			return nil, fmt.Errorf("%w: object %s is in the pack twice", errDamaged, x.ids[i])
		}
	}
	return x, nil
}

// countingReader knows how far it was read; zlib reads it byte by byte and so
// takes nothing beyond the end of its stream.
type countingReader struct {
	*bufio.Reader
	n int64
}

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.n += int64(n)
	return n, err
}

func (c *countingReader) ReadByte() (byte, error) {
	b, err := c.Reader.ReadByte()
	if err == nil {
		c.n++
	}
	return b, err
}

// readEntries finds where each entry begins. It hashes the whole pack on the
// way and compares with the checksum at its end.
func (p *packScan) readEntries(ctx context.Context, size int64) (sum OID, err error) {
	if size < packHead+int64(len(sum)) {
		return sum, fmt.Errorf("%w: too short for a pack", errDamaged)
	}
	hash := sha1.New()
	body := io.NewSectionReader(p.f, 0, size-int64(len(sum)))
	in := &countingReader{Reader: bufio.NewReaderSize(io.TeeReader(body, hash), 256<<10)}
	head := make([]byte, packHead)
	if _, err := io.ReadFull(in, head); err != nil {
		return sum, err
	}
	version, count := binary.BigEndian.Uint32(head[4:]), binary.BigEndian.Uint32(head[8:])
	if string(head[:4]) != "PACK" || version != 2 && version != 3 {
		return sum, fmt.Errorf("%w: not a pack of version 2", errDamaged)
	}
	if p.objects += int(count); p.objects > p.limits.objects {
		return sum, fmt.Errorf("more than %d objects", p.limits.objects)
	}
	if int64(count) > size/8 { // the smallest entry has 9 bytes
		return sum, fmt.Errorf("%w: too short for the %d objects it promises", errDamaged, count)
	}
	p.entries = make([]scanned, count)
	fl := &inflater{}
	for i := range p.entries {
		if i%1024 == 0 {
			if err := ctx.Err(); err != nil {
				return sum, err
			}
			p.report.at("indexing objects", int64(i)/2, int64(count))
		}
		if err := p.readEntry(in, fl, &p.entries[i]); err != nil {
			return sum, fmt.Errorf("object %d of the pack, at byte %d: %w", i+1, p.entries[i].start, err)
		}
	}
	if _, err := in.ReadByte(); err == nil {
		return sum, fmt.Errorf("%w: bytes after the last object", errDamaged)
	}
	if _, err := p.f.ReadAt(sum[:], size-int64(len(sum))); err != nil {
		return sum, err
	}
	if !bytes.Equal(hash.Sum(nil), sum[:]) {
		return sum, fmt.Errorf("%w: checksum of the pack is wrong", errDamaged)
	}
	return sum, nil
}

func (p *packScan) readEntry(in *countingReader, fl *inflater, e *scanned) error {
	e.start = in.n
	peek, _ := in.Peek(maxEntryHead) // short only at the end, which parsing notices
	head, err := parseEntryHead(peek)
	if err != nil {
		return err
	}
	n, err := in.Discard(head.length)
	in.n += int64(n)
	if err != nil {
		return err
	}
	e.head = head
	data, err := fl.inflateFrom(in, head.size)
	if err != nil {
		return err
	}
	e.size = head.size
	if isDelta(head.kind) {
		_, e.size, _, err = deltaSizes(data)
	}
	if p.inflated += e.size; p.inflated > p.limits.inflated {
		return fmt.Errorf("objects are larger than %d bytes together", p.limits.inflated)
	}
	if err != nil || isDelta(head.kind) {
		return err
	}
	p.found(e, raw{head.kind, data})
	return nil
}

// found notes an object that is whole.
func (p *packScan) found(e *scanned, o raw) {
	e.id, e.done = o.id(), true
	if p.graph != nil {
		p.graph.add(e.id, o)
	}
}

// linkBases makes each delta known to its base.
func (p *packScan) linkBases() error {
	for i := range p.entries {
		e := &p.entries[i]
		switch e.head.kind {
		case plumbing.OFSDeltaObject:
			at := e.start - e.head.back
			base, ok := slices.BinarySearchFunc(p.entries[:i], at, func(s scanned, at int64) int { return cmp.Compare(s.start, at) })
			if !ok {
				return fmt.Errorf("%w: delta at byte %d builds on something that is no object", errDamaged, e.start)
			}
			p.entries[base].below = append(p.entries[base].below, int32(i))
		case plumbing.REFDeltaObject:
			p.byRef[e.head.base] = append(p.byRef[e.head.base], int32(i))
		}
	}
	return nil
}

// resolve rebuilds all deltas, starting from the objects that are whole.
func (p *packScan) resolve(ctx context.Context) error {
	var roots []int32
	deltas := 0
	for i := range p.entries {
		if e := &p.entries[i]; e.done {
			if len(e.below) > 0 || len(p.byRef[e.id]) > 0 {
				roots = append(roots, int32(i))
			}
		} else {
			deltas++
		}
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	work := make(chan int32)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for root := range work {
				if err := p.resolveBelow(ctx, root, deltas); err != nil {
					stop(err)
				}
			}
		})
	}
	for _, root := range roots {
		if ctx.Err() != nil {
			break
		}
		work <- root
	}
	close(work)
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if p.count != deltas {
		return fmt.Errorf("%w: %d objects are deltas against objects that are not in the pack", errDamaged, deltas-p.count)
	}
	return nil
}

// resolveBelow rebuilds everything that builds on root, depth first. An object
// is held in memory only until the last that builds on it is rebuilt.
func (p *packScan) resolveBelow(ctx context.Context, root int32, total int) error {
	type level struct {
		raw
		below []int32
		depth int
	}
	e := &p.entries[root]
	below := p.children(e)
	if len(below) == 0 {
		return nil // the same object lies elsewhere too, and was taken from there
	}
	in := inflaters.Get().(*inflater)
	defer in.done()
	data, err := p.inflateEntry(in, e)
	if err != nil {
		return err
	}
	stack := []level{{raw{e.head.kind, data}, below, 0}}
	held := int64(len(data))
	for len(stack) > 0 {
		top := stack[len(stack)-1]
		next := &p.entries[top.below[0]]
		if stack[len(stack)-1].below = top.below[1:]; len(top.below) == 1 {
			held -= int64(len(top.data))
			stack = stack[:len(stack)-1]
		}
		delta, err := p.inflateEntry(in, next)
		if err != nil {
			return err
		}
		o := raw{kind: top.kind}
		if o.data, err = applyDelta(top.data, delta); err != nil {
			return fmt.Errorf("delta at byte %d of the pack: %w", next.start, err)
		}
		p.found(next, o)
		if err := p.progress(ctx, total); err != nil {
			return err
		}
		if below := p.children(next); len(below) > 0 {
			stack = append(stack, level{o, below, top.depth + 1})
			held += int64(len(o.data))
			if top.depth+1 >= p.limits.depth || held > 4*maxObjectBytes {
				return fmt.Errorf("%w: delta chain at byte %d of the pack is too long", errDamaged, next.start)
			}
		}
	}
	return nil
}

func (p *packScan) inflateEntry(in *inflater, e *scanned) ([]byte, error) {
	start := e.start + int64(e.head.length)
	in.in.Reset(io.NewSectionReader(p.f, start, maxPackSize))
	return in.inflate(e.head.size)
}

// children are the deltas against e. Each is handed out once, though the same
// object may be in the pack under two offsets.
func (p *packScan) children(e *scanned) []int32 {
	below := e.below
	e.below = nil
	p.mu.Lock()
	defer p.mu.Unlock()
	if refs := p.byRef[e.id]; len(refs) > 0 {
		below = append(below, refs...)
		delete(p.byRef, e.id)
	}
	return below
}

func (p *packScan) progress(ctx context.Context, total int) error {
	p.mu.Lock()
	p.count++
	n := p.count
	p.mu.Unlock()
	if n%1024 == 0 {
		whole := int64(len(p.entries))
		p.report.at("indexing objects", whole/2+int64(n)*(whole-whole/2)/int64(max(total, 1)), whole)
		return ctx.Err()
	}
	return nil
}
