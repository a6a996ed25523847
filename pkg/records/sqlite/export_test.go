package sqlite

import (
	"context"
	"database/sql"
	"runtime"
	"strings"
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

// Scans returns those of the queries asked so far that walk a whole table, with
// their plans. A partial index holds only what is looked for: walking it is no
// such walk.
func Scans(s *Store) (found []string, err error) {
	queries := map[string]bool{}
	s.stmts.Range(func(query, _ any) bool { queries[query.(string)] = true; return true })
	release := Hold(s)
	for query := range s.writer.stmts {
		queries[query] = true
	}
	release()
	for query := range queries {
		rows, err := s.reads.Query("EXPLAIN QUERY PLAN "+query, make([]any, strings.Count(query, "?"))...)
		if err != nil {
			return nil, err
		}
		steps, err := collectSteps(rows)
		if err != nil {
			return nil, err
		}
		for _, step := range steps {
			partial := strings.Contains(step, "outbox_new") || strings.Contains(step, "deliveries_dead")
			if strings.HasPrefix(step, "SCAN ") && !partial && !strings.Contains(step, "json_each") && step != "SCAN CONSTANT ROW" {
				found = append(found, query+": "+step)
			}
		}
	}
	return found, nil
}

func collectSteps(rows *sql.Rows) (steps []string, err error) {
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			return nil, err
		}
		steps = append(steps, step)
	}
	return steps, rows.Err()
}
