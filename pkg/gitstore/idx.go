package gitstore

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"slices"
)

// packIndex says at which offset of a pack each object lies: the content of a
// version 2 .idx file (gitformat-pack(5)), sorted by id.
type packIndex struct {
	ids     []OID
	offsets []int64 // parallel to ids
	crcs    []uint32
	sum     OID // the checksum that ends the pack
}

const (
	idxHead     = 8 + 256*4
	idxMagic    = "\xfftOc\x00\x00\x00\x02"
	packHead    = 12 // "PACK", version, count
	maxPackSize = 1 << 40
)

func (x *packIndex) find(id OID) (int64, bool) {
	i, ok := slices.BinarySearchFunc(x.ids, id, compareIDs)
	if !ok {
		return 0, false
	}
	return x.offsets[i], true
}

// crc is the checksum of an object's entry.
func (x *packIndex) crc(id OID) (uint32, bool) {
	i, ok := slices.BinarySearchFunc(x.ids, id, compareIDs)
	if !ok {
		return 0, false
	}
	return x.crcs[i], true
}

func compareIDs(a, b OID) int { return bytes.Compare(a[:], b[:]) }

// parseIndex decodes an .idx file and checks all of it, checksum included, so
// that lookups need not.
func parseIndex(b []byte) (*packIndex, error) {
	bad := func(what string) (*packIndex, error) { return nil, fmt.Errorf("%w: pack index: %s", errDamaged, what) }
	if len(b) < idxHead+40 || string(b[:8]) != idxMagic {
		return bad("not version 2")
	}
	body, sum := b[:len(b)-20], b[len(b)-20:]
	if got := sha1.Sum(body); !bytes.Equal(got[:], sum) {
		return bad("wrong checksum")
	}
	n := int(binary.BigEndian.Uint32(b[idxHead-4:]))
	rest := len(b) - idxHead - 40 - n*(20+4+4)
	if rest < 0 || rest%8 != 0 || rest/8 > n {
		return bad("wrong length")
	}
	x := &packIndex{ids: make([]OID, n), crcs: make([]uint32, n), offsets: make([]int64, n)}
	ids, crcs := b[idxHead:], b[idxHead+n*20:]
	small, large := crcs[n*4:], crcs[n*8:]
	for i := range n {
		copy(x.ids[i][:], ids[i*20:])
		if i > 0 && compareIDs(x.ids[i-1], x.ids[i]) >= 0 {
			return bad("ids out of order")
		}
		x.crcs[i] = binary.BigEndian.Uint32(crcs[i*4:])
		off := int64(binary.BigEndian.Uint32(small[i*4:]))
		if off&(1<<31) != 0 {
			at := int(off &^ (1 << 31))
			if at >= rest/8 {
				return bad("offset outside its table")
			}
			off = int64(binary.BigEndian.Uint64(large[at*8:]))
		}
		if off < packHead || off > maxPackSize {
			return bad("impossible offset")
		}
		x.offsets[i] = off
	}
	copy(x.sum[:], b[len(b)-40:])
	return x, nil
}

// sort puts the objects in order of their ids.
func (x *packIndex) sort() {
	perm := make([]int, len(x.ids))
	for i := range perm {
		perm[i] = i
	}
	slices.SortFunc(perm, func(a, b int) int { return compareIDs(x.ids[a], x.ids[b]) })
	ids, offs, crcs := make([]OID, len(perm)), make([]int64, len(perm)), make([]uint32, len(perm))
	for i, p := range perm {
		ids[i], offs[i], crcs[i] = x.ids[p], x.offsets[p], x.crcs[p]
	}
	x.ids, x.offsets, x.crcs = ids, offs, crcs
}

// encode is the .idx file; x must be sorted.
func (x *packIndex) encode() []byte {
	n := len(x.ids)
	b := make([]byte, 0, idxHead+n*28+40)
	b = append(b, idxMagic...)
	for first, i := 0, 0; first < 256; first++ {
		for i < n && int(x.ids[i][0]) <= first {
			i++
		}
		b = binary.BigEndian.AppendUint32(b, uint32(i))
	}
	for i := range x.ids {
		b = append(b, x.ids[i][:]...)
	}
	for _, crc := range x.crcs {
		b = binary.BigEndian.AppendUint32(b, crc)
	}
	var large []byte
	for _, off := range x.offsets {
		if off >= 1<<31 {
			b = binary.BigEndian.AppendUint32(b, 1<<31|uint32(len(large)/8))
			large = binary.BigEndian.AppendUint64(large, uint64(off))
			continue
		}
		b = binary.BigEndian.AppendUint32(b, uint32(off))
	}
	b = append(b, large...)
	b = append(b, x.sum[:]...)
	sum := sha1.Sum(b)
	return append(b, sum[:]...)
}
