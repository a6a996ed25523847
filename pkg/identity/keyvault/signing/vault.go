package signing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/lestrrat-go/jwx/v2/jwk"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/identity/keyvault/internal/keytable"
)

const (
	fresh   = 5 * time.Minute // then the keys are read again
	keep    = 6 * time.Hour   // so long are they used if that fails
	pause   = 2 * time.Second // between two attempts
	timeout = 8 * time.Second // of one, which may make the first key

	// lead is from when a key is published until it signs. Verifiers know it
	// after identity.KeySpread; the rest is for those that could not look.
	lead = time.Hour
	// linger is from when a key's successor signs until it is forgotten.
	linger = 48 * time.Hour
	// lost is the age from which on a version that the item names, but the secret
	// has not, is taken to be gone rather than not visible everywhere yet.
	lost = 15 * time.Minute
)

// A process that reads nothing new goes on signing with a key for keep, and what it
// signs then is good for a lifetime. A linger that is shorter does not compile.
const _ = uint64(linger - keep - identity.KeySpread - max(identity.SessionLifetime, identity.AccessLifetime))

// DefaultMaxAge is the age at which a key is replaced.
const DefaultMaxAge = 30 * 24 * time.Hour

// Options says where the keys are. All but MaxAge and Now is needed.
type Options struct {
	DynamoDB *dynamodb.Client
	Table    string // full name of tables.Keys; dynamodb:GetItem and PutItem
	Secrets  *secretsmanager.Client
	// Secret is the ARN or name; secretsmanager:GetSecretValue, PutSecretValue and
	// UpdateSecretVersionStage.
	Secret string
	MaxAge time.Duration // 0: DefaultMaxAge
	Now    func() time.Time
	Log    *slog.Logger
}

// Vault hands out the key that signs, and rotates it: it is an
// identity.SigningKeys and an identity.KeySource. It is safe for concurrent use,
// and any number of processes may have one.
type Vault struct {
	table  *keytable.Table
	secret *secret
	maxAge time.Duration
	now    func() time.Time
	log    *slog.Logger

	mu    sync.RWMutex // guards what follows
	held  *ring        // nil before the first success
	read  time.Time    // when held was what counts
	tried time.Time
	err   error // of the attempt at tried

	refreshing sync.Mutex // held by the one that reads
}

// NewVault returns the vault. It reads nothing yet.
func NewVault(o Options) (*Vault, error) {
	if o.Secrets == nil || o.Secret == "" || o.Log == nil {
		return nil, errors.New("open key vault: secrets client, secret and log are all needed")
	}
	table, err := keytable.New(o.DynamoDB, o.Table)
	if err != nil {
		return nil, err
	}
	if o.MaxAge == 0 {
		o.MaxAge = DefaultMaxAge
	}
	if o.MaxAge <= lead {
		return nil, fmt.Errorf("open key vault: keys cannot be replaced every %v, since each is known for %v before it signs", o.MaxAge, lead)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Vault{table: table, secret: &secret{o.Secrets, o.Secret}, maxAge: o.MaxAge, now: o.Now, log: o.Log}, nil
}

// Schedules are what the fleet's clock calls once a day, rotate-keys, and what only
// people call: begin-rotation and replace-keys.
func (v *Vault) Schedules() map[string]func(context.Context) error {
	return map[string]func(context.Context) error{"rotate-keys": v.Rotate, "begin-rotation": v.RotateNow, "replace-keys": v.Replace}
}

// SigningKey returns the private key that signs at present: the newest one that
// all verifiers know. An installation without keys is given its first one. Keys
// are kept for minutes, and for hours while they cannot be read anew.
func (v *Vault) SigningKey(ctx context.Context) (jwk.Key, error) {
	r, err := v.ring(ctx)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "read the signing key: it cannot be had")
	}
	key := r.signer(v.now())
	if key == nil {
		return nil, fault.New(fault.Unavailable, "read the signing key: no key that is published can sign")
	}
	return key, nil
}

// PublicKeys returns the published keys, newest first, by a strongly consistent
// read. An installation without keys is given its first one.
func (v *Vault) PublicKeys(ctx context.Context) (jwk.Set, error) {
	s, err := v.table.Read(ctx)
	if errors.Is(err, keytable.ErrNone) {
		var r *ring
		if r, err = v.refresh(ctx); err == nil {
			s = r.state
		}
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

// ring returns the keys, read anew if they are no longer fresh.
func (v *Vault) ring(ctx context.Context) (*ring, error) {
	r, due, usable := v.lookup()
	switch {
	case usable && !due:
		return r, nil
	case usable:
		// Good enough for this request: only one request pays for the look.
		if v.refreshing.TryLock() {
			defer v.refreshing.Unlock()
			if anew, err := v.refreshLocked(ctx); err == nil {
				return anew, nil
			}
		}
		return r, nil
	}
	return v.refresh(ctx)
}

// lookup returns what is held, whether it is time to read it again, and whether
// it may be used.
func (v *Vault) lookup() (r *ring, due, usable bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	now := v.wallClock()
	age := now.Sub(v.read)
	return v.held, age > fresh && now.Sub(v.tried) > pause, v.held != nil && age <= keep
}

// refresh reads the keys for callers that have none. Those who come while one
// reads, or shortly after it failed, share its result.
func (v *Vault) refresh(ctx context.Context) (*ring, error) {
	v.refreshing.Lock()
	defer v.refreshing.Unlock()
	v.mu.RLock()
	r, err, recent := v.held, v.err, v.wallClock().Sub(v.tried) <= pause
	v.mu.RUnlock()
	if recent {
		return r, err
	}
	return v.refreshLocked(ctx)
}

func (v *Vault) refreshLocked(ctx context.Context) (*ring, error) {
	// The look serves all requests, so the first one's cancellation must not end it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	began := v.wallClock()
	r, err := v.load(ctx)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tried, v.err = v.wallClock(), err
	if err != nil {
		if v.held != nil {
			v.log.LogAttrs(ctx, slog.LevelWarn, "signing keys could not be read anew", slog.Time("read", v.read), slog.Any("error", err))
		}
		return nil, err
	}
	v.held, v.read = r, began
	return r, nil
}

// wallClock has no monotonic reading, which may stand still while a function is
// frozen between two requests.
func (v *Vault) wallClock() time.Time { return v.now().Round(0) }
