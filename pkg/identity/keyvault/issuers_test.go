package keyvault_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/lestrrat-go/jwx/v2/jwk"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/identity/keyvault"
)

// The face of the two ends.
var (
	_ identity.KeySource = (*keyvault.IssuerKeys)(nil)
	_ identity.KeySource = (*keyvault.Public)(nil)
)

// source is an issuer's set, or an error.
type source struct {
	set jwk.Set
	err error
}

func (s source) PublicKeys(context.Context) (jwk.Set, error) { return s.set, s.err }

func setOf(t *testing.T, keys ...jwk.Key) jwk.Set {
	t.Helper()
	set := jwk.NewSet()
	for _, k := range keys {
		if err := set.AddKey(k); err != nil {
			t.Fatal(err)
		}
	}
	return set
}

func rsaKey(t *testing.T, kid string) jwk.Key {
	t.Helper()
	raw, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	k := newKey(t, raw)
	if err := k.Set(jwk.KeyIDKey, kid); err != nil {
		t.Fatal(err)
	}
	return k
}

func openIssuers(t *testing.T, table string) *keyvault.Issuers {
	t.Helper()
	i, err := keyvault.NewIssuers(keyvault.Options{Client: emulator.DynamoDB(), Table: table})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// TestIssuers: what one function copies, another reads; one issuer that fails
// keeps what it had and hinders no other; our own keys are not touched.
func TestIssuers(t *testing.T) {
	table := newTable(t)
	ours := rsaKey(t, "ours")
	publish(t, table, public(t, ours))
	issuers := openIssuers(t, table)
	const a, b = "https://a.example", "https://b.example"
	if _, err := issuers.Of(a).PublicKeys(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("before the first copy: %v, want unavailable", err)
	}
	keyA, keyB := rsaKey(t, "a"), rsaKey(t, "b")
	symmetric, err := jwk.FromRaw([]byte("a secret that is published"))
	if err != nil {
		t.Fatal(err)
	}
	copies := func(from map[string]keyvault.Source) error { return issuers.Copy(t.Context(), from) }
	if err := copies(map[string]keyvault.Source{a: source{set: setOf(t, keyA, symmetric)}, b: source{set: setOf(t, keyB)}}); err != nil {
		t.Fatal(err)
	}
	err = copies(map[string]keyvault.Source{a: source{err: errors.New("no route to host")}, b: source{set: setOf(t, rsaKey(t, "b2"))}})
	if err == nil || !strings.Contains(err.Error(), a) || strings.Contains(err.Error(), b) {
		t.Errorf("one failed: %v", err)
	}
	if err := copies(map[string]keyvault.Source{b: source{set: setOf(t, symmetric)}}); err == nil {
		t.Error("a set without a public key was copied")
	}
	for issuer, want := range map[string]string{a: "a", b: "b2"} {
		set, err := openIssuers(t, table).Of(issuer).PublicKeys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(set)
		if err != nil {
			t.Fatal(err)
		}
		if set.Len() != 1 || !strings.Contains(string(text), `"kid":"`+want+`"`) || strings.Contains(string(text), `"d":`) {
			t.Errorf("%s has the keys %s, want the public half of %s alone", issuer, text, want)
		}
	}
	set, err := open(t, table).PublicKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := set.LookupKeyID("ours"); !ok || set.Len() != 1 {
		t.Errorf("our own set has %d keys", set.Len())
	}
}

// TestIssuerNamedLikeOurs: no name of an issuer reaches the item of our own keys.
func TestIssuerNamedLikeOurs(t *testing.T) {
	table := newTable(t)
	publish(t, table, public(t, rsaKey(t, "ours")))
	issuers := openIssuers(t, table)
	if err := issuers.Copy(t.Context(), map[string]keyvault.Source{"sessions": source{set: setOf(t, rsaKey(t, "evil"))}}); err != nil {
		t.Fatal(err)
	}
	set, err := open(t, table).PublicKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := set.LookupKeyID("evil"); ok {
		t.Error("an issuer's key passes for ours")
	}
}

// TestStaleIssuer: keys that nobody could fetch anew for two days are not served,
// nor is what is no set.
func TestStaleIssuer(t *testing.T) {
	table := newTable(t)
	issuers := openIssuers(t, table)
	const a = "https://a.example"
	put := func(fetched time.Time, jwks string) {
		t.Helper()
		item, err := attributevalue.MarshalMap(map[string]any{"pk": "issuer " + a, "fetched": fetched.Unix(), "jwks": jwks})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := emulator.DynamoDB().PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: item}); err != nil {
			t.Fatal(err)
		}
	}
	good := `{"keys":[` + public(t, rsaKey(t, "a")) + `]}`
	for _, c := range []struct {
		why     string
		fetched time.Time
		jwks    string
		ok      bool
	}{
		{"fetched an hour ago", time.Now().Add(-time.Hour), good, true},
		{"fetched two days ago", time.Now().Add(-49 * time.Hour), good, false},
		{"no set", time.Now(), "hello", false},
	} {
		put(c.fetched, c.jwks)
		if _, err := issuers.Of(a).PublicKeys(t.Context()); (err == nil) != c.ok || err != nil && !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: %v", c.why, err)
		}
	}
}
