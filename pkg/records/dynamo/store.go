package dynamo

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/dynamo/tables"
)

var _ interface {
	records.Users
	records.Wikis
	records.Heads
	records.Upkeep
	records.Grants
	records.Tokens
	records.Activities
	records.Sessions
	records.Connections
	records.Tickets
	records.Clients
	records.Counters
	records.Departures
} = (*Store)(nil)

// Options says which tables to use, and how.
type Options struct {
	Client *dynamodb.Client
	// Tables gives the full name of each table that this process may use. A
	// method that needs another one fails; it is a mistake of the composition.
	Tables map[tables.Name]string
	Now    func() time.Time // nil: the real clock
}

// Store is a records driver. It is safe for concurrent use.
type Store struct {
	db     *dynamodb.Client
	tables map[tables.Name]string
	now    func() time.Time
	policy *policy
}

// New returns the store. It sends no request. The client's own retries are
// replaced by the store's.
func New(o Options) (*Store, error) {
	if o.Client == nil {
		return nil, errors.New("open records: client missing")
	}
	known := map[tables.Name]bool{}
	for _, t := range tables.All {
		known[t.Name] = true
	}
	for _, n := range slices.Sorted(maps.Keys(o.Tables)) {
		switch {
		case !known[n]:
			return nil, fmt.Errorf("open records: there is no table %q", n)
		case o.Tables[n] == "":
			return nil, fmt.Errorf("open records: the full name of the table %q is missing: set %s", n, n.Env())
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Store{db: o.Client, tables: maps.Clone(o.Tables), now: o.Now, policy: newPolicy()}, nil
}

// table returns a table's full name.
func (s *Store) table(n tables.Name) (string, error) {
	full := s.tables[n]
	if full == "" {
		return "", fault.New(fault.Internal, "use the table %q: this process was given none: set %s and grant it", n, n.Env())
	}
	return full, nil
}

// orNow fills in a time that a caller left open.
func (s *Store) orNow(t time.Time) time.Time {
	if t.IsZero() {
		return s.now()
	}
	return t
}
