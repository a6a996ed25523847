package gitstore

import (
	"encoding/binary"
	"math/bits"
)

// deltifier makes deltas. It is for one goroutine, and keeps its memory between
// calls.
type deltifier struct {
	head []int32 // by hash: one more than the last position of base that has it
	prev []int32 // by position over stride: the next one of that hash
}

const (
	deltaKey    = 8  // bytes that are looked up at once
	deltaTries  = 24 // positions that are compared for the longest match
	deltaGood   = 256
	deltaWidth  = 1 << 18 // positions that are indexed at most
	maxCopy     = 0x10000 // what one instruction copies in a pack of version 2
	maxInsert   = 127
	minCopy     = 8
	fewMissing  = 32      // so little is inserted without a look for where else it is
	maxDeltaLen = 8 << 20 // larger objects are stored whole: they are no text
)

// delta returns the instructions that make target of base (gitformat-pack(5),
// "Deltified representation"); nil if they would be longer than max bytes.
func (d *deltifier) delta(base, target []byte, max int) []byte {
	w := deltaWriter{target: target, max: max}
	w.out = binary.AppendUvarint(w.out, uint64(len(base)))
	w.out = binary.AppendUvarint(w.out, uint64(len(target)))
	// Versions of a page differ in few places, so most of the work is done by
	// comparing both ends.
	from := samePrefix(base, target)
	to := len(target) - sameSuffix(base[from:], target[from:])
	if from < minCopy {
		from = 0
	}
	if len(target)-to < minCopy {
		to = len(target)
	}
	w.copy(0, from)
	if to-from > fewMissing && len(base) >= deltaKey {
		d.middle(&w, base, from, to)
	}
	w.insertTo(to)
	w.copy(len(base)-(len(target)-to), len(target)-to)
	if w.full() {
		return nil
	}
	return w.out
}

// middle finds target[from:to] in base.
func (d *deltifier) middle(w *deltaWriter, base []byte, from, to int) {
	shift, stride := d.index(base)
	for at := from; at+deltaKey <= to && !w.full(); {
		off, n := d.longest(base, w.target[at:to], shift, stride)
		if n < minCopy {
			at++
			continue
		}
		// What came before it may be the same too: not every position is indexed.
		for at > w.done && off > 0 && base[off-1] == w.target[at-1] {
			at, off, n = at-1, off-1, n+1
		}
		w.insertTo(at)
		w.copy(off, n)
		at += n
	}
}

// index takes in the positions of base.
func (d *deltifier) index(base []byte) (shift, stride int) {
	stride = 1 + len(base)/deltaWidth
	positions := (len(base)-deltaKey)/stride + 1
	size := bits.Len(uint(positions))
	shift = 64 - size
	if cap(d.head) < 1<<size {
		d.head = make([]int32, 1<<size)
	}
	d.head = d.head[:1<<size]
	clear(d.head)
	if cap(d.prev) < positions {
		d.prev = make([]int32, positions)
	}
	d.prev = d.prev[:positions]
	// Backwards, so that of equal places the first is looked at first.
	for i := positions - 1; i >= 0; i-- {
		h := deltaHash(base[i*stride:], shift)
		d.prev[i] = d.head[h]
		d.head[h] = int32(i + 1)
	}
	return shift, stride
}

func deltaHash(b []byte, shift int) uint64 {
	return binary.LittleEndian.Uint64(b) * 0x9e3779b97f4a7c15 >> shift
}

// longest finds the longest beginning of target that is in base, as far as it looks.
func (d *deltifier) longest(base, target []byte, shift, stride int) (off, n int) {
	next := d.head[deltaHash(target, shift)]
	for range deltaTries {
		if next == 0 || n >= deltaGood {
			break
		}
		at := int(next-1) * stride
		if m := samePrefix(base[at:], target); m > n {
			off, n = at, m
		}
		next = d.prev[next-1]
	}
	return off, n
}

func samePrefix(a, b []byte) int {
	n, most := 0, min(len(a), len(b))
	for n+8 <= most {
		if x := binary.LittleEndian.Uint64(a[n:]) ^ binary.LittleEndian.Uint64(b[n:]); x != 0 {
			return n + bits.TrailingZeros64(x)/8
		}
		n += 8
	}
	for n < most && a[n] == b[n] {
		n++
	}
	return n
}

func sameSuffix(a, b []byte) int {
	n, most := 0, min(len(a), len(b))
	for n < most && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return n
}

// deltaWriter writes the instructions of one delta.
type deltaWriter struct {
	target []byte
	done   int // bytes of target that the instructions make
	out    []byte
	max    int
}

func (w *deltaWriter) full() bool { return len(w.out) > w.max }

// insertTo makes target up to a place from bytes that the delta carries.
func (w *deltaWriter) insertTo(at int) {
	for w.done < at && !w.full() {
		n := min(at-w.done, maxInsert)
		w.out = append(w.out, byte(n))
		w.out = append(w.out, w.target[w.done:w.done+n]...)
		w.done += n
	}
}

// copy makes the next n bytes of target from those of base at off.
func (w *deltaWriter) copy(off, n int) {
	w.done += n
	for n > 0 {
		part := min(n, maxCopy)
		op := len(w.out)
		w.out = append(w.out, 0x80)
		for i := range 4 {
			if b := byte(off >> (8 * i)); b != 0 {
				w.out[op] |= 1 << i
				w.out = append(w.out, b)
			}
		}
		for i := range 2 {
			if b := byte(part >> (8 * i)); b != 0 { // 0x10000 is written as nothing
				w.out[op] |= 0x10 << i
				w.out = append(w.out, b)
			}
		}
		off, n = off+part, n-part
	}
}
