package relay

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	lambdaevents "github.com/aws/aws-lambda-go/events"

	eventsv1 "wikibot.io/contracts/events/v1"

	"wikibot.io/pkg/fault"
)

// Publisher puts events on the bus.
type Publisher interface {
	// Publish returns an entry per event: nil when it is on the bus to stay,
	// fault.Invalid when it can never be, any other error when it has to be
	// published again. It retries within the context's time by itself.
	Publish(ctx context.Context, evs []*eventsv1.Envelope) []error
}

// DeadLetters keeps what can never be published.
type DeadLetters interface {
	// Send keeps a letter, a value that encodes as JSON. After nil it is on stable
	// storage. fault.Invalid means that this letter is too large to be kept.
	Send(ctx context.Context, reason string, letter any) error
}

// Deps is what a Service needs. All of it is required.
type Deps struct {
	Publisher   Publisher
	DeadLetters DeadLetters
	Log         *slog.Logger
}

// Service publishes the events of streams. It is safe for concurrent use.
type Service struct{ d Deps }

// New checks the dependencies.
func New(d Deps) (*Service, error) {
	if d.Publisher == nil || d.DeadLetters == nil || d.Log == nil {
		return nil, errors.New("make relay: Publisher, DeadLetters and Log are needed")
	}
	return &Service{d}, nil
}

// change is a record of a stream on its way.
type change struct {
	*record
	env *eventsv1.Envelope // nil: the change caused no event, or none that can be decoded
	// dead says why it can never be published, err why it cannot be now.
	dead, err error
}

// HandleStream publishes the events of a batch. The answer lists, from the first
// record on that has to come again, all records; the error is always nil.
func (s *Service) HandleStream(ctx context.Context, batch lambdaevents.DynamoDBEvent) (lambdaevents.DynamoDBEventResponse, error) {
	start := time.Now()
	changes := make([]change, len(batch.Records))
	for i := range batch.Records {
		changes[i] = read(&batch.Records[i])
	}
	published := s.publish(ctx, changes)
	handled, dead := s.settle(ctx, changes)

	level := slog.LevelInfo
	attrs := []slog.Attr{
		slog.Int("records", len(changes)), slog.Int("published", published), slog.Int("dead_letters", dead),
		slog.Int("failed", len(changes)-handled), slog.Duration("took", time.Since(start)),
	}
	var resp lambdaevents.DynamoDBEventResponse
	if handled < len(changes) {
		level = slog.LevelWarn
		attrs = append(attrs, slog.Any("err", changes[handled].err))
		for _, c := range changes[handled:] {
			resp.BatchItemFailures = append(resp.BatchItemFailures, lambdaevents.DynamoDBBatchItemFailure{ItemIdentifier: c.sequence})
		}
	}
	s.d.Log.LogAttrs(ctx, level, "event relay", attrs...)
	return resp, nil
}

// publish publishes what is an event and notes what became of it.
func (s *Service) publish(ctx context.Context, changes []change) (published int) {
	var evs []*eventsv1.Envelope
	var of []*change
	for i := range changes {
		if changes[i].env != nil {
			evs = append(evs, changes[i].env)
			of = append(of, &changes[i])
		}
	}
	if len(evs) == 0 {
		return 0
	}
	for i, err := range s.d.Publisher.Publish(ctx, evs) {
		switch {
		case err == nil:
			published++
		case fault.Is(err, fault.Invalid):
			of[i].dead = err
		default:
			of[i].err = err
		}
	}
	return published
}

// settle buries, in order, what is dead before the first record that has to come
// again, and returns how many records are handled. What is dead after it is
// buried when it comes again.
func (s *Service) settle(ctx context.Context, changes []change) (handled, dead int) {
	handled = len(changes)
	if i := slices.IndexFunc(changes, func(c change) bool { return c.err != nil }); i >= 0 {
		handled = i
	}
	for i := range changes[:handled] {
		if changes[i].dead == nil {
			continue
		}
		if changes[i].err = s.bury(ctx, changes[i]); changes[i].err != nil {
			return i, dead
		}
		dead++
	}
	return handled, dead
}

// bury keeps a dead letter of a record, with everything that is needed to publish
// its event some day.
func (s *Service) bury(ctx context.Context, c change) error {
	err := s.d.DeadLetters.Send(ctx, c.dead.Error(), c.letter())
	whole := true
	if fault.Is(err, fault.Invalid) {
		// What does not fit still lies in the table, until the item changes again.
		whole = false
		err = s.d.DeadLetters.Send(ctx, c.dead.Error(), c.reference())
	}
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "bury record %s of %s", c.sequence, c.Table)
	}
	// The reason may quote what the item says; it is in the letter alone.
	s.d.Log.LogAttrs(ctx, slog.LevelError, "event dead letter",
		slog.String("event", c.after.EventID), slog.String("type", c.env.GetType()), slog.String("wiki", c.env.GetWikiId()),
		slog.String("table", c.Table), slog.String("sequence_number", c.sequence),
		slog.Bool("decoded", c.env != nil), slog.Bool("whole", whole))
	return nil
}
