package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"wikibot.io/pkg/fault"
)

// errClosed is what a store answers after Close.
var errClosed = errors.New("the records file is closed")

// foreseen reports whether err is an answer rather than a failure of the store.
func foreseen(err error) bool { return fault.KindOf(err) != fault.Internal }

// explain turns what went wrong while doing something into the fault that the
// interface promises. Answers pass unchanged; a store that cannot work now, for
// whatever reason, is Unavailable; what no caller can mend is Internal.
func explain(err error, format string, args ...any) error {
	if err == nil || foreseen(err) {
		return err
	}
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.NotFound, format+": there is none", args...)
	}
	if transient(err) {
		return fault.Wrap(err, fault.Unavailable, format+": the records cannot be reached now", args...)
	}
	return fault.Wrap(err, fault.Internal, format+": the records gave an unexpected answer", args...)
}

func transient(err error) bool {
	for _, known := range []error{context.Canceled, context.DeadlineExceeded, errClosed, sql.ErrConnDone, driver.ErrBadConn} {
		if errors.Is(err, known) {
			return true
		}
	}
	if se, ok := errors.AsType[*sqlite.Error](err); ok {
		switch se.Code() & 0xff {
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY,
			sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_PERM:
			return true
		}
	}
	return false
}
