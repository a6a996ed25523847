package sqlite

import (
	"context"
	"time"

	"wikibot.io/pkg/records"
)

// PutTicket implements [records.Tickets].
func (s *Store) PutTicket(ctx context.Context, t records.Ticket) error {
	panic("unwritten")
}

// Ticket implements [records.Tickets].
func (s *Store) Ticket(ctx context.Context, kind records.TicketKind, hash string, now time.Time) (records.Ticket, error) {
	panic("unwritten")
}

// SpendTicket implements [records.Tickets].
func (s *Store) SpendTicket(ctx context.Context, kind records.TicketKind, hash, note string, now time.Time) (records.Ticket, error) {
	panic("unwritten")
}

// PutClient implements [records.Clients].
func (s *Store) PutClient(ctx context.Context, c records.Client) error {
	panic("unwritten")
}

// Client implements [records.Clients].
func (s *Store) Client(ctx context.Context, id string, now time.Time) (records.Client, error) {
	panic("unwritten")
}

// ExtendClient implements [records.Clients].
func (s *Store) ExtendClient(ctx context.Context, id string, until time.Time) error {
	panic("unwritten")
}

// Count implements [records.Counters].
func (s *Store) Count(ctx context.Context, key string, window time.Duration, now time.Time) (int64, error) {
	panic("unwritten")
}
