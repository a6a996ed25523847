package keydir

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"
)

// reread is how long the folder is not looked at again for signing.
const reread = 2 * time.Second

// Keys is an open folder of keys. It is safe for concurrent use.
type Keys struct {
	dir string

	mu   sync.Mutex // guards what follows
	held []key      // oldest first
	read time.Time  // when
}

// key is one file.
type key struct {
	name    string
	from    time.Time // when it begins to sign
	private jwk.Key
}

// Open opens the folder and makes it, and a first key in it, where there is
// none. It refuses keys that other users of the machine can read.
func Open(dir string) (*Keys, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open key folder: %w", err)
	}
	k := &Keys{dir: dir}
	keys, err := k.load()
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		// Two processes that both find the folder empty both add one; each verifies
		// what the other signs.
		if err := generate(dir, time.Now()); err != nil {
			return nil, fmt.Errorf("make a signing key in %s: %w", dir, err)
		}
		if _, err = k.load(); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// SigningKey returns the newest of the private keys whose time has come. A key
// that another process added or removed is noticed within seconds.
func (k *Keys) SigningKey(context.Context) (jwk.Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	if now.Sub(k.read) >= reread {
		// An error is not passed over: the key that is held may have been replaced.
		if _, err := k.loadLocked(); err != nil {
			return nil, err
		}
	}
	if len(k.held) == 0 {
		return nil, fmt.Errorf("read the signing key: %s is empty", k.dir)
	}
	return signer(k.held, now).private, nil
}

// signer returns the key that signs at the time. If none does yet, by a clock
// that was set back, it is the oldest: all verifiers know that one.
func signer(keys []key, now time.Time) key {
	for _, key := range slices.Backward(keys) {
		if !key.from.After(now) {
			return key
		}
	}
	return keys[0]
}

// PublicKeys reads the folder anew and returns the public half of every key,
// newest first.
func (k *Keys) PublicKeys(context.Context) (jwk.Set, error) {
	keys, err := k.load()
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		// An empty set would be believed, and every session refused.
		return nil, fmt.Errorf("read the public keys: %s is empty", k.dir)
	}
	set := jwk.NewSet()
	for _, key := range slices.Backward(keys) {
		public, err := key.private.PublicKey()
		if err != nil {
			return nil, fmt.Errorf("take the public half of key %s: %w", key.private.KeyID(), err)
		}
		if err := set.AddKey(public); err != nil {
			return nil, fmt.Errorf("list key %s: %w", key.private.KeyID(), err)
		}
	}
	return set, nil
}

func (k *Keys) load() ([]key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.loadLocked()
}

// loadLocked reads the folder's keys. A file never changes under its name, so
// only those that are new are read.
func (k *Keys) loadLocked() ([]key, error) {
	began := time.Now()
	entries, err := os.ReadDir(k.dir) // sorted by name
	if err != nil {
		return nil, fmt.Errorf("read key folder: %w", err)
	}
	var keys []key
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), extension) {
			continue
		}
		if i := slices.IndexFunc(k.held, func(h key) bool { return h.name == e.Name() }); i >= 0 {
			keys = append(keys, k.held[i])
			continue
		}
		path := filepath.Join(k.dir, e.Name())
		key, err := readKey(path)
		if errors.Is(err, os.ErrNotExist) {
			continue // another process removed it since
		}
		if err != nil {
			return nil, fmt.Errorf("read key %s: %w", path, err)
		}
		keys = append(keys, key)
	}
	k.held, k.read = keys, began
	return keys, nil
}
