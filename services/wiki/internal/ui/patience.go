package ui

import (
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// patience bounds how long an answer waits for something that it can do
// without. What takes longer goes on by itself, once per key, and later callers
// do without until it is done.
type patience[T any] struct {
	limit time.Duration

	mu   sync.Mutex
	late map[string]bool
}

func newPatience[T any](limit time.Duration) *patience[T] {
	return &patience[T]{limit: limit, late: map[string]bool{}}
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
	if late {
		return value, false, nil
	}
	done := make(chan outcome[T], 1)
	go func() {
		value, err := recovered(f)
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.late, key)
		done <- outcome[T]{value, err}
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
		p.late[key] = true
		return value, false, nil
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
