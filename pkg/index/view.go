package index

import (
	"context"
	"encoding/hex"
	"errors"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

// View answers for one wiki. Its methods may be called concurrently; each
// answers from one whole state of the index, which is that of the record's head
// or a later one. A view needs no closing and holds nothing open.
type View struct {
	cache *Cache
	wiki  records.Wiki
}

// Page is one row of the page table.
type Page struct {
	Path     string // as typed
	Title    string // front matter's title, else the first heading, else the last segment of Path
	Category string // front matter
	Tags     []string
	Words    int    // of the body
	Blob     string // 40 hex
	Created  Change // the commit that first brought the page (under any name)
	Last     Change // the last commit that touched it
}

// Change is a commit as history shows it.
type Change struct {
	Commit  string // 40 hex
	Parent  string // first parent; "" for the first commit
	Author  string
	Email   string
	Agent   string    // from the trailers; "" if by hand
	When    time.Time // the committer's, in UTC, whole seconds
	Subject string    // first line of the message
	Message string    // whole, without our trailers
	Path    string    // in a page's history: the page's path after this commit, or before it if this deleted it
	OldPath string    // when this commit renamed it
	Kind    string    // in a page's history: "created", "edited", "renamed", "deleted"
}

// read runs f in one read transaction on a copy that is up to date.
func (v *View) read(ctx context.Context, f func(r reader) error) error {
	cp, err := v.cache.acquire(ctx, v.wiki)
	if err != nil {
		return err
	}
	defer v.cache.release(cp)
	s, err := cp.begin(ctx)
	if err == nil {
		err = f(reader{ctx, s})
		cp.end(s)
	}
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fault.Wrap(err, fault.Unavailable, "read the index of wiki %s: gave up waiting", v.wiki.ID)
	}
	if _, ok := errors.AsType[*fault.Error](err); !ok {
		v.cache.deps.Log.Warn("index copy dropped", "wiki", v.wiki.ID, "cause", err)
		v.cache.discard(v.wiki.ID, cp)
	}
	return v.cache.foreseen(err, "read the index of wiki %s", v.wiki.ID)
}

// commitColumns are the columns of a commit c that scanCommit reads.
func commitColumns(c string) string {
	return c + ".id, " + c + ".parent, " + c + ".author, " + c + ".email, " + c + ".agent, " + c + ".time, " + c + ".message"
}

// commitRow receives commitColumns.
type commitRow struct {
	id, parent                    []byte
	author, email, agent, message string
	time                          int64
}

func (r *commitRow) into() []any {
	return []any{&r.id, &r.parent, &r.author, &r.email, &r.agent, &r.time, &r.message}
}

func (r *commitRow) change() Change {
	return Change{
		Commit: hex.EncodeToString(r.id), Parent: hex.EncodeToString(r.parent),
		Author: r.author, Email: r.email, Agent: r.agent,
		When: time.Unix(r.time, 0).UTC(), Subject: subject(r.message), Message: r.message,
	}
}

// rowLimit is LIMIT's argument: none for 0 or less.
func rowLimit(n int) int {
	if n <= 0 {
		return -1
	}
	return n
}
