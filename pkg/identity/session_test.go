package identity_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/web"
)

// newKey makes RSA keys once for all tests: they take a while.
var newKey = func() func(kid string) jwk.Key {
	var mu sync.Mutex
	keys := map[string]jwk.Key{}
	return func(kid string) jwk.Key {
		mu.Lock()
		defer mu.Unlock()
		if keys[kid] == nil {
			raw, err := rsa.GenerateKey(rand.Reader, 2048)
			if err != nil {
				panic(err)
			}
			keys[kid] = withKid(raw, kid)
		}
		return keys[kid]
	}
}()

func withKid(raw any, kid string) jwk.Key {
	k, err := jwk.FromRaw(raw)
	if err != nil {
		panic(err)
	}
	if err := k.Set(jwk.KeyIDKey, kid); err != nil {
		panic(err)
	}
	return k
}

// keys is a source whose keys can be changed and that counts how often it is
// asked.
type keys struct {
	mu      sync.Mutex
	private []jwk.Key // the first signs
	extra   []jwk.Key // published as they are
	down    error
	asked   int
}

func (k *keys) SigningKey(context.Context) (jwk.Key, error) { return k.private[0], nil }

func (k *keys) PublicKeys(context.Context) (jwk.Set, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked++
	if k.down != nil {
		return nil, k.down
	}
	set := jwk.NewSet()
	for _, p := range k.private {
		pub, err := p.PublicKey()
		if err != nil {
			return nil, err
		}
		if err := set.AddKey(pub); err != nil {
			return nil, err
		}
	}
	for _, e := range k.extra {
		if err := set.AddKey(e); err != nil {
			return nil, err
		}
	}
	return set, nil
}

func newHosts(t *testing.T) web.Hosts {
	t.Helper()
	h, err := web.NewHosts("https://wikibot.io")
	if err != nil {
		t.Fatal(err)
	}
	return h
}

var ada = records.User{ID: id("ada"), Username: "ada", Email: "ada@example.org", DisplayName: "Ada"}

// id is a ULID that ends in a few letters of its alphabet.
func id(tail string) string { return "01h" + strings.Repeat("z", 23-len(tail)) + tail }

func issue(t *testing.T, k *keys, expires time.Time) identity.SessionTokens {
	t.Helper()
	s, err := identity.NewSigner(k, newHosts(t)).Issue(t.Context(), ada, "s1", time.Now(), expires)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSessionRoundTrip(t *testing.T) {
	k, h := &keys{private: []jwk.Key{newKey("a")}}, newHosts(t)
	expires := time.Now().Add(time.Hour).Truncate(time.Second)
	tokens := issue(t, k, expires)
	v := identity.NewVerifier(k, h)
	got, err := v.Verify(t.Context(), tokens.Root, "https://wikibot.io")
	if err != nil {
		t.Fatal(err)
	}
	got.IssuedAt = time.Time{}
	want := identity.Claims{UserID: ada.ID, SessionID: "s1", Email: "ada@example.org", Username: "ada", Audience: "https://wikibot.io", ExpiresAt: expires.UTC()}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := v.Verify(t.Context(), tokens.Wikis, "https://*.wikibot.io"); err != nil {
		t.Error(err)
	}
}

// forge signs claims of the attacker's choice.
func forge(t *testing.T, alg jwa.SignatureAlgorithm, key any, header, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	h := jws.NewHeaders()
	for name, v := range header {
		if err := h.Set(name, v); err != nil {
			t.Fatal(err)
		}
	}
	signed, err := jws.Sign(payload, jws.WithKey(alg, key, jws.WithProtectedHeaders(h)))
	if err != nil {
		t.Fatal(err)
	}
	return string(signed)
}

// signRaw signs with RS256 what it is given, byte for byte.
func signRaw(t *testing.T, key jwk.Key, header, payload string) string {
	t.Helper()
	enc := base64.RawURLEncoding.EncodeToString
	text := enc([]byte(header)) + "." + enc([]byte(payload))
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(nil, rawOf(t, key), crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + enc(sig)
}

// TestForgedSessions: each is refused, and nothing about why is told.
func TestForgedSessions(t *testing.T) {
	k, h := &keys{private: []jwk.Key{newKey("a")}}, newHosts(t)
	secret := []byte("symmetric keys have no business in a public set")
	symmetric := withKid(secret, "hmac")
	k.extra = append(k.extra, symmetric)
	now := time.Now().Unix()
	claims := func(change map[string]any) map[string]any {
		c := map[string]any{"iss": "https://wikibot.io", "aud": "https://wikibot.io", "sub": ada.ID, "sid": "s1", "iat": now, "exp": now + 3600}
		for name, v := range change {
			if v == nil {
				delete(c, name)
			} else {
				c[name] = v
			}
		}
		return c
	}
	kid := map[string]any{"kid": "a", "typ": "JWT"}
	signed := func(change map[string]any) string { return forge(t, jwa.RS256, newKey("a"), kid, claims(change)) }
	good := signed(nil)
	parts := strings.Split(good, ".")
	enc := base64.RawURLEncoding.EncodeToString
	none := enc([]byte(`{"alg":"none","kid":"a"}`)) + "." + parts[1] + "."

	for _, c := range []struct{ why, token string }{
		{"empty", ""},
		{"no token", "wbt_nonsense"},
		{"alg none", none},
		{"alg none, spelled otherwise", enc([]byte(`{"alg":"NoNe","kid":"a"}`)) + "." + parts[1] + "."},
		{"alg none with the old signature", none + parts[2]},
		{"HS256 with the public key as secret", forge(t, jwa.HS256, publicPEM(t, newKey("a")), kid, claims(nil))},
		{"HS256 with a symmetric key of the set", forge(t, jwa.HS256, secret, map[string]any{"kid": "hmac"}, claims(nil))},
		{"RS512 with the right key", forge(t, jwa.RS512, newKey("a"), kid, claims(nil))},
		{"another key under our kid", forge(t, jwa.RS256, withKid(rawOf(t, newKey("evil")), "a"), kid, claims(nil))},
		{"a key that travels with the token", forge(t, jwa.RS256, newKey("evil"), map[string]any{"kid": "evil", "jwk": publicOf(t, newKey("evil"))}, claims(nil))},
		{"unknown kid", forge(t, jwa.RS256, withKid(rawOf(t, newKey("a")), "b"), map[string]any{"kid": "b"}, claims(nil))},
		{"no kid", forge(t, jwa.RS256, rawOf(t, newKey("a")), nil, claims(nil))},
		{"crit that we do not understand", forge(t, jwa.RS256, newKey("a"), map[string]any{"kid": "a", "crit": []string{"x"}, "x": 1}, claims(nil))},
		{"changed payload", parts[0] + "." + enc([]byte(`{"iss":"https://wikibot.io","aud":"https://wikibot.io","sub":"01eve"}`)) + "." + parts[2]},
		{"no signature", parts[0] + "." + parts[1] + "."},
		{"four parts", good + ".x"},
		{"JSON serialization", string(jsonForm(parts))},
		{"expired", signed(map[string]any{"exp": now - 1})},
		{"expires this second", signed(map[string]any{"exp": now})},
		{"no expiry", signed(map[string]any{"exp": nil})},
		{"no issue time", signed(map[string]any{"iat": nil})},
		{"issued in the future", signed(map[string]any{"iat": now + 600})},
		{"not valid yet", signed(map[string]any{"nbf": now + 600})},
		{"another issuer", signed(map[string]any{"iss": "https://evil.example"})},
		{"no issuer", signed(map[string]any{"iss": nil})},
		{"another audience", signed(map[string]any{"aud": "https://*.wikibot.io"})},
		{"two audiences", signed(map[string]any{"aud": []string{"https://wikibot.io", "https://*.wikibot.io"}})},
		{"no audience", signed(map[string]any{"aud": nil})},
		{"no session", signed(map[string]any{"sid": nil})},
		{"session of another type", signed(map[string]any{"sid": 7})},
		{"an access token with the audience of a session", forge(t, jwa.RS256, newKey("a"), map[string]any{"kid": "a", "typ": "at+jwt"}, claims(nil))},
		{"no type", forge(t, jwa.RS256, newKey("a"), map[string]any{"kid": "a"}, claims(nil))},
		{"no subject", signed(map[string]any{"sub": nil})},
		{"subject of another type", signed(map[string]any{"sub": 7})},
		{"too long", signed(map[string]any{"pad": strings.Repeat("x", 5000)})},
	} {
		_, err := identity.NewVerifier(k, h).Verify(t.Context(), c.token, "https://wikibot.io")
		if !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: got %v, want unauthenticated", c.why, err)
			continue
		}
		if e, _ := errors.AsType[*fault.Error](err); e.Msg != "check session: it is not valid: sign in again" {
			t.Errorf("%s: the message tells why: %q", c.why, e.Msg)
		}
	}
	if _, err := identity.NewVerifier(k, h).Verify(t.Context(), good, "https://wikibot.io"); err != nil {
		t.Errorf("the session that the others were made from: %v", err)
	}
}

// TestWeakKeysAreNotUsed: a key of the set that could be broken verifies nothing.
func TestWeakKeysAreNotUsed(t *testing.T) {
	t.Setenv("GODEBUG", "rsa1024min=0")
	raw, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	k := &keys{private: []jwk.Key{withKid(raw, "weak")}}
	tokens := issue(t, k, time.Now().Add(time.Hour))
	if _, err := identity.NewVerifier(k, newHosts(t)).Verify(t.Context(), tokens.Root, "https://wikibot.io"); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("got %v, want unauthenticated", err)
	}
}

// TestSessionEndsOnTime: a kept verification does not outlive the session.
func TestSessionEndsOnTime(t *testing.T) {
	newKey("a")
	synctest.Test(t, func(t *testing.T) {
		k := &keys{private: []jwk.Key{newKey("a")}}
		v := identity.NewVerifier(k, newHosts(t))
		tokens := issue(t, k, time.Now().Add(time.Minute))
		check := func(want fault.Kind) {
			t.Helper()
			if _, err := v.Verify(t.Context(), tokens.Root, "https://wikibot.io"); fault.KindOf(err) != want {
				t.Errorf("got %v, want kind %q", err, want)
			}
		}
		check("")
		time.Sleep(59 * time.Second)
		check("")
		time.Sleep(time.Second)
		check(fault.Unauthenticated)
	})
}

// TestRotation: a new key is found at once, a retired one is forgotten in time,
// and both work in between.
func TestRotation(t *testing.T) {
	newKey("a")
	newKey("b")
	synctest.Test(t, func(t *testing.T) {
		k := &keys{private: []jwk.Key{newKey("a")}}
		v := identity.NewVerifier(k, newHosts(t))
		check := func(token string, want fault.Kind) {
			t.Helper()
			if _, err := v.Verify(t.Context(), token, "https://wikibot.io"); fault.KindOf(err) != want {
				t.Errorf("got %v, want kind %q", err, want)
			}
		}
		old := issue(t, k, time.Now().Add(24*time.Hour)).Root
		check(old, "")
		time.Sleep(time.Minute)
		k.private = []jwk.Key{newKey("b"), newKey("a")}
		fresh := issue(t, k, time.Now().Add(24*time.Hour)).Root
		check(fresh, "")
		check(old, "")
		k.private = k.private[:1]
		time.Sleep(16 * time.Minute) // the keys' and the verification's time together
		check(fresh, "")             // looks for the keys
		check(old, fault.Unauthenticated)
	})
}

// TestUnknownKidFlood: made-up kids make us ask for keys once per pause.
func TestUnknownKidFlood(t *testing.T) {
	newKey("a")
	synctest.Test(t, func(t *testing.T) {
		k := &keys{private: []jwk.Key{newKey("a")}}
		v := identity.NewVerifier(k, newHosts(t))
		raw := rawOf(t, newKey("a"))
		now := time.Now().Unix()
		flood := func() {
			for i := range 50 {
				kid := string(rune('A' + i))
				token := forge(t, jwa.RS256, withKid(raw, kid), map[string]any{"kid": kid}, map[string]any{"sub": "x", "exp": now + 60})
				if _, err := v.Verify(t.Context(), token, "https://wikibot.io"); !fault.Is(err, fault.Unauthenticated) {
					t.Fatalf("got %v, want unauthenticated", err)
				}
			}
		}
		flood()
		if k.asked != 1 {
			t.Errorf("asked for keys %d times, want 1", k.asked)
		}
		time.Sleep(11 * time.Second)
		flood()
		if k.asked != 2 {
			t.Errorf("asked for keys %d times, want 2", k.asked)
		}
	})
}

// TestKeySourceDown: sessions go on with the keys that are known; without any we
// say "try again", not "sign in again".
func TestKeySourceDown(t *testing.T) {
	newKey("a")
	newKey("b")
	synctest.Test(t, func(t *testing.T) {
		k := &keys{private: []jwk.Key{newKey("a")}, down: errors.New("no route to host")}
		v := identity.NewVerifier(k, newHosts(t))
		tokens := issue(t, k, time.Now().Add(24*time.Hour))
		for range 3 {
			if _, err := v.Verify(t.Context(), tokens.Root, "https://wikibot.io"); !fault.Is(err, fault.Unavailable) {
				t.Fatalf("got %v, want unavailable", err)
			}
		}
		k.down = nil
		time.Sleep(11 * time.Second)
		if _, err := v.Verify(t.Context(), tokens.Root, "https://wikibot.io"); err != nil {
			t.Fatal(err)
		}
		k.down = errors.New("no route to host")
		time.Sleep(time.Hour)
		if _, err := v.Verify(t.Context(), tokens.Root, "https://wikibot.io"); err != nil {
			t.Errorf("with the source down again: %v", err)
		}
		// A key that was published meanwhile: nobody can say that it is none of ours.
		newer := issue(t, &keys{private: []jwk.Key{newKey("b")}}, time.Now().Add(time.Hour))
		time.Sleep(11 * time.Second)
		if _, err := v.Verify(t.Context(), newer.Root, "https://wikibot.io"); !fault.Is(err, fault.Unavailable) {
			t.Errorf("unknown key with the source down: got %v, want unavailable", err)
		}
	})
}

func FuzzVerify(f *testing.F) {
	k := &keys{private: []jwk.Key{newKey("a")}}
	h, err := web.NewHosts("https://wikibot.io")
	if err != nil {
		f.Fatal(err)
	}
	v := identity.NewVerifier(k, h)
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJub25lIiwia2lkIjoiYSJ9.e30.")
	f.Add(`{"payload":"e30","signatures":[]}`)
	f.Fuzz(func(t *testing.T, token string) {
		if c, err := v.Verify(t.Context(), token, "https://wikibot.io"); err == nil {
			t.Errorf("%q is a session of %q", token, c.UserID)
		}
		if a, err := v.VerifyAccess(t.Context(), token, "https://ada.wikibot.io/mcp"); err == nil {
			t.Errorf("%q is an access token of %q", token, a.UserID)
		}
	})
}

func rawOf(t *testing.T, k jwk.Key) *rsa.PrivateKey {
	t.Helper()
	var raw rsa.PrivateKey
	if err := k.Raw(&raw); err != nil {
		t.Fatal(err)
	}
	return &raw
}

func publicOf(t *testing.T, k jwk.Key) jwk.Key {
	t.Helper()
	pub, err := k.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return pub
}

func publicPEM(t *testing.T, k jwk.Key) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&rawOf(t, k).PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func jsonForm(parts []string) []byte {
	b, err := json.Marshal(map[string]any{"payload": parts[1], "signatures": []any{map[string]any{"protected": parts[0], "signature": parts[2]}}})
	if err != nil {
		panic(err)
	}
	return b
}
