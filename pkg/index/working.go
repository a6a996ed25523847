package index

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/records"
)

// working is a private copy of an index, which catches up while it is read: in
// WAL mode readers see the last whole state and never wait. Nothing in it has
// to survive, so nothing is flushed.
type working struct {
	dir   string
	read  *sql.DB
	slots chan struct{} // one for each reader
	idle  chan *session // open sessions that nobody uses
	write *sql.DB       // one connection
	state atomic.Pointer[state]

	readers int  // guarded by Cache.mu
	dropped bool // likewise
}

// state is what a copy describes.
type state struct {
	head     string // 40 hex digits, or ""
	sequence int64
}

const indexFile = "index.db"

// Readers of one copy beyond this number take turns.
const maxReaders = 4

// includes reports whether the copy describes the record's head or a later one.
func (cp *working) includes(w records.Wiki) bool {
	s := cp.state.Load()
	return w.Head == "" || s.head == w.Head || w.Sequence < s.sequence
}

// dsn names a database file. Opening never creates it: a file that somebody
// deleted must be an error, not an empty wiki.
func dsn(path, mode string, pragmas ...string) string {
	q := url.Values{"mode": {mode}, "_pragma": pragmas}
	return (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String()
}

// createEmpty makes an index file that describes no commit.
func createEmpty(ctx context.Context, path, wikiID string) error {
	db, err := sql.Open("sqlite", dsn(path, "rwc", "journal_mode(off)", "synchronous(off)"))
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, text := range []string{
		fmt.Sprintf("PRAGMA application_id = %d", applicationID),
		fmt.Sprintf("PRAGMA user_version = %d", schemaVersion),
		schema,
	} {
		if _, err := db.ExecContext(ctx, text); err != nil {
			return err
		}
	}
	_, err = db.ExecContext(ctx, `INSERT INTO meta (id, wiki, head, sequence) VALUES (1, ?, x'', 0)`, wikiID)
	return err
}

// buildInto fills a new index file from git. The file has no journal: after an
// error it must be thrown away.
func buildInto(ctx context.Context, path string, repo *gitstore.Repo, w records.Wiki, maxBytes int64) error {
	if err := createEmpty(ctx, path, w.ID); err != nil || w.Head == "" {
		return err
	}
	db, err := sql.Open("sqlite", dsn(path, "rw", "journal_mode(off)", "synchronous(off)", "locking_mode(exclusive)",
		"cache_size(-65536)", pageLimit(maxBytes)))
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	return catchUp(ctx, db, repo, gitHash(w.Head), w.Sequence)
}

func pageLimit(maxBytes int64) string {
	return fmt.Sprintf("max_page_count(%d)", max(maxBytes/4096, 1))
}

// openWorking opens an index file in a folder of its own, checking that it is
// one of ours, of this wiki.
func openWorking(ctx context.Context, dir, wikiID string, maxBytes int64) (_ *working, err error) {
	path := filepath.Join(dir, indexFile)
	cp := &working{dir: dir, slots: make(chan struct{}, maxReaders), idle: make(chan *session, maxReaders)}
	defer func() {
		if err != nil {
			cp.closeDBs()
		}
	}()
	cp.write, err = sql.Open("sqlite", dsn(path, "rw", "journal_mode(wal)", "synchronous(off)", "busy_timeout(10000)",
		"journal_size_limit(4194304)", "cache_size(-8192)", pageLimit(maxBytes)))
	if err != nil {
		return nil, err
	}
	cp.write.SetMaxOpenConns(1)
	cp.write.SetConnMaxIdleTime(time.Minute)
	cp.read, err = sql.Open("sqlite", dsn(path, "rw", "query_only(on)", "busy_timeout(10000)", "cache_size(-8192)", "temp_store(memory)"))
	if err != nil {
		return nil, err
	}
	var app, version int
	if err := cp.write.QueryRowContext(ctx, `SELECT a.application_id, u.user_version FROM pragma_application_id a, pragma_user_version u`).Scan(&app, &version); err != nil {
		return nil, err
	}
	if app != applicationID || version != schemaVersion {
		return nil, fmt.Errorf("it has schema %x/%d, not %x/%d", app, version, applicationID, schemaVersion)
	}
	return cp, cp.load(ctx, wikiID)
}

// load reads what the copy describes.
func (cp *working) load(ctx context.Context, wikiID string) error {
	var wiki string
	var head []byte
	var s state
	if err := cp.write.QueryRowContext(ctx, `SELECT wiki, head, sequence FROM meta`).Scan(&wiki, &head, &s.sequence); err != nil {
		return err
	}
	if wiki != wikiID {
		return fmt.Errorf("it describes wiki %q", wiki)
	}
	s.head = hex.EncodeToString(head)
	cp.state.Store(&s)
	return nil
}

// precedes refuses a copy that claims to be later than the record and yet does
// not know its head, as after a backup of the records alone was restored.
func (cp *working) precedes(ctx context.Context, w records.Wiki) error {
	s := cp.state.Load()
	if w.Sequence > s.sequence || w.Head == s.head {
		return nil
	}
	var known int
	id := gitHash(w.Head)
	if err := cp.write.QueryRowContext(ctx, `SELECT count(*) FROM commits WHERE id = ?`, id[:]).Scan(&known); err != nil {
		return err
	}
	if known == 0 {
		return fmt.Errorf("it describes step %d of another history", s.sequence)
	}
	return nil
}

// catchUp brings the copy to the record's head.
func (cp *working) catchUp(ctx context.Context, repo *gitstore.Repo, w records.Wiki) error {
	if err := catchUp(ctx, cp.write, repo, gitHash(w.Head), w.Sequence); err != nil {
		return err
	}
	cp.state.Store(&state{head: w.Head, sequence: w.Sequence})
	return nil
}

func (cp *working) closeDBs() {
	for len(cp.idle) > 0 {
		(<-cp.idle).close()
	}
	for _, db := range []*sql.DB{cp.read, cp.write} {
		if db != nil {
			_ = db.Close() // nothing in a copy has to survive
		}
	}
}

// remove closes the copy and deletes its files.
func (cp *working) remove() {
	cp.closeDBs()
	_ = os.RemoveAll(cp.dir)
}
