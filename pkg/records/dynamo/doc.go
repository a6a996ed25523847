// Package dynamo is the records' driver for DynamoDB.
//
// It owns the layout of the items in the tables that package tables lists, and
// the way an item carries the event that its change causes ([Emitted] is how
// whoever reads a table's stream finds it). It never creates a table, never
// scans one, has no secondary index and keeps nothing in the process: every
// read is strongly consistent and by key.
//
// # The life of a step
//
// AdvanceHead shortens the event to what an item may carry, and sends one
// UpdateItem to the wiki's item: if the head is still the old one, the wiki is
// not deleted and a counter that grows stays within its limit, then head,
// counters, the memory of the last eight steps and the event change together.
// The answer is the new record, or, when the condition did not hold, the record
// as it is, which tells why. The table's stream hands the change to the relay.
// With an idempotency key the same update goes out in a transaction with the
// key's item.
//
// # Items
//
// The attributes pk and sk are the key; times are Unix nanoseconds but for
// expires_at, which DynamoDB wants in seconds.
//
//	users        user#ID                   the user; owned: the set of their wikis' ids; identities; ended and
//	                                       signed_out: which sessions are void; deleted_at while they are
//	                                       leaving, forgetting from when they cannot come back; event,
//	                                       event_id; expires_at of one who is forgotten
//	             email#SHA256              whose address it is: user_id
//	             identity#SHA256           whose sign-in it is: user_id
//	names        NAME                      a username or slug: user_id, wiki_id, both "" for a tombstone
//	wikis        ID                        the wiki; authors: owner and editors; t1 to t8: the last steps;
//	                                       closed while its owner is leaving;
//	                                       base_packs: names of packs, binary; upkeep_holder, upkeep_until
//	                                       while somebody works on them;
//	                                       event, event_id; deleted, expires_at of one that is gone
//	grants       wiki#ID     user#ID       the grant
//	             user#ID     wiki#ID       the same, for the user's list
//	tokens       hash#HASH   token         the token, with its last uses
//	             wiki#ID     name#NAME     leads to it: id, hash
//	activities   WIKI                      the wiki's last activity
//	idempotency  WIKI        SHA256 of key the request's fingerprint and result; until, expires_at
//	sessions     user#ID     session#ID    the session; until, expires_at
//	             user#ID     connection#ID the connection; until, expires_at
//	             departures  TIME#ID       who is leaving since when: user_id
//	tickets      ticket#SHA256             the ticket; until, expires_at; spender: the call that spent it
//	             client#SHA256             the client that registered itself; until, expires_at
//	             count#SHA256#WINDOW#FROM  how often something happened from then on for as long: count,
//	                                       last: the call that counted last; expires_at
//
// What may be long or personal (addresses, subjects, callers' keys) is a digest
// in keys, which show up in metrics and traces. Claims and names are the
// reservations that make things unique: they are written in the transaction that
// needs them, on the condition that they do not exist.
//
// A deleted wiki's item stays for thirty days. It carries wiki.deleted, and it
// is what refuses steps, grants and tokens that come late. What is left of a
// forgotten user stays as long: it carries user.deleted, and says nothing else
// about them.
//
// Who is leaving is listed in a partition of the sessions, because that table has
// a sort key and one query must find those whose time has come; few are in it at
// a time. Whatever expires is removed an hour after its end at the soonest: until
// then the callers' clocks say what is over.
//
// # Who may do what
//
// tables.Methods lists the actions of each method, tables.Calls the methods that
// each service uses, and tables.Access what its role is granted by that. A test
// holds the first against the requests that are sent.
//
// # Trouble
//
// Throttling, conflicts with other transactions, errors of the server and broken
// connections are tried again, ten times and six seconds at most, with pauses
// drawn from a growing range, out of a budget that all requests of a store
// share; then the answer is Unavailable. A condition that did not hold is an
// answer and never tried again. Transactions carry a token by which DynamoDB
// knows a repetition; a single update whose answer was lost is known by what it
// left in the item. When even that cannot be told, because more than eight
// others have stepped since, the answer is Unavailable and not that the head had
// moved.
package dynamo
