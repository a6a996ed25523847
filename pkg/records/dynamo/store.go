package dynamo

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/records/dynamo/tables"
)

// Options says which tables to use, and how.
type Options struct {
	Client *dynamodb.Client
	// Tables gives the full name of each table that this process may use. A
	// method that needs another one fails; it is a mistake of the composition.
	Tables map[tables.Name]string
	Now    func() time.Time // nil: the real clock
}

// Store is a records driver. It is safe for concurrent use.
type Store struct{ opts Options }

// New returns the store.
func New(o Options) (*Store, error) { panic("unwritten") }

// Image is what an item says, before or after a change, about the event that it
// carries. Zero when the item carries none or does not exist.
type Image struct {
	EventID   string // attribute "event_id"
	Event     string // attribute "event": as encoded by events.Marshal
	Sequence  int64  // attribute "sequence" of a wiki
	PageCount int64  // attribute "page_count" of a wiki
}

// Emitted returns the event that a change of an item caused, or nil if it caused
// none. An error means that the item carries what cannot be an event.
func Emitted(before, after Image) (*eventsv1.Envelope, error) { panic("unwritten") }
