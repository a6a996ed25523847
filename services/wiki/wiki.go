package wiki

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	eventsv1 "wikibot.io/contracts/events/v1"
	"wikibot.io/contracts/subscriptions"
	"wikibot.io/pkg/event"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/web"
	engine "wikibot.io/pkg/wiki"
	"wikibot.io/services/wiki/internal/api"
	"wikibot.io/services/wiki/internal/ui"
)

// Deps is what the service stands on. All but CacheBytes are needed.
type Deps struct {
	Engine *engine.Engine
	Gate   identity.Gate
	Hosts  web.Hosts
	Log    *slog.Logger
	// CacheBytes bounds the finished pages kept in memory, and again the rendered
	// articles. 0 means 48 MiB.
	CacheBytes int64
}

// Service is the wiki service. Safe for concurrent use.
type Service struct {
	engine *engine.Engine
	hosts  web.Hosts
	log    *slog.Logger
	ui     http.Handler
	api    http.Handler
}

// New returns the service; an error says which dependency is missing.
func New(d Deps) (*Service, error) {
	if d.Engine == nil || d.Log == nil {
		return nil, errors.New("new wiki service: engine and log are needed")
	}
	pages, err := ui.New(ui.Deps{Engine: d.Engine, Gate: d.Gate, Hosts: d.Hosts, CacheBytes: d.CacheBytes})
	if err != nil {
		return nil, err
	}
	rest, err := api.New(api.Deps{Engine: d.Engine, Gate: d.Gate, Hosts: d.Hosts, Log: d.Log})
	if err != nil {
		return nil, err
	}
	return &Service{engine: d.Engine, hosts: d.Hosts, log: d.Log, ui: pages, api: rest}, nil
}

// Handler answers requests whose context carries the principal.
func (s *Service) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/v1/") {
			s.api.ServeHTTP(w, r)
			return
		}
		s.ui.ServeHTTP(w, r)
	})
}

// Guarded is Handler behind the authenticator.
func (s *Service) Guarded(a *identity.Authenticator) http.Handler {
	return a.Wiki(s.Handler(), s.hosts.WriteProblem)
}

// Subscriptions are the events that the service consumes.
func (s *Service) Subscriptions() []event.Subscription {
	return []event.Subscription{
		event.On(subscriptions.WikiBootstrap, s.bootstrap),
		event.On(subscriptions.WikiRemoval, s.remove),
	}
}

// Schedules are what the service does when it is told to, by name. "reconcile"
// is for an operator who has restored records or files from a backup, and has
// stopped all traffic.
func (s *Service) Schedules() map[string]func(context.Context) error {
	return map[string]func(context.Context) error{"reconcile": s.reconcile}
}

func (s *Service) reconcile(ctx context.Context) error {
	return s.engine.ReconcileAll(ctx, func(r engine.Reconciliation) {
		level := slog.LevelInfo
		if r.Outcome != engine.Agrees {
			level = slog.LevelWarn
		}
		s.log.LogAttrs(ctx, level, "wiki is reconciled", slog.String("wiki", r.WikiID), slog.String("slug", r.Slug),
			slog.String("outcome", string(r.Outcome)), slog.String("was", r.Was), slog.String("now", r.Now))
	})
}

// bootstrap puts the first pages into a new wiki. One that was deleted before
// the event came needs none.
func (s *Service) bootstrap(ctx context.Context, env *eventsv1.Envelope) error {
	err := s.engine.Bootstrap(ctx, env.GetWikiId())
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

func (s *Service) remove(ctx context.Context, env *eventsv1.Envelope) error {
	return s.engine.Remove(ctx, env.GetWikiId())
}
