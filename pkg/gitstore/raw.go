package gitstore

import (
	"cmp"
	"fmt"
	"slices"
)

// span is one entry of a pack: its object and where its bytes are.
type span struct {
	id         OID
	start, end int64
}

// layout lists the entries of a pack in the order of the file.
func (p *pack) layout() ([]span, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.spans != nil {
		return p.spans, nil
	}
	spans := make([]span, len(p.index.ids))
	for i, id := range p.index.ids {
		spans[i] = span{id: id, start: p.index.offsets[i]}
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.start, b.start) })
	var size int64
	err := p.file.use(func(f readFile) error {
		st, err := f.Stat()
		if err == nil {
			size = st.Size()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for i := range spans {
		spans[i].end = size - int64(len(OID{}))
		if i+1 < len(spans) {
			spans[i].end = spans[i+1].start
		}
		if spans[i].end <= spans[i].start {
			return nil, fmt.Errorf("%w: %s: entries overlap", errDamaged, p.name)
		}
	}
	p.spans = spans
	return spans, nil
}

// spanAt is the entry that begins at an offset.
func (p *pack) spanAt(off int64) (span, error) {
	spans, err := p.layout()
	if err != nil {
		return span{}, err
	}
	i, ok := slices.BinarySearchFunc(spans, off, func(s span, off int64) int { return cmp.Compare(s.start, off) })
	if !ok {
		return span{}, fmt.Errorf("%w: %s has no entry at %d", errDamaged, p.name, off)
	}
	return spans[i], nil
}
