package signing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"wikibot.io/pkg/identity/keyvault/internal/keytable"
)

// Rotate does what is due: it makes the first key, publishes a new one beside a
// key that has reached its age, forgets those whose sessions have all ended, and
// completes what a run that was killed left undone. Most days that is nothing. It
// may be called at any time, by any number of processes; an error means that
// something is left for the next run, never that keys are worse than before.
func (v *Vault) Rotate(ctx context.Context) error {
	err := v.rotate(ctx, v.maxAge)
	if err == nil {
		err = v.tidy(ctx)
	}
	if err != nil {
		return fmt.Errorf("rotate signing keys: %w", err)
	}
	return nil
}

// RotateNow is Rotate that publishes a new key whatever the age of the others. It
// signs lead later; nobody is signed out. While a new key waits for its hour none
// is added.
func (v *Vault) RotateNow(ctx context.Context) error {
	err := v.rotate(ctx, 0)
	if err == nil {
		err = v.tidy(ctx)
	}
	if err != nil {
		return fmt.Errorf("begin a rotation of signing keys: %w", err)
	}
	return nil
}

// Replace makes all keys worthless, for when a private one got out: a new key
// signs at once, and the others are no longer published. Verifiers that have seen
// them forget them within a quarter of an hour, and everybody must sign in again.
func (v *Vault) Replace(ctx context.Context) error {
	now := v.now().Unix()
	k, public, err := generate(now, now)
	if err != nil {
		return fmt.Errorf("replace signing keys: %w", err)
	}
	for range attempts {
		var s keytable.State
		if s, err = v.table.Read(ctx); err != nil && !errors.Is(err, keytable.ErrNone) {
			break
		}
		if err = v.change(ctx, s, []keytable.Key{public}, bundle{[]privateKey{k}}); !errors.Is(err, keytable.ErrChanged) {
			break
		}
	}
	if err == nil {
		err = v.tidy(ctx)
	}
	if err != nil {
		return fmt.Errorf("replace signing keys: %w", err)
	}
	return nil
}

// rotate gives a successor to a newest key that is of that age and signs.
func (v *Vault) rotate(ctx context.Context, age time.Duration) error {
	for range attempts {
		r, err := v.load(ctx)
		if err != nil {
			return err
		}
		retired, old := v.due(r.state, age)
		if retired == 0 && !old {
			return nil
		}
		keys := append([]keytable.Key(nil), r.state.Keys[retired:]...)
		b := bundle{[]privateKey{}}
		for _, k := range r.bundle.Keys {
			if has(keys, k.KID) {
				b.Keys = append(b.Keys, k)
			}
		}
		if old {
			k, public, err := generate(v.now().Unix(), v.now().Add(lead).Unix())
			if err != nil {
				return err
			}
			keys, b.Keys = append(keys, public), append(b.Keys, k)
		}
		if err := v.change(ctx, r.state, keys, b); !errors.Is(err, keytable.ErrChanged) {
			return err
		}
	}
	return keytable.ErrChanged
}

// due says how many keys, from the oldest on, are to be forgotten, and whether
// the newest is of an age for a successor.
func (v *Vault) due(s keytable.State, age time.Duration) (retired int, old bool) {
	now := v.now()
	for retired < len(s.Keys) {
		superseded, ok := s.Superseded(retired)
		if !ok || now.Before(superseded.Add(linger)) {
			break
		}
		retired++
	}
	if len(s.Keys) == 0 {
		return 0, true
	}
	newest := s.Keys[len(s.Keys)-1]
	return retired, now.Unix() >= newest.SignsFrom && now.Unix()-newest.Created >= int64(age.Seconds())
}

func has(keys []keytable.Key, kid string) bool {
	for _, k := range keys {
		if k.KID == kid {
			return true
		}
	}
	return false
}

// tidy labels the version that counts as the current one, which keeps Secrets
// Manager from deleting it and shows people what is in use. The label is read
// before the item: were it the other way round, a slow run could move the label
// back to a version that no longer counts.
func (v *Vault) tidy(ctx context.Context) error {
	var failed error
	for range attempts {
		_, labelled, err := v.secret.labelled(ctx)
		if err != nil {
			return err
		}
		s, err := v.table.Read(ctx)
		if err != nil {
			return err
		}
		if labelled == s.SecretVersion {
			return nil
		}
		// It may have been done although the answer got lost, or by another run, so
		// an error is only looked at if the next look finds nothing changed.
		failed = v.secret.label(ctx, labelled, s.SecretVersion)
	}
	return failed
}
