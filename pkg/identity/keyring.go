package identity

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"slices"
	"sync"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"

	"wikibot.io/pkg/fault"
)

// KeySource serves the public keys (RFC 7517) of an issuer: one, or two while
// they are rotated. It may be slow; answers are kept.
type KeySource interface {
	PublicKeys(ctx context.Context) (jwk.Set, error)
}

const (
	keysFresh   = 10 * time.Minute // then a retired key is forgotten
	keysPause   = 10 * time.Second // between two looks for a kid that nobody knows
	keysTimeout = 5 * time.Second  // of one look
)

// KeySpread bounds how long it takes, after a key was published, until every
// verifier that can reach its source accepts what the key signs. Whoever rotates
// keys lets it pass before the new one signs.
const KeySpread = keysFresh + keysPause + keysTimeout + clockSkew

// publicKey is a key together with the one algorithm that it is good for.
type publicKey struct {
	alg    jwa.SignatureAlgorithm
	public any // *rsa.PublicKey or *ecdsa.PublicKey
}

// keyring keeps a source's keys by kid. A stranger who sends tokens with made-up
// kids makes it ask the source once per keysPause, not once per token.
type keyring struct {
	source KeySource
	algs   []jwa.SignatureAlgorithm // that its keys may be for

	mu      sync.RWMutex // guards what follows
	keys    map[string]*publicKey
	fetched time.Time // of keys; zero before the first success
	tried   time.Time
	failed  bool // the look at tried did

	refreshing sync.Mutex // held by the one that asks the source
}

// key returns nil and no error for a kid that the source does not have.
func (r *keyring) key(ctx context.Context, kid string) (*publicKey, error) {
	k, stale, mayAsk := r.lookup(kid)
	switch {
	case !mayAsk || k != nil && !stale:
	case k != nil:
		// Good enough for this request: only one request pays for the look.
		if r.refreshing.TryLock() {
			r.refresh(ctx)
			r.refreshing.Unlock()
		}
	default:
		r.refreshing.Lock()
		if k, _, mayAsk = r.lookup(kid); k == nil && mayAsk {
			r.refresh(ctx)
		}
		r.refreshing.Unlock()
	}
	k, _, _ = r.lookup(kid)
	r.mu.RLock()
	defer r.mu.RUnlock()
	// A kid that is unknown after a failed look may be a new key's: to call its
	// token broken would sign somebody out.
	if k == nil && r.failed {
		return nil, fault.New(fault.Unavailable, "check token: the public keys cannot be had")
	}
	return k, nil
}

func (r *keyring) lookup(kid string) (k *publicKey, stale, mayAsk bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	now := wallClock()
	return r.keys[kid], now.Sub(r.fetched) > keysFresh, r.tried.IsZero() || now.Sub(r.tried) > keysPause
}

// refresh asks the source. When that fails the keys stay as they are: a source
// that is down for a while must not sign everybody out.
func (r *keyring) refresh(ctx context.Context) {
	// The look serves all requests, so the first one's cancellation must not end it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keysTimeout)
	defer cancel()
	set, err := r.source.PublicKeys(ctx)
	now := wallClock()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tried, r.failed = now, err != nil
	if err != nil {
		return
	}
	r.keys, r.fetched = usable(set, r.algs), now
}

// wallClock is the time without the monotonic reading, which may stand still
// while a function is frozen between two requests.
func wallClock() time.Time { return time.Now().Round(0) }

// usable picks the keys for signatures by those algorithms. In particular it drops
// symmetric keys, which would turn whoever can read them into a signer, and short
// ones.
func usable(set jwk.Set, algs []jwa.SignatureAlgorithm) map[string]*publicKey {
	keys := map[string]*publicKey{}
	for i := range set.Len() {
		k, ok := set.Key(i)
		if !ok || k.KeyID() == "" {
			continue
		}
		pub := publicKeyOf(k)
		if pub == nil || !slices.Contains(algs, pub.alg) {
			continue
		}
		if alg := k.Algorithm().String(); alg != "" && alg != pub.alg.String() {
			continue
		}
		if use := k.KeyUsage(); use != "" && use != jwk.ForSignature.String() {
			continue
		}
		keys[k.KeyID()] = pub
	}
	return keys
}

// publicKeyOf returns the public half of a key that is strong enough, else nil.
func publicKeyOf(k jwk.Key) *publicKey {
	if k.KeyType() != jwa.RSA && k.KeyType() != jwa.EC {
		return nil
	}
	half, err := k.PublicKey()
	if err != nil {
		return nil
	}
	var raw any
	if half.Raw(&raw) != nil {
		return nil
	}
	switch raw := raw.(type) {
	case *rsa.PublicKey:
		if raw.N.BitLen() >= 2048 {
			return &publicKey{jwa.RS256, raw}
		}
	case *ecdsa.PublicKey:
		// ECDH refuses what is no point of the curve.
		if _, err := raw.ECDH(); err == nil && raw.Curve == elliptic.P256() {
			return &publicKey{jwa.ES256, raw}
		}
	}
	return nil
}
