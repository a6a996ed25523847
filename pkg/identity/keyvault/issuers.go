package keyvault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity/keyvault/internal/keytable"
)

const (
	// maxIssuerAge is how long an issuer's keys are served that could not be fetched
	// anew: what it revoked in the meantime would be accepted.
	maxIssuerAge = 48 * time.Hour
	maxIssuerSet = 256 << 10 // bytes, below what an item can hold
)

// Source has an issuer's keys: package issuerkeys fetches them.
type Source interface {
	PublicKeys(ctx context.Context) (jwk.Set, error)
}

// Issuers keeps the public keys of foreign issuers for functions that cannot call
// out: one that can copies them into the table every so often. It is safe for
// concurrent use.
type Issuers struct{ table *keytable.Table }

// NewIssuers returns what keeps them. To copy takes dynamodb:PutItem as well.
func NewIssuers(o Options) (*Issuers, error) {
	t, err := keytable.New(o.Client, o.Table)
	if err != nil {
		return nil, err
	}
	return &Issuers{t}, nil
}

// Copy fetches the keys of each issuer and puts them into the table. One that
// fails keeps what it had, and does not keep the others from being fetched.
func (i *Issuers) Copy(ctx context.Context, from map[string]Source) error {
	var failed error
	for issuer, source := range from {
		if err := i.copy(ctx, issuer, source); err != nil {
			failed = errors.Join(failed, fmt.Errorf("copy the keys of issuer %s: %w", issuer, err))
		}
	}
	return failed
}

func (i *Issuers) copy(ctx context.Context, issuer string, from Source) error {
	fetched := time.Now()
	set, err := from.PublicKeys(ctx)
	if err != nil {
		return err
	}
	public, err := publicOnly(set)
	if err != nil {
		return err
	}
	if public.Len() == 0 {
		return errors.New("there is none")
	}
	text, err := json.Marshal(public)
	if err != nil {
		return err
	}
	if len(text) > maxIssuerSet {
		return errors.New("they are too long")
	}
	return i.table.PutIssuer(ctx, issuer, keytable.Issuer{Fetched: fetched.Unix(), JWKS: string(text)})
}

// publicOnly is the public half of a set, whatever its source thinks is public. A
// symmetric key has none.
func publicOnly(set jwk.Set) (jwk.Set, error) {
	public := jwk.NewSet()
	for n := range set.Len() {
		key, _ := set.Key(n)
		if key.KeyType() != jwa.RSA && key.KeyType() != jwa.EC {
			continue
		}
		half, err := key.PublicKey()
		if err != nil {
			return nil, err
		}
		if err := public.AddKey(half); err != nil {
			return nil, err
		}
	}
	return public, nil
}

// Of returns the keys of one issuer: an identity.KeySource.
func (i *Issuers) Of(issuer string) *IssuerKeys { return &IssuerKeys{i.table, issuer} }

// IssuerKeys serves the keys of one foreign issuer as they were copied.
type IssuerKeys struct {
	table  *keytable.Table
	issuer string
}

// PublicKeys returns the keys by one strongly consistent read. The error is
// fault.Unavailable when they cannot be had, were never copied, or not for days.
func (k *IssuerKeys) PublicKeys(ctx context.Context) (jwk.Set, error) {
	item, err := k.table.ReadIssuer(ctx, k.issuer)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "read the keys of issuer %s: they cannot be had", k.issuer)
	}
	if age := time.Since(time.Unix(item.Fetched, 0)); age > maxIssuerAge {
		return nil, fault.New(fault.Unavailable, "read the keys of issuer %s: they were last fetched %v ago", k.issuer, age.Round(time.Hour))
	}
	set, err := jwk.ParseString(item.JWKS)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "read the keys of issuer %s: they cannot be read", k.issuer)
	}
	return set, nil
}
