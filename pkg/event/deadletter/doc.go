// Package deadletter keeps and reads what could not be delivered, in Amazon SQS
// queues.
//
// Three writers leave letters, each in its own shape, and [Read] understands
// them all: EventBridge (a rule's target could not be invoked: the body is what
// the target would have got), Lambda (a function failed too often: a record
// around that same input), and the relay ([Queue.Send]). What is inside is an
// event and, mostly, the name of the subscription that did not get it.
//
// The package never decides what becomes of a letter.
package deadletter
