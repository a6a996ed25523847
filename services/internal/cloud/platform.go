package cloud

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"wikibot.io/contracts/routes"
	"wikibot.io/contracts/subscriptions"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/identity/keyvault"
	"wikibot.io/pkg/lambdakit"
	"wikibot.io/pkg/records/dynamo"
	"wikibot.io/pkg/records/dynamo/tables"
	"wikibot.io/pkg/web"
)

// Platform is what a function stands on. What its service does not need is nil.
type Platform struct {
	Config Config
	Log    *slog.Logger
	AWS    aws.Config // endpoints are the clients' own: see [Config.Endpoints]

	// Of services with tables.
	DynamoDB *dynamodb.Client
	Records  *dynamo.Store

	// Of services that answer requests. The auth service makes an authenticator of
	// its own, on keys that it need not read from the table.
	Authenticator *identity.Authenticator
	Gate          identity.Gate
}

// Open opens what the service needs, but for its files: see package files. It
// calls nothing on AWS.
func Open(c Config) (*Platform, error) {
	p := &Platform{Config: c, Log: lambdakit.NewLog(os.Stdout, c.LogLevel), AWS: c.AWS()}
	if len(c.Tables) > 0 {
		if err := p.openRecords(); err != nil {
			return nil, fmt.Errorf("open records: %w", err)
		}
	}
	if need := needsOf[c.Service]; need.requests && !need.signing {
		if err := p.openDoor(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// AWS returns the configuration of the clients. It is made by hand, since all of
// it is in the environment: package config of the SDK also looks for profiles,
// single sign-on and instance roles, which a function never has, and costs 2.7 MB
// of binary and 2 ms of each start (9.9 against 7.1 MB, 6.3 against 4.5 ms,
// measured with a DynamoDB client on arm64's flags).
func (c Config) AWS() aws.Config {
	credentials := aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken, Source: "environment"}
	return aws.Config{
		Region:      c.Region,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return credentials, nil }),
	}
}

// Endpoint is an endpoint for a client's options: nil for the region's own.
func Endpoint(url string) *string {
	if url == "" {
		return nil
	}
	return &url
}

func (p *Platform) openRecords() (err error) {
	p.DynamoDB = dynamodb.NewFromConfig(p.AWS, func(o *dynamodb.Options) { o.BaseEndpoint = Endpoint(p.Config.Endpoints.DynamoDB) })
	p.Records, err = dynamo.New(dynamo.Options{Client: p.DynamoDB, Tables: p.Config.Tables})
	return err
}

// openDoor makes what tells who is asking, and whether they may.
func (p *Platform) openDoor() error {
	keys, err := keyvault.NewPublic(keyvault.Options{Client: p.DynamoDB, Table: p.Config.Tables[tables.Keys]})
	if err != nil {
		return err
	}
	trusted, err := p.trusted()
	if err != nil {
		return err
	}
	p.Authenticator, err = identity.NewAuthenticator(identity.AuthenticatorDeps{Hosts: p.Config.Hosts, Keys: keys, Accounts: p.Records, Trusted: trusted, Log: p.Log})
	if err != nil {
		return err
	}
	p.Gate, err = identity.NewGate(p.Records)
	return err
}

// trusted are the foreign issuers, with the keys that auth has copied into the
// table: who is asked here cannot call out.
func (p *Platform) trusted() ([]identity.TrustedIssuer, error) {
	issuers, err := keyvault.NewIssuers(keyvault.Options{Client: p.DynamoDB, Table: p.Config.Tables[tables.Keys]})
	if err != nil {
		return nil, err
	}
	var list []identity.TrustedIssuer
	for _, t := range p.Config.TrustedIssuers {
		list = append(list, identity.TrustedIssuer{Issuer: t.Issuer, Role: t.Role, Keys: issuers.Of(t.Issuer)})
	}
	return list, nil
}

// Function completes what a service does (HTTP, Subscriptions, Stream,
// Schedules) to a function: with the edge's keys, log, metrics, and the
// middleware that every request goes through. It refuses one that leaves a
// subscription of its service unattended.
func (p *Platform) Function(f lambdakit.Function) (lambdakit.Function, error) {
	f.Service, f.Log, f.Edge, f.Route = string(p.Config.Service), p.Log, p.Config.EdgeKeys, p.route
	if f.HTTP != nil {
		f.HTTP = web.Stack(p.Log, p.own(f.HTTP))
	}
	var wrong []error
	for _, row := range subscriptions.Of(p.Config.Service) {
		attended := false
		for _, s := range f.Subscriptions {
			attended = attended || s.Name == row.Name
		}
		if !attended {
			wrong = append(wrong, fmt.Errorf("subscription %s has no handler", row.Name))
		}
	}
	return f, errors.Join(wrong...)
}

// own lets only requests through that the route table gives to the service, as
// the gateway of the one-process fleet does: an edge that sends others here, for
// instance because it reads an escape in a path another way, gets nothing.
func (p *Platform) own(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind, _, ok := p.Config.Hosts.Kind(r.Host)
		if !ok {
			web.WriteProblem(w, r, fault.New(fault.NotFound, "nothing is served for host %q; this is %s", r.Host, p.Config.Hosts.Root("/")))
			return
		}
		if route, ok := routes.Find(kind, r.URL.Path); !ok || route.Service != p.Config.Service {
			web.WriteProblem(w, r, fault.New(fault.NotFound, "there is nothing at %s", r.URL.Path))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// route names the row of the route table that takes a request, for the metrics.
func (p *Platform) route(host, path string) string {
	kind, _, _ := p.Config.Hosts.Kind(host)
	if r, ok := routes.Find(kind, path); ok {
		return string(kind) + " " + r.Pattern
	}
	return "other"
}

// Run starts a function, or ends the process with a record of every reason why
// it cannot. It does not return.
func Run(s routes.Service, function func(*Platform) (lambdakit.Function, error)) {
	f, err := compose(s, function)
	if err != nil {
		slog.New(slog.NewJSONHandler(os.Stdout, nil)).Error("function cannot start", "service", s, "problems", strings.Split(err.Error(), "\n"))
		os.Exit(1)
	}
	lambdakit.Start(f)
}

func compose(s routes.Service, function func(*Platform) (lambdakit.Function, error)) (lambdakit.Function, error) {
	c, err := Load(s)
	if err != nil {
		return lambdakit.Function{}, err
	}
	p, err := Open(c)
	if err != nil {
		return lambdakit.Function{}, err
	}
	f, err := function(p)
	if err != nil {
		return lambdakit.Function{}, err
	}
	return p.Function(f)
}
