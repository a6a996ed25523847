package wikibot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"wikibot.io/contracts/routes"
	"wikibot.io/pkg/event"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/identity/keydir"
	"wikibot.io/pkg/web"
	"wikibot.io/services/auth"
	"wikibot.io/services/embedding"
	"wikibot.io/services/githttp"
	"wikibot.io/services/management"
	"wikibot.io/services/mcp"
	"wikibot.io/services/wiki"
	"wikibot.io/services/wikibot/internal/app"
)

// Fleet is all services in this process, listening.
type Fleet struct {
	hosts      web.Hosts
	log        *slog.Logger
	listener   net.Listener
	lock       *os.File
	stores     *stores
	server     *http.Server
	dispatcher *event.Dispatcher
	// subscriptions are the dispatcher's.
	subscriptions []event.Subscription
	rounds        []round
}

// Open opens the data folder, builds the fleet and listens. Requests are
// answered from [Fleet.Serve] on.
func Open(c Config, log *slog.Logger) (*Fleet, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	f := &Fleet{log: log}
	if err := f.open(c); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

func (f *Fleet) open(c Config) (err error) {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("make data folder: %w", err)
	}
	if f.lock, err = lock(c.Data); err != nil {
		return err
	}
	if f.listener, err = net.Listen("tcp", c.Listen); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if f.hosts, err = c.hosts(f.listener.Addr().(*net.TCPAddr).Port); err != nil {
		return err
	}
	if err := writeAddress(c.Data, f.hosts.Root("")); err != nil {
		return err
	}
	if f.stores, err = openStores(c.Data, filepath.Join(c.Data, "scratch"), f.log); err != nil {
		return err
	}
	return f.build(c)
}

// build makes the services on the open stores.
func (f *Fleet) build(c Config) error {
	s := f.stores
	keys, err := keydir.Open(filepath.Join(c.Data, "keys"))
	if err != nil {
		return err
	}
	trusted, err := c.issuers()
	if err != nil {
		return err
	}
	authenticator, err := identity.NewAuthenticator(identity.AuthenticatorDeps{Hosts: f.hosts, Keys: keys, Accounts: s.records, Trusted: trusted, Log: f.log})
	if err != nil {
		return err
	}
	gate, err := identity.NewGate(s.records)
	if err != nil {
		return err
	}

	var errs []error
	failed := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	signIn, err := c.signIn(f.hosts, s.records)
	if err != nil {
		return err
	}
	authService, err := auth.New(auth.Deps{
		Hosts: f.hosts, SignIn: signIn, Records: s.records, Signer: identity.NewSigner(keys, f.hosts), Keys: keys, Authenticator: authenticator, Documents: c.documents, Log: f.log,
	})
	failed(err)
	managementService, err := management.New(management.Deps{Hosts: f.hosts, Records: s.records, Authenticator: authenticator})
	failed(err)
	wikiService, err := wiki.New(wiki.Deps{Engine: s.engine, Gate: gate, Hosts: f.hosts, Log: f.log})
	failed(err)
	mcpService, err := mcp.New(mcp.Deps{Engine: s.engine, Gate: gate, Hosts: f.hosts, Issuers: issuersOf(trusted), Log: f.log})
	failed(err)
	gitService, err := githttp.New(githttp.Deps{Git: s.git, Gate: gate, Hosts: f.hosts, Log: f.log})
	failed(err)
	embeddingService, err := embedding.New(embedding.Deps{Index: s.index, Keeper: s.keeper, Log: f.log})
	failed(err)
	appFiles, err := app.New()
	failed(err)
	if err := errors.Join(errs...); err != nil {
		return err
	}

	gateway := newGateway(f.hosts, map[routes.Service]http.Handler{
		routes.App:        appFiles,
		routes.Auth:       authService.Handler(),
		routes.Management: managementService.Handler(),
		routes.Wiki:       wikiService.Guarded(authenticator),
		routes.MCP:        mcpService.Guarded(authenticator),
		routes.GitHTTP:    gitService.Guarded(authenticator),
	})
	f.server = &http.Server{
		Handler:           paced(proxied(c.Proxies, web.Stack(f.log, gateway))),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(f.log.Handler(), slog.LevelWarn),
	}
	f.rounds = []round{
		{"rotate-keys", 24 * time.Hour, keys.Rotate},
		{"forget-departed", 24 * time.Hour, authService.Schedules()["forget-departed"]},
	}
	f.subscriptions = slices.Concat(managementService.Subscriptions(), wikiService.Subscriptions(), embeddingService.Subscriptions())
	f.dispatcher, err = event.NewDispatcher(event.Deps{
		Outbox: s.records, Subscriptions: f.subscriptions, Log: f.log, Wake: s.records.Wake(),
	})
	return err
}

func issuersOf(trusted []identity.TrustedIssuer) []string {
	urls := make([]string, len(trusted))
	for i, t := range trusted {
		urls[i] = t.Issuer
	}
	return urls
}

// URL is where people reach the fleet.
func (f *Fleet) URL() string { return f.hosts.Root("/") }

// grace is how long requests under way may take when the fleet is told to stop.
const grace = 10 * time.Second

// Serve answers requests and delivers events until ctx ends, then finishes what
// is under way and closes everything. It is called once.
func (f *Fleet) Serve(ctx context.Context) error {
	events, stopEvents := context.WithCancel(context.WithoutCancel(ctx))
	var delivering sync.WaitGroup
	delivering.Go(func() { f.dispatcher.Run(events) })
	delivering.Go(func() { goRounds(events, f.rounds, f.log) })

	failed := make(chan error, 1)
	go func() { failed <- f.server.Serve(f.listener) }()
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
		// Requests first: they may still cause events.
		err = stop(ctx, f.server, grace, f.log)
	}
	stopEvents()
	delivering.Wait()
	return errors.Join(err, f.close())
}

func (f *Fleet) close() error {
	var errs []error
	if f.stores != nil {
		errs = append(errs, f.stores.Close())
	}
	if f.listener != nil {
		if err := f.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if f.lock != nil {
		errs = append(errs, f.lock.Close())
	}
	return errors.Join(errs...)
}
