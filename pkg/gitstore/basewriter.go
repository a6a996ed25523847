package gitstore

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
)

const (
	maxChain = 50 // deltas from an object to one that is whole, as git has it
	// tipChain is the same for what the tip's tree holds, which is read most.
	tipChain = 3
	// chainDigit spreads the versions of a file over chains: the base of the n-th
	// is n with its last digit to this base that is not zero made one smaller. So
	// 17³ versions have chains of at most 48, and a version's delta says on the
	// average what three saves changed.
	chainDigit = 17
	// surelySmall is how many times larger an object is than a delta that need not
	// be compared with the object compressed.
	surelySmall = 6
)

// baseWriter writes what was gathered as the pack of a base.
type baseWriter struct {
	*gathering
	ctx context.Context // of the one call that the writer lives for
	// distrust makes it rebuild and hash every object, and copy nothing: the way to
	// go when a pack has turned out to be other than its index says.
	distrust bool
	blocks   *blocks
	deltas   deltifier
	contents *cache

	links []link
	out   *bufio.Writer
	sum   hash.Hash
	off   int64
	index packIndex
	ends  [3]section
}

// link is what is known of an item that is written.
type link struct {
	from   oldEntry
	base   int32 // the item that it is a delta against, -1 for none
	reused bool  // and that it is one where it comes from
	below  int16 // how many deltas hang below it in a row that are reused
	depth  int16 // how many it hangs below
	age    int32 // how many newer versions lead to it from one that is whole
	at     int64 // where it was written
}

// oldEntry is where an entry is copied from.
type oldEntry struct {
	place
	end   int64
	check bool // crc is that of the entry
	crc   uint32
	head  entryHead
}

func newBaseWriter(ctx context.Context, g *gathering, w io.Writer) *baseWriter {
	b := &baseWriter{
		gathering: g, ctx: ctx, blocks: newBlocks(), contents: newCache(8 << 20),
		links: make([]link, len(g.items)), sum: sha1.New(),
	}
	b.out = bufio.NewWriterSize(io.MultiWriter(w, b.sum), 1<<20)
	return b
}

// pack writes the whole file. The index is of no use before it returned nil.
func (w *baseWriter) pack() error {
	if err := w.plan(); err != nil {
		return err
	}
	if err := w.write(packHeader(w.count())); err != nil {
		return err
	}
	done := 0
	for i, numbers := range w.order {
		for _, n := range numbers {
			if done++; done%256 == 0 {
				if err := w.ctx.Err(); err != nil {
					return err
				}
				w.step(done)
			}
			if err := w.item(n); err != nil {
				return fmt.Errorf("%s %s: %w", sectionKinds[i], w.items[n].id, err)
			}
		}
		w.ends[i] = section{len(numbers), w.off}
	}
	if err := w.out.Flush(); err != nil {
		return err
	}
	w.index.sum = OID(w.sum.Sum(nil))
	if _, err := w.out.Write(w.index.sum[:]); err != nil {
		return err
	}
	w.index.sort()
	return w.out.Flush()
}

// plan finds where each item comes from, and which deltas can stay: those whose
// base is in the same section and before them, and on no chain that is too long.
func (w *baseWriter) plan() error {
	position := make([]int32, len(w.items))
	for _, numbers := range w.order {
		for i, n := range numbers {
			position[n] = int32(i)
			l := &w.links[n]
			l.base = -1
			if err := w.find(n, l); err != nil {
				return fmt.Errorf("object %s: %w", w.items[n].id, err)
			}
			if base, ok := w.deltaBase(l); ok && w.items[base].placed && w.items[base].section == w.items[n].section {
				l.base = base
			}
		}
		for _, n := range numbers {
			if next := w.items[n].newer; next >= 0 && !w.before(position, next, n) {
				w.items[n].newer = -1
			}
		}
		// Backwards, so that all that hangs below an item is known.
		for _, n := range slices.Backward(numbers) {
			l := &w.links[n]
			if l.base < 0 {
				continue
			}
			base := &w.links[l.base]
			before := position[l.base] < position[n]
			if l.reused = before && l.below < maxChain && (w.items[l.base].tip || !w.items[n].tip); l.reused {
				base.below = max(base.below, l.below+1)
				continue
			}
			// Whoever made this delta found the two alike, which also holds the
			// other way round.
			if older, next := n, l.base; before {
				w.hint(older, next)
			} else {
				w.hint(next, older)
			}
		}
	}
	return nil
}

// before reports whether an item goes into the same section as another one, and
// before it.
func (w *baseWriter) before(position []int32, a, b int32) bool {
	x, y := &w.items[a], &w.items[b]
	return x.placed && x.section == y.section && position[a] < position[b]
}

// hint makes an item the one that another is tried as a delta against, if there
// is none yet.
func (w *baseWriter) hint(n, next int32) {
	if w.items[n].newer < 0 {
		w.items[n].newer = next
	}
}

// find looks for an item's entry. Bases come first, for there it may be a delta.
func (w *baseWriter) find(n int32, l *link) error {
	id := w.items[n].id
	at, err := w.places(id)
	if err != nil || at.pack == nil {
		l.from.place = at
		return err
	}
	s, err := at.pack.spanAt(at.off)
	if err != nil {
		return err
	}
	l.from = oldEntry{place: at, end: s.end}
	if !w.r.sealed {
		l.from.crc, l.from.check = at.pack.index.crc(id)
	}
	peek, err := w.peek(at, l.from.end)
	if err == nil {
		l.from.head, err = parseEntryHead(peek)
	}
	if errors.Is(err, errDamaged) || errors.Is(err, io.ErrUnexpectedEOF) {
		l.from.pack = nil // perhaps it is elsewhere, too
		return nil
	}
	return err
}

func (w *baseWriter) places(id OID) (place, error) {
	for _, b := range w.bases {
		if off, ok := b.pack.index.find(id); ok {
			return place{b.pack, off}, nil
		}
	}
	at, err := w.r.locate(w.ctx, id)
	if errors.Is(err, errMissing) && id == emptyTreeID {
		return place{}, nil
	}
	return at, err
}

// peek reads what an entry begins with.
func (w *baseWriter) peek(at place, end int64) ([]byte, error) {
	var b []byte
	err := w.blocks.each(at.pack, at.off, min(at.off+maxEntryHead, end), func(piece []byte) error {
		if b == nil && len(piece) == maxEntryHead {
			b = piece
			return nil
		}
		b = append(b[:len(b):len(b)], piece...)
		return nil
	})
	return b, err
}

// deltaBase is the item that an entry is a delta against.
func (w *baseWriter) deltaBase(l *link) (int32, bool) {
	var id OID
	switch l.from.head.kind {
	case plumbing.REFDeltaObject:
		id = l.from.head.base
	case plumbing.OFSDeltaObject:
		s, err := l.from.pack.spanAt(l.from.off - l.from.head.back)
		if err != nil {
			return 0, false
		}
		id = s.id
	default:
		return 0, false
	}
	n, ok := w.number[id]
	return n, ok
}

// item writes one entry: the delta that it is already, or a new one against the
// next version, or the object whole.
func (w *baseWriter) item(n int32) error {
	it, l := &w.items[n], &w.links[n]
	sound, err := w.sound(l)
	if err != nil {
		return err
	}
	l.at = w.off
	w.index.ids = append(w.index.ids, it.id)
	w.index.offsets = append(w.index.offsets, w.off)
	if l.reused && it.tip && w.links[l.base].depth >= tipChain {
		l.reused = false
		w.hint(n, l.base)
	}
	if l.reused && sound {
		base := &w.links[l.base]
		l.depth, l.age = base.depth+1, base.age+1
		return w.copied(l, entryHead{kind: plumbing.OFSDeltaObject, size: l.from.head.size, back: l.at - base.at})
	}
	l.base, l.depth, l.age = -1, 0, 0
	whole := sound && l.from.pack != nil && !isDelta(l.from.head.kind)
	if it.newer >= 0 {
		size := int64(-1)
		if whole {
			size = l.from.end - l.from.off - int64(l.from.head.length)
		}
		if done, err := w.newDelta(n, size); done || err != nil {
			return err
		}
	}
	if whole {
		return w.copied(l, l.from.head)
	}
	o, err := w.content(n)
	if err != nil {
		return err
	}
	return w.entry(entryHead{kind: o.kind, size: int64(len(o.data))}, o.data)
}

// sound reports whether an entry's bytes may be copied: they are those that the
// index of their pack is of.
func (w *baseWriter) sound(l *link) (bool, error) {
	if l.from.pack == nil || w.distrust {
		return false, nil
	}
	if !l.from.check {
		return true, nil
	}
	crc := uint32(0)
	err := w.blocks.each(l.from.pack, l.from.off, l.from.end, func(b []byte) error {
		crc = crc32.Update(crc, crc32.IEEETable, b)
		return nil
	})
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return false, nil // cut off
	}
	return crc == l.from.crc, err
}

// newDelta writes an item as a delta against a newer version of the same file, if
// that is clearly smaller than whole, which takes size bytes, if that is known.
func (w *baseWriter) newDelta(n int32, size int64) (bool, error) {
	base := w.chooseBase(n)
	if base < 0 {
		return false, nil
	}
	o, err := w.content(n)
	if err != nil {
		return false, err
	}
	b, err := w.content(base)
	if err != nil || o.kind != b.kind || len(o.data) > maxDeltaLen || len(b.data) > maxDeltaLen {
		return false, err
	}
	delta := w.deltas.delta(b.data, o.data, len(o.data)*3/4)
	if delta == nil {
		return false, nil
	}
	var packed bytes.Buffer
	deflate(&packed, delta)
	// Compressing all of it only to compare is most of the work of an import. Text
	// gets a third as large, seldom less than a sixth.
	if size < 0 && int64(packed.Len())*surelySmall <= int64(len(o.data)) {
		size = int64(len(o.data))
	}
	if size < 0 {
		var whole bytes.Buffer
		deflate(&whole, o.data)
		size = int64(whole.Len())
	}
	if int64(packed.Len())*4 > size*3 {
		return false, nil
	}
	l, to := &w.links[n], &w.links[base]
	l.base, l.depth, l.age = base, to.depth+1, to.age+1
	return true, w.packed(entryHead{kind: plumbing.OFSDeltaObject, size: int64(len(delta)), back: l.at - to.at}, packed.Bytes())
}

// chooseBase finds the version that an item becomes a delta against: the next
// one, or one that this leads to, so that no chain gets too long.
func (w *baseWriter) chooseBase(n int32) int32 {
	base := w.items[n].newer
	age := w.links[base].age + 1
	step := int32(1)
	for age%(step*chainDigit) == 0 {
		step *= chainDigit
	}
	for w.links[base].age > age-step && w.links[base].base >= 0 {
		base = w.links[base].base
	}
	for base >= 0 && !w.mayHang(n, base) {
		base = w.links[base].base
	}
	return base
}

// mayHang reports whether an item may be a delta against another one.
func (w *baseWriter) mayHang(n, base int32) bool {
	depth := w.links[base].depth + 1
	if w.items[n].tip && (!w.items[base].tip || depth > tipChain) {
		return false
	}
	return depth+w.links[n].below <= maxChain
}

// content reads an item and verifies it. Where one pack is damaged, another may
// have it whole.
func (w *baseWriter) content(n int32) (raw, error) {
	id, from := w.items[n].id, w.links[n].from
	key := cacheKey{id: id}
	if v, ok := w.contents.get(key); ok {
		return v.(raw), nil
	}
	if id == emptyTreeID {
		return raw{kind: plumbing.TreeObject}, nil
	}
	o, err := raw{}, errMissing
	if from.pack != nil {
		o, err = w.verified(id, from.place)
	}
	if err != nil && !isGone(err) {
		for _, p := range w.r.packs() {
			if off, ok := p.index.find(id); ok && p != from.pack && err != nil {
				o, err = w.verified(id, place{p, off})
			}
		}
	}
	if err != nil && !isGone(err) {
		if loose, lerr := w.verified(id, place{}); lerr == nil {
			o, err = loose, nil
		} else if errors.Is(err, errMissing) {
			err = lerr
		}
	}
	if err != nil {
		return raw{}, err
	}
	w.contents.put(key, o, int64(len(o.data)))
	return o, nil
}

func (w *baseWriter) verified(id OID, at place) (raw, error) {
	o, err := w.r.objectAt(w.ctx, id, at)
	if err == nil && o.id() != id {
		err = fmt.Errorf("%w: content does not match the id", errDamaged)
	}
	return o, err
}

// copied copies an entry behind a head that may be another than it had.
func (w *baseWriter) copied(l *link, head entryHead) error {
	crc := uint32(0)
	b := appendEntryHead(nil, head)
	err := w.sumUp(&crc, b)
	if err == nil {
		err = w.blocks.each(l.from.pack, l.from.off+int64(l.from.head.length), l.from.end, func(b []byte) error {
			return w.sumUp(&crc, b)
		})
	}
	w.index.crcs = append(w.index.crcs, crc)
	return err
}

// entry compresses and writes one.
func (w *baseWriter) entry(head entryHead, data []byte) error {
	var b bytes.Buffer
	deflate(&b, data)
	return w.packed(head, b.Bytes())
}

// packed writes an entry that is compressed.
func (w *baseWriter) packed(head entryHead, data []byte) error {
	crc := uint32(0)
	err := errors.Join(w.sumUp(&crc, appendEntryHead(nil, head)), w.sumUp(&crc, data))
	w.index.crcs = append(w.index.crcs, crc)
	return err
}

func (w *baseWriter) sumUp(crc *uint32, b []byte) error {
	*crc = crc32.Update(*crc, crc32.IEEETable, b)
	return w.write(b)
}

func (w *baseWriter) write(b []byte) error {
	w.off += int64(len(b))
	_, err := w.out.Write(b)
	return err
}
