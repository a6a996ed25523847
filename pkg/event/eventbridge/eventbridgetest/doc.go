// Package eventbridgetest stands in for what carries events on AWS: an event
// [Bus], [Queues], and Lambda's asynchronous invocation ([Async]). They speak
// the wire protocols of EventBridge and SQS, so that the real clients talk to
// them, keep AWS's limits, and misbehave as AWS may: they fail, deliver twice,
// late and in another order.
//
//	PutEvents ─→ Bus ─ rule: pattern ─→ target: input ─→ Async ─→ function
//	              │                        │               │
//	           archive              dead-letter queue   on-failure queue
//
// Everything is in memory and ends with the process. Time is the process's own
// clock, so in a bubble of testing/synctest nothing waits for real; elsewhere a
// Speed makes AWS's pauses and ages shorter. No access control, no encryption,
// no delivery across accounts: what they would refuse is not refused here.
package eventbridgetest
