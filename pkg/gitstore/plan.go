package gitstore

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/go-git/go-git/v5/plumbing"
	"golang.org/x/sync/errgroup"
)

const (
	// maxHeld bounds the bytes of objects that one plan holds, of those read while
	// planning and of those rebuilt while sending each. What is beyond is read
	// and rebuilt again for each client.
	maxHeld = 4 << 20
	// smallPick is up to how many bytes of one pack are held rather than read
	// again: one reading of a small pack takes as long as two of its entries.
	smallPick = 64 << 10
)

// plan says of which bytes a pack is made: first the objects that are rebuilt,
// then runs of bytes of packs on disk. Shared by all who are sent it; nothing
// changes but what sending it found out.
type plan struct {
	objects int
	rebuilt []OID // in no pack, or a delta on what the client lacks
	packs   []sentPack
	runs    []run
	heads   []byte // new heads of entries, in the order of runs
	held    []byte // entries that were read while planning

	mu      sync.Mutex
	trailer OID    // known once it was sent, zero before
	ready   []byte // the rebuilt objects as they are sent, if that is not too much
}

// sentPack is a pack without its index: plans are kept for longer than the indexes
// of packs, which are much larger.
type sentPack struct {
	name string
	file *file
}

// run is some bytes of the plan's heads, followed by bytes of a pack.
type run struct {
	from, to int64
	pack     int32 // in plan.packs; inHeld for plan.held
	head     int32 // the number of bytes of the head
}

const inHeld = -1

func (p *plan) cost() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return int64(cap(p.rebuilt)*20 + cap(p.runs)*24 + cap(p.heads) + cap(p.held) + cap(p.ready) + 64*len(p.packs))
}

// pick is an entry of a pack that is sent.
type pick struct {
	span
	head   entryHead
	sized  bool  // it is left out if it is not smaller than the limit
	whole  bool  // it cannot stay the delta that it is
	held   int64 // where in the group's held bytes it lies
	place  int64 // where among the runs it is sent
	result int64 // the size of the object, if sized
}

// group are the picks of one pack, in the order of the file.
type group struct {
	pack  *pack
	picks []pick
	held  []byte // the entries one after another, or nil
}

// planner makes a plan of what a walk found.
//
// A delta stays one only if its base is sent before it, or is the client's. So
// there can be no cycle, whatever packs say of each other.
type planner struct {
	w      *walk
	p      *plan
	groups []*group
	rank   map[OID]int // in which group an object is sent
	done   int64       // bytes of the runs so far
	budget atomic.Int64
}

func newPlanner(w *walk) *planner {
	return &planner{w: w, p: &plan{}, rank: make(map[OID]int, len(w.found))}
}

func (pl *planner) plan(ctx context.Context) (*plan, error) {
	for _, s := range pl.w.sections {
		pl.p.objects += s.objects
		pl.append(s.pack, s.from, s.to, nil)
	}
	if err := pl.locate(ctx); err != nil {
		return nil, err
	}
	if err := pl.look(ctx); err != nil {
		return nil, err
	}
	for i, g := range pl.groups {
		pl.p.objects += len(g.picks)
		for j := range g.picks {
			if err := pl.entry(i, j); err != nil {
				return nil, err
			}
		}
	}
	pl.p.rebuilt, pl.p.runs = slices.Clip(pl.p.rebuilt), slices.Clip(pl.p.runs)
	if len(pl.p.runs) == 1 && len(pl.p.rebuilt) == 0 && len(pl.w.sections) == 1 {
		if x := pl.w.sections[0].pack.index; pl.p.objects == len(x.ids) {
			pl.p.trailer = x.sum // it is that pack, as it lies on disk
		}
	}
	return pl.p, nil
}

// locate sorts what was found by the packs that it is taken from.
func (pl *planner) locate(ctx context.Context) error {
	byPack := map[*pack]*group{}
	for _, o := range pl.w.found {
		at, err := pl.w.h.place(ctx, o.id)
		if err != nil {
			return err
		}
		if at.pack == nil {
			if err := pl.loose(ctx, o); err != nil {
				return err
			}
			continue
		}
		g := byPack[at.pack]
		if g == nil {
			g = &group{pack: at.pack}
			byPack[at.pack] = g
			pl.groups = append(pl.groups, g)
		}
		sized := pl.w.filter.Kind == SmallBlobs && o.kind == plumbing.BlobObject && !pl.w.given[o.id]
		g.picks = append(g.picks, pick{span: span{id: o.id, start: at.off}, sized: sized})
	}
	// Bases first: they are what most others build on.
	order := map[*pack]int{}
	for i, b := range pl.w.h.bases {
		order[b.pack] = i - len(pl.w.h.bases)
	}
	slices.SortFunc(pl.groups, func(a, b *group) int {
		return cmp.Or(cmp.Compare(order[a.pack], order[b.pack]), strings.Compare(a.pack.name, b.pack.name))
	})
	return nil
}

// place finds an object of the history: in a base, or wherever it lies.
func (h *History) place(ctx context.Context, id OID) (place, error) {
	for _, b := range h.bases {
		if off, ok := b.pack.index.find(id); ok {
			return place{b.pack, off}, nil
		}
	}
	at, err := h.r.locate(ctx, id)
	if err != nil {
		return place{}, fmt.Errorf("object %s: %w", id, readError{err})
	}
	return at, nil
}

// loose adds an object that lies in a file of its own.
func (pl *planner) loose(ctx context.Context, o wanted) error {
	if pl.w.filter.Kind == SmallBlobs && o.kind == plumbing.BlobObject && !pl.w.given[o.id] {
		_, size, err := pl.w.h.r.head(ctx, o.id)
		if err != nil {
			return readError{err}
		}
		if size >= pl.w.filter.Limit {
			return nil
		}
	}
	pl.p.rebuilt = append(pl.p.rebuilt, o.id)
	pl.p.objects++
	pl.rank[o.id] = -1
	return nil
}

// look reads the heads of all picks, of several packs at a time, since each waits
// for the disk, and drops those that are too large.
func (pl *planner) look(ctx context.Context) error {
	pl.budget.Store(pl.w.h.r.store.answers.hold)
	all, actx := errgroup.WithContext(ctx)
	all.SetLimit(loaders / 2)
	for _, g := range pl.groups {
		all.Go(func() error {
			if err := g.look(actx, &pl.budget); err != nil {
				return fmt.Errorf("%s: %w", g.pack.name, err)
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		return err
	}
	limit := pl.w.filter.Limit
	for i, g := range pl.groups {
		g.picks = slices.DeleteFunc(g.picks, func(p pick) bool { return p.sized && p.result >= limit })
		for _, p := range g.picks {
			pl.rank[p.id] = i
		}
	}
	return nil
}

// entry plans one pick.
func (pl *planner) entry(rank, i int) error {
	g := pl.groups[rank]
	p := &g.picks[i]
	head := p.head
	if isDelta(head.kind) {
		ok, err := pl.rebase(rank, p, &head)
		if err != nil {
			return err
		}
		if !ok {
			p.whole = true
			pl.p.rebuilt = append(pl.p.rebuilt, p.id)
			return nil
		}
	}
	p.place = pl.done
	changed := head.kind != p.head.kind || head.back != p.head.back
	switch body := p.start + int64(p.head.length); {
	case !changed && g.held == nil:
		pl.append(g.pack, p.start, p.end, nil)
	case g.held == nil:
		pl.append(g.pack, body, p.end, appendEntryHead(nil, head))
	case !changed:
		pl.hold(nil, g.entry(p))
	default:
		pl.hold(appendEntryHead(nil, head), g.entry(p)[p.head.length:])
	}
	return nil
}

// rebase makes a delta's head say where its base is in what is sent. It is false
// if the base is neither sent before it nor the client's.
func (pl *planner) rebase(rank int, p *pick, head *entryHead) (bool, error) {
	g := pl.groups[rank]
	off, id := p.start-head.back, head.base
	if head.kind == plumbing.REFDeltaObject {
		var ok bool
		if off, ok = g.pack.index.find(id); !ok {
			off = -1
		}
	} else {
		spans, err := g.pack.layout()
		if err != nil {
			return false, readError{err}
		}
		n, ok := slices.BinarySearchFunc(spans, span{start: off}, compareSpans)
		if !ok {
			return false, fmt.Errorf("%w: %s at %d: base outside the pack", errDamaged, g.pack.name, p.start)
		}
		id = spans[n].id
	}
	i, here := slices.BinarySearchFunc(g.picks, off, func(p pick, off int64) int { return cmp.Compare(p.start, off) })
	before := off >= 0 && off < p.start
	r, picked := pl.rank[id]
	_, theirs := pl.w.theirs[id]
	switch {
	case here && before && !g.picks[i].whole:
		head.kind, head.back, head.base = plumbing.OFSDeltaObject, pl.done-g.picks[i].place, OID{}
	case picked && (r < rank || r == rank && before), !picked && pl.w.sent(id), !picked && theirs:
		head.kind, head.back, head.base = plumbing.REFDeltaObject, 0, id
	default:
		return false, nil
	}
	return true, nil
}

// append adds bytes of a pack to the runs, behind a new head.
func (pl *planner) append(p *pack, from, to int64, head []byte) {
	n := len(pl.p.packs) - 1
	if n < 0 || pl.p.packs[n].file != p.file {
		pl.p.packs = append(pl.p.packs, sentPack{p.name, p.file})
		n++
	}
	pl.add(run{pack: int32(n), from: from, to: to}, head)
}

// hold adds an entry that was read already.
func (pl *planner) hold(head, body []byte) {
	from := int64(len(pl.p.held))
	pl.p.held = append(append(pl.p.held, head...), body...)
	pl.add(run{pack: inHeld, from: from, to: int64(len(pl.p.held))}, nil)
}

func (pl *planner) add(r run, head []byte) {
	pl.done += int64(len(head)) + r.to - r.from
	if n := len(pl.p.runs); n > 0 && len(head) == 0 {
		if last := &pl.p.runs[n-1]; last.pack == r.pack && last.to == r.from {
			last.to = r.to
			return
		}
	}
	r.head = int32(len(head))
	pl.p.heads = append(pl.p.heads, head...)
	pl.p.runs = append(pl.p.runs, r)
}

// entry is an entry of a group whose bytes are held.
func (g *group) entry(p *pick) []byte {
	return g.held[p.held : p.held+p.end-p.start]
}

// look finds where the picks end, and reads their heads in large windows. Where
// the entries are few bytes it holds them all.
func (g *group) look(ctx context.Context, budget *atomic.Int64) error {
	spans, err := g.pack.layout()
	if err != nil {
		return readError{err}
	}
	slices.SortFunc(g.picks, func(a, b pick) int { return compareSpans(a.span, b.span) })
	var total int64
	for i := range g.picks {
		n, ok := slices.BinarySearchFunc(spans, g.picks[i].span, compareSpans)
		if !ok {
			return errDamaged
		}
		g.picks[i].end = spans[n].end
		total += spans[n].end - spans[n].start
	}
	hold := total <= smallPick && budget.Add(-total) >= 0
	if hold {
		g.held = make([]byte, 0, total)
	}
	return g.pack.file.use(func(f readFile) error {
		for rest := g.picks; len(rest) > 0; {
			if err := ctx.Err(); err != nil {
				return err
			}
			n, err := g.window(f, rest, hold)
			if err != nil {
				return err
			}
			rest = rest[n:]
		}
		return nil
	})
}

// window reads as many heads as one reading gives, and says how many.
func (g *group) window(f readFile, picks []pick, hold bool) (int, error) {
	reach := func(p pick) int64 {
		switch {
		case hold:
			return p.end
		case p.sized:
			return min(p.end, p.start+deltaPeek)
		default:
			return min(p.end, p.start+maxEntryHead)
		}
	}
	from, to, n := picks[0].start, reach(picks[0]), 1
	for n < len(picks) && picks[n].start-to <= maxGap && reach(picks[n])-from <= planWindow {
		to = max(to, reach(picks[n]))
		n++
	}
	buf, give := windowOf(to - from)
	defer give()
	if _, err := f.ReadAt(buf, from); err != nil {
		return 0, readError{err}
	}
	for i := range picks[:n] {
		p := &picks[i]
		var err error
		if p.head, err = parseEntryHead(buf[p.start-from:]); err != nil {
			return 0, fmt.Errorf("%w at %d", err, p.start)
		}
		if p.sized {
			if p.result, err = g.size(p, buf[p.start-from:]); err != nil {
				return 0, err
			}
		}
		if hold {
			p.held = int64(len(g.held))
			g.held = append(g.held, buf[p.start-from:p.end-from]...)
		}
	}
	return n, nil
}

// deltaPeek is how many bytes of a delta nearly always say how large the result is.
const deltaPeek = 512

// size is the size of the object that an entry makes. b begins with the entry.
func (g *group) size(p *pick, b []byte) (int64, error) {
	if !isDelta(p.head.kind) {
		return p.head.size, nil
	}
	in := inflaters.Get().(*inflater)
	defer in.done()
	z, err := in.start(bytes.NewReader(b[p.head.length:]))
	if err == nil {
		head := make([]byte, min(p.head.size, 12))
		n := 0
		for n < len(head) && err == nil {
			var m int
			m, err = z.Read(head[n:])
			n += m
		}
		if n == len(head) {
			_, size, _, err := deltaSizes(head)
			return size, err
		}
	}
	return g.pack.readDeltaSize(p.start) // it takes more bytes than were read
}

func compareSpans(a, b span) int { return cmp.Compare(a.start, b.start) }
