package signing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"

	"wikibot.io/pkg/identity/keyvault/internal/keytable"
)

// ring is the item of the table together with the version of the secret that it
// names. It does not change.
type ring struct {
	state   keytable.State
	bundle  bundle
	private map[string]jwk.Key // by kid; of published keys only
}

func newRing(s keytable.State, b bundle) (*ring, error) {
	r := &ring{s, b, map[string]jwk.Key{}}
	published := map[string]bool{}
	for _, entry := range s.Keys {
		published[entry.KID] = publishes(entry)
	}
	for _, k := range b.Keys {
		if !published[k.KID] {
			continue
		}
		key, err := k.open()
		if err != nil {
			return nil, fmt.Errorf("open signing key %s: %w", k.KID, err)
		}
		r.private[k.KID] = key
	}
	return r, nil
}

// signer returns the newest key that signs at the time. If none does yet, by a
// clock that lags, it is the oldest: nobody knows a better one. Nil if there is
// no key whose private half is known.
func (r *ring) signer(now time.Time) jwk.Key {
	var oldest jwk.Key
	for i := len(r.state.Keys) - 1; i >= 0; i-- {
		key := r.private[r.state.Keys[i].KID]
		if key == nil {
			continue
		}
		if r.state.Keys[i].SignsFrom <= now.Unix() {
			return key
		}
		oldest = key
	}
	return oldest
}

// attempts bounds how often a change is tried against others that change too.
const attempts = 4

// load reads the keys that count, and makes the first one if there is none.
func (v *Vault) load(ctx context.Context) (*ring, error) {
	for range attempts {
		s, err := v.table.Read(ctx)
		switch {
		case errors.Is(err, keytable.ErrNone):
			err = v.begin(ctx)
		case err == nil:
			var r *ring
			if r, err = v.open(ctx, s); err == nil {
				return r, nil
			}
			if errors.Is(err, errNoVersion) {
				err = v.beginAnew(ctx, s, err)
			}
		}
		if err != nil && !errors.Is(err, keytable.ErrChanged) {
			return nil, err
		}
	}
	return nil, keytable.ErrChanged
}

// open reads the private keys, unless the version that counts is held already.
func (v *Vault) open(ctx context.Context, s keytable.State) (*ring, error) {
	v.mu.RLock()
	r := v.held
	v.mu.RUnlock()
	if r != nil && r.state.SecretVersion == s.SecretVersion {
		return newRing(s, r.bundle)
	}
	b, err := v.secret.version(ctx, s.SecretVersion)
	if err != nil {
		return nil, err
	}
	return newRing(s, b)
}

// begin writes the item when there is none: from the keys that the secret holds,
// or from a first one. The label is left to Rotate, so that sign-in waits for as
// little as possible.
func (v *Vault) begin(ctx context.Context) error {
	b, version, err := v.secret.labelled(ctx)
	if err != nil {
		return err
	}
	if len(b.Keys) == 0 {
		return v.addFirst(ctx, keytable.State{})
	}
	s := keytable.State{SecretVersion: version, Changed: v.now().Unix()}
	for _, k := range b.Keys {
		public, err := k.public()
		if err != nil {
			return fmt.Errorf("publish signing key %s: %w", k.KID, err)
		}
		s.Keys = append(s.Keys, public)
	}
	return v.table.Swap(ctx, "", s)
}

// beginAnew goes on with a new key when the private halves of all that are
// published are gone for good. cause says how that showed.
func (v *Vault) beginAnew(ctx context.Context, s keytable.State, cause error) error {
	b, _, err := v.secret.labelled(ctx)
	if err != nil {
		return errors.Join(cause, err)
	}
	if len(b.Keys) > 0 || v.now().Sub(time.Unix(s.Changed, 0)) < lost {
		return cause
	}
	return v.addFirst(ctx, s)
}

// addFirst adds a key that signs at once.
func (v *Vault) addFirst(ctx context.Context, old keytable.State) error {
	now := v.now().Unix()
	k, public, err := generate(now, now)
	if err != nil {
		return err
	}
	return v.change(ctx, old, append(old.Keys[:len(old.Keys):len(old.Keys)], public), bundle{[]privateKey{k}})
}

// change makes a version of the secret and then, if the item is still the old
// one, makes it count. Else it returns keytable.ErrChanged.
func (v *Vault) change(ctx context.Context, old keytable.State, keys []keytable.Key, b bundle) error {
	version := newVersion()
	if err := v.secret.put(ctx, version, b); err != nil {
		return err
	}
	return v.table.Swap(ctx, old.SecretVersion, keytable.State{SecretVersion: version, Changed: v.now().Unix(), Keys: keys})
}
