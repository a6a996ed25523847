package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"

	"wikibot.io/pkg/fault"
)

// maxCached bounds the records kept, so that strangers who ask for thousands
// of made-up names cannot make the process grow.
const maxCached = 8192

// cache keeps decoded records for as long as nobody commits.
//
// Every read asks PRAGMA data_version on a connection kept for that alone: the
// number changes when any other connection, of this process or of another,
// has committed since it was last asked. One read of the WAL's shared header
// answers for writers near and far (some 6 µs, half of what the shortest
// SELECT costs), so writers need not say what they changed and cannot forget
// to. The price is that a commit anywhere forgets everything: a busy fleet commits
// a few hundred times a second and asks for a few dozen distinct records, each
// decoded again in some 20 µs. Rejected: mapping the header and comparing it
// ourselves would take nanoseconds, but closing a descriptor of that file drops
// the POSIX locks of every store of the process.
type cache struct {
	db *sql.DB

	arrived atomic.Int64 // callers so far; a caller's number is its ticket

	mu      sync.Mutex // held while asking
	current *generation
	conn    *sql.Conn
	version *sql.Stmt
	closed  bool
}

// generation is what was read while the version stood still. Its records are at
// least as new as the version: a slow reader may add to a generation that has
// been replaced, never to its successor.
type generation struct {
	version int64
	covers  int64 // tickets drawn before the version was asked

	mu sync.RWMutex
	m  map[key]entry
}

type key struct {
	kind byte
	a, b string
}

type entry struct {
	value any
	err   error // NotFound, or nil
}

const (
	userByID byte = iota
	userByIdentity
	userByEmail
	wikiByID
	wikiBySlug
	grantByKey
	tokenByHash
	activityByWiki
	sessionByID
	connectionByID
)

// cached answers from the cache or else from load.
func cached[T any](ctx context.Context, s *Store, k key, load func() (T, error)) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	g, err := s.cache.valid()
	if err != nil {
		return none, err
	}
	g.mu.RLock()
	e, ok := g.m[k]
	g.mu.RUnlock()
	if ok {
		if e.err != nil {
			return none, e.err
		}
		return e.value.(T), nil
	}
	v, err := load()
	if err != nil && !errors.Is(err, sql.ErrNoRows) && !fault.Is(err, fault.NotFound) {
		return none, err
	}
	g.mu.Lock()
	if len(g.m) >= maxCached {
		clear(g.m)
	}
	g.m[k] = entry{v, err}
	g.mu.Unlock()
	return v, err
}

// valid returns a generation that misses nothing committed before the call.
// Callers that arrive while another asks share the next question: whoever gets
// to ask draws the line, and everybody who had arrived by then is served.
func (c *cache) valid() (*generation, error) {
	ticket := c.arrived.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.current
	if old != nil && old.covers >= ticket {
		return old, nil
	}
	covers := c.arrived.Load()
	version, fresh, err := c.ask()
	if err != nil {
		return nil, err
	}
	if old != nil && !fresh && old.version == version {
		old.covers = covers
		return old, nil
	}
	c.current = &generation{version: version, covers: covers, m: map[key]entry{}}
	return c.current, nil
}

// ask reads the version. Versions of different connections cannot be compared:
// fresh says that this is the first of its connection.
func (c *cache) ask() (version int64, fresh bool, err error) {
	ctx := context.Background() // the answer is for many callers
	if c.closed {
		return 0, false, errClosed
	}
	if c.conn == nil {
		fresh = true
		if c.conn, err = c.db.Conn(ctx); err != nil {
			return 0, false, err
		}
		if c.version, err = c.conn.PrepareContext(ctx, "PRAGMA data_version"); err != nil {
			c.drop()
			return 0, false, err
		}
	}
	if err := c.version.QueryRowContext(ctx).Scan(&version); err != nil {
		c.drop()
		return 0, false, err
	}
	return version, fresh, nil
}

func (c *cache) drop() {
	if c.version != nil {
		_ = c.version.Close()
	}
	_ = c.conn.Close()
	c.conn, c.version = nil, nil
}

func (c *cache) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.conn != nil {
		c.drop()
	}
	return c.db.Close()
}
