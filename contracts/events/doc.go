// Package events holds the domain events that services exchange.
//
// An event is a [eventsv1.Envelope]: who did what to which wiki, with one typed
// message as its data. It travels as protobuf JSON ([Marshal], [Unmarshal]), in
// an outbox row on one machine and in EventBridge's "detail" on AWS. Golden
// files under testdata show each type in each version; they are never changed,
// only added to, because an old event is decoded for ever.
package events

//go:generate sh -c "cd .. && go run ./internal/protogen"
