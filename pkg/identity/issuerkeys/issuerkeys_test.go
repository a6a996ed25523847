package issuerkeys_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/lestrrat-go/jwx/v2/jwk"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity/issuerkeys"
)

// issuer is an authorization server: what it answers by path.
type issuer struct {
	*httptest.Server
	answers map[string]string
	asked   []string
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{answers: map[string]string{}}
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.asked = append(i.asked, r.URL.Path)
		text, ok := i.answers[r.URL.Path]
		if to, redirects := strings.CutPrefix(text, "-> "); redirects {
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		if !ok {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, text)
	}))
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) describe(path, name, keys string) {
	i.answers[path] = fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, name, keys)
}

func member(t *testing.T, raw any, kid string) string {
	t.Helper()
	key, err := jwk.FromRaw(raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := key.Set(jwk.KeyIDKey, kid); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func fetch(t *testing.T, name string) ([]string, jwk.Set, error) {
	t.Helper()
	s, err := issuerkeys.New(name, nil)
	if err != nil {
		t.Fatal(err)
	}
	set, err := s.PublicKeys(t.Context())
	if err != nil {
		return nil, nil, err
	}
	var kids []string
	for i := range set.Len() {
		k, _ := set.Key(i)
		kids = append(kids, k.KeyID())
	}
	return kids, set, nil
}

// TestKeys: of all that a set may hold, the public halves of what signatures can
// be checked with.
func TestKeys(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i := newIssuer(t)
	i.describe("/.well-known/openid-configuration", i.URL, i.URL+"/keys")
	i.answers["/keys"] = `{"keys":[` + strings.Join([]string{
		member(t, rsaKey.Public(), "rsa"),
		member(t, ecKey.Public(), "ec"),
		member(t, rsaKey, "private"), // a careless issuer's
		member(t, []byte("a secret that is published"), "symmetric"),
		`{"kty":"RSA","kid":"broken"}`, `{"kty":"XYZ","kid":"of a kind to come"}`, `7`,
		strings.Replace(member(t, rsaKey.Public(), ""), `"kid":"",`, "", 1),
		strings.Replace(member(t, ecKey.Public(), "elsewhere"), `{`, `{"x5u":"https://evil.example/x",`, 1),
		member(t, ecKey.Public(), "rsa"), // a kid that is taken
	}, ",") + "]}"
	kids, set, err := fetch(t, i.URL)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"rsa", "ec", "private", "elsewhere"}, kids); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{`"d":`, `"p":`, `"k":`, "evil.example"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("the set holds %s", secret)
		}
	}
}

// TestDiscovery: where issuers describe themselves, and what of it is believed.
func TestDiscovery(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set := `{"keys":[` + member(t, key.Public(), "k") + `]}`
	long := strings.Repeat(" ", 300<<10)
	for _, c := range []struct {
		why, path string // of the issuer
		prepare   func(*issuer, string)
		ok        bool
	}{
		{"OpenID Connect", "", func(i *issuer, name string) { i.describe("/.well-known/openid-configuration", name, name+"/keys") }, true},
		{"OAuth", "", func(i *issuer, name string) {
			i.describe("/.well-known/oauth-authorization-server", name, name+"/keys")
		}, true},
		{"OpenID Connect, one of many tenants", "/t/a", func(i *issuer, name string) {
			i.describe("/t/a/.well-known/openid-configuration", name, i.URL+"/keys")
		}, true},
		{"OAuth, one of many tenants", "/t/a", func(i *issuer, name string) {
			i.describe("/.well-known/oauth-authorization-server/t/a", name, i.URL+"/keys")
		}, true},
		{"nothing", "", func(*issuer, string) {}, false},
		{"mix-up: another tenant's description", "/t/a", func(i *issuer, name string) {
			i.describe("/t/a/.well-known/openid-configuration", i.URL+"/t/b", i.URL+"/keys")
		}, false},
		{"an issuer with a slash more", "", func(i *issuer, name string) {
			i.describe("/.well-known/openid-configuration", name+"/", name+"/keys")
		}, false},
		{"no keys", "", func(i *issuer, name string) { i.describe("/.well-known/openid-configuration", name, "") }, false},
		{"keys in a file", "", func(i *issuer, name string) {
			i.describe("/.well-known/openid-configuration", name, "file:///etc/passwd")
		}, false},
		{"keys that anybody on the way can change", "", func(i *issuer, name string) {
			i.describe("/.well-known/openid-configuration", name, "http://issuer.example/keys")
		}, false},
		{"SSRF: a redirect", "", func(i *issuer, name string) {
			i.answers["/.well-known/openid-configuration"] = "-> " + i.URL + "/elsewhere"
			i.describe("/elsewhere", name, name+"/keys")
		}, false},
		{"SSRF: a redirect of the keys", "", func(i *issuer, name string) {
			i.describe("/.well-known/openid-configuration", name, name+"/moved")
			i.answers["/moved"] = "-> " + i.URL + "/keys"
		}, false},
		{"a huge description", "", func(i *issuer, name string) {
			i.describe("/.well-known/openid-configuration", name, name+"/keys")
			i.answers["/.well-known/openid-configuration"] += long
		}, false},
		{"a huge set", "", func(i *issuer, name string) {
			i.describe("/.well-known/openid-configuration", name, name+"/keys")
			i.answers["/keys"] += long
		}, false},
		{"many keys", "", func(i *issuer, name string) {
			i.describe("/.well-known/openid-configuration", name, name+"/keys")
			i.answers["/keys"] = `{"keys":[` + strings.Join(slices.Repeat([]string{"{}"}, 1000), ",") + "]}"
		}, false},
		{"an empty set, which would be believed", "", func(i *issuer, name string) {
			i.describe("/.well-known/openid-configuration", name, name+"/keys")
			i.answers["/keys"] = `{"keys":[]}`
		}, false},
		{"a page", "", func(i *issuer, name string) {
			i.describe("/.well-known/openid-configuration", name, name+"/keys")
			i.answers["/keys"] = "<html>"
		}, false},
	} {
		i := newIssuer(t)
		i.answers["/keys"] = set
		c.prepare(i, i.URL+c.path)
		kids, _, err := fetch(t, i.URL+c.path)
		if (err == nil) != c.ok || err != nil && !fault.Is(err, fault.Unavailable) || c.ok && !slices.Equal(kids, []string{"k"}) {
			t.Errorf("%s: %v, %v", c.why, kids, err)
		}
		if strings.HasPrefix(c.why, "SSRF") && slices.Contains(i.asked, "/elsewhere") {
			t.Errorf("%s: it was followed: %v", c.why, i.asked)
		}
	}
}

// TestPublicIssuerPointsInward: the document of an https issuer cannot name a
// plain address of this machine.
func TestPublicIssuerPointsInward(t *testing.T) {
	inward := newIssuer(t)
	inward.answers["/keys"] = `{"keys":[]}`
	var address string
	tls := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, address, inward.URL+"/keys")
	}))
	defer tls.Close()
	address = tls.URL
	s, err := issuerkeys.New(address, tls.Client().Transport)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.PublicKeys(t.Context()); err == nil || len(inward.asked) > 0 {
		t.Errorf("%v; this machine was asked for %v", err, inward.asked)
	}
}

// TestNewRefuses: what is no issuer shows when it is configured.
func TestNewRefuses(t *testing.T) {
	for _, name := range []string{
		"", "issuer.example", "http://issuer.example", "ftp://issuer.example", "https://", "https://ada:pw@issuer.example",
		"https://issuer.example?x", "https://issuer.example/#x", "http://localhost.evil.example", "https://issuer.example/%zz",
	} {
		if _, err := issuerkeys.New(name, nil); err == nil {
			t.Errorf("%q is taken for an issuer", name)
		}
	}
	for _, name := range []string{"https://issuer.example", "https://issuer.example/t/a", "http://127.0.0.1:9", "http://[::1]:9", "http://localhost:9/x"} {
		if _, err := issuerkeys.New(name, nil); err != nil {
			t.Error(err)
		}
	}
}
