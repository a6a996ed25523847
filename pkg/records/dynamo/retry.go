package dynamo

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// How long the store tries. A method sends a handful of requests at most, so
// patience bounds it to a small multiple; a request that is merely slow is given
// up after attemptTime, because another try usually meets a healthy server.
const (
	patience    = 6 * time.Second
	attemptTime = 2 * time.Second
	maxAttempts = 10
	firstPause  = 25 * time.Millisecond
	longPause   = time.Second
)

// policy is what all requests of a store share: above all the budget of retries,
// which keeps a store that is down from being asked ten times as often.
type policy struct{ *retry.Standard }

func newPolicy() *policy {
	return &policy{retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = maxAttempts
		o.Retryables = []retry.IsErrorRetryable{retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
			return aws.BoolTernary(transient(err))
		})}
		o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) {
			return rand.N(min(longPause, firstPause<<min(attempt, 10))), nil
		})
	})}
}

// GetRetryToken makes every retry pay, but for those that lost a race: their
// server is well.
func (p *policy) GetRetryToken(ctx context.Context, err error) (func(error) error, error) {
	if conflicts(err) {
		return func(error) error { return nil }, nil
	}
	giveBack, err := p.Standard.GetRetryToken(ctx, err)
	return answered(giveBack), err
}

// GetAttemptToken earns the budget of retries back.
func (p *policy) GetAttemptToken(ctx context.Context) (func(error) error, error) {
	earn, err := p.Standard.GetAttemptToken(ctx)
	return answered(earn), err
}

// answered makes what happens upon success happen upon every answer of a server
// that is well: to be told that a condition does not hold is daily business.
func answered(success func(error) error) func(error) error {
	return func(err error) error {
		if err != nil && refused(err) && !transient(err) {
			err = nil
		}
		return success(err)
	}
}

// call is one request with its retries.
type call struct {
	*policy
	// unsure is set when an attempt may have taken effect although it brought no
	// answer: what its retry then finds may be its own doing.
	unsure bool
}

// IsErrorRetryable is asked about each attempt that failed.
func (c *call) IsErrorRetryable(err error) bool {
	c.unsure = c.unsure || !refused(err)
	return c.policy.IsErrorRetryable(err)
}

// send sends a request until it is answered or patience ends.
func send[In, Out any](ctx context.Context, c *call, op func(context.Context, *In, ...func(*dynamodb.Options)) (*Out, error), in *In) (*Out, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return op(ctx, in, func(o *dynamodb.Options) {
		o.Retryer = c
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Finalize.Insert(limitAttempt, "Retry", middleware.After)
		})
	})
}

func (s *Store) call() *call { return &call{policy: s.policy} }

// tooSlow is an attempt that was given up.
type tooSlow struct{ error }

// limitAttempt bounds each attempt, which the SDK does not.
var limitAttempt = middleware.FinalizeMiddlewareFunc("LimitAttempt", func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
	limited, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	out, meta, err := next.HandleFinalize(limited, in)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		// The SDK would take it for the caller's own wish.
		err = tooSlow{errors.New("no answer within " + attemptTime.String())}
	}
	return out, meta, err
})

// busy lists the codes of errors that pass by themselves.
var busy = map[string]bool{
	"TransactionConflictException":           true,
	"TransactionInProgressException":         true,
	"ProvisionedThroughputExceededException": true,
	"ThrottlingException":                    true,
	"Throttling":                             true,
	"RequestLimitExceeded":                   true,
	"ReplicatedWriteConflictException":       true,
	"InternalServerError":                    true,
	"ServiceUnavailable":                     true,
	"RequestTimeout":                         true,
	"RequestTimeoutException":                true,
	// Within the reasons of a cancelled transaction:
	"TransactionConflict":           true,
	"ThrottlingError":               true,
	"ProvisionedThroughputExceeded": true,
}

// transient reports whether another try may succeed. A transaction is worth one
// when any part of it was merely disturbed, even if another part's condition did
// not hold: only an undisturbed answer names all the reasons.
func transient(err error) bool {
	if canceled, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
		return disturbed(canceled)
	}
	if answer, ok := errors.AsType[smithy.APIError](err); ok {
		if status, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && status.HTTPStatusCode() >= 500 {
			return true
		}
		return busy[answer.ErrorCode()] || answer.ErrorFault() == smithy.FaultServer
	}
	if _, ok := errors.AsType[*aws.RequestCanceledError](err); ok {
		return false // the caller's wish, or the end of patience
	}
	if _, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		return true // an answer that cannot be read
	}
	if _, ok := errors.AsType[*smithyhttp.RequestSendError](err); ok {
		return true
	}
	_, slow := errors.AsType[tooSlow](err)
	return slow
}

// disturbed reports whether others were in the transaction's way.
func disturbed(err *types.TransactionCanceledException) bool {
	for _, r := range err.CancellationReasons {
		if busy[aws.ToString(r.Code)] {
			return true
		}
	}
	return false
}

// conflicts reports whether err says that another request touched the same item.
func conflicts(err error) bool {
	if canceled, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
		return disturbed(canceled)
	}
	answer, ok := errors.AsType[smithy.APIError](err)
	return ok && (answer.ErrorCode() == "TransactionConflictException" || answer.ErrorCode() == "TransactionInProgressException")
}

// refused reports whether err says for sure that the request took no effect.
func refused(err error) bool {
	if answer, ok := errors.AsType[smithy.APIError](err); ok {
		status, ok := errors.AsType[*smithyhttp.ResponseError](err)
		return ok && status.HTTPStatusCode() < 500 && answer.ErrorCode() != "TransactionInProgressException"
	}
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}
