package records

import (
	"context"
	"time"
)

// SessionKind is what a session is of.
type SessionKind string

// The kinds of session.
const (
	// Browser: the secret, in a cookie, renews the short-lived tokens that requests
	// carry.
	Browser SessionKind = "browser"
	// CommandLine: the secret itself comes with each request.
	CommandLine SessionKind = "cli"
)

// Session is a sign-in on one device.
type Session struct {
	ID         string // ULID; what is signed for the session names it
	UserID     string
	Kind       SessionKind
	Name       string // of the device, for people: "Firefox on Linux"
	SecretHash string // SHA-256 of the secret, hex
	CreatedAt  time.Time
	LastUsed   time.Time // CreatedAt before the first; kept to the minute
	ExpiresAt  time.Time // nothing renews it after that

	Provider string // of the identity that it was begun with
	// Sealed is what the provider gave to renew and to end its own session,
	// encrypted with the secret: these records alone open nothing.
	Sealed []byte
}

// Sessions keeps who is signed in where. Sessions that have expired may be
// returned: the caller compares ExpiresAt.
type Sessions interface {
	// CreateSession stores a session. NotFound when there is no such user, Exists
	// ("id"), Invalid for a missing ID, UserID, SecretHash or ExpiresAt or a kind
	// that is none. A missing LastUsed becomes CreatedAt. Beyond MaxSessions the
	// one that was used longest ago goes, in the same transaction; some more may
	// be left by callers at once until the next one. It is not noted in User.Ended:
	// what was signed for it soon runs out.
	CreateSession(ctx context.Context, s Session) error
	Session(ctx context.Context, userID, id string) (Session, error)
	// SessionsOfUser lists a user's sessions, the newest first.
	SessionsOfUser(ctx context.Context, userID string) ([]Session, error)
	// RenewSession notes a use and replaces what is sealed, if that is still what s
	// says. Conflict when somebody else renewed it first, NotFound when it is gone.
	RenewSession(ctx context.Context, s Session, sealed []byte, at time.Time) error
	// TouchSession notes a use. It is best effort and writes at most once a minute;
	// LastUsed never goes back. An unknown session is no error.
	TouchSession(ctx context.Context, userID, id string, at time.Time) error
	// EndSession removes the session and notes in User.Ended that what was signed
	// for it is void until that time, when all of it will have run out. Entries
	// that are over at now go; beyond MaxEnded the list is emptied and SignedOut
	// becomes now. NotFound when there is no such session.
	EndSession(ctx context.Context, userID, id string, now, until time.Time) error
	// EndSessions removes all sessions of the user but the one of the id keep
	// ("": none is kept), and sets SignedOut to now. What was signed for the kept
	// one is void too: its secret renews it. NotFound when there is no such user.
	// This and EndSession serve who is leaving, too.
	EndSessions(ctx context.Context, userID, keep string, now time.Time) error
}

// Connection lets one OAuth client act for one user in one wiki: an agent that
// a person has connected.
type Connection struct {
	ID     string // ULID; access tokens name it
	UserID string
	WikiID string

	ClientID   string
	ClientName string // what the client calls itself
	ClientHost string // the host that vouches for it; "" when nobody does
	Resource   string // audience of its access tokens: the wiki's MCP URL
	Role       Role   // the most it may do: Editor or Viewer

	// RefreshHash is the SHA-256, hex, of the secret that the next refresh takes;
	// FormerHash that of the one before, which RotatedAt replaced. Seed, a random
	// text, makes the next secret of the last one, so that who repeats a request is
	// given the same answer.
	RefreshHash string
	FormerHash  string
	RotatedAt   time.Time
	Seed        string

	CreatedAt time.Time
	LastUsed  time.Time // zero: never; kept to the minute
	ExpiresAt time.Time // unless it is rotated before
}

// Connections keeps which agents people have connected. Connections that have
// expired, or whose wiki is gone, may be returned: the caller compares and asks.
type Connections interface {
	// CreateConnection stores a connection. NotFound when there is no such user,
	// Exists ("id"), Invalid for the role Owner or a missing ID, UserID, WikiID,
	// ClientID, Resource, RefreshHash or ExpiresAt. Beyond MaxConnections the one
	// that was used or rotated longest ago goes, as of sessions.
	CreateConnection(ctx context.Context, c Connection) error
	Connection(ctx context.Context, userID, id string) (Connection, error)
	// ConnectionsOfUser lists a user's connections, the newest first.
	ConnectionsOfUser(ctx context.Context, userID string) ([]Connection, error)
	// RotateConnection makes next the hash of the next secret, if it still is old,
	// which becomes the former one; and sets when the connection expires. Conflict
	// when it is not, NotFound when the connection is gone. It returns the record as
	// it is afterwards, also with a Conflict.
	RotateConnection(ctx context.Context, userID, id, old, next string, at, expires time.Time) (Connection, error)
	// TouchConnection notes a use, as TouchSession does.
	TouchConnection(ctx context.Context, userID, id string, at time.Time) error
	// EndConnection removes a connection; NotFound when there is none.
	EndConnection(ctx context.Context, userID, id string) error
}
