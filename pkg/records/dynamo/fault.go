package dynamo

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"

	"wikibot.io/pkg/fault"
)

// explain turns what went wrong while doing something into the fault that the
// interface promises. Answers pass unchanged; a store that cannot work now, for
// whatever reason, is Unavailable; what no caller can mend is Internal.
func explain(err error, format string, args ...any) error {
	if err == nil || fault.KindOf(err) != fault.Internal {
		return err
	}
	if unavailable(err) {
		return fault.Wrap(err, fault.Unavailable, format+": the records cannot be reached now", args...)
	}
	return fault.Wrap(err, fault.Internal, format+": the records gave an unexpected answer", args...)
}

func unavailable(err error) bool {
	if transient(err) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	if _, ok := errors.AsType[*aws.RequestCanceledError](err); ok {
		return true
	}
	_, spent := errors.AsType[ratelimit.QuotaExceededError](err)
	return spent
}

// absent is the answer about a key under which nothing lies.
func absent(format string, args ...any) error {
	return fault.New(fault.NotFound, format+": there is none", args...)
}

// exists is the answer that names what is taken.
func exists(what string, taken []string) error {
	e := fault.New(fault.Exists, "%s: %s taken", what, strings.Join(taken, ", "))
	for _, name := range taken {
		e.Fields = append(e.Fields, fault.Field{Name: name, Msg: "is taken"})
	}
	return e
}

// tired is the answer of a method that others overtook again and again.
func tired(what string) error {
	return fault.New(fault.Unavailable, "%s: others keep changing it", what)
}
