package embedding

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"
	"wikibot.io/contracts/subscriptions"
	"wikibot.io/pkg/event"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/index"
	"wikibot.io/pkg/upkeep"
)

// Deps is what the service stands on.
type Deps struct {
	Index  *index.Cache
	Keeper *upkeep.Keeper
	Log    *slog.Logger
}

// Service brings published indexes up to date, and keeps packs few.
type Service struct{ deps Deps }

// New returns the service.
func New(d Deps) (*Service, error) {
	if d.Index == nil || d.Keeper == nil || d.Log == nil {
		return nil, errors.New("make embedding service: index cache, keeper of packs or log missing")
	}
	return &Service{d}, nil
}

// Subscriptions says which events the service consumes. Its handlers may run any
// number of times at once.
func (s *Service) Subscriptions() []event.Subscription {
	return []event.Subscription{
		event.On(subscriptions.EmbeddingIndex, s.publish),
		event.On(subscriptions.EmbeddingUpkeep, s.tend),
	}
}

func (s *Service) publish(ctx context.Context, env *eventsv1.Envelope) error {
	wiki := env.GetWikiId()
	if events.Type(env.GetType()) == events.WikiDeleted {
		s.deps.Index.Forget(wiki)
		return nil
	}
	began := time.Now()
	err := s.deps.Index.Publish(ctx, wiki)
	if fault.Is(err, fault.NotFound) {
		// Deleted since; its own event may have come before this one.
		s.deps.Index.Forget(wiki)
		return nil
	}
	if err == nil {
		s.deps.Log.DebugContext(ctx, "index is published", "wiki", wiki, "event", env.GetType(), "took", time.Since(began))
	}
	return err
}

// tend keeps the packs of a wiki that was written to few. Somebody else who is at it
// already counts steps by the record, this one's included: that is done, too.
func (s *Service) tend(ctx context.Context, env *eventsv1.Envelope) error {
	_, err := s.deps.Keeper.Tend(ctx, env.GetWikiId(), false)
	if fault.Is(err, fault.NotFound) {
		return nil // deleted since
	}
	return err
}
