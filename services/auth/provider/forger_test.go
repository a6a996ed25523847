package provider_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"wikibot.io/services/auth/provider"
)

const forged = "https://id.example.org/realms/one"

// forger is an issuer that does what a test wants of it, in memory: it is asked
// through its own transport, so that it runs in a bubble of testing/synctest too.
type forger struct {
	key *rsa.PrivateKey

	document func(map[string]any)               // changes the discovery document
	claims   func(map[string]any)               // changes those of the ID token
	sign     func(claims map[string]any) string // makes the ID token
	token    func(map[string]any)               // changes the answer of the token endpoint
	userinfo map[string]any                     // what the userinfo says
	instead  map[string]http.HandlerFunc        // by path, instead of everything above

	mu    sync.Mutex
	nonce string
	asked []string // methods and addresses, in order
}

// rsaKey is one for all forgers: to make one takes longer than their tests.
var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func newForger(t *testing.T) *forger {
	t.Helper()
	k, err := rsaKey()
	if err != nil {
		t.Fatal(err)
	}
	f := &forger{key: k, instead: map[string]http.HandlerFunc{}}
	none := func(map[string]any) {}
	f.document, f.claims, f.token = none, none, none
	f.sign = func(c map[string]any) string { return f.signed(t, jose.RS256, f.key, c) }
	return f
}

func (f *forger) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	f.asked = append(f.asked, r.Method+" "+r.URL.String())
	f.mu.Unlock()
	w := httptest.NewRecorder()
	f.serve(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

func (f *forger) requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.asked...)
}

func (f *forger) serve(w http.ResponseWriter, r *http.Request) {
	if h, ok := f.instead[r.URL.Path]; ok {
		h(w, r)
		return
	}
	switch r.URL.Path {
	case "/realms/one/.well-known/openid-configuration":
		doc := map[string]any{
			"issuer": forged, "authorization_endpoint": "https://id.example.org/authorize", "token_endpoint": "https://id.example.org/token",
			"jwks_uri": "https://id.example.org/keys", "userinfo_endpoint": "https://id.example.org/userinfo",
			"id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"},
		}
		f.document(doc)
		answer(w, doc)
	case "/keys":
		answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &f.key.PublicKey, KeyID: "one", Algorithm: "RS256", Use: "sig"}}})
	case "/token":
		now := time.Now()
		c := map[string]any{
			"iss": forged, "sub": "248289761001", "aud": "wikibot", "nonce": f.nonce, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
			"email": "ada@example.org", "email_verified": true, "name": "Ada Lovelace", "preferred_username": "ada",
		}
		f.claims(c)
		a := map[string]any{"access_token": "the access token", "token_type": "Bearer", "refresh_token": "the refresh token", "id_token": f.sign(c)}
		f.token(a)
		answer(w, a)
	case "/userinfo":
		answer(w, f.userinfo)
	default:
		http.NotFound(w, r)
	}
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// signed makes a JWT by any algorithm and key.
func (f *forger) signed(t *testing.T, alg jose.SignatureAlgorithm, key any, claims map[string]any) string {
	t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", "one"))
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	j, err := s.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := j.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// unsigned makes a JWT that says of itself that nobody has signed it.
func unsigned(claims map[string]any) string { return unfinished("none", claims) + "." }

// hs256 makes a JWT by a key of any length, which libraries refuse to do.
func hs256(key []byte, claims map[string]any) string {
	text := unfinished("HS256", claims)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// unfinished is a JWT but for the signature.
func unfinished(alg string, claims map[string]any) string {
	payload, _ := json.Marshal(claims) // made of strings and numbers
	b := base64.RawURLEncoding
	return b.EncodeToString([]byte(`{"alg":"`+alg+`","typ":"JWT","kid":"one"}`)) + "." + b.EncodeToString(payload)
}

func (f *forger) provider(t *testing.T) provider.Provider {
	t.Helper()
	return newOIDC(t, provider.OIDCOptions{
		Issuer: forged, ClientID: "wikibot", ClientSecret: secret, Client: &http.Client{Transport: f},
	})
}

// signIn goes through a whole attempt, and comes back with these parameters too.
func (f *forger) signIn(t *testing.T, p provider.Provider, more url.Values) (provider.Person, error) {
	t.Helper()
	a := newAttempt("")
	f.nonce = a.Nonce
	if _, err := p.Begin(t.Context(), a); err != nil {
		return provider.Person{}, err
	}
	q := url.Values{"code": {"the code"}, "state": {a.State}}
	maps.Copy(q, more)
	return p.Finish(t.Context(), a, q)
}
