package keydir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	// MaxAge is how long a key signs before Rotate publishes the next.
	MaxAge = 30 * 24 * time.Hour
	// lead is from when a key is published until it signs. Verifiers know it after
	// identity.KeySpread; the rest is for those that could not look.
	lead = time.Hour
	// linger is from when a key's successor signs until it is removed: twice as long
	// as anything that it signed is good.
	linger = 48 * time.Hour
)

// Rotate does what is due: it publishes a new key when the newest has signed for
// MaxAge, and removes those whose successors have signed for two days. Most days
// that is nothing. It may be called at any time, by any number of processes: two
// that publish a key each at the same time do no harm.
func (k *Keys) Rotate(context.Context) error {
	now := time.Now()
	keys, err := k.load()
	if err != nil {
		return fmt.Errorf("rotate signing keys: %w", err)
	}
	if len(keys) == 0 || now.Sub(keys[len(keys)-1].from) >= MaxAge {
		if err := k.publish(now, len(keys) == 0); err != nil {
			return fmt.Errorf("rotate signing keys: %w", err)
		}
	}
	for i := 0; i+1 < len(keys) && now.Sub(keys[i+1].from) >= linger; i++ {
		if err := k.remove(keys[i].name); err != nil {
			return fmt.Errorf("rotate signing keys: %w", err)
		}
	}
	if err := k.sweep(now); err != nil {
		return fmt.Errorf("rotate signing keys: %w", err)
	}
	return nil
}

// RotateNow publishes a new key whatever the age of the others. It signs an hour
// later; nobody is signed out. While a new key waits for its hour nothing is done.
func (k *Keys) RotateNow(context.Context) error {
	now := time.Now()
	keys, err := k.load()
	if err != nil {
		return fmt.Errorf("begin a rotation of signing keys: %w", err)
	}
	if len(keys) > 0 && keys[len(keys)-1].from.After(now) {
		return nil
	}
	if err := k.publish(now, len(keys) == 0); err != nil {
		return fmt.Errorf("begin a rotation of signing keys: %w", err)
	}
	return nil
}

// Replace makes all keys worthless, for when a private one got out: a new key
// signs at once, and the others are removed. Verifiers that have seen them forget
// them within a quarter of an hour, and everybody must sign in again.
func (k *Keys) Replace(context.Context) error {
	keys, err := k.load()
	if err != nil {
		return fmt.Errorf("replace signing keys: %w", err)
	}
	// The new one comes first: a process that dies in between leaves too many keys,
	// never none.
	if err := k.publish(time.Now(), true); err != nil {
		return fmt.Errorf("replace signing keys: %w", err)
	}
	for _, key := range keys {
		if err := k.remove(key.name); err != nil {
			return fmt.Errorf("replace signing keys: %w", err)
		}
	}
	return nil
}

// Schedules are what the fleet's clock calls once a day, rotate-keys, and what only
// people call: begin-rotation and replace-keys.
func (k *Keys) Schedules() map[string]func(context.Context) error {
	return map[string]func(context.Context) error{"rotate-keys": k.Rotate, "begin-rotation": k.RotateNow, "replace-keys": k.Replace}
}

// publish adds a key, which signs at once or when all verifiers know it.
func (k *Keys) publish(now time.Time, atOnce bool) error {
	from := now.Add(lead)
	if atOnce {
		from = now
	}
	if err := generate(k.dir, from); err != nil {
		return err
	}
	_, err := k.load()
	return err
}

func (k *Keys) remove(name string) error {
	if err := os.Remove(filepath.Join(k.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := syncDir(k.dir); err != nil {
		return err
	}
	_, err := k.load()
	return err
}

// sweep removes what processes that were killed while they made a key left.
func (k *Keys) sweep(now time.Time) error {
	entries, err := os.ReadDir(k.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !strings.HasPrefix(e.Name(), unfinished) || now.Sub(info.ModTime()) < lead {
			continue // one that is gone needs no removal
		}
		if err := k.remove(e.Name()); err != nil {
			return err
		}
	}
	return nil
}
