package lambdakit

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"

	lambdaevents "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"wikibot.io/pkg/event"
)

// Function is what one Lambda function does. Everything but Log may be left out.
type Function struct {
	// Service names the function in its metrics.
	Service string
	// HTTP answers function URL requests, streaming. It stands behind the shim
	// that checks the edge's key and restores host, cookies, RequestURI and the
	// client's address.
	HTTP http.Handler
	Edge EdgeKeys // needed with HTTP
	// Route names the route that takes a request, for the metrics; nil: all
	// requests count as one. It must return one of few values.
	Route func(host, path string) string
	// Subscriptions receive {"subscription": "<name>", "event": {…}}, as the
	// rules' input transformers write it.
	Subscriptions []event.Subscription
	// Stream receives batches of a DynamoDB stream and reports the items that
	// failed.
	Stream func(context.Context, lambdaevents.DynamoDBEvent) (lambdaevents.DynamoDBEventResponse, error)
	// Schedules receive {"schedule": "<name>"}, as the rules' inputs say it.
	Schedules map[string]func(context.Context) error
	// Rounds receive {"schedule": "<name>", "after": "<where>"} from an operator:
	// work on everything there is, of which one invocation may do a part. What they
	// return says in JSON how far they came and where the next begins, and is the
	// invocation's answer. "" is the beginning.
	Rounds map[string]func(ctx context.Context, after string) (any, error)
	Log    *slog.Logger
	// Metrics receives lines in CloudWatch's embedded metric format; nil:
	// standard output, where CloudWatch looks for them.
	Metrics io.Writer
}

// EdgeKeys are the SHA-256 sums, in hex, of the values of the header
// X-Wikibot-Edge that are accepted: one, or two during rotation.
type EdgeKeys []string

// Check reports every sum that is none, and that there is at least one.
func (k EdgeKeys) Check() error {
	if len(k) == 0 {
		return errors.New("there is no key")
	}
	var wrong []error
	for i, sum := range k {
		if raw, err := hex.DecodeString(sum); err != nil || len(raw) != sha256.Size {
			wrong = append(wrong, fmt.Errorf("key %d is no SHA-256 sum of %d hex digits", i+1, 2*sha256.Size))
		}
	}
	return errors.Join(wrong...)
}

// accept reports whether the value is one of the keys. How long it takes does
// not depend on the value.
func (k EdgeKeys) accept(value string) bool {
	got := sha256.Sum256([]byte(value))
	good := 0
	for _, sum := range k {
		if want, err := hex.DecodeString(sum); err == nil {
			good |= subtle.ConstantTimeCompare(got[:], want)
		}
	}
	return good == 1 && value != ""
}

// Start serves invocations until the sandbox ends. It does not return.
func Start(f Function) {
	h, err := NewHandler(f)
	if err != nil {
		fmt.Fprintln(os.Stderr, "start function:", err)
		os.Exit(1)
	}
	// The runtime's own lines, about failed invocations, join the log.
	slog.SetDefault(f.Log)
	limitMemory()
	lambda.StartWithOptions(h.Invoke)
}

// limitMemory tells the garbage collector what the sandbox has, less a share for
// what it does not count, so that it works harder rather than be killed.
func limitMemory() {
	const share = 85
	if mb, err := strconv.ParseInt(os.Getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"), 10, 64); err == nil && mb > 0 {
		debug.SetMemoryLimit(mb << 20 * share / 100)
	}
}
