package gitstore

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"

	"github.com/go-git/go-git/v5/plumbing"
	"golang.org/x/sync/singleflight"

	"wikibot.io/pkg/fault"
)

// Repo is one wiki's repository. Safe for concurrent use.
type Repo struct {
	store *Store
	wiki  string
	dir   string
	key   uint64 // in the cache

	mu     sync.RWMutex
	table  *table // nil until something is looked for
	listed bool   // the table has every pack that was there at some time
	sealed bool   // the table is all there is: an import's source, indexed anew
	// named are packs that were found by name and that no listing has shown yet;
	// tips are commits found so, whose ancestors' packs may still be unknown.
	// Both outlive the table.
	named []string
	tips  []OID

	listing sync.Mutex // held while the folder is listed
	chasing sync.Mutex // held while packs of ancestors are looked for by name
	decodes singleflight.Group
	packDir *file
	mirror  mirror

	graph     graphOnDisk
	histories histories

	tableBytes atomic.Int64 // about what the table takes
	// Guarded by store.mu: the place in store.loaded, and tableBytes as counted there.
	elem    *list.Element
	weighed int64
}

func newRepo(s *Store, wiki, dir string, key uint64) *Repo {
	r := &Repo{store: s, wiki: wiki, dir: dir, key: key}
	r.packDir = s.files.file(r.packFile(""))
	return r
}

// Commit reads a commit; fault.NotFound if there is no such object or it is not a commit.
func (r *Repo) Commit(ctx context.Context, id OID) (*Commit, error) {
	return decoded[*Commit](ctx, r, id, "commit")
}

var emptyTreeID = raw{kind: plumbing.TreeObject}.id()

// Tree reads a tree. The zero OID is the empty tree.
func (r *Repo) Tree(ctx context.Context, id OID) (*Tree, error) {
	if id.IsZero() || id == emptyTreeID {
		return newTree(id, nil), nil
	}
	return decoded[*Tree](ctx, r, id, "tree")
}

// Blob reads a blob. The bytes are shared: do not change them.
func (r *Repo) Blob(ctx context.Context, id OID) ([]byte, error) {
	return decoded[[]byte](ctx, r, id, "blob")
}

// Size returns the size of a blob without reading it whole.
func (r *Repo) Size(ctx context.Context, id OID) (int64, error) {
	if v, ok := r.store.cache.get(cacheKey{repo: r.key, id: id}); ok {
		if b, ok := v.([]byte); ok {
			return int64(len(b)), nil
		}
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	kind, size, err := r.head(ctx, id)
	if isGone(err) { // as in object
		r.unload()
		kind, size, err = r.head(ctx, id)
	}
	if err == nil && kind != plumbing.BlobObject {
		err = errMissing
	}
	if err != nil {
		return 0, r.explain(err, "blob", id)
	}
	return size, nil
}

// decoded reads an object of type T through the cache. Concurrent readers of
// one object share one decode, which therefore does not end with any one of
// their contexts.
func decoded[T any](ctx context.Context, r *Repo, id OID, what string) (T, error) {
	var none T
	v, ok := r.store.cache.get(cacheKey{repo: r.key, id: id})
	if !ok {
		if err := ctx.Err(); err != nil {
			return none, err
		}
		var err error
		v, err, _ = r.decodes.Do(string(id[:]), func() (any, error) {
			return r.decode(context.WithoutCancel(ctx), id, what)
		})
		if err != nil {
			return none, r.explain(err, what, id)
		}
	}
	t, ok := v.(T)
	if !ok {
		return none, r.explain(errMissing, what, id)
	}
	return t, nil
}

func (r *Repo) decode(ctx context.Context, id OID, what string) (any, error) {
	if _, ok := r.known(id); !ok && what != "commit" && !r.sealed {
		// No pack is named after a tree or a blob, so there is no use in looking for
		// one before the packs are listed.
		if _, err := r.loadAll(ctx, false); err != nil {
			return nil, err
		}
	}
	o, err := r.object(ctx, id)
	if err != nil {
		return nil, err
	}
	return r.keep(id, o)
}

// keep decodes an object whose id is known to be right, and caches it.
func (r *Repo) keep(id OID, o raw) (v any, err error) {
	size := int64(len(o.data))
	switch o.kind {
	case plumbing.CommitObject:
		v, err = parseCommit(id, o.data)
		size += 300
	case plumbing.TreeObject:
		var t *Tree
		t, err = parseTree(id, o.data)
		if err == nil {
			v, size = t, size+int64(len(t.Entries))*80
		}
	case plumbing.BlobObject:
		v = o.data
	default:
		return nil, errMissing // annotated tags are nothing that a wiki has
	}
	if err != nil {
		return nil, err
	}
	r.store.cache.put(cacheKey{repo: r.key, id: id}, v, size)
	return v, nil
}

// explain turns a read error into one that names wiki and object.
func (r *Repo) explain(err error, what string, id OID) error {
	switch {
	case errors.Is(err, errMissing):
		return fault.New(fault.NotFound, "read %s %s: wiki %s has no such object", what, id, r.wiki)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, errDamaged), errors.Is(err, errTooLarge), errors.Is(err, fs.ErrNotExist):
		return fault.Wrap(err, fault.Internal, "read %s %s of wiki %s", what, id, r.wiki)
	default:
		return fault.Wrap(fmt.Errorf("disk: %w", err), fault.Unavailable, "read %s %s of wiki %s", what, id, r.wiki)
	}
}
