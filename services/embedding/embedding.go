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
)

// Deps is what the service stands on.
type Deps struct {
	Index *index.Cache
	Log   *slog.Logger
}

// Service brings published indexes up to date.
type Service struct{ deps Deps }

// New returns the service.
func New(d Deps) (*Service, error) {
	if d.Index == nil || d.Log == nil {
		return nil, errors.New("make embedding service: index cache or log missing")
	}
	return &Service{d}, nil
}

// Subscriptions says which events the service consumes. Its handler may run any
// number of times at once.
func (s *Service) Subscriptions() []event.Subscription {
	return []event.Subscription{event.On(subscriptions.EmbeddingIndex, s.handle)}
}

func (s *Service) handle(ctx context.Context, env *eventsv1.Envelope) error {
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
