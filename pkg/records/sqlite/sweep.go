package sqlite

import (
	"time"

	"wikibot.io/pkg/records"
)

// How to clear a few rows away that expired long ago.
const (
	sweepSessions = `DELETE FROM sessions WHERE (user_id, id) IN
		(SELECT user_id, id FROM sessions WHERE expires_at <= ? ORDER BY expires_at LIMIT 8)`
	sweepConnections = `DELETE FROM connections WHERE (user_id, id) IN
		(SELECT user_id, id FROM connections WHERE expires_at <= ? ORDER BY expires_at LIMIT 8)`
	sweepTickets = `DELETE FROM tickets WHERE (kind, hash) IN
		(SELECT kind, hash FROM tickets WHERE expires_at <= ? ORDER BY expires_at LIMIT 8)`
	sweepClients = `DELETE FROM clients WHERE id IN
		(SELECT id FROM clients WHERE expires_at <= ? ORDER BY expires_at LIMIT 8)`
	sweepCounters = `DELETE FROM counters WHERE (key, span, ends_at) IN
		(SELECT key, span, ends_at FROM counters WHERE ends_at <= ? ORDER BY ends_at LIMIT 8)`
)

// sweep goes along with each new row and clears up to eight others away: what
// has expired never piles up, and no job is needed for it.
func (t *tx) sweep(query string, now time.Time) error {
	return t.exec(query, nanos(now.Add(-records.Linger)))
}
