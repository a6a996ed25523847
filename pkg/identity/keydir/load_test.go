package keydir_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/identity/keydir"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
)

// load is a fleet of processes on one folder, while people sign in, agents work,
// strangers make up kids and an operator rotates keys, again and again.
type load struct {
	dir   string
	hosts web.Hosts
	until time.Time

	mu       sync.Mutex // guards what follows
	sessions []identity.SessionTokens
	access   []string
	kids     map[string]bool
	verified int
}

const resource = "https://ada.wikibot.io/mcp"

// TestRotationUnderLoad: in four days, with a rotation begun every nine hours and
// the daily look beside it, no request is refused.
func TestRotationUnderLoad(t *testing.T) {
	hosts, err := web.NewHosts("https://wikibot.io")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		l := &load{dir: t.TempDir(), hosts: hosts, until: time.Now().Add(4 * 24 * time.Hour), kids: map[string]bool{}}
		var all sync.WaitGroup
		begin := func(every time.Duration, do func(*testing.T)) {
			all.Go(func() {
				for time.Now().Before(l.until) {
					do(t)
					time.Sleep(every/2 + rand.N(every))
				}
			})
		}
		var verifiers []*identity.Verifier
		for range 3 { // processes that serve
			keys := open(t, l.dir)
			begin(40*time.Minute, func(t *testing.T) { l.sign(t, keys) })
			for range 3 {
				v := identity.NewVerifier(keys, hosts)
				verifiers = append(verifiers, v)
				begin(15*time.Minute, func(t *testing.T) { l.verify(t, v) })
				begin(time.Hour, func(t *testing.T) { flood(t, v, hosts) })
			}
		}
		begin(9*time.Hour, func(t *testing.T) { l.rotate(t, verifiers) })
		begin(24*time.Hour, func(t *testing.T) {
			if err := open(t, l.dir).Rotate(t.Context()); err != nil {
				t.Error(err)
			}
		})
		all.Wait()
		if len(l.kids) < 7 || l.verified < 3000 {
			t.Errorf("%d keys signed, %d tokens verified: that shows little", len(l.kids), l.verified)
		}
		if n := len(keyFiles(t, l.dir)); n >= len(l.kids) {
			t.Errorf("%d keys are in the folder, of %d that signed: none was retired", n, len(l.kids))
		}
	})
}

// rotate begins a rotation at the worst moment: all verifiers have just looked for
// keys, and a process that knows the new one at once signs.
func (l *load) rotate(t *testing.T, verifiers []*identity.Verifier) {
	for _, v := range verifiers {
		flood(t, v, l.hosts)
	}
	keys := open(t, l.dir)
	if err := keys.RotateNow(t.Context()); err != nil {
		t.Error(err)
	}
	time.Sleep(2 * time.Second)
	l.sign(t, keys)
	for _, v := range verifiers {
		l.verify(t, v)
	}
}

func (l *load) sign(t *testing.T, keys *keydir.Keys) {
	s := identity.NewSigner(keys, l.hosts)
	session, err := s.Issue(t.Context(), records.User{ID: "ada"}, "s1", time.Now(), time.Now().Add(identity.SessionLifetime))
	if err != nil {
		t.Error(err)
	}
	access, err := s.IssueAccess(t.Context(), identity.Access{UserID: "ada", ClientID: "c", ConnectionID: "c1", Scope: "wiki:read", Resource: resource})
	if err != nil {
		t.Error(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kids[kid(t, keys)] = true
	l.sessions, l.access = append(l.sessions, session), append(l.access, access)
}

// verify shows the newest tokens, and some that are alive still.
func (l *load) verify(t *testing.T, v *identity.Verifier) {
	l.mu.Lock()
	n := len(l.sessions)
	if n == 0 {
		l.mu.Unlock()
		return
	}
	i := n - 1 - rand.N(min(n, 110)) // of the last day or so
	newest, session, access := l.sessions[n-1], l.sessions[i], l.access[i]
	l.verified += 3
	l.mu.Unlock()
	for _, s := range []identity.SessionTokens{newest, session} {
		if _, err := v.Verify(t.Context(), s.Root, identity.RootAudience(l.hosts)); err != nil && time.Now().Before(s.ExpiresAt) {
			t.Errorf("%v: a session is refused: %v", time.Now(), err)
		}
	}
	if time.Now().Before(session.ExpiresAt) {
		if _, err := v.VerifyAccess(t.Context(), access, resource); err != nil {
			t.Errorf("%v: an access token is refused: %v", time.Now(), err)
		}
	}
}

// flood shows a verifier tokens with made-up kids, so that it has just looked for
// keys and will not look again for a while.
func flood(t *testing.T, v *identity.Verifier, hosts web.Hosts) {
	enc := base64.RawURLEncoding.EncodeToString
	for i := range 3 {
		token := enc(fmt.Appendf(nil, `{"alg":"RS256","kid":"made-up %d"}`, i)) + "." + enc([]byte("{}")) + "." + enc([]byte("x"))
		if _, err := v.Verify(t.Context(), token, hosts.Root("")); err == nil {
			t.Error("a made-up token is a session")
		}
	}
}
