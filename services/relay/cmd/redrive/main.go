// Command redrive looks at a dead-letter queue and publishes its events again.
//
// Usage:
//
//	redrive --queue URL --list
//	redrive --queue URL --bus NAME [--subscription NAME] [--event ID]… [--limit N]
//
// It understands the letters of all writers: EventBridge, Lambda, the relay. An
// event goes to every rule that matches, not only to the one that failed; the
// consumers are idempotent. A letter is deleted after its event is on the bus;
// what cannot be read or published stays, is reported, and makes the exit code 1.
//
// Region, credentials and endpoints come from the usual places of the AWS SDK.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/alecthomas/kong"
	"github.com/aws/aws-sdk-go-v2/config"
	awseventbridge "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"wikibot.io/pkg/event/deadletter"
	"wikibot.io/pkg/event/eventbridge"

	"wikibot.io/services/relay/internal/redrive"
)

// flags are the command line.
type flags struct {
	Queue        string        `required:"" placeholder:"URL" help:"Queue to read."`
	List         bool          `help:"Show the letters and change nothing."`
	Bus          string        `placeholder:"NAME" help:"Bus to publish on: its name or ARN."`
	Subscription string        `placeholder:"NAME" help:"Only letters of this subscription."`
	Event        []string      `placeholder:"ID" help:"Only the events with these ids."`
	Limit        int           `default:"1000" help:"Look at no more letters than this."`
	Hidden       time.Duration `default:"5m" help:"How long letters are hidden from others meanwhile."`
}

// Validate is called by kong.
func (f *flags) Validate() error {
	if f.List == (f.Bus != "") {
		return errors.New("either --list or --bus is needed")
	}
	if f.Hidden < time.Minute || f.Hidden > 12*time.Hour {
		return errors.New("letters can be hidden for a minute to 12 hours")
	}
	return nil
}

func main() {
	var f flags
	kong.Parse(&f, kong.Name("redrive"), kong.Description("Look at a dead-letter queue and publish its events again."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, f, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "redrive:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, f flags, out io.Writer) error {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return fmt.Errorf("read AWS configuration: %w", err)
	}
	queue, err := deadletter.New(sqs.NewFromConfig(cfg), f.Queue)
	if err != nil {
		return err
	}
	cmd := redrive.Command{
		Queue: queue, Out: out, Subscription: f.Subscription, Events: f.Event, Limit: f.Limit, Hidden: f.Hidden,
	}
	if f.List {
		return cmd.List(ctx)
	}
	cmd.Publisher, err = eventbridge.New(eventbridge.Options{Client: awseventbridge.NewFromConfig(cfg), Bus: f.Bus})
	if err != nil {
		return err
	}
	return cmd.Redrive(ctx)
}
