// Package eventbridge puts domain events on an Amazon EventBridge bus.
//
// It makes entries of events, sends them in batches within EventBridge's
// limits, and tries again what was refused for the time being. It promises at
// least once: an event that it reports as published is on the bus, and may be
// there twice. It keeps nothing; whoever hands events over keeps those that it
// reports as failed.
//
// # Life of an event
//
//	event ─→ entry ─→ batch of ≤ 10 entries and < 256 KB ─→ PutEvents
//	          │                 ↑                             │
//	   cannot be shortened      └── after a random pause ── refused for now
//	          ↓                                               ↓
//	       Invalid ←──────────────────────────────── refused for good
//
// What cannot be sent in time is Unavailable. The pauses are random up to a
// limit that doubles ("full jitter"); they are the only retries, the SDK's are
// switched off, so that a call lasts as long as its options say and no longer.
package eventbridge
