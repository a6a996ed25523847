package web

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"

	"wikibot.io/contracts/problem"
	"wikibot.io/pkg/fault"
)

// HandlerFunc is a handler that returns its error. It must not have written
// anything when it does.
type HandlerFunc func(w http.ResponseWriter, r *http.Request) error

// ErrorWriter answers a request with an error.
type ErrorWriter func(w http.ResponseWriter, r *http.Request, err error)

// Handle makes an http.Handler of h. A nil write means [WriteProblem].
func Handle(h HandlerFunc, write ErrorWriter) http.Handler {
	if write == nil {
		write = WriteProblem
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			write(w, r, err)
		}
	})
}

// kinds is the switch from what went wrong to what the client is told.
var kinds = map[fault.Kind]struct {
	status int
	typ    problem.Type
	title  string
}{
	fault.Invalid:         {http.StatusUnprocessableEntity, problem.Invalid, "The request is not valid"},
	fault.Unauthenticated: {http.StatusUnauthorized, problem.Unauthenticated, "Sign in or send a token"},
	fault.Denied:          {http.StatusForbidden, problem.Forbidden, "You may not do this"},
	fault.Method:          {http.StatusMethodNotAllowed, problem.Method, "This method does not work here"},
	fault.NotFound:        {http.StatusNotFound, problem.NotFound, "There is nothing here"},
	fault.Exists:          {http.StatusConflict, problem.Exists, "It exists already"},
	fault.Conflict:        {http.StatusConflict, problem.Conflict, "It was changed in the meantime"},
	fault.Limit:           {http.StatusForbidden, problem.LimitReached, "A limit of the plan is reached"},
	fault.TooLarge:        {http.StatusRequestEntityTooLarge, problem.TooLarge, "It is too large"},
	fault.TooMany:         {http.StatusTooManyRequests, problem.TooMany, "Too many requests"},
	fault.Unavailable:     {http.StatusServiceUnavailable, problem.Unavailable, "Try again in a moment"},
	fault.Internal:        {http.StatusInternalServerError, problem.Internal, "Something went wrong on our side"},
}

// WrongMethod notes the methods that an address takes in the answer's header, and
// returns the error to answer with (RFC 9110 section 15.5.6).
func WrongMethod(w http.ResponseWriter, r *http.Request, allow ...string) *fault.Error {
	list := strings.Join(allow, ", ")
	w.Header().Set("Allow", list)
	return fault.New(fault.Method, "%s %s: this address takes %s", strings.ToLower(r.Method), r.URL.Path, list)
}

// AllowedMethods lists the methods that an address takes, for [WrongMethod], where
// a router has to be asked.
func AllowedMethods(takes func(method string) bool) []string {
	var allow []string
	for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPatch, http.MethodPost, http.MethodDelete} {
		if takes(m) {
			allow = append(allow, m)
		}
	}
	return allow
}

// Status returns the HTTP status that belongs to an error.
func Status(err error) int { return kinds[fault.KindOf(err)].status }

// ProblemOf describes an error for a client. What was not foreseen is hidden
// behind the request's id. It notes the error in the request's log record.
func ProblemOf(r *http.Request, err error) problem.Problem {
	rec := RecordOf(r.Context())
	rec.Err = err
	row := kinds[fault.KindOf(err)]
	p := problem.Problem{Type: row.typ, Title: row.title, Status: row.status, Instance: rec.ID}
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Kind != fault.Internal {
		p.Detail = e.Msg
		for _, f := range e.Fields {
			p.Errors = append(p.Errors, problem.Field{Field: f.Name, Message: f.Msg})
		}
		if m := e.Merge; m != nil {
			p.CurrentRevision = m.CurrentRevision
			p.Conflict = &problem.Merge{Base: m.Base, Theirs: m.Theirs, Yours: m.Yours}
		}
	}
	p.Error = p.Detail
	if p.Error == "" {
		p.Error = p.Title
	}
	return p
}

// SetRetryAfter says when to come back after an error that passes by itself (RFC
// 9110 section 10.2.3, in seconds), unless somebody has said so already.
func SetRetryAfter(h http.Header, err error) {
	if h.Get("Retry-After") != "" {
		return
	}
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Kind == fault.TooMany {
		h.Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(e.RetryAfter.Seconds())))))
	} else if Status(err) == http.StatusServiceUnavailable {
		h.Set("Retry-After", "2")
	}
}

// WriteProblem answers with problem+json.
func WriteProblem(w http.ResponseWriter, r *http.Request, err error) {
	p := ProblemOf(r, err)
	h := w.Header()
	h.Set("Content-Type", problem.MediaType)
	h.Set("Cache-Control", "no-store")
	SetRetryAfter(h, err)
	w.WriteHeader(p.Status)
	if r.Method != http.MethodHead {
		json.NewEncoder(w).Encode(p) // the client is gone if this fails
	}
}

// WriteJSON answers with v as JSON.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(v)
}
