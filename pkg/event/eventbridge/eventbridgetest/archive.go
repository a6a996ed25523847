package eventbridgetest

import (
	"fmt"
	"slices"
	"time"
)

// Archive returns every event that was accepted, in the order of acceptance.
func (b *Bus) Archive() []Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.archive)
}

// Replay routes the archived events of a stretch of time (from inclusive, to
// exclusive, by the events' own times) once more, to the named rules or, without
// names, to all. They carry "replay-name". It returns how many there were.
func (b *Bus) Replay(name string, from, to time.Time, rules ...string) (int, error) {
	if name == "" || !from.Before(to) {
		return 0, fmt.Errorf("replay %q from %v to %v: a name and a stretch of time are needed", name, from, to)
	}
	n := 0
	for _, e := range b.Archive() {
		if e.Time.Before(from) || !e.Time.Before(to) {
			continue
		}
		e.Replay = name
		n++
		b.route(e, rules...)
	}
	return n, nil
}
