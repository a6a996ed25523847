// Package relay takes events from the streams of the tables to the event bus.
//
// The items of a streamed table carry the latest event that a change of theirs
// caused, written by the same write as the change. The table's stream is the
// outbox: this service reads it, in order, and publishes. It owns nothing,
// answers no request, and never reads or changes a record.
//
// # Life of a batch
//
//	stream ─→ records ─→ events ─→ Publisher ─→ bus
//	             │                    │
//	             └─ undecodable       ├─ refused for good ─┐
//	                    │             └─ not now           │
//	                    ↓                    │             ↓
//	               dead letters ←────────────│─────────────┘
//	                                         ↓
//	                        reported as failed: comes again
//
// A record is handled once its event is on the bus or in a dead letter, so that
// no event is lost and none that can never be published holds up those behind
// it. From the first record on that is neither, all are reported as failed and
// come again: events are published in order, some of them twice.
package relay
