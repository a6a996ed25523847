package gitstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"wikibot.io/pkg/fault"
)

const (
	// maxBases bounds the chain of bases, which every lookup goes through.
	maxBases = 8
	// foldCache is the memory for what a fold reads, apart from what pages are
	// served from.
	foldCache = 16 << 20
)

// Fold consolidates the history of head: it writes one new base pack with what
// the small packs, and those of the present bases that it pays to merge, hold of
// the history. It returns the new list for the record, lowest first, which is
// durable by then; equal to bases if there was nothing to do. Nothing is removed.
// Killed at any point it leaves at most temporary files, or a pack that nothing
// names yet and the next fold writes again.
//
// Every object is proved by its hash before the new pack gets its name. What is
// damaged in one pack is taken from another; if it is nowhere whole, Fold fails.
func (r *Repo) Fold(ctx context.Context, head OID, bases []string) ([]string, error) {
	if r.store.reads {
		return nil, fault.New(fault.Internal, "fold the packs of wiki %s: the store is read only", r.wiki)
	}
	list, err := r.fold(ctx, head, bases, false)
	switch {
	case isGone(err):
		// Removed since the folder was listed, having been replaced.
		list, err = r.fold(ctx, head, bases, false)
	case errors.Is(err, errDamaged):
		list, err = r.fold(ctx, head, bases, true)
	}
	return list, packsError(ctx, err, "fold", r.wiki)
}

// packsError says of work on all packs what failed. What is damaged or missing
// will be so the next time.
func packsError(ctx context.Context, err error, what, wiki string) error {
	if err == nil {
		return nil
	}
	if cause := ctx.Err(); cause != nil {
		return cause
	}
	kind := fault.Unavailable
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Kind == fault.NotFound {
		kind = fault.Internal
	} else if ok {
		kind = f.Kind
	} else if errors.Is(err, errDamaged) || errors.Is(err, errTooLarge) || errors.Is(err, errMissing) {
		kind = fault.Internal
	}
	return fault.Wrap(err, kind, "%s the packs of wiki %s", what, wiki)
}

func (r *Repo) fold(ctx context.Context, head OID, names []string, distrust bool) ([]string, error) {
	own := r.apart()
	defer own.unload()
	h, err := own.History(ctx, head, names)
	if err != nil {
		return nil, err
	}
	commits, chain := h.recent, h.bases
	if len(commits) == 0 {
		return baseNames(chain), nil
	}
	if _, err := own.loadAll(ctx, false); err != nil {
		return nil, err
	}
	g := newGathering(own, chain)
	if err := g.gather(ctx, commits); err != nil {
		return nil, err
	}
	size, err := g.size(ctx, commits)
	if err != nil {
		return nil, err
	}
	below, merged := split(chain, size)
	if err := g.arrange(ctx, commits[0], below, merged); err != nil {
		return nil, err
	}
	b, err := own.writeBase(ctx, g, head, tipOf(below), distrust)
	if err != nil {
		return nil, err
	}
	if err := own.writeGraph(ctx, head); err != nil {
		return nil, err
	}
	r.adopt(b)
	return append(baseNames(below), b.pack.name), nil
}

// apart is the same repository as seen by a process that has just come: whatever
// other packs were replaced by is seen too, and what is read for folding does not
// push out what pages are served from.
func (r *Repo) apart() *Repo {
	s := newStore(r.store.dir, Options{CacheBytes: foldCache, ReadOnly: r.store.reads}, r.store.disk)
	return newRepo(s, r.wiki, r.dir, 1)
}

// adopt takes a base that was written by a repository set apart.
func (r *Repo) adopt(b *base) {
	mine := *b
	mine.pack = r.newPack(b.pack.name, b.pack.index)
	r.addBase(&mine)
}

func baseNames(bases []*base) []string {
	names := make([]string, len(bases))
	for i, b := range bases {
		names[i] = b.pack.name
	}
	return names
}

func tipOf(chain []*base) OID {
	if len(chain) == 0 {
		return OID{}
	}
	return chain[len(chain)-1].tip
}

// split decides which bases are merged with what came since, of which there are
// size bytes: the topmost, as long as each is smaller than twice what is above
// it. So a large one is written anew only when about as much has come, and there
// are few of them.
func split(chain []*base, size int64) (below, merged []*base) {
	n := len(chain)
	for n > 0 && (n >= maxBases || chain[n-1].ends[2].end < 2*size) {
		n--
		size += chain[n].ends[2].end
	}
	return chain[:n], chain[n:]
}

// size is how many bytes what was gathered takes where it lies.
func (g *gathering) size(ctx context.Context, commits []commitNode) (int64, error) {
	total := int64(0)
	count := func(id OID) error {
		at, err := g.r.locate(ctx, id)
		if err != nil || at.pack == nil {
			if errors.Is(err, errMissing) && id == emptyTreeID {
				err = nil
			}
			return err
		}
		s, err := at.pack.spanAt(at.off)
		total += s.end - s.start
		return err
	}
	for _, c := range commits {
		if err := count(c.id); err != nil {
			return 0, g.r.explain(err, "commit", c.id)
		}
	}
	for _, n := range g.brought {
		if err := count(g.items[n].id); err != nil {
			return 0, fmt.Errorf("object %s: %w", g.items[n].id, err)
		}
	}
	return total, nil
}

// writeBase writes what was gathered as a base, proves it, and puts it in place.
func (r *Repo) writeBase(ctx context.Context, g *gathering, tip, onto OID, distrust bool) (*base, error) {
	temp := randomName()
	tmp := baseFiles{
		pack: r.packFile(tempPrefix + "pack_" + temp), keep: r.packFile(tempPrefix + "keep_" + temp),
		idx: r.packFile(tempPrefix + "idx_" + temp),
	}
	b, err := r.writeBaseFiles(ctx, g, tmp, base{tip: tip, onto: onto}, distrust)
	if err == nil {
		err = asWriteError(r.publishBase(b.pack.name, tmp))
	}
	if err != nil {
		for _, name := range []string{tmp.pack, tmp.keep, tmp.idx} {
			_ = r.store.disk.remove(name)
		}
		return nil, err
	}
	return b, nil
}

// baseFiles are the names of a base's files.
type baseFiles struct{ pack, keep, idx string }

// writeBaseFiles writes the three files of a base under the given names and
// flushes them.
func (r *Repo) writeBaseFiles(ctx context.Context, g *gathering, to baseFiles, b base, distrust bool) (*base, error) {
	f, err := r.store.disk.create(to.pack)
	if err != nil {
		return nil, writeError{err}
	}
	w := newBaseWriter(ctx, g, writeErrors{f})
	w.distrust = distrust
	if err = w.pack(); err == nil {
		err = asWriteError(f.Sync())
	}
	if cerr := f.Close(); err == nil {
		err = asWriteError(cerr)
	}
	if err != nil {
		return nil, err
	}
	index := w.index
	b.ends, b.pack = w.ends, r.newPack("pack-"+index.sum.String(), &index)
	w = nil // and what it remembers, which proving has no need of
	if err := r.prove(ctx, to.pack, &index); err != nil {
		return nil, err
	}
	if err := b.check(); err != nil {
		return nil, err
	}
	return &b, asWriteError(errors.Join(
		writeNew(r.store.disk, to.keep, b.encodeKeep()),
		writeNew(r.store.disk, to.idx, index.encode())))
}

// writeError is that writing failed, not reading what was to be written.
type writeError struct{ error }

func (e writeError) Unwrap() error { return e.error }

func asWriteError(err error) error {
	if err != nil {
		return writeError{err}
	}
	return nil
}

// writeErrors marks the errors of a writer.
type writeErrors struct{ io.Writer }

func (w writeErrors) Write(b []byte) (int, error) {
	n, err := w.Writer.Write(b)
	return n, asWriteError(err)
}

// prove rebuilds and hashes every object of a pack that was just written, and
// compares with its index. A pack that spread damage must not replace others.
func (r *Repo) prove(ctx context.Context, name string, x *packIndex) error {
	f, err := r.store.disk.open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	st, err := f.Stat()
	if err != nil {
		return err
	}
	limits := defaultLimits
	limits.objects = max(limits.objects, len(x.ids))
	sc := &scanner{limits: limits, report: &reporter{}}
	got, err := sc.scan(ctx, f, st.Size())
	if err != nil {
		return err
	}
	if got.sum != x.sum || !slices.Equal(got.ids, x.ids) || !slices.Equal(got.offsets, x.offsets) {
		return fmt.Errorf("%w: what was packed is not what its packs said it is", errDamaged)
	}
	return nil
}

// publishBase gives flushed files their names and flushes the folder. Readers,
// git among them, look for the index first.
func (r *Repo) publishBase(name string, from baseFiles) error {
	d := r.store.disk
	for _, f := range []struct{ from, ext string }{{from.pack, ".pack"}, {from.keep, ".keep"}, {from.idx, ".idx"}} {
		if err := d.rename(f.from, r.packFile(name+f.ext)); err != nil {
			return err
		}
	}
	return r.packDir.use(func(f readFile) error { return f.Sync() })
}
