package main

import (
	"context"
	"net/url"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"wikibot.io/services/auth"
	"wikibot.io/services/auth/provider"
	"wikibot.io/services/internal/cloud"
	"wikibot.io/services/internal/cloud/parameters"
)

// signIn opens the driver that the configuration names. It calls nobody.
func signIn(p *cloud.Platform) (auth.SignIn, error) {
	c := p.Config
	var open func(secret string) (provider.Provider, error)
	switch c.SignIn {
	case cloud.SignInDevelopment:
		return auth.Development(auth.DevelopmentDeps{Hosts: c.Hosts, Users: p.Records})
	case cloud.SignInOIDC:
		open = func(secret string) (provider.Provider, error) {
			return provider.OIDC(provider.OIDCOptions{Issuer: c.Provider.Issuer, ClientID: c.Provider.ClientID, ClientSecret: secret})
		}
	case cloud.SignInWorkOS:
		open = func(secret string) (provider.Provider, error) {
			return provider.WorkOS(provider.WorkOSOptions{ClientID: c.Provider.ClientID, APIKey: secret})
		}
	default:
		return auth.None(c.Hosts)
	}
	secret := func(context.Context) (string, error) { return "", nil } // a public client
	if name := c.Provider.Parameter; name != "" {
		store := ssm.NewFromConfig(p.AWS, func(o *ssm.Options) { o.BaseEndpoint = cloud.Endpoint(c.Endpoints.SSM) })
		parameter, err := parameters.New(store, name)
		if err != nil {
			return nil, err
		}
		secret = parameter.Value
	}
	asked, err := newLater(open, secret)
	if err != nil {
		return nil, err
	}
	return auth.Remote(auth.RemoteDeps{Hosts: c.Hosts, Provider: asked, Tickets: p.Records})
}

// later is a provider whose secret is read when it is first needed, so that a
// function starts although Parameter Store is away, and read again now and then,
// so that a new one needs no deployment.
type later struct {
	open   func(secret string) (provider.Provider, error)
	secret func(context.Context) (string, error)
	shown  provider.Provider // for what needs no secret until one is known

	mu   sync.Mutex // guards what follows
	used string
	real provider.Provider
}

func newLater(open func(string) (provider.Provider, error), secret func(context.Context) (string, error)) (*later, error) {
	shown, err := open("not known yet")
	if err != nil {
		return nil, err
	}
	return &later{open: open, secret: secret, shown: shown}, nil
}

// now returns the provider with the secret as it is at present. What a provider
// has learnt (discovery, keys) stays as long as the secret does.
func (l *later) now(ctx context.Context) (provider.Provider, error) {
	secret, err := l.secret(ctx)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.real == nil || l.used != secret {
		if l.real, err = l.open(secret); err != nil {
			l.real = nil
			return nil, err
		}
		l.used = secret
	}
	return l.real, nil
}

// Choices implements [provider.Provider].
func (l *later) Choices() []provider.Choice { return l.shown.Choices() }

// Begin implements [provider.Provider].
func (l *later) Begin(ctx context.Context, a provider.Attempt) (string, error) {
	p, err := l.now(ctx)
	if err != nil {
		return "", err
	}
	return p.Begin(ctx, a)
}

// Finish implements [provider.Provider].
func (l *later) Finish(ctx context.Context, a provider.Attempt, callback url.Values) (provider.Person, error) {
	p, err := l.now(ctx)
	if err != nil {
		return provider.Person{}, err
	}
	return p.Finish(ctx, a, callback)
}

// Renew implements [provider.Provider].
func (l *later) Renew(ctx context.Context, held []byte) ([]byte, error) {
	p, err := l.now(ctx)
	if err != nil {
		return nil, err
	}
	return p.Renew(ctx, held)
}

// EndURL implements [provider.Provider].
func (l *later) EndURL(held []byte, returnTo string) string {
	l.mu.Lock()
	p := l.real
	l.mu.Unlock()
	if p == nil {
		p = l.shown
	}
	return p.EndURL(held, returnTo)
}
