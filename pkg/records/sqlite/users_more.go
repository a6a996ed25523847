package sqlite

import (
	"context"

	"wikibot.io/pkg/records"
)

// UpdateUser implements [records.Users].
func (s *Store) UpdateUser(ctx context.Context, id string, c records.UserChange) (records.User, error) {
	panic("unwritten")
}

// IdentitiesOfUser implements [records.Users].
func (s *Store) IdentitiesOfUser(ctx context.Context, userID string) ([]records.Identity, error) {
	panic("unwritten")
}

// AddIdentity implements [records.Users].
func (s *Store) AddIdentity(ctx context.Context, userID string, id records.Identity) error {
	panic("unwritten")
}
