package gitstore

import (
	"container/list"
	"sync"
)

// cacheKey names what is cached. A key belongs to one repository even though
// ids are global: an id that is only in another wiki must not be found.
type cacheKey struct {
	repo uint64
	id   OID   // of an object, or zero:
	file *file // then the raw bytes of the delta base at
	off  int64 // this offset of this pack, whose index is not held by it
}

// cache keeps decoded objects, bounded in bytes, least recently used out first.
type cache struct {
	mu    sync.Mutex
	max   int64
	size  int64
	order *list.List // of *cached, most recently used first
	items map[cacheKey]*list.Element
}

type cached struct {
	key   cacheKey
	value any
	size  int64
}

func newCache(max int64) *cache {
	return &cache{max: max, order: list.New(), items: map[cacheKey]*list.Element{}}
}

func (c *cache) get(k cacheKey) (any, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.items[k]
	if !ok {
		return nil, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*cached).value, true
}

// put keeps value unless it is so large that it would push out most others.
func (c *cache) put(k cacheKey, value any, size int64) {
	size += 200 // the bookkeeping
	if size > c.max/8 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.items[k]; ok {
		return // objects do not change
	}
	c.items[k] = c.order.PushFront(&cached{k, value, size})
	for c.size += size; c.size > c.max; {
		c.drop(c.order.Back())
	}
}

func (c *cache) drop(e *list.Element) {
	it := e.Value.(*cached)
	c.order.Remove(e)
	delete(c.items, it.key)
	c.size -= it.size
}

// forget drops everything of one repository.
func (c *cache) forget(repo uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for e := c.order.Back(); e != nil; {
		prev := e.Prev()
		if e.Value.(*cached).key.repo == repo {
			c.drop(e)
		}
		e = prev
	}
}
