package keyvault

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/lestrrat-go/jwx/v2/jwk"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity/keyvault/internal/keytable"
)

// Options says where the public keys are.
type Options struct {
	Client *dynamodb.Client
	Table  string // full name of tables.Keys; dynamodb:GetItem is enough
}

// Public serves the public keys: it is an identity.KeySource. It caches nothing,
// since its caller does. It is safe for concurrent use.
type Public struct{ table *keytable.Table }

// NewPublic returns the source.
func NewPublic(o Options) (*Public, error) {
	t, err := keytable.New(o.Client, o.Table)
	if err != nil {
		return nil, err
	}
	return &Public{t}, nil
}

// PublicKeys returns the published keys, newest first, by one strongly consistent
// read. The error is fault.Unavailable when they cannot be had. That includes an
// installation that has no key yet: an empty set would be kept, and the first
// session refused.
func (p *Public) PublicKeys(ctx context.Context) (jwk.Set, error) {
	s, err := p.table.Read(ctx)
	if errors.Is(err, keytable.ErrNone) {
		return nil, fault.Wrap(err, fault.Unavailable, "read the public keys: none was made yet")
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "read the public keys: they cannot be had")
	}
	set, err := s.Public()
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "read the public keys: they cannot be read")
	}
	return set, nil
}
