package records

import (
	"context"
	"time"
)

// TicketKind says what a ticket is good for; one of a kind is never good for
// another.
type TicketKind string

// Ticket is something short-lived that is good once: an attempt to sign in, an
// authorization code. Whoever has its secret may spend it.
type Ticket struct {
	Kind      TicketKind
	Hash      string // SHA-256 of the secret, hex
	Data      []byte // 16 KiB at most
	CreatedAt time.Time
	ExpiresAt time.Time

	SpentAt time.Time // zero: not spent
	Note    string    // what SpendTicket was given
}

// MaxTicket bounds Ticket.Data, in bytes.
const MaxTicket = 16 << 10

// Tickets keeps tickets. One that has expired is not found, by the caller's
// clock, however long the store keeps it.
type Tickets interface {
	// PutTicket stores a ticket, unspent whatever t says. Exists ("hash") when there
	// is one of that kind and hash, spent or not; Invalid for a missing kind, hash
	// or expiry, or more data than MaxTicket.
	PutTicket(ctx context.Context, t Ticket) error
	// Ticket returns a ticket that has not expired at now, spent or not.
	Ticket(ctx context.Context, kind TicketKind, hash string, now time.Time) (Ticket, error)
	// SpendTicket spends a ticket: of any number of callers one succeeds, and its
	// note is kept. The others get Conflict, and the ticket with the first one's
	// note. NotFound when it has expired at now.
	SpendTicket(ctx context.Context, kind TicketKind, hash, note string, now time.Time) (Ticket, error)
}

// Client is an OAuth client that registered itself (RFC 7591).
type Client struct {
	ID           string
	Name         string
	URI          string // its home page, as it says; may be ""
	RedirectURIs []string
	CreatedAt    time.Time
	ExpiresAt    time.Time
}

// Clients keeps registered OAuth clients until they expire.
type Clients interface {
	// PutClient stores a client. Exists ("id"), Invalid for a missing ID, expiry or
	// redirect URI.
	PutClient(ctx context.Context, c Client) error
	// Client returns a client that has not expired at now.
	Client(ctx context.Context, id string, now time.Time) (Client, error)
	// ExtendClient moves the expiry to until, never back. NotFound for a client that
	// is not there.
	ExtendClient(ctx context.Context, id string, until time.Time) error
}

// Counters counts things by time, so that what happens too often can be refused.
type Counters interface {
	// Count adds one to the counter of key in the window (counted from the Unix
	// epoch) that now lies in, and returns what it has come to. Counters are
	// forgotten some time after their window. Invalid for an empty key or a window
	// below a second.
	Count(ctx context.Context, key string, window time.Duration, now time.Time) (int64, error)
}
