package gitstore

import (
	"context"
	"slices"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
)

// patience is how many commits are read one after the other before those that
// are likely to follow are read all at once. A few are cheaper without: the folder
// need not be listed.
const patience = 3

// readAhead reads the commits that packs on disk are named after and no base
// holds, side by side: what a walk from the head would read one by one, with a few
// round trips for each, in a process that has just come. What cannot be read the
// walk will meet, and say so.
func (r *Repo) readAhead(ctx context.Context, chain []*base) {
	first, err := r.loadAll(ctx, false)
	if err != nil || !first {
		return
	}
	var ids []OID
	for _, p := range r.packs() {
		id := plumbing.NewHash(p.name[len("pack-"):])
		if _, ok := p.index.find(id); ok && !inBases(chain, id) {
			ids = append(ids, id)
		}
	}
	r.readCommits(ctx, ids, func(OID, *Commit, error) {})
}

// readCommits reads commits several at a time, since each waits for the disk, and
// hands each to found, which is called by one goroutine at a time. It stops early
// only when ctx ends.
func (r *Repo) readCommits(ctx context.Context, ids []OID, found func(OID, *Commit, error)) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for part := range slices.Chunk(ids, max(1, (len(ids)+loaders-1)/loaders)) {
		wg.Go(func() {
			for _, id := range part {
				if ctx.Err() != nil {
					return
				}
				c, err := r.Commit(ctx, id)
				mu.Lock()
				found(id, c, err)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}
