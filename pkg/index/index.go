package index

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/records"
)

// Publisher is what publishing needs of the records.
type Publisher interface {
	Wiki(ctx context.Context, id string) (records.Wiki, error)
	PublishIndex(ctx context.Context, wikiID string, old, new records.Index) error
}

// Deps is what a Cache stands on.
type Deps struct {
	Git     *gitstore.Store
	Records Publisher
	// Scratch is a folder for working copies. It need not be durable. Several
	// caches, also of different processes, may share it: each works in a folder
	// of its own, and New removes those of processes that are gone.
	Scratch string
	// Log gets a line for every rebuild, with its cause. Nil for none.
	Log *slog.Logger
	// MaxOpen bounds the wikis whose copies are kept; 0 means 32. A copy costs
	// up to a dozen file descriptors while it is read, a few when idle. Fewer are
	// kept when Scratch has no room for as many.
	MaxOpen int
	// MaxBytes bounds the size of one copy; 0 means 4 GiB. A wiki whose index
	// outgrows it cannot be asked: fault.Unavailable.
	MaxBytes int64
	// MaxLag is how many steps of the head a published index may be behind before
	// Publish makes another. 0: none.
	MaxLag int64
}

// Cache answers questions about wikis from working copies of their indexes. It
// is safe for concurrent use.
type Cache struct {
	deps    Deps
	scratch *scratch
	space   func(dir string) (space, error)
	texts   *texts

	// Catching up goes on when the request that began it gives up, or a wiki
	// that takes longer than anyone's patience would never get there.
	life context.Context
	stop context.CancelFunc
	work sync.WaitGroup

	mu     sync.Mutex
	wikis  map[string]*entry
	recent *list.List // of *entry with a copy, latest first
	closed bool
}

// entry is one wiki. Its fields are guarded by Cache.mu.
type entry struct {
	wikiID string
	turn   chan struct{} // held while catching up
	copy   *working      // nil: none
	place  *list.Element
	bad    records.Index // the published index that turned out to be damaged
}

// New returns a cache.
func New(d Deps) (*Cache, error) {
	switch {
	case d.Git == nil || d.Records == nil:
		return nil, errors.New("make index cache: git store or records missing")
	case d.Scratch == "":
		return nil, errors.New("make index cache: no scratch folder")
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.MaxOpen <= 0 {
		d.MaxOpen = 32
	}
	if d.MaxBytes <= 0 {
		d.MaxBytes = 4 << 30
	}
	s, err := newScratch(d.Scratch)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "make index cache: prepare the scratch folder")
	}
	c := &Cache{deps: d, scratch: s, space: spaceOf, texts: newTexts(), wikis: make(map[string]*entry), recent: list.New()}
	c.life, c.stop = context.WithCancel(context.Background())
	return c, nil
}

// Close stops catching up and removes the working copies. Views that are being
// read finish first; later ones get fault.Unavailable.
func (c *Cache) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	c.mu.Unlock()
	c.stop()
	c.work.Wait()
	c.mu.Lock()
	for _, e := range c.wikis {
		c.drop(e)
	}
	c.mu.Unlock()
	return c.scratch.close()
}

// At returns a view of the wiki that includes every commit up to w.Head, and
// perhaps later ones. It is cheap when little has happened since the last call.
// fault.NotFound if the wiki has no repository; fault.Unavailable when there is
// no room for a working copy, or the context ends while the index catches up.
func (c *Cache) At(ctx context.Context, w records.Wiki) (*View, error) {
	cp, err := c.acquire(ctx, w)
	if err != nil {
		return nil, err
	}
	c.release(cp)
	return &View{cache: c, wiki: w}, nil
}

// Forget drops the working copy of a deleted wiki. Views that are being read
// finish.
func (c *Cache) Forget(wikiID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.wikis[wikiID]; e != nil {
		c.drop(e)
		delete(c.wikis, wikiID)
	}
}

// acquire returns a copy that includes w.Head. It must be released.
func (c *Cache) acquire(ctx context.Context, w records.Wiki) (*working, error) {
	for {
		e, cp, err := c.take(w)
		if cp != nil || err != nil {
			return cp, err
		}
		if err := c.await(ctx, e, w); err != nil {
			return nil, err
		}
	}
}

// take returns the wiki's copy if it includes w.Head.
func (c *Cache) take(w records.Wiki) (*entry, *working, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, nil, fault.New(fault.Unavailable, "read the index of wiki %s: the server is shutting down", w.ID)
	}
	e := c.wikis[w.ID]
	if e == nil {
		e = &entry{wikiID: w.ID, turn: make(chan struct{}, 1)}
		c.wikis[w.ID] = e
	}
	if e.copy == nil || !e.copy.includes(w) {
		return e, nil, nil
	}
	c.recent.MoveToFront(e.place)
	e.copy.readers++
	return e, e.copy, nil
}

// release gives a copy back.
func (c *Cache) release(cp *working) {
	c.mu.Lock()
	cp.readers--
	last := cp.dropped && cp.readers == 0
	c.mu.Unlock()
	if last {
		cp.remove()
	}
}

// drop forgets the entry's copy; it is removed when its last reader is done.
// The caller holds c.mu.
func (c *Cache) drop(e *entry) {
	if e.copy == nil {
		return
	}
	cp := e.copy
	c.recent.Remove(e.place)
	e.copy, e.place = nil, nil
	cp.dropped = true
	if cp.readers == 0 {
		cp.remove()
	}
}

// discard drops a copy that has proved unusable.
func (c *Cache) discard(wikiID string, cp *working) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.wikis[wikiID]; e != nil && e.copy == cp {
		c.drop(e)
	}
}

// install makes cp the entry's copy, dropping the one before and, beyond
// MaxOpen, the wikis that were asked least recently.
func (c *Cache) install(e *entry, cp *working) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.wikis[e.wikiID] != e {
		cp.remove()
		return fault.New(fault.Unavailable, "read the index of wiki %s: it is going away", e.wikiID)
	}
	c.drop(e)
	e.copy, e.place = cp, c.recent.PushFront(e)
	for c.recent.Len() > c.deps.MaxOpen {
		old := c.recent.Back().Value.(*entry)
		c.drop(old)
		if len(old.turn) == 0 && old.bad == (records.Index{}) {
			delete(c.wikis, old.wikiID)
		}
	}
	return nil
}

// maxCatchUp bounds one catching up, which no request waits for to its end.
const maxCatchUp = 30 * time.Minute

// await brings the entry's copy up to w.Head, or waits for another caller who
// is doing something of the kind; then the caller looks again.
func (c *Cache) await(ctx context.Context, e *entry, w records.Wiki) error {
	select {
	case e.turn <- struct{}{}:
	case <-ctx.Done():
		return gaveUp(ctx, w.ID)
	}
	c.mu.Lock()
	if c.closed || c.wikis[w.ID] != e || e.copy != nil && e.copy.includes(w) {
		c.mu.Unlock()
		<-e.turn
		return nil
	}
	c.work.Add(1)
	c.mu.Unlock()
	done := make(chan error, 1)
	go func() {
		defer c.work.Done()
		defer func() { <-e.turn }()
		life, cancel := context.WithTimeout(c.life, maxCatchUp)
		defer cancel()
		done <- c.bring(life, e, w)
	}()
	select {
	case err := <-done:
		return c.foreseen(err, "read the index of wiki %s", w.ID)
	case <-ctx.Done():
		return gaveUp(ctx, w.ID)
	}
}

func gaveUp(ctx context.Context, wikiID string) error {
	return fault.Wrap(ctx.Err(), fault.Unavailable, "read the index of wiki %s: it is still catching up; try again", wikiID)
}

// foreseen makes any error one that callers can act on: what git and the
// context say stays as it is, anything else is storage that does not work.
func (c *Cache) foreseen(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	return fault.Wrap(err, fault.Unavailable, "%s: storage failed; try again", fmt.Sprintf(format, args...))
}
