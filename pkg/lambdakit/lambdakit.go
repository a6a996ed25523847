package lambdakit

import (
	"context"
	"log/slog"
	"net/http"

	lambdaevents "github.com/aws/aws-lambda-go/events"

	"wikibot.io/pkg/event"
)

// Function is what one Lambda function does. Everything but Log may be left out.
type Function struct {
	// HTTP answers function URL requests, streaming. It stands behind the shim
	// that checks the edge's key and restores host, cookies, RequestURI and the
	// client's address.
	HTTP http.Handler
	Edge EdgeKeys
	// Subscriptions receive {"subscription": "<name>", "event": {…}}, as the
	// rules' input transformers write it.
	Subscriptions []event.Subscription
	// Stream receives batches of a DynamoDB stream and reports the items that
	// failed.
	Stream func(context.Context, lambdaevents.DynamoDBEvent) (lambdaevents.DynamoDBEventResponse, error)
	// Schedules receive {"schedule": "<name>"}, as the rules' inputs say it.
	Schedules map[string]func(context.Context) error
	Log       *slog.Logger
}

// EdgeKeys are the SHA-256 sums, in hex, of the values of the header
// X-Wikibot-Edge that are accepted: one, or two during rotation.
type EdgeKeys []string

// Start serves invocations until the sandbox ends. It does not return.
func Start(f Function) { panic("unwritten") }
