package sqlite

import (
	"context"
	"database/sql"
	"slices"
	"sync"
	"sync/atomic"

	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/contracts/events"
)

// maxBatch bounds how many changes share a commit, and so how long the first
// of them waits for the last.
const maxBatch = 128

// writer runs changes one after another on the one connection that writes.
// While a batch is being flushed, the next one gathers: throughput grows with
// the number of callers although each waits for an fsync.
type writer struct {
	db     *sql.DB
	conn   *sql.Conn
	stmts  map[string]*sql.Stmt
	signal func() // called after a commit with events

	mu      sync.Mutex
	queue   []*job
	closed  bool
	ready   chan struct{} // holds a token while the queue may have work
	started bool
	done    chan struct{}
}

// job is one caller's change. fn may run more than once, so it sets what it
// returns rather than adding to it.
type job struct {
	fn    func(*tx) error
	state atomic.Int32 // waiting → taken or withdrawn
	err   error
	done  chan struct{}
}

const (
	waiting int32 = iota
	taken
	withdrawn
)

func newWriter(ctx context.Context, db *sql.DB, signal func()) (*writer, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &writer{
		db: db, conn: conn, stmts: map[string]*sql.Stmt{}, signal: signal,
		ready: make(chan struct{}, 1), done: make(chan struct{}),
	}, nil
}

// do runs fn in a transaction and returns when the outcome is durable. A caller
// whose context ends while it still waits for its turn withdraws; once it has
// its turn it learns the outcome, because "perhaps" is no answer to a write.
func (w *writer) do(ctx context.Context, fn func(*tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j := &job{fn: fn, done: make(chan struct{})}
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return errClosed
	}
	w.queue = append(w.queue, j)
	w.mu.Unlock()
	w.nudge()
	select {
	case <-j.done:
	case <-ctx.Done():
		if j.state.CompareAndSwap(waiting, withdrawn) {
			return ctx.Err()
		}
		<-j.done
	}
	return j.err
}

func (w *writer) nudge() {
	select {
	case w.ready <- struct{}{}:
	default:
	}
}

// start lets the writer work. From then on close waits for it.
func (w *writer) start() {
	w.mu.Lock()
	w.started = true
	w.mu.Unlock()
	go w.run()
}

// run is the writer's goroutine. It ends when the writer is closed and the
// queue is empty.
func (w *writer) run() {
	defer close(w.done)
	for range w.ready {
		for {
			batch, closed := w.take()
			if len(batch) == 0 {
				if closed {
					return
				}
				break
			}
			w.commit(batch)
		}
	}
}

func (w *writer) take() (batch []*job, closed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for n < len(w.queue) && len(batch) < maxBatch {
		if j := w.queue[n]; j.state.CompareAndSwap(waiting, taken) {
			batch = append(batch, j)
		}
		n++
	}
	w.queue = slices.Delete(w.queue, 0, n)
	return batch, w.closed && len(w.queue) == 0
}

// commit carries a batch out and answers its callers.
func (w *writer) commit(batch []*job) {
	err := w.attempt(batch)
	if err != nil && len(batch) > 1 {
		// One of them may be what cannot be stored (a full disk takes small
		// changes longer than large ones): let each stand for itself.
		for _, j := range batch {
			if err := w.attempt([]*job{j}); err != nil {
				j.err = err
			}
		}
	} else if err != nil {
		batch[0].err = err
	}
	for _, j := range batch {
		close(j.done)
	}
}

// attempt runs the batch in one transaction. An error means that none of it
// was stored; otherwise each job has its own outcome.
func (w *writer) attempt(batch []*job) (err error) {
	ctx := context.Background() // the batch belongs to many callers
	t := &tx{w: w, ctx: ctx}
	if err := t.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			// Fails harmlessly if SQLite has rolled back already.
			_, _ = w.conn.ExecContext(ctx, "ROLLBACK")
		}
	}()
	for _, j := range batch {
		if err := t.exec("SAVEPOINT change"); err != nil {
			return err
		}
		if j.err = j.fn(t); j.err != nil {
			if !foreseen(j.err) {
				return j.err
			}
			if err := t.exec("ROLLBACK TO change"); err != nil {
				return err
			}
		}
		if err := t.exec("RELEASE change"); err != nil {
			return err
		}
	}
	if err := t.exec("COMMIT"); err != nil {
		return err
	}
	if t.emitted {
		w.signal()
	}
	return nil
}

func (w *writer) close() error {
	w.mu.Lock()
	w.closed = true
	started := w.started
	w.mu.Unlock()
	if started {
		w.nudge()
		<-w.done
	}
	for _, st := range w.stmts {
		_ = st.Close()
	}
	_ = w.conn.Close()
	return w.db.Close()
}

// tx is the transaction that a change runs in.
type tx struct {
	w       *writer
	ctx     context.Context
	emitted bool
}

func (t *tx) stmt(query string) (*sql.Stmt, error) {
	if st, ok := t.w.stmts[query]; ok {
		return st, nil
	}
	st, err := t.w.conn.PrepareContext(t.ctx, query)
	if err != nil {
		return nil, err
	}
	t.w.stmts[query] = st
	return st, nil
}

func (t *tx) exec(query string, args ...any) error {
	_, err := t.affect(query, args...)
	return err
}

// affect runs a statement and returns how many rows it changed.
func (t *tx) affect(query string, args ...any) (int64, error) {
	st, err := t.stmt(query)
	if err != nil {
		return 0, err
	}
	res, err := st.ExecContext(t.ctx, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// get reads one row within the transaction; sql.ErrNoRows if there is none.
func get[T any](t *tx, scan func(scanner) (T, error), query string, args ...any) (T, error) {
	st, err := t.stmt(query)
	if err != nil {
		var none T
		return none, err
	}
	return scan(st.QueryRowContext(t.ctx, args...))
}

// list reads rows within the transaction.
func list[T any](t *tx, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	st, err := t.stmt(query)
	if err != nil {
		return nil, err
	}
	return collect(t.ctx, st, scan, args)
}

// emit appends an event to the outbox.
func (t *tx) emit(env *eventsv1.Envelope) error {
	body, err := events.Marshal(env)
	if err != nil {
		return err
	}
	t.emitted = true
	return t.exec(`INSERT INTO outbox (id, type, wiki_id, at, body, fanned_out) VALUES (?, ?, ?, ?, ?, 0)`,
		env.GetId(), env.GetType(), env.GetWikiId(), env.GetTime().AsTime().UnixNano(), body)
}
