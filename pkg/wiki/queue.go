package wiki

import (
	"context"
	"sync"

	"wikibot.io/pkg/records"
)

// queues lets the writers of one wiki within this process go one after another,
// in the order they came: without it they would race for the head and all but
// one would do their work again. Writers elsewhere are kept apart by the head's
// compare-and-swap alone; correctness never depends on this queue.
type queues struct {
	mu   sync.Mutex
	wiki map[string]*queue
}

type queue struct {
	turn    chan struct{} // holds one token
	waiting int
	last    records.Wiki // the newest record a writer here has seen
}

func newQueues() *queues { return &queues{wiki: map[string]*queue{}} }

// enter waits for the wiki's turn. The caller must call leave, unless it got an
// error.
func (qs *queues) enter(ctx context.Context, wikiID string) (*queue, error) {
	qs.mu.Lock()
	q := qs.wiki[wikiID]
	if q == nil {
		q = &queue{turn: make(chan struct{}, 1)}
		q.turn <- struct{}{}
		qs.wiki[wikiID] = q
	}
	q.waiting++
	qs.mu.Unlock()
	select {
	case <-q.turn:
		return q, nil
	case <-ctx.Done():
		qs.drop(wikiID, q)
		return nil, ctx.Err()
	}
}

func (qs *queues) leave(wikiID string, q *queue) {
	q.turn <- struct{}{}
	qs.drop(wikiID, q)
}

func (qs *queues) drop(wikiID string, q *queue) {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	if q.waiting--; q.waiting == 0 {
		delete(qs.wiki, wikiID)
	}
}

// newer returns the more advanced of two records of one wiki.
func newer(a, b records.Wiki) records.Wiki {
	if b.ID == a.ID && b.Sequence > a.Sequence {
		return b
	}
	return a
}
