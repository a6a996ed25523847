package ui

import (
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// patience bounds how long an answer waits for something that it can do
// without. What takes longer goes on by itself, once per key; later callers see
// for a moment whether it is done, and else do without.
//
// The moment is for functions: they stand still between answers, so that what
// goes on by itself would hardly go on if later answers gave it no time.
type patience[T any] struct {
	limit time.Duration

	mu   sync.Mutex
	late map[string]chan struct{} // closed when it is done
}

// aMoment is the share of the limit that later callers wait.
const aMoment = 4

func newPatience[T any](limit time.Duration) *patience[T] {
	return &patience[T]{limit: limit, late: map[string]chan struct{}{}}
}

type outcome[T any] struct {
	value T
	err   error
}

// wait returns what f returns; ok is false if that takes too long.
func (p *patience[T]) wait(key string, f func() (T, error)) (value T, ok bool, err error) {
	p.mu.Lock()
	late := p.late[key]
	p.mu.Unlock()
	if late != nil && !closedIn(late, p.limit/aMoment) {
		return value, false, nil
	}
	// What was late was asked for by somebody else, perhaps before something
	// changed: it is asked for anew, which is quick now.
	done := make(chan outcome[T], 1)
	over := make(chan struct{})
	go func() {
		value, err := recovered(f)
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.late, key)
		done <- outcome[T]{value, err}
		close(over)
	}()
	timer := time.NewTimer(p.limit)
	defer timer.Stop()
	select {
	case o := <-done:
		return o.value, true, o.err
	case <-timer.C:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case o := <-done: // just now
		return o.value, true, o.err
	default:
		p.late[key] = over
		return value, false, nil
	}
}

// closedIn reports whether the channel is closed within a time.
func closedIn(done <-chan struct{}, limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

// recovered makes an error of a panic, which outside of a handler's goroutine
// would end the process.
func recovered[T any](f func() (T, error)) (value T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return f()
}
