package sqlite

import (
	"context"
	"time"

	"wikibot.io/pkg/records"
)

// CreateSession implements [records.Sessions].
func (s *Store) CreateSession(ctx context.Context, n records.Session) error {
	panic("unwritten")
}

// Session implements [records.Sessions].
func (s *Store) Session(ctx context.Context, userID, id string) (records.Session, error) {
	panic("unwritten")
}

// SessionsOfUser implements [records.Sessions].
func (s *Store) SessionsOfUser(ctx context.Context, userID string) ([]records.Session, error) {
	panic("unwritten")
}

// RenewSession implements [records.Sessions].
func (s *Store) RenewSession(ctx context.Context, n records.Session, sealed []byte, at time.Time) error {
	panic("unwritten")
}

// TouchSession implements [records.Sessions].
func (s *Store) TouchSession(ctx context.Context, userID, id string, at time.Time) error {
	panic("unwritten")
}

// EndSession implements [records.Sessions].
func (s *Store) EndSession(ctx context.Context, userID, id string, now, until time.Time) error {
	panic("unwritten")
}

// EndSessions implements [records.Sessions].
func (s *Store) EndSessions(ctx context.Context, userID, keep string, now time.Time) error {
	panic("unwritten")
}
