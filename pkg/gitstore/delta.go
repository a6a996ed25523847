package gitstore

import "fmt"

var errDelta = fmt.Errorf("%w: bad delta", errDamaged)

// deltaSizes reads the head of a delta: the size of its base and of its result.
func deltaSizes(delta []byte) (base, result int64, rest []byte, err error) {
	if base, rest, err = deltaSize(delta); err != nil {
		return 0, 0, nil, err
	}
	if result, rest, err = deltaSize(rest); err != nil {
		return 0, 0, nil, err
	}
	return base, result, rest, nil
}

func deltaSize(b []byte) (n int64, rest []byte, err error) {
	for i := 0; i < len(b) && i < 6; i++ {
		n |= int64(b[i]&0x7f) << (7 * i)
		if b[i]&0x80 == 0 {
			if n > maxObjectBytes {
				return 0, nil, errTooLarge
			}
			return n, b[i+1:], nil
		}
	}
	return 0, nil, errDelta
}

// applyDelta rebuilds an object from its base (gitformat-pack(5), "Deltified
// representation").
func applyDelta(base, delta []byte) ([]byte, error) {
	baseSize, size, ops, err := deltaSizes(delta)
	if err != nil {
		return nil, err
	}
	if baseSize != int64(len(base)) {
		return nil, errDelta
	}
	// A delta of n bytes can ask for a result of at most n copies of the base.
	out := make([]byte, 0, min(size, 1<<20))
	for len(ops) > 0 {
		op := ops[0]
		ops = ops[1:]
		var piece []byte
		switch {
		case op&0x80 != 0:
			if piece, ops, err = copied(base, op, ops); err != nil {
				return nil, err
			}
		case op != 0 && int(op) <= len(ops):
			piece, ops = ops[:op], ops[op:]
		default:
			return nil, errDelta
		}
		if int64(len(out)+len(piece)) > size {
			return nil, errDelta
		}
		out = append(out, piece...)
	}
	if int64(len(out)) != size {
		return nil, errDelta
	}
	return out, nil
}

// copied decodes a copy instruction and returns the part of base that it names.
func copied(base []byte, op byte, ops []byte) (piece, rest []byte, err error) {
	var off, n uint32
	for i := range 7 {
		if op&(1<<i) == 0 {
			continue
		}
		if len(ops) == 0 {
			return nil, nil, errDelta
		}
		if i < 4 {
			off |= uint32(ops[0]) << (8 * i)
		} else {
			n |= uint32(ops[0]) << (8 * (i - 4))
		}
		ops = ops[1:]
	}
	if n == 0 {
		n = 0x10000
	}
	if uint64(off)+uint64(n) > uint64(len(base)) {
		return nil, nil, errDelta
	}
	return base[off : off+n], ops, nil
}
