package gitstore

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

const (
	// maxTips bounds how many commits wait to be chased.
	maxTips = 64
	// maxNamed bounds the names that are remembered beside listings: more than
	// other processes write to one wiki before a listing shows it.
	maxNamed = 1024
)

// loadNamed loads the pack that is named after a commit, if there is one.
func (r *Repo) loadNamed(ctx context.Context, id OID) error {
	name := "pack-" + id.String()
	if err := r.loadPack(name); err != nil {
		return err
	}
	r.mu.Lock()
	if !slices.Contains(r.named, name) {
		r.named = append(r.named, name)
		r.named = r.named[max(0, len(r.named)-maxNamed):]
	}
	r.tips = append(r.tips, id)
	full := len(r.tips) >= maxTips
	r.mu.Unlock()
	if full {
		return r.chase(ctx)
	}
	return nil
}

// withNamed adds the packs that were found by name to a listing, which need not
// show them yet, and forgets those that it shows.
func (r *Repo) withNamed(files []string) []string {
	listed := make(map[string]bool, len(files))
	for _, f := range files {
		listed[strings.TrimSuffix(f, ".idx")] = true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.named = slices.DeleteFunc(r.named, func(name string) bool { return listed[name] })
	for _, name := range r.named {
		files = append(files, name+".idx")
	}
	return files
}

// chase loads the packs of the commits that came before those found by name: a
// reader who was shown one head and then a later one needs what was written
// between. It goes back until it comes to a commit whose pack is loaded. Behind
// that one there is no gap: a listing that shows a commit's pack shows its
// ancestors' too, for they were there first, and a writer had read what it built
// on.
func (r *Repo) chase(ctx context.Context) error {
	// Whoever comes second waits, for what it needs may be on its way.
	r.chasing.Lock()
	defer r.chasing.Unlock()
	r.mu.Lock()
	tips := r.tips
	r.tips = nil
	r.mu.Unlock()
	for len(tips) > 0 {
		id := tips[len(tips)-1]
		next, err := r.loadParents(ctx, id)
		if err != nil {
			r.mu.Lock()
			r.tips = append(r.tips, tips...)
			r.mu.Unlock()
			return err
		}
		tips = append(tips[:len(tips)-1], next...)
	}
	return nil
}

// loadParents loads the packs named after a commit's parents and returns those
// that were not known. A parent without a pack of its name is in an imported pack
// or in one that plain git made, which only a listing shows.
func (r *Repo) loadParents(ctx context.Context, id OID) (fresh []OID, err error) {
	parents, err := r.parents(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, p := range parents {
		if _, ok := r.known(p); ok {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		name := "pack-" + p.String()
		switch err := r.loadPack(name); {
		case err == nil:
			r.mu.Lock()
			r.named = append(r.named, name)
			r.mu.Unlock()
			fresh = append(fresh, p)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	return fresh, nil
}

// parents reads a commit whose pack was found by name. It does not join a decode
// that is under way, which may be waiting for this very chase.
func (r *Repo) parents(ctx context.Context, id OID) ([]OID, error) {
	if v, ok := r.store.cache.get(cacheKey{repo: r.key, id: id}); ok {
		if c, ok := v.(*Commit); ok {
			return c.Parents, nil
		}
	}
	at, ok := r.known(id)
	if !ok { // the table was dropped meanwhile; the next one lists the name
		return nil, nil
	}
	o, err := r.objectAt(ctx, id, at)
	if isGone(err) {
		return nil, nil // folded into another pack since
	}
	if err != nil || o.kind != plumbing.CommitObject {
		return nil, err
	}
	c, err := parseCommit(id, o.data)
	if err != nil {
		return nil, err
	}
	return c.Parents, nil
}

// unload forgets what was read about the packs; the next read starts over.
func (r *Repo) unload() {
	r.mu.Lock()
	t := r.table
	r.table, r.listed = nil, false
	r.tableBytes.Store(0)
	r.mu.Unlock()
	r.histories.forget()
	r.graph.forget()
	r.store.files.forget(r.packDir)
	if t == nil {
		return
	}
	for _, p := range t.packs {
		r.store.files.forget(p.file)
	}
}
