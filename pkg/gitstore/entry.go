package gitstore

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
)

// entryHead is the head of one pack entry (gitformat-pack(5)).
type entryHead struct {
	kind   plumbing.ObjectType
	size   int64 // of the object inflated, or of the delta
	length int   // bytes of this head; the zlib stream follows
	back   int64 // OFS_DELTA: distance back to the base
	base   OID   // REF_DELTA
}

const maxEntryHead = 32 // 10 bytes of size, then 10 of offset or 20 of id

// parseEntryHead decodes the head at the beginning of b, which may be longer.
func parseEntryHead(b []byte) (entryHead, error) {
	var e entryHead
	if len(b) == 0 {
		return e, io.ErrUnexpectedEOF
	}
	c := b[0]
	e.kind = plumbing.ObjectType(c >> 4 & 7)
	e.size = int64(c & 15)
	n := 1
	for shift := 4; c&0x80 != 0; shift += 7 {
		if n >= len(b) || shift > 32 {
			return e, fmt.Errorf("%w: bad size in pack entry", errDamaged)
		}
		c = b[n]
		e.size |= int64(c&0x7f) << shift
		n++
	}
	switch e.kind {
	case plumbing.CommitObject, plumbing.TreeObject, plumbing.BlobObject, plumbing.TagObject:
	case plumbing.REFDeltaObject:
		if len(b) < n+len(e.base) {
			return e, io.ErrUnexpectedEOF
		}
		n += copy(e.base[:], b[n:])
	case plumbing.OFSDeltaObject:
		for first := true; ; first = false {
			if n >= len(b) || e.back > 1<<48 {
				return e, fmt.Errorf("%w: bad delta offset in pack entry", errDamaged)
			}
			c = b[n]
			n++
			if !first {
				e.back++
			}
			e.back = e.back<<7 | int64(c&0x7f)
			if c&0x80 == 0 {
				break
			}
		}
	default:
		return e, fmt.Errorf("%w: unknown type %d of pack entry", errDamaged, e.kind)
	}
	if e.size > maxObjectBytes {
		return e, errTooLarge
	}
	e.length = n
	return e, nil
}

// appendEntryHead is the reverse of parseEntryHead.
func appendEntryHead(b []byte, e entryHead) []byte {
	c := byte(e.kind)<<4 | byte(e.size&15)
	for rest := e.size >> 4; ; rest >>= 7 {
		if rest == 0 {
			b = append(b, c)
			break
		}
		b = append(b, c|0x80)
		c = byte(rest & 0x7f)
	}
	switch e.kind {
	case plumbing.REFDeltaObject:
		b = append(b, e.base[:]...)
	case plumbing.OFSDeltaObject:
		var buf [10]byte
		i := len(buf) - 1
		buf[i] = byte(e.back & 0x7f)
		for rest := e.back >> 7; rest > 0; rest >>= 7 {
			rest--
			i--
			buf[i] = 0x80 | byte(rest&0x7f)
		}
		b = append(b, buf[i:]...)
	}
	return b
}

// inflater is a zlib reader with its input buffer; both are costly to make.
type inflater struct {
	in *bufio.Reader
	z  io.ReadCloser
}

var inflaters = sync.Pool{New: func() any { return &inflater{in: bufio.NewReaderSize(nil, 8<<10)} }}

// byteReader lets zlib stop exactly at the end of its stream.
type byteReader interface {
	io.Reader
	io.ByteReader
}

// start begins reading the zlib stream that follows in in.
func (f *inflater) start(in byteReader) (io.Reader, error) {
	if f.z == nil {
		z, err := zlib.NewReader(in)
		if err != nil {
			return nil, err
		}
		f.z = z
		return z, nil
	}
	return f.z, f.z.(zlib.Resetter).Reset(in, nil)
}

func (f *inflater) done() {
	f.in.Reset(nil)
	inflaters.Put(f)
}

// inflate reads a stream of exactly size bytes from f.in.
func (f *inflater) inflate(size int64) ([]byte, error) { return f.inflateFrom(f.in, size) }

// inflateFrom reads a stream of exactly size bytes. It trusts size only up to
// 1 MiB before it has seen the bytes.
func (f *inflater) inflateFrom(in byteReader, size int64) ([]byte, error) {
	z, err := f.start(in)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	var data []byte
	if size <= 1<<20 {
		data = make([]byte, size)
		_, err = io.ReadFull(z, data)
	} else {
		var b bytes.Buffer
		b.Grow(1 << 20)
		_, err = io.CopyN(&b, z, size)
		data = b.Bytes()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: compressed data: %w", errDamaged, err)
	}
	// Reading on to the end makes zlib check its checksum.
	var one [1]byte
	if n, err := z.Read(one[:]); n != 0 || !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: longer than its head says, or bad checksum", errDamaged)
	}
	return data, nil
}
