package sqlite

import (
	"context"
	"runtime"
)

// MaxCached is exported for tests.
const MaxCached = maxCached

// Forget empties the cache, as a commit would.
func Forget(s *Store) {
	s.cache.mu.Lock()
	defer s.cache.mu.Unlock()
	s.cache.current = nil
}

// Cached returns how many records are cached.
func Cached(s *Store) int {
	s.cache.mu.Lock()
	defer s.cache.mu.Unlock()
	return len(s.cache.current.m)
}

// Pragma sets something on the writing connection, while nothing is written.
func Pragma(s *Store, pragma string) error {
	_, err := s.writer.conn.ExecContext(context.Background(), pragma)
	return err
}

// Hold stops the writer in an empty transaction until release is called.
func Hold(s *Store) (release func()) {
	entered, leave := make(chan struct{}), make(chan struct{})
	go func() {
		_ = s.writer.do(context.Background(), func(t *tx) error {
			close(entered)
			<-leave
			return nil
		})
	}()
	<-entered
	return func() { close(leave) }
}

// AwaitQueue returns when n changes wait for the writer.
func AwaitQueue(s *Store, n int) {
	for {
		s.writer.mu.Lock()
		waiting := len(s.writer.queue)
		s.writer.mu.Unlock()
		if waiting >= n {
			return
		}
		runtime.Gosched()
	}
}
