// Package lambdakit runs a service in AWS Lambda: it tells the kinds of
// invocation apart, turns a function URL's event into the request that the
// viewer sent, streams the answer, and writes logs and metrics to standard
// output. It knows no service, opens no store and reads no configuration.
//
// # Life of a request
//
// The edge sends a viewer's request to the function's URL, which makes an event
// of it. The event is checked: it must carry the edge's key (only sums of keys
// are known here), or it is answered with 403 whatever it asks for. Then the
// viewer's request is restored: host and client address from what the edge
// says, RequestURI and URL with their escapes, cookies, body, length. What the
// edge and Lambda added is taken off again. The service answers as it would
// anywhere; package lambdaurl carries the answer to Lambda, a chunk per flush.
// A handler that panics is answered with 500; half an answer ends as a broken
// one; in neither case does the process end. The request's context ends a
// little before Lambda would kill the process, so that there is time to say so.
//
// # Life of an event
//
// {"subscription","event"} is decoded and given to the subscription's handler.
// While it fails with fault.Unavailable and time remains, it is called again
// after a random pause. Any error ends the invocation as failed, so that Lambda
// and EventBridge deliver the event again and at last put it to the dead
// letters; the same becomes of an event that nobody here can read.
//
// # Life of a schedule
//
// {"schedule"} comes by the clock, or from an operator. What an operator has done
// with everything there is may take longer than an invocation may: such a round is
// asked for call after call, {"schedule","after"}, each of which answers where the
// next begins. The kit passes the two on and knows nothing of what they name.
//
// # Metrics
//
// Embedded metric format (AmazonCloudWatch/latest/monitoring,
// CloudWatch_Embedded_Metric_Format_Specification.html): lines of JSON among
// the log's, in namespace Wikibot. Requests by Service, Route and Class (2xx …
// 5xx), Latency (ms) by Service and Route, EventsHandled and EventsFailed by
// Subscription, ColdStart by Service. CloudWatch bills a metric for the hours in
// which it is written, so an idle fleet pays nothing.
package lambdakit
