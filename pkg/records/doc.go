// Package records defines what the fleet keeps about users, wikis, rights,
// tokens, and who is signed in or connected where; and what each driver (sqlite,
// dynamo) promises about it.
//
// A driver's store has every method of the interfaces here; consumers declare
// the few they need. The interfaces ask for nothing that DynamoDB cannot do in
// one bounded request: reads by key, one conditional write, or one transaction
// of fewer than 100 items. Uniqueness is always a reservation written in the
// same transaction (names, e-mail, provider subject), never an index lookup.
// Package recordstest is the conformance suite that every driver passes.
//
// # Durability and concurrency
//
// A method that returns nil has put its change, and the event that it causes,
// on stable storage together. Methods are safe for concurrent use by any number
// of goroutines and processes. Reads are strongly consistent. Errors are
// *fault.Error: Invalid, NotFound, Denied, Exists (with the fields), Limit,
// Conflict (for AdvanceHead a [*HeadMovedError]) or Unavailable (try again,
// nothing was changed). A read by key that finds nothing is NotFound; a list
// that finds nothing is empty. Times keep their nanoseconds and come back in
// UTC; a zero time is kept as "never", or stands for now where a record says
// when it was made.
package records
