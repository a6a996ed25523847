// Package fault is the fleet's closed vocabulary of errors. Everything below a
// handler returns a *[Error] for what it foresaw and any other error for what it
// did not; one switch in package web (and one in the MCP service) turns the
// first into the answer of that door and hides the second as "internal".
package fault

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind classifies an error by what the caller can do about it.
type Kind string

// The kinds. The set is closed: a new one needs a row in every switch.
const (
	Invalid         Kind = "invalid"         // mend the request: see Fields
	Unauthenticated Kind = "unauthenticated" // sign in or send a token
	Denied          Kind = "denied"          // signed in, but not allowed
	Method          Kind = "method"          // the address is right, the HTTP method is not
	NotFound        Kind = "not found"       // no such thing, or none that the caller may know of
	Exists          Kind = "exists"          // a thing of that name is there already
	Conflict        Kind = "conflict"        // read again, then retry: see Merge
	Limit           Kind = "limit"           // the tier's limit is reached
	TooLarge        Kind = "too large"       // the body or page is over the size limit
	TooMany         Kind = "too many"        // too often: see RetryAfter
	Unavailable     Kind = "unavailable"     // try again later; nothing was changed
	Internal        Kind = "internal"        // our fault; details go to the log only
)

// Error is a foreseen failure. Msg is shown to callers: it is lower case, says
// what was attempted on which thing, and holds no secret and no foreign content.
type Error struct {
	Kind   Kind
	Msg    string
	Fields []Field // for Invalid, Exists: every wrong field, all at once
	Merge  *Merge  // for Conflict of two edits of one page
	// RetryAfter is for how long it is of no use to try again, for TooMany.
	RetryAfter time.Duration
	Err        error // the cause, for the log; may be nil
}

// Field is one wrong field of a request.
type Field struct {
	Name string
	Msg  string
}

// Merge carries what is needed to settle a conflict by hand. The texts are
// whole pages; Base is empty when both sides created the page.
type Merge struct {
	Base, Theirs, Yours string
	CurrentRevision     string // 40 hex digits: the base for the next attempt
}

// Error says what was attempted, and the cause where there is one.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Msg + ": " + e.Err.Error()
	}
	return e.Msg
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// New returns an error of the given kind with a formatted message that callers
// will see. To attach a cause that they must not see, use [Wrap].
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Msg: fmt.Sprintf(format, args...)}
}

// Wrap is New with a cause that only the log sees.
func Wrap(err error, kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Msg: fmt.Sprintf(format, args...), Err: err}
}

// Invalidf returns an Invalid error about one field.
func Invalidf(field, format string, args ...any) *Error {
	msg := fmt.Sprintf(format, args...)
	return &Error{Kind: Invalid, Msg: field + ": " + msg, Fields: []Field{{field, msg}}}
}

// InvalidFields returns an Invalid error about all the given fields, or nil
// when there are none.
func InvalidFields(what string, fields []Field) error {
	if len(fields) == 0 {
		return nil
	}
	parts := make([]string, len(fields))
	for i, f := range fields {
		parts[i] = f.Name + ": " + f.Msg
	}
	return &Error{Kind: Invalid, Msg: what + ": " + strings.Join(parts, "; "), Fields: fields}
}

// KindOf returns the kind of the first *Error in err's chain, Internal for any
// other error, and "" for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// Is reports whether err is of the given kind.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }
