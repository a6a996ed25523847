package gitstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// smallPack is the number of objects up to which a pack's objects go into the
// one map of the table: a wiki of many saves has thousands of packs of five
// objects, and a lookup must not go through them one by one.
const smallPack = 256

// table knows where every object of a repository's packs is.
type table struct {
	packs map[string]*pack
	bases map[string]*base // those of packs that are bases
	small map[OID]place
	large []*pack
	bytes int64 // about what all of it takes
}

// tableCost is about what a pack takes in a table: its index, the list of its
// entries in their order or the places of its few objects, and the bookkeeping.
func tableCost(p *pack) int64 { return 500 + 80*int64(len(p.index.ids)) }

func newTable() *table {
	return &table{packs: map[string]*pack{}, bases: map[string]*base{}, small: map[OID]place{}}
}

func (t *table) find(id OID) (place, bool) {
	if at, ok := t.small[id]; ok {
		return at, true
	}
	for _, p := range t.large {
		if off, ok := p.index.find(id); ok {
			return place{p, off}, true
		}
	}
	return place{}, false
}

func (t *table) add(p *pack) {
	if _, ok := t.packs[p.name]; ok {
		return
	}
	t.packs[p.name] = p
	t.bytes += tableCost(p)
	if len(p.index.ids) > smallPack {
		t.large = append(t.large, p)
		return
	}
	t.place(p)
}

// place takes the objects of a small pack into the one map.
func (t *table) place(p *pack) {
	if len(p.index.ids) > smallPack {
		return
	}
	for i, id := range p.index.ids {
		if _, ok := t.small[id]; !ok {
			t.small[id] = place{p, p.index.offsets[i]}
		}
	}
}

// whole reports whether the bases in the table hold everything that a base needs:
// whether there is one for each tip below it.
func (t *table) whole(b *base) bool {
	for range len(t.bases) {
		if b == nil || b.onto.IsZero() {
			break
		}
		b = t.tipped(b.onto)
	}
	return b != nil && b.onto.IsZero()
}

// tipped is a base with this tip; nil if there is none. Of two, each with those
// below it holds the same.
func (t *table) tipped(tip OID) *base {
	for _, b := range t.bases {
		if b.tip == tip {
			return b
		}
	}
	return nil
}

// replaced tells of a pack by its name alone whether bases replace it: whether it
// is that of a commit that a base holds, with everything below it.
func (t *table) replaced(name string) bool {
	id := plumbing.NewHash(strings.TrimPrefix(name, "pack-"))
	for _, b := range t.bases {
		if b.hasCommit(id) && t.bases[name] == nil && t.whole(b) {
			return true
		}
	}
	return false
}

// dropReplaced forgets the packs that bases replace, so that nobody comes to
// look for what will be pruned. Who holds a place in one reads on.
func (t *table) dropReplaced() []*pack {
	gone := map[*pack]bool{}
	for name, p := range t.packs {
		if t.replaced(name) {
			gone[p] = true
			delete(t.packs, name)
			t.bytes -= tableCost(p)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	maps.DeleteFunc(t.small, func(_ OID, at place) bool { return gone[at.pack] })
	t.large = slices.DeleteFunc(t.large, func(p *pack) bool { return gone[p] })
	// What they had besides their commit may be that of a pack that stays, and that
	// was not taken in because it was there.
	for _, p := range t.packs {
		t.place(p)
	}
	return slices.Collect(maps.Keys(gone))
}

// packs lists the packs that are loaded, in the order of their names.
func (r *Repo) packs() []*pack {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.table == nil {
		return nil
	}
	return slices.SortedFunc(maps.Values(r.table.packs), func(a, b *pack) int { return strings.Compare(a.name, b.name) })
}

// known looks an object up in the table as it is.
func (r *Repo) known(id OID) (place, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.table == nil {
		return place{}, false
	}
	return r.table.find(id)
}

func (r *Repo) addPack(p *pack) {
	r.mu.Lock()
	if r.table == nil {
		r.table = newTable()
	}
	r.table.add(p)
	r.tableBytes.Store(r.table.bytes)
	r.mu.Unlock()
	r.store.touch(r)
}

// locate finds an object. Where the table does not know it, another process may
// have written it since: its pack if it is a commit, the pack of a commit that
// came before one that was found so, a loose file, any pack. Names that follow
// from what is known come before a listing, which on a network file system may be
// as old as a minute. Missing objects are errMissing.
func (r *Repo) locate(ctx context.Context, id OID) (place, error) {
	if at, ok := r.known(id); ok {
		return at, nil
	}
	if err := ctx.Err(); err != nil {
		return place{}, err
	}
	if r.sealed {
		if _, err := r.store.disk.stat(r.looseFile(id)); err != nil {
			return place{}, errMissing
		}
		return place{}, nil
	}
	switch err := r.loadNamed(ctx, id); {
	case err == nil:
		if at, ok := r.known(id); ok {
			return at, nil
		}
	case !errors.Is(err, fs.ErrNotExist):
		return place{}, err
	}
	first, err := r.loadAll(ctx, false)
	if err != nil {
		return place{}, err
	}
	if at, ok := r.known(id); ok {
		return at, nil
	}
	if err := r.chase(ctx); err != nil {
		return place{}, err
	}
	if at, ok := r.known(id); ok {
		return at, nil
	}
	if _, err := r.store.disk.stat(r.looseFile(id)); err == nil {
		return place{}, nil
	}
	if !first {
		if _, err := r.loadAll(ctx, true); err != nil {
			return place{}, err
		}
		if at, ok := r.known(id); ok {
			return at, nil
		}
	}
	return place{}, errMissing
}

// loadPack reads the index of one pack into the table.
func (r *Repo) loadPack(name string) error {
	p, err := r.readPack(name)
	if err != nil {
		return err
	}
	r.addPack(p)
	return nil
}

// readPack reads the index of a pack, or returns the pack of that name in the table.
func (r *Repo) readPack(name string) (*pack, error) {
	r.mu.RLock()
	var known *pack
	if r.table != nil {
		known = r.table.packs[name]
	}
	r.mu.RUnlock()
	if known != nil {
		return known, nil
	}
	b, err := r.store.disk.readFile(r.packFile(name + ".idx"))
	if err != nil {
		return nil, err
	}
	x, err := parseIndex(b)
	if err != nil {
		return nil, fmt.Errorf("%s.idx: %w", name, err)
	}
	return r.newPack(name, x), nil
}

// loadAll lists the packs and loads those that the table does not have: when
// none were listed yet, or again. It says whether it listed anything.
func (r *Repo) loadAll(ctx context.Context, again bool) (bool, error) {
	r.listing.Lock()
	defer r.listing.Unlock()
	r.mu.RLock()
	done := r.listed
	r.mu.RUnlock()
	if done && !again {
		return false, nil
	}
	for range maxListings {
		names, err := r.store.disk.names(r.packFile(""))
		if errors.Is(err, fs.ErrNotExist) {
			return true, nil
		} else if err != nil {
			return true, err
		}
		gone, err := r.loadListed(ctx, r.withNamed(names), len(names))
		if err != nil {
			return true, err
		}
		if !gone {
			break
		}
	}
	r.mu.Lock()
	r.listed = r.table != nil
	r.mu.Unlock()
	return true, nil
}

// loaders is how many indexes are read at a time. A network file system takes as
// long for one as for many at once.
const loaders = 32

// maxListings bounds how often the folder is listed because packs vanish while
// they are being loaded.
const maxListings = 3

// loadListed loads what a listing of the folder shows: the bases first, then the
// packs that these do not replace. It says whether one of the first shown files
// was gone, and so perhaps into a base that came after the listing; what is known
// by name alone may be gone for long.
func (r *Repo) loadListed(ctx context.Context, files []string, shown int) (gone bool, err error) {
	var keeps, packs, named []string
	for i, file := range files {
		if name, ok := strings.CutSuffix(file, ".keep"); ok {
			keeps = append(keeps, name)
		} else if name, ok := isPackName(file); ok && i < shown {
			packs = append(packs, name)
		} else if ok {
			named = append(named, name)
		} else if strings.HasPrefix(file, tempPrefix) && !r.store.reads {
			r.sweep(file)
		}
	}
	listed := make(map[string]bool, len(packs))
	for _, name := range packs {
		listed[name] = true
	}
	keeps = slices.DeleteFunc(keeps, func(name string) bool { return !listed[name] })
	chained := r.hasBases()
	_, err = loadEach(ctx, keeps, func(name string) error {
		if chained && r.isFormer(name) {
			return nil
		}
		_, err := r.loadBase(name)
		if errors.Is(err, errDamaged) {
			return nil // somebody else's .keep, or a pack that is to be looked at as any other
		}
		return err
	})
	if err != nil {
		return false, err
	}
	if _, err = loadEach(ctx, r.withoutReplaced(named), r.loadPack); err != nil {
		return false, err
	}
	return loadEach(ctx, r.withoutReplaced(packs), r.loadPack)
}

func (r *Repo) hasBases() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.table != nil && len(r.table.bases) > 0
}

// isFormer tells by its .keep file alone whether a base was merged into those in
// the table: they are few and small, its index need not be.
func (r *Repo) isFormer(name string) bool {
	r.mu.RLock()
	known := r.table != nil && r.table.bases[name] != nil
	r.mu.RUnlock()
	if known {
		return false
	}
	data, err := r.store.disk.readFile(r.packFile(name + ".keep"))
	if err != nil {
		return false
	}
	b, err := parseKeep(data)
	if err != nil {
		return false
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.table != nil && r.table.replaced("pack-"+b.tip.String())
}

// withoutReplaced leaves out the packs that the bases in the table replace.
func (r *Repo) withoutReplaced(names []string) []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.table == nil || len(r.table.bases) == 0 {
		return names
	}
	return slices.DeleteFunc(names, r.table.replaced)
}

// loadEach loads packs several at a time, since each waits for the disk. It says
// whether one was not there.
func loadEach(ctx context.Context, names []string, load func(string) error) (gone bool, err error) {
	work := make(chan string)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range min(loaders, len(names)) {
		wg.Go(func() {
			for name := range work {
				if e := load(name); e != nil {
					mu.Lock()
					if errors.Is(e, fs.ErrNotExist) {
						gone = true
					} else {
						err = cmp.Or(err, e)
					}
					mu.Unlock()
				}
			}
		})
	}
	for _, name := range names {
		work <- name
		if ctx.Err() != nil {
			break
		}
	}
	close(work)
	wg.Wait()
	return gone, cmp.Or(err, ctx.Err())
}

// sweep removes a temporary file that a crash has left: no write takes an hour.
func (r *Repo) sweep(name string) {
	path := r.packFile(name)
	if st, err := r.store.disk.stat(path); err == nil && time.Since(st.ModTime()) > time.Hour {
		_ = r.store.disk.remove(path)
	}
}
