package gitstore

import (
	"bytes"
	"container/list"
	"io"
)

const (
	blockSize  = planWindow
	blockBytes = 8 << 20 // that are kept
)

// blocks reads packs in large pieces and keeps the last of them: on a network
// file system each read is a round trip, and a base is made of entries that lie
// in many packs. For one goroutine.
type blocks struct {
	held  map[blockKey]*list.Element
	order *list.List // of *block, most recently used first
	bytes int
}

type blockKey struct {
	pack *pack
	n    int64
}

type block struct {
	key  blockKey
	data []byte
}

func newBlocks() *blocks { return &blocks{held: map[blockKey]*list.Element{}, order: list.New()} }

// at returns what lies at a place of a pack, up to the end of its block; at
// least one byte, or io.ErrUnexpectedEOF.
func (b *blocks) at(p *pack, off int64) ([]byte, error) {
	key := blockKey{p, off / blockSize}
	e := b.held[key]
	if e == nil {
		data, err := readBlock(p, key.n*blockSize)
		if err != nil {
			return nil, err
		}
		e = b.order.PushFront(&block{key, data})
		b.held[key] = e
		for b.bytes += len(data); b.bytes > blockBytes; {
			old := b.order.Remove(b.order.Back()).(*block)
			delete(b.held, old.key)
			b.bytes -= len(old.data)
		}
	} else {
		b.order.MoveToFront(e)
	}
	data := e.Value.(*block).data
	if from := off - key.n*blockSize; from < int64(len(data)) {
		return data[from:], nil
	}
	return nil, io.ErrUnexpectedEOF
}

func readBlock(p *pack, off int64) (data []byte, err error) {
	err = p.file.use(func(f readFile) error {
		buf, give := windowOf(blockSize)
		defer give()
		n, err := f.ReadAt(buf, off)
		data = bytes.Clone(buf[:n]) // most packs are small
		if n > 0 && err == io.EOF {
			err = nil
		} else if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return err
	})
	return data, err
}

// each calls f with the bytes of a pack between two places, piece by piece.
func (b *blocks) each(p *pack, from, to int64, f func([]byte) error) error {
	for from < to {
		data, err := b.at(p, from)
		if err != nil {
			return err
		}
		data = data[:min(int64(len(data)), to-from)]
		if err := f(data); err != nil {
			return err
		}
		from += int64(len(data))
	}
	return nil
}
