package gitstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// smallPack is the number of objects up to which a pack's objects go into the
// one map of the table: a wiki of many saves has thousands of packs of five
// objects, and a lookup must not go through them one by one.
const smallPack = 256

// table knows where every object of a repository's packs is.
type table struct {
	packs map[string]*pack
	small map[OID]place
	large []*pack
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
	if len(p.index.ids) > smallPack {
		t.large = append(t.large, p)
		return
	}
	for i, id := range p.index.ids {
		if _, ok := t.small[id]; !ok {
			t.small[id] = place{p, p.index.offsets[i]}
		}
	}
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
		r.table = &table{packs: map[string]*pack{}, small: map[OID]place{}}
	}
	r.table.add(p)
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
	r.mu.RLock()
	known := r.table != nil && r.table.packs[name] != nil
	r.mu.RUnlock()
	if known {
		return nil
	}
	b, err := r.store.disk.readFile(r.packFile(name + ".idx"))
	if err != nil {
		return err
	}
	x, err := parseIndex(b)
	if err != nil {
		return fmt.Errorf("%s.idx: %w", name, err)
	}
	r.addPack(r.newPack(name, x))
	return nil
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
	names, err := r.store.disk.names(r.packFile(""))
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	} else if err != nil {
		return true, err
	}
	if err := r.loadPacks(ctx, r.withNamed(names)); err != nil {
		return true, err
	}
	r.mu.Lock()
	r.listed = r.table != nil
	r.mu.Unlock()
	return true, nil
}

// loaders is how many indexes are read at a time. A network file system takes as
// long for one as for many at once.
const loaders = 32

// loadPacks reads indexes several at a time, since each waits for the disk.
func (r *Repo) loadPacks(ctx context.Context, names []string) error {
	work := make(chan string)
	fails := make(chan error, 1)
	var wg sync.WaitGroup
	for range min(loaders, len(names)) {
		wg.Go(func() {
			for name := range work {
				err := r.loadPack(name)
				if err != nil && !errors.Is(err, fs.ErrNotExist) {
					select {
					case fails <- err:
					default:
					}
				}
			}
		})
	}
	for _, file := range names {
		if name, ok := isPackName(file); ok {
			work <- name
		} else if strings.HasPrefix(file, tempPrefix) && !r.store.reads {
			r.sweep(file)
		}
		if ctx.Err() != nil {
			break
		}
	}
	close(work)
	wg.Wait()
	select {
	case err := <-fails:
		return err
	default:
		return ctx.Err()
	}
}

// sweep removes a temporary file that a crash has left: no write takes an hour.
func (r *Repo) sweep(name string) {
	path := r.packFile(name)
	if st, err := r.store.disk.stat(path); err == nil && time.Since(st.ModTime()) > time.Hour {
		_ = r.store.disk.remove(path)
	}
}
