package auth

import (
	"bytes"
	"testing"
	"time"
)

// TestSealed: what is sealed opens with its secret, about its own thing, and as it
// was.
func TestSealed(t *testing.T) {
	secret, plain := newSecret(), []byte("refresh token")
	sealed, err := seal(secret, "session a", plain)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := unseal(secret, "session a", sealed); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("unseal: %q, %v", got, err)
	}
	again, err := seal(secret, "session a", plain)
	if err != nil || bytes.Equal(again, sealed) {
		t.Error("sealing twice gives the same, so a swap could not tell them apart")
	}
	for why, open := range map[string]func() ([]byte, error){
		"another secret":  func() ([]byte, error) { return unseal(newSecret(), "session a", sealed) },
		"another session": func() ([]byte, error) { return unseal(secret, "session b", sealed) },
		"a flipped bit": func() ([]byte, error) {
			return unseal(secret, "session a", append([]byte{sealed[0] ^ 1}, sealed[1:]...))
		},
		"cut short": func() ([]byte, error) { return unseal(secret, "session a", sealed[:8]) },
		"nothing":   func() ([]byte, error) { return unseal(secret, "session a", nil) },
	} {
		if got, err := open(); err == nil {
			t.Errorf("%s: opened as %q", why, got)
		}
	}
}

// A clock that was far ahead, and was set right, keeps no provider from being asked.
func TestProviderIsAskedAfterAClockWasSetBack(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		asked time.Duration // from now
		due   bool
	}{{0, false}, {-askEvery, true}, {1 - askEvery, false}, {time.Second, false}, {askEvery, true}, {365 * 24 * time.Hour, true}} {
		if got := (bond{Asked: now.Add(c.asked)}).due(now); got != c.due {
			t.Errorf("asked %v from now: due %v", c.asked, got)
		}
	}
}
