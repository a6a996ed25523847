package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"wikibot.io/pkg/event"
	"wikibot.io/pkg/records"
)

//go:embed schema/*.sql
var schema embed.FS

// readers is how many connections serve reads that miss the cache. More would
// not help: they are short and never touch a disk that has the file cached.
const readers = 4

// busyTimeout is how long a write waits for another process's transaction
// before it answers Unavailable.
const busyTimeout = 5 * time.Second

var _ interface {
	records.Users
	records.Wikis
	records.Heads
	records.Upkeep
	records.Grants
	records.Tokens
	records.Activities
	records.Sessions
	records.Connections
	records.Tickets
	records.Clients
	records.Counters
	records.Departures
	event.Outbox
} = (*Store)(nil)

// Options adjusts a store. The zero value is what a fleet uses.
type Options struct {
	Now func() time.Time // clock for expiry and for the driver's own events; default time.Now
}

// Store is an open records file. All methods are safe for concurrent use.
type Store struct {
	now    func() time.Time
	reads  *sql.DB
	stmts  sync.Map // query → *sql.Stmt on reads
	cache  *cache
	writer *writer
	wake   chan struct{}
	closed atomic.Bool
}

// Open opens the records file at path and brings its schema up to date; a
// missing file is created, readable by its owner alone. It refuses a file that
// a newer version has written.
func Open(path string, o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Store{now: o.Now, wake: make(chan struct{}, 1)}
	if err := s.open(path); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("open records %s: %w", path, err)
	}
	return s, nil
}

func (s *Store) open(path string) error {
	if err := ensureFile(path); err != nil {
		return err
	}
	ctx := context.Background()
	db, err := connect(path, 1, "")
	if err != nil {
		return err
	}
	if s.writer, err = newWriter(ctx, db, s.signal); err != nil {
		_ = db.Close()
		return err
	}
	if err := s.writer.migrate(ctx); err != nil {
		return err
	}
	s.writer.start()
	if s.reads, err = connect(path, readers, "&_pragma=query_only(1)"); err != nil {
		return err
	}
	watch, err := connect(path, 1, "&_pragma=query_only(1)")
	if err != nil {
		return err
	}
	s.cache = &cache{db: watch}
	return nil
}

// ensureFile creates the file and its entry in the folder durably, so that a
// crash after the first acknowledged write cannot take the whole file away.
// SQLite gives its -wal and -shm files the same mode.
func ensureFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := f.Chmod(0o600); err != nil {
		_ = f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// connect prepares a pool of n lasting connections.
func connect(path string, n int, params string) (*sql.DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	// The size limit keeps a burst of writes from leaving a large WAL for good.
	dsn := fmt.Sprintf("%s?_pragma=busy_timeout(%d)&_pragma=synchronous(FULL)&_pragma=journal_size_limit(%d)%s",
		(&url.URL{Scheme: "file", Path: abs}).String(), busyTimeout.Milliseconds(), 64<<20, params)
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return db, nil
}

// Close waits for writes under way, then closes the file. Methods called
// afterwards answer Unavailable.
func (s *Store) Close() error {
	s.closed.Store(true)
	var first error
	note := func(err error) {
		if err != nil && first == nil {
			first = err
		}
	}
	if s.writer != nil {
		note(s.writer.close())
	}
	if s.cache != nil {
		note(s.cache.close())
	}
	if s.reads != nil {
		note(s.reads.Close())
	}
	return first
}

// Wake returns a channel that receives after commits of this process that put
// an event in the outbox. It has one receiver: the dispatcher.
func (s *Store) Wake() <-chan struct{} { return s.wake }

func (s *Store) signal() {
	select {
	case s.wake <- struct{}{}:
	default: // one is pending already and stands for all
	}
}

// prepared returns the statement for a query, prepared once per connection.
func (s *Store) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if s.closed.Load() {
		return nil, errClosed
	}
	if st, ok := s.stmts.Load(query); ok {
		return st.(*sql.Stmt), nil
	}
	st, err := s.reads.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if old, raced := s.stmts.LoadOrStore(query, st); raced {
		_ = st.Close()
		return old.(*sql.Stmt), nil
	}
	return st, nil
}

// scanner is a *sql.Row or *sql.Rows.
type scanner interface{ Scan(dest ...any) error }

// one reads one row; sql.ErrNoRows if there is none.
func one[T any](ctx context.Context, s *Store, scan func(scanner) (T, error), query string, args ...any) (T, error) {
	st, err := s.prepared(ctx, query)
	if err != nil {
		var none T
		return none, err
	}
	return scan(st.QueryRowContext(ctx, args...))
}

// many reads all rows.
func many[T any](ctx context.Context, s *Store, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	st, err := s.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	return collect(ctx, st, scan, args)
}

func collect[T any](ctx context.Context, st *sql.Stmt, scan func(scanner) (T, error), args []any) ([]T, error) {
	rows, err := st.QueryContext(ctx, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// nanos and instant are how times are stored: see the schema.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func instant(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// orNow fills in a time that a caller left open.
func (s *Store) orNow(t time.Time) time.Time {
	if t.IsZero() {
		return s.now()
	}
	return t
}
