// Package tables is the one list of the fleet's DynamoDB tables. The driver's
// tests create them from it, and so does the deployment.
//
// It imports nothing of AWS, so that whoever describes a deployment can read it.
package tables

import (
	"strings"

	"wikibot.io/contracts/routes"
)

// Name names a table within a deployment; the deployment gives it its full name.
type Name string

// The tables.
const (
	Users       Name = "users"
	Names       Name = "names"
	Wikis       Name = "wikis"
	Grants      Name = "grants"
	Tokens      Name = "tokens"
	Activities  Name = "activities"
	Idempotency Name = "idempotency"
	Keys        Name = "keys"
	Sessions    Name = "sessions"
	Tickets     Name = "tickets"
)

// Env is the environment variable that tells a function the table's full name.
func (n Name) Env() string { return "WIKIBOT_TABLE_" + strings.ToUpper(string(n)) }

// The key attributes, both strings, and the attribute that holds the Unix second
// from which an item may be expired, for tables that have it.
const (
	PartitionKey = "pk"
	SortKey      = "sk"
	ExpiryTime   = "expires_at"
)

// Table describes one table. All are billed on demand.
type Table struct {
	Name    Name
	Owner   routes.Service // whose nouns it holds; others may be granted access
	Sorted  bool           // has a SortKey
	Expires bool           // items expire by ExpiryTime
	// Stream: the table's items carry the events that their changes cause, and
	// its stream (new and old images) is the outbox.
	Stream bool
}

// All lists the tables.
var All = []Table{
	{Name: Users, Owner: routes.Auth, Expires: true, Stream: true},
	{Name: Names, Owner: routes.Management},
	{Name: Wikis, Owner: routes.Management, Expires: true, Stream: true},
	{Name: Grants, Owner: routes.Management, Sorted: true},
	{Name: Tokens, Owner: routes.Management, Sorted: true},
	{Name: Activities, Owner: routes.Management},
	{Name: Idempotency, Owner: routes.Wiki, Sorted: true, Expires: true},
	{Name: Keys, Owner: routes.Auth},
	{Name: Sessions, Owner: routes.Auth, Sorted: true, Expires: true},
	{Name: Tickets, Owner: routes.Auth, Expires: true},
}
