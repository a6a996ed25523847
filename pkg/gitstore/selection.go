package gitstore

import (
	"context"
	"errors"
	"io"

	"github.com/go-git/go-git/v5/plumbing"

	"wikibot.io/pkg/fault"
)

// Selection is the set of objects that a client lacks, ready to be written as a
// pack. It holds no open file; it may be used once or more, by one goroutine.
type Selection struct {
	h    *History
	f    Fetch
	b    Boundary
	plan *plan
}

// Select finds the objects that answer a fetch, with the boundary that
// [History.Boundary] computed for it. The same question is worked out once: the
// last answers are kept, bounded in bytes.
//
// A want that is not in the history, of whatever kind, is fault.NotFound.
func (h *History) Select(ctx context.Context, f Fetch, b Boundary) (*Selection, error) {
	f.Filter = f.Filter.plain()
	p, err := h.answer(ctx, f, b)
	if isGone(err) {
		if h, err = h.again(ctx, f, b); err == nil {
			p, err = h.answer(ctx, f, b)
		}
	}
	if err != nil {
		return nil, h.explain(err)
	}
	return &Selection{h: h, f: f, b: b, plan: p}, nil
}

// Objects is the number of objects selected.
func (s *Selection) Objects() int { return s.plan.objects }

// WritePack writes the selection as a pack (gitformat-pack(5)). Compressed bytes
// are copied as they lie; a delta is sent as one only if its base goes before it,
// or if the client has it. What has been written when it fails is no whole pack,
// and git notices.
func (s *Selection) WritePack(ctx context.Context, w io.Writer) error {
	began, err := s.write(ctx, w)
	if !isGone(err) || began {
		return s.h.explain(err)
	}
	// Packs were consolidated and pruned since the plan was made.
	h, err := s.h.again(ctx, s.f, s.b)
	if err == nil {
		s.h = h
		s.plan, err = h.answer(ctx, s.f, s.b)
	}
	if err == nil {
		_, err = s.write(ctx, w)
	}
	return s.h.explain(err)
}

func (s *Selection) write(ctx context.Context, w io.Writer) (began bool, err error) {
	began, err = s.plan.write(ctx, s.h.r, w)
	s.h.r.store.answers.weigh(s.h.question(s.f, s.b))
	return began, err
}

// explain makes errors of reading ones that name the wiki. Those of the writer
// and of the context stay what they are.
func (h *History) explain(err error) error {
	if _, ok := errors.AsType[*fault.Error](err); ok || err == nil {
		return err
	}
	switch failed, ok := errors.AsType[readError](err); {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, errDamaged), errors.Is(err, errTooLarge), errors.Is(err, errMissing):
		return fault.Wrap(err, fault.Internal, "select objects of wiki %s", h.r.wiki)
	case ok:
		return fault.Wrap(failed.error, fault.Unavailable, "read packs of wiki %s", h.r.wiki)
	default:
		return err
	}
}

// readError is what the disk said, among errors of which some are the client's.
type readError struct{ error }

func (e readError) Unwrap() error { return e.error }

// again reads the history anew after packs that it refers to were pruned.
func (h *History) again(ctx context.Context, f Fetch, b Boundary) (*History, error) {
	h.r.store.answers.drop(h.question(f, b))
	h.r.store.answers.drop(h.questionOfObjects())
	h.r.unload()
	names := make([]string, 0, len(h.bases))
	for _, b := range h.bases {
		names = append(names, b.pack.name)
	}
	fresh, err := h.r.History(ctx, h.head, names)
	if err != nil {
		return h, err
	}
	return fresh, nil
}

// answer is the plan for a fetch, a kept one if there is.
func (h *History) answer(ctx context.Context, f Fetch, b Boundary) (*plan, error) {
	v, err := h.r.store.answers.get(ctx, h.question(f, b), func(ctx context.Context) (answer, error) {
		out, err := h.outgoing(ctx, f, b)
		if err != nil {
			return nil, err
		}
		return h.plan(ctx, f, b, out)
	})
	if err != nil {
		return nil, err
	}
	return v.(*plan), nil
}

// plan works out what to send of what a client lacks.
func (h *History) plan(ctx context.Context, f Fetch, b Boundary, out outgoing) (*plan, error) {
	w := newWalk(ctx, h, f)
	w.bulk = h.r.store.answers.bulk
	defer w.done()
	if err := w.commits(out, len(f.Shallow)+len(b.Shallow) > 0); err != nil {
		return nil, err
	}
	if err := w.wants(f.Wants); err != nil {
		return nil, err
	}
	return newPlanner(w).plan(ctx)
}

// Unreachable returns the first of ids, of whatever kind, that is not reachable
// from the head, or zero. Without bases the first call reads the whole history.
func (h *History) Unreachable(ctx context.Context, ids []OID) (OID, error) {
	k := kinds{h: h}
	for _, id := range ids {
		kind, err := k.of(ctx, id)
		if err != nil {
			return OID{}, h.explain(err)
		}
		if kind == plumbing.InvalidObject {
			return id, nil
		}
	}
	return OID{}, nil
}

// kinds answers one request's questions of which kind objects are. It holds on to
// the recent objects: where there are too many to be kept for others, they are
// still found out once, and not for each object of the request.
type kinds struct {
	h      *History
	recent objectSet // nil if it was not needed yet
}

// of is of which kind an object of the history is; invalid for all others,
// whatever packs on disk may hold them.
func (k *kinds) of(ctx context.Context, id OID) (plumbing.ObjectType, error) {
	h := k.h
	for _, b := range h.bases {
		if off, ok := b.pack.index.find(id); ok {
			return b.kind(off), nil
		}
	}
	if h.Has(id) {
		return plumbing.CommitObject, nil
	}
	if k.recent == nil {
		var err error
		if k.recent, err = h.recentObjects(ctx); err != nil {
			return plumbing.InvalidObject, err
		}
	}
	return k.recent[id], nil
}

// kind is of which kind the object at an offset is.
func (b *base) kind(off int64) plumbing.ObjectType {
	switch {
	case off < b.ends[0].end:
		return plumbing.CommitObject
	case off < b.ends[1].end:
		return plumbing.TreeObject
	default:
		return plumbing.BlobObject
	}
}

// objectSet says of which kind objects are. Zero, which is invalid, for others.
type objectSet map[OID]plumbing.ObjectType

func (s objectSet) cost() int64 { return int64(len(s)) * 48 }

// recentObjects is what the recent commits brought that is in no base.
func (h *History) recentObjects(ctx context.Context) (objectSet, error) {
	if len(h.recent) == 0 {
		return nil, nil
	}
	v, err := h.r.store.answers.get(ctx, h.questionOfObjects(), func(ctx context.Context) (answer, error) {
		w := newWalk(ctx, h, Fetch{})
		for _, b := range h.bases {
			w.sendSection(b, len(b.ends))
		}
		if err := w.recent(); err != nil {
			return nil, err
		}
		set := make(objectSet, len(w.found))
		for _, o := range w.found {
			set[o.id] = o.kind
		}
		return set, nil
	})
	if err != nil {
		return nil, err
	}
	return v.(objectSet), nil
}

// Size returns the size in bytes of an object that is reachable from the head;
// fault.NotFound for all others.
func (h *History) Size(ctx context.Context, id OID) (int64, error) {
	kind, err := (&kinds{h: h}).of(ctx, id)
	if err == nil && kind == plumbing.InvalidObject {
		err = errMissing
	}
	var size int64
	if err == nil {
		_, size, err = h.r.head(ctx, id)
	}
	if isGone(err) { // pruned since the table was read
		h.r.unload()
		_, size, err = h.r.head(ctx, id)
	}
	if err != nil {
		return 0, h.r.explain(err, "object", id)
	}
	return size, nil
}
