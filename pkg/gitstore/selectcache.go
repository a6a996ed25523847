package gitstore

import (
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
)

// maxAnswers bounds the memory of kept answers, over all repositories.
const maxAnswers = 48 << 20

const (
	// maxBulk bounds how many large answers are worked out at a time: each takes
	// some hundred bytes for an object, and clients that ask for the same with
	// another filter each could have as many made as there are connections.
	maxBulk = 2
	// bulky is from how many objects on an answer is a large one. What people fetch
	// day by day never waits.
	bulky = 8 << 10
)

// answers keeps what answering fetches took to compute, bounded in bytes, least
// recently used out first. Equal questions that come at the same time are worked
// out once: after a save, everyone who follows a wiki fetches the same commit.
type answers struct {
	max   int64
	hold  int64         // bytes of objects that one plan may hold
	bulk  chan struct{} // has room for the large ones that are worked out at a time
	bulky int           // from how many objects on one is large

	mu      sync.Mutex
	size    int64
	order   *list.List // of *kept, most recently used first
	items   map[question]*list.Element
	running map[question]*computation
}

// answer is shared by all who ask, and so safe for concurrent use.
type answer interface {
	cost() int64 // in bytes; it may grow, see weigh
}

// question names an answer. Its parts come from clients, some unchecked, hence
// a hash that nobody can make collide.
type question struct {
	repo  uint64 // ids that are only in another wiki must not be found
	about [sha256.Size]byte
}

type kept struct {
	q    question
	a    answer
	cost int64
}

// computation is an answer on its way.
type computation struct {
	done    chan struct{}
	cancel  context.CancelFunc
	waiting int // those who want it, guarded by answers.mu
	a       answer
	err     error
}

func newAnswers(max int64) *answers {
	return &answers{max: max, hold: maxHeld, bulk: make(chan struct{}, maxBulk), bulky: bulky, order: list.New(), items: map[question]*list.Element{}, running: map[question]*computation{}}
}

var errAbandoned = errors.New("the computation that was waited for broke off")

// get returns the kept answer, or computes it. The context of compute ends when
// nobody waits any more, so that a client that comes and goes leaves no work behind.
func (s *answers) get(ctx context.Context, q question, compute func(context.Context) (answer, error)) (answer, error) {
	s.mu.Lock()
	if e, ok := s.items[q]; ok {
		s.order.MoveToFront(e)
		s.mu.Unlock()
		return e.Value.(*kept).a, nil
	}
	c, leads := s.running[q], false
	if c == nil {
		c, leads = &computation{done: make(chan struct{}), err: errAbandoned}, true
		s.running[q] = c
	}
	c.waiting++
	if !leads {
		s.mu.Unlock()
		select {
		case <-c.done:
			return c.a, c.err
		case <-ctx.Done():
			s.leave(q, c)
			return nil, ctx.Err()
		}
	}
	var all context.Context
	all, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.mu.Unlock()
	// It is computed on the goroutine of who came first, who goes on with it for
	// the others even if its own client is gone.
	stop := context.AfterFunc(ctx, func() { s.leave(q, c) })
	defer stop()
	defer s.finish(q, c)
	c.a, c.err = compute(all)
	if c.err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return c.a, c.err
}

// leave notes that one does not wait any more.
func (s *answers) leave(q question, c *computation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.waiting--; c.waiting > 0 {
		return
	}
	c.cancel()
	if s.running[q] == c { // who asks now starts anew
		delete(s.running, q)
	}
}

// finish hands the answer to all who wait, and keeps it.
func (s *answers) finish(q question, c *computation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.cancel()
	close(c.done)
	if s.running[q] == c {
		delete(s.running, q)
	}
	if c.err != nil || s.items[q] != nil {
		return
	}
	s.items[q] = s.order.PushFront(&kept{q: q, a: c.a})
	s.settle(q)
}

// weigh takes note that an answer may have grown.
func (s *answers) weigh(q question) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(q)
}

// settle brings the sum up to date, and itself below the bound. s.mu is held.
func (s *answers) settle(q question) {
	e := s.items[q]
	if e == nil {
		return
	}
	k := e.Value.(*kept)
	now := k.a.cost() + 300 // the bookkeeping
	s.size += now - k.cost
	k.cost = now
	if k.cost > s.max/2 { // it would push out most others
		s.remove(e)
	}
	for s.size > s.max {
		s.remove(s.order.Back())
	}
}

func (s *answers) remove(e *list.Element) {
	k := s.order.Remove(e).(*kept)
	delete(s.items, k.q)
	s.size -= k.cost
}

func (s *answers) drop(q question) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.items[q]; e != nil {
		s.remove(e)
	}
}

// question names the answer to a fetch. The order in which a client lists its
// commits does not matter, nor do commits that it alone has, nor in which of many
// ways it asked for the boundary.
func (h *History) question(f Fetch, b Boundary) question {
	k := h.ask("fetch")
	k.ids(f.Wants)
	k.ids(h.Common(f.Haves))
	k.ids(f.Shallow)
	k.ids(b.Shallow)
	k.ids(b.Unshallow)
	k.numbers(int64(f.Filter.Kind), f.Filter.Limit, flag(f.Thin))
	return question{h.r.key, sha256.Sum256(k)}
}

// questionOfObjects names the set of the recent objects.
func (h *History) questionOfObjects() question {
	return question{h.r.key, sha256.Sum256(h.ask("objects"))}
}

// asking spells a question out, each part after its length.
type asking []byte

func (h *History) ask(what string) asking {
	k := asking(what)
	k.ids([]OID{h.head})
	k.numbers(int64(len(h.bases)))
	for _, b := range h.bases {
		k = append(k, b.pack.name...)
	}
	return k
}

func (k *asking) ids(ids []OID) {
	sorted := slices.Clone(ids)
	slices.SortFunc(sorted, compareIDs)
	sorted = slices.Compact(sorted)
	k.numbers(int64(len(sorted)))
	for _, id := range sorted {
		*k = append(*k, id[:]...)
	}
}

func (k *asking) numbers(n ...int64) {
	for _, v := range n {
		*k = binary.BigEndian.AppendUint64(*k, uint64(v))
	}
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
