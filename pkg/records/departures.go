package records

import (
	"context"
	"time"
)

// Departures lets users go: first they are gone for everybody, and can come
// back; then they are forgotten.
type Departures interface {
	// DeleteUser makes the user leave: they are found by [Users] no more, which ends
	// whatever is signed in or connected as them, and the wikis they own are closed,
	// all in one transaction. Names, e-mail address and identities stay reserved,
	// grants in other wikis stay. Until they are restored, what needs a user
	// (UpdateUser, AddIdentity, SetTier, CreateWiki, PutGrant, CreateSession,
	// CreateConnection) answers NotFound. It emits nothing. NotFound when there is
	// no such user, or they are leaving already.
	DeleteUser(ctx context.Context, id string, at time.Time) error
	// DepartedUser returns the user of an identity who is leaving, with DeletedAt.
	DepartedUser(ctx context.Context, id Identity) (User, error)
	// RestoreUser undoes DeleteUser; sessions and connections are as they were.
	// NotFound when nobody of that id is leaving.
	RestoreUser(ctx context.Context, id string) error
	// Departed lists who has been leaving since before that time, oldest first,
	// limit at most.
	Departed(ctx context.Context, before time.Time, limit int) ([]User, error)
	// ForgetUser removes a user who is leaving: identities and e-mail address are
	// free, the username becomes a tombstone that nobody can take, sessions and
	// connections go, and user.deleted is emitted. Wikis and grants are its
	// consumer's: a wiki that bears the username does so until it is deleted.
	// NotFound when nobody of that id is leaving; it may be repeated until then.
	ForgetUser(ctx context.Context, id string) error
}
