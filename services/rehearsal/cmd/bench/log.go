package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"sync"
	"time"
)

// requestLog reads from what functions log how long requests took within them.
// The stand-ins for the edge and for Lambda, which no deployment has, are not in
// that.
type requestLog struct {
	mu   sync.Mutex
	rest []byte
	took []time.Duration
}

func (l *requestLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, p...)
	for {
		line, rest, ok := bytes.Cut(l.rest, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		l.rest = rest
		if at := bytes.IndexByte(line, '{'); at >= 0 { // after the function's name
			var record struct {
				Msg  string
				Took time.Duration
			}
			if json.Unmarshal(line[at:], &record) == nil && record.Msg == "request" {
				l.took = append(l.took, record.Took)
			}
		}
	}
}

// take returns the times of the last n requests, sorted, and forgets all.
func (l *requestLog) take(n int) []time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	took := slices.Clone(l.took[max(0, len(l.took)-n):])
	l.took = nil
	slices.Sort(took)
	return took
}
