package dynamo

import (
	"context"
	"time"

	"wikibot.io/pkg/records"
)

// DeleteUser implements [records.Departures].
func (s *Store) DeleteUser(ctx context.Context, id string, at time.Time) error {
	panic("unwritten")
}

// DepartedUser implements [records.Departures].
func (s *Store) DepartedUser(ctx context.Context, id records.Identity) (records.User, error) {
	panic("unwritten")
}

// RestoreUser implements [records.Departures].
func (s *Store) RestoreUser(ctx context.Context, id string) error {
	panic("unwritten")
}

// Departed implements [records.Departures].
func (s *Store) Departed(ctx context.Context, before time.Time, limit int) ([]records.User, error) {
	panic("unwritten")
}

// ForgetUser implements [records.Departures].
func (s *Store) ForgetUser(ctx context.Context, id string) error {
	panic("unwritten")
}
