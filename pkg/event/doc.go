// Package event takes domain events from the outbox to their consumers.
//
// A service declares what it listens to as [Subscription]s; it never learns
// what carries the events. In one process a [Dispatcher] reads the outbox that
// the records driver writes; on AWS the same subscriptions are invoked by
// EventBridge. Either way delivery is at least once and unordered, failures are
// retried with growing pauses, and what stays undeliverable becomes a dead
// letter that can be redriven.
//
// # Life of an event
//
//	 records driver        dispatcher                         consumer
//	─────────────────────────────────────────────────────────────────────
//	 change + event   →   FanOut: one delivery per         (one transaction)
//	 (one transaction)    matching subscription
//	                      Due → attempt ────────────────→  Handle
//	                      Done   ←──────────────────────── nil
//	                      Retry  ←──────────────────────── error, panic, timeout
//	                      Bury   ←  too many or too old
//
// Every arrow starts from what is on stable storage, so a process may die
// between any two of them: at worst a handler sees an event again. That is why
// the state of each retry is a row and not a timer.
//
// The package never reads what an event says, and a subscription's name is its
// only identity: rows of a name that the running program does not know (it was
// renamed, or belongs to a newer version) are left alone and reported.
package event
