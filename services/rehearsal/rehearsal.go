package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"wikibot.io/pkg/event/eventbridge/eventbridgetest"
	"wikibot.io/pkg/identity/keyvault/keyvaulttest"
	"wikibot.io/pkg/records/dynamo/dynamolocal"
	"wikibot.io/services/rehearsal/chaos"
	"wikibot.io/services/rehearsal/edge"
	"wikibot.io/services/rehearsal/endpoint"
	"wikibot.io/services/rehearsal/iam"
	"wikibot.io/services/rehearsal/streams"
	"wikibot.io/services/rehearsal/template"
)

// Rehearsal is a fleet at work. Its methods may be called from many goroutines.
type Rehearsal struct {
	opts       Options
	log        *slog.Logger
	deployment *template.Deployment
	emulator   *dynamolocal.Server
	data       string
	access     access
	network    *iam.Policy // what functions in the VPC reach

	functions map[string]*Function // by service
	asyncs    map[string]*eventbridgetest.Async
	buses     map[string]*eventbridgetest.Bus
	queues    *eventbridgetest.Queues
	secrets   *keyvaulttest.Secrets
	pollers   []*streams.Poller
	schedules []schedule
	callers   map[string]endpoint.Caller // by access key id
	edge      *edge.Edge
	url       string

	dice  map[string]*chaos.Dice // by API
	meter *endpoint.Meter

	mu      sync.Mutex
	notes   []string
	closers []func() error // last first
}

// Start brings a deployment up. Everything that is wrong with the templates is
// reported at once. The rehearsal runs until Close, whatever becomes of ctx.
func Start(ctx context.Context, o Options) (*Rehearsal, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	r := &Rehearsal{
		opts: o, log: o.Log, emulator: o.Emulator, data: o.Data,
		functions: map[string]*Function{}, asyncs: map[string]*eventbridgetest.Async{}, buses: map[string]*eventbridgetest.Bus{},
		queues: eventbridgetest.NewQueues("https://sqs." + region + ".amazonaws.com/" + account), secrets: keyvaulttest.New(keyvaulttest.Options{}),
		callers: map[string]endpoint.Caller{}, dice: map[string]*chaos.Dice{}, meter: endpoint.NewMeter(),
	}
	if err := r.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("rehearse %s: %w", o.Templates, err), r.Close())
	}
	return r, nil
}

func (r *Rehearsal) start(ctx context.Context) error {
	if r.data == "" {
		dir, err := os.MkdirTemp("", "wikibot-rehearsal-")
		if err != nil {
			return fmt.Errorf("make a folder for the file systems: %w", err)
		}
		r.data = dir
		r.closes(func() error { return os.RemoveAll(dir) })
	}
	if err := os.MkdirAll(r.data, 0o700); err != nil {
		return fmt.Errorf("make the folder of the file systems: %w", err)
	}
	if r.emulator == nil {
		emulator, err := dynamolocal.Start(ctx)
		if err != nil {
			return err
		}
		r.emulator = emulator
		r.closes(func() error { emulator.Close(); return nil })
	}
	listener, err := net.Listen("tcp", r.opts.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	r.closes(func() error {
		if err := listener.Close(); !errors.Is(err, net.ErrClosed) { // by the server on it
			return err
		}
		return nil
	})
	r.url = fmt.Sprintf("http://wikibot.localhost:%d", listener.Addr().(*net.TCPAddr).Port)
	edgeKeys, err := r.load(ctx)
	if err != nil {
		return err
	}
	policies, err := roles(r.deployment)
	if err != nil {
		return err
	}
	if r.network, err = network(r.deployment); err != nil {
		return err
	}
	if err := r.startEndpoints(edgeKeys); err != nil {
		return err
	}
	if err := r.wire(ctx, policies); err != nil {
		return err
	}
	if err := r.startEdge(listener); err != nil {
		return err
	}
	r.poll()
	return r.firstRuns(ctx)
}

// wire makes everything that functions are invoked by, and the functions.
func (r *Rehearsal) wire(ctx context.Context, policies map[string]iam.Policy) error {
	r.startQueues()
	if err := r.startSecrets(); err != nil {
		return err
	}
	if err := r.startFunctions(ctx, policies); err != nil {
		return err
	}
	return errors.Join(r.startAsyncs(policies), r.startBuses(), r.startSources(policies))
}

func (r *Rehearsal) startFunctions(ctx context.Context, policies map[string]iam.Policy) error {
	var wrong []error
	for _, res := range r.deployment.Resources("AWS::Lambda::Function") {
		env, _ := res.Properties["Environment"].(map[string]any)
		vars, _ := env["Variables"].(map[string]any)
		service, _ := vars[serviceVariable].(string)
		if service == "" {
			continue
		}
		if other := r.functions[service]; other != nil {
			wrong = append(wrong, fmt.Errorf("%s and %s are both the function of %s", other.resource.Path(), res.Path(), service))
			continue
		}
		f, err := r.startFunction(ctx, res, policies)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", res.Path(), err))
			continue
		}
		r.functions[service] = f
		r.closes(f.close)
	}
	if len(r.functions)+len(wrong) == 0 {
		wrong = append(wrong, errors.New("the templates have no function of the fleet"))
	}
	return errors.Join(wrong...)
}

// closes remembers what Close has to do; what comes last is done first.
func (r *Rehearsal) closes(f func() error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closers = append(r.closers, f)
}

// note remembers what a reader of the templates should know about the rehearsal.
func (r *Rehearsal) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// Close ends every process and server that Start started.
func (r *Rehearsal) Close() error {
	r.mu.Lock()
	closers := r.closers
	r.closers = nil
	r.mu.Unlock()
	var errs []error
	for _, c := range slices.Backward(closers) {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}

// serve answers on a loopback port of its own and returns its URL.
func (r *Rehearsal) serve(h http.Handler) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen: %w", err)
	}
	r.serveOn(l, h, idleTimeout)
	return "http://" + l.Addr().String(), nil
}

// idleTimeout is how soon a connection that a function keeps is closed, so that a
// function which was frozen comes back to a dead one, as it does on AWS after a
// while.
const idleTimeout = 300 * time.Millisecond

// serveOn serves until Close. Idle connections end after a time, if it is not 0.
func (r *Rehearsal) serveOn(l net.Listener, h http.Handler, idle time.Duration) {
	server := &http.Server{Handler: h, IdleTimeout: idle, ErrorLog: slog.NewLogLogger(r.log.Handler(), slog.LevelWarn)} //nolint:gosec // loopback; no slow strangers
	r.closes(server.Close)
	go func() { _ = server.Serve(l) }() // ends with Close
}
