package dynamo

import (
	"context"
	"time"

	"wikibot.io/pkg/records"
)

// CreateConnection implements [records.Connections].
func (s *Store) CreateConnection(ctx context.Context, c records.Connection) error {
	panic("unwritten")
}

// Connection implements [records.Connections].
func (s *Store) Connection(ctx context.Context, userID, id string) (records.Connection, error) {
	panic("unwritten")
}

// ConnectionsOfUser implements [records.Connections].
func (s *Store) ConnectionsOfUser(ctx context.Context, userID string) ([]records.Connection, error) {
	panic("unwritten")
}

// RotateConnection implements [records.Connections].
func (s *Store) RotateConnection(ctx context.Context, userID, id, old, next string, at, expires time.Time) (records.Connection, error) {
	panic("unwritten")
}

// TouchConnection implements [records.Connections].
func (s *Store) TouchConnection(ctx context.Context, userID, id string, at time.Time) error {
	panic("unwritten")
}

// EndConnection implements [records.Connections].
func (s *Store) EndConnection(ctx context.Context, userID, id string) error {
	panic("unwritten")
}
