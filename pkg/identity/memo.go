package identity

import (
	"crypto/sha256"
	"errors"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	maxToken     = 4096            // bytes of a signed token; ours have about 700
	keepVerified = 5 * time.Minute // so long may what a retired key signed live on
	maxVerified  = 8192            // tokens kept, about 4 MB
)

// memo spares requests the arithmetic of a signature that was checked a moment
// ago. Keys are hashes, so that the process does not hold usable tokens. Nothing
// that was refused is kept: there is no end to it.
type memo[T any] struct {
	cache *lru.Cache[[sha256.Size]byte, verified[T]]
}

type verified[T any] struct {
	says  T
	until time.Time
}

func newMemo[T any]() *memo[T] {
	cache, err := lru.New[[sha256.Size]byte, verified[T]](maxVerified)
	if err != nil {
		panic(err) // the size is a positive constant
	}
	return &memo[T]{cache}
}

// of returns what the token says, by verify if that is not known. verify also
// returns when the token expires.
func (m *memo[T]) of(token string, verify func() (T, time.Time, error)) (T, error) {
	var none T
	if len(token) > maxToken {
		return none, errors.New("it is too long")
	}
	sum := sha256.Sum256([]byte(token))
	now := wallClock()
	if kept, ok := m.cache.Get(sum); ok && now.Before(kept.until) {
		return kept.says, nil
	}
	says, expires, err := verify()
	if err != nil {
		return none, err
	}
	until := now.Add(keepVerified)
	if expires.Before(until) {
		until = expires
	}
	m.cache.Add(sum, verified[T]{says, until})
	return says, nil
}
