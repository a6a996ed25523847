package gitstore

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha1"
	"fmt"
	"hash"
	"io"
	"sync"
)

// Packs are read in large pieces: on a network file system each reading is a
// round trip of 1 to 3 ms, however little it brings.
const (
	sendWindow = 1 << 20
	planWindow = 256 << 10
	// maxGap is how many bytes that are not needed are read over.
	maxGap = 32 << 10
)

var (
	sendWindows = sync.Pool{New: func() any { return new([sendWindow]byte) }}
	planWindows = sync.Pool{New: func() any { return new([planWindow]byte) }}
	senders     = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, 64<<10) }}
)

// windowOf is a buffer of n bytes, to be given back. Several are in use at a time
// while planning, so that small ones are made to measure.
func windowOf(n int64) (b []byte, give func()) {
	if n <= smallPick || n > planWindow {
		return make([]byte, n), func() {}
	}
	w := planWindows.Get().(*[planWindow]byte)
	return w[:n], func() { planWindows.Put(w) }
}

// output is the pack on its way out.
type output struct {
	w     io.Writer
	sum   hash.Hash // nil if the trailer is known
	began bool
}

func (o *output) Write(b []byte) (int, error) {
	o.began = true
	if o.sum != nil {
		o.sum.Write(b)
	}
	return o.w.Write(b)
}

// open opens the first packs, which are the bases, before anything is sent. What was pruned since the
// plan was made shows while it can still be made anew, and what is pruned from
// then on can be read to the end, however slow the client.
func (p *plan) open() (release func(), err error) {
	var open []*file
	release = func() {
		for _, f := range open {
			f.release()
		}
	}
	for _, s := range p.packs[:min(len(p.packs), maxBases)] {
		if _, err := s.file.acquire(); err != nil {
			release()
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		open = append(open, s.file)
	}
	return release, nil
}

// write sends the pack. began is whether the writer was given anything.
func (p *plan) write(ctx context.Context, r *Repo, w io.Writer) (began bool, err error) {
	release, err := p.open()
	if err != nil {
		return false, readError{err}
	}
	defer release()
	p.mu.Lock()
	trailer, ready := p.trailer, p.ready
	p.mu.Unlock()
	o := &output{w: w}
	if trailer.IsZero() {
		o.sum = sha1.New()
	}
	out := senders.Get().(*bufio.Writer)
	out.Reset(o)
	defer func() {
		out.Reset(nil)
		senders.Put(out)
	}()
	_, err = out.Write(packHeader(p.objects))
	if err == nil && ready != nil {
		_, err = out.Write(ready)
	} else if err == nil {
		ready, err = p.writeRebuilt(ctx, r, out)
	}
	if err == nil {
		err = p.writeRuns(ctx, out)
	}
	if err == nil && o.sum != nil {
		if err = out.Flush(); err == nil {
			trailer = OID(o.sum.Sum(nil))
			o.sum = nil
		}
	}
	if err == nil {
		_, err = out.Write(trailer[:])
	}
	if err == nil {
		err = out.Flush()
	}
	if err == nil {
		p.mu.Lock()
		p.trailer, p.ready = trailer, ready
		p.mu.Unlock()
	}
	return o.began, err
}

// writeRebuilt sends the objects that no entry can be copied for. It returns
// their bytes, unless they are too many to hold.
func (p *plan) writeRebuilt(ctx context.Context, r *Repo, out io.Writer) ([]byte, error) {
	if len(p.rebuilt) == 0 {
		return nil, nil
	}
	var b bytes.Buffer
	hold, limit := true, int(r.store.answers.hold)
	for _, id := range p.rebuilt {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		o, err := r.object(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("object %s: %w", id, readError{err})
		}
		start := b.Len()
		b.Write(appendEntryHead(b.AvailableBuffer(), entryHead{kind: o.kind, size: int64(len(o.data))}))
		deflateFast(&b, o.data)
		if _, err := out.Write(b.Bytes()[start:]); err != nil {
			return nil, err
		}
		if hold = hold && b.Len() <= limit; !hold {
			if b.Cap() > maxHeld {
				b = bytes.Buffer{} // one of the large ones
			}
			b.Reset()
		}
	}
	if !hold {
		return nil, nil
	}
	return bytes.Clone(b.Bytes()), nil
}

// deflateFast takes half the time that deflate does for a page, and makes it a
// fourteenth larger. It is what a client waits for.
func deflateFast(out *bytes.Buffer, data []byte) {
	z := fastDeflaters.Get().(*zlib.Writer)
	defer fastDeflaters.Put(z)
	z.Reset(out)
	// A bytes.Buffer does not fail.
	_, _ = z.Write(data)
	_ = z.Close()
}

// writeRuns sends the bytes of packs.
func (p *plan) writeRuns(ctx context.Context, out io.Writer) error {
	win := sendWindows.Get().(*[sendWindow]byte)
	defer sendWindows.Put(win)
	heads := p.heads
	for runs := p.runs; len(runs) > 0; {
		n, bytes := 0, 0
		for n < len(runs) && runs[n].pack == runs[0].pack {
			bytes += int(runs[n].head)
			n++
		}
		var err error
		if at := runs[0].pack; at == inHeld {
			for _, run := range runs[:n] { // none of which has a head
				if _, err = out.Write(p.held[run.from:run.to]); err != nil {
					break
				}
			}
		} else {
			err = p.packs[at].file.use(func(f readFile) error {
				return (&reel{f: f, buf: win[:]}).write(ctx, out, runs[:n], heads[:bytes])
			})
			if err != nil {
				err = fmt.Errorf("%s: %w", p.packs[at].name, err)
			}
		}
		if err != nil {
			return err
		}
		heads, runs = heads[bytes:], runs[n:]
	}
	return nil
}

// reel reads a pack window by window, forwards.
type reel struct {
	f        readFile
	buf      []byte
	from, to int64 // what is in buf
}

// write sends runs of the pack, each behind its head.
func (l *reel) write(ctx context.Context, out io.Writer, runs []run, heads []byte) error {
	for i, run := range runs {
		if run.head > 0 {
			if _, err := out.Write(heads[:run.head]); err != nil {
				return err
			}
			heads = heads[run.head:]
		}
		for at := run.from; at < run.to; {
			if at < l.from || at >= l.to {
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := l.fill(at, runs[i:]); err != nil {
					return err
				}
			}
			b := l.buf[at-l.from : min(run.to, l.to)-l.from]
			if _, err := out.Write(b); err != nil {
				return err
			}
			at += int64(len(b))
		}
	}
	return nil
}

// fill reads on from at, as far as the next runs want it and there is room.
func (l *reel) fill(at int64, runs []run) error {
	end, room := runs[0].to, at+int64(len(l.buf))
	for _, r := range runs[1:] {
		if end >= room || r.from < end || r.from-end > maxGap {
			break
		}
		end = r.to
	}
	end = min(end, room)
	l.from, l.to = at, at
	if _, err := l.f.ReadAt(l.buf[:end-at], at); err != nil {
		return readError{err}
	}
	l.to = end
	return nil
}
