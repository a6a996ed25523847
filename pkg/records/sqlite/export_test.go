package sqlite

// Forget empties the cache, as a commit would.
func Forget(s *Store) {
	s.cache.mu.Lock()
	defer s.cache.mu.Unlock()
	s.cache.current = nil
}
