package keyvault_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/lestrrat-go/jwx/v2/jwk"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/identity/keyvault"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/dynamo/dynamolocal"
	"wikibot.io/pkg/records/dynamo/tables"
	"wikibot.io/pkg/web"
)

var emulator *dynamolocal.Server

func TestMain(m *testing.M) {
	var err error
	if emulator, err = dynamolocal.Start(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	emulator.Close()
	os.Exit(code)
}

func newTable(t *testing.T) string {
	t.Helper()
	names, err := dynamolocal.CreateTables(t.Context(), emulator.DynamoDB(), t.Name()+"-", tables.Keys)
	if err != nil {
		t.Fatal(err)
	}
	return names[tables.Keys]
}

// publish writes the item as the package's documentation describes it.
func publish(t *testing.T, table string, jwks ...string) {
	t.Helper()
	item := map[string]any{"pk": "sessions", "secret_version": "v", "changed": time.Now().Unix()}
	keys := []map[string]any{}
	for _, k := range jwks {
		keys = append(keys, map[string]any{"kid": "whatever", "created": 1, "signs_from": 1, "jwk": k})
	}
	item["keys"] = keys
	av, err := attributevalue.MarshalMap(item)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := emulator.DynamoDB().PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: av}); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, table string) *keyvault.Public {
	t.Helper()
	p, err := keyvault.NewPublic(keyvault.Options{Client: emulator.DynamoDB(), Table: table})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestWeakKeysInTheTable: whoever gets one of these into the table can still sign
// nothing that is believed.
func TestWeakKeysInTheTable(t *testing.T) {
	t.Setenv("GODEBUG", "rsa1024min=0")
	table := newTable(t)
	hosts, err := web.NewHosts("https://wikibot.io")
	if err != nil {
		t.Fatal(err)
	}
	rsaKey := func(bits int) jwk.Key {
		raw, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		return newKey(t, raw)
	}
	for _, c := range []struct {
		why    string
		key    jwk.Key
		accept bool
	}{
		{"a good one, so that the test can tell", rsaKey(2048), true},
		{"1024 bits", rsaKey(1024), false},
	} {
		publish(t, table, public(t, c.key))
		tokens, err := identity.NewSigner(signer{c.key}, hosts).Issue(t.Context(), records.User{ID: "eve"}, "s1", time.Now(), time.Now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		_, err = identity.NewVerifier(open(t, table), hosts).Verify(t.Context(), tokens.Root, hosts.Root(""))
		if (err == nil) != c.accept || err != nil && !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: %v, want accepted %v", c.why, err, c.accept)
		}
	}
	symmetric := `{"kty":"oct","kid":"hmac","alg":"HS256","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"}`
	publish(t, table, symmetric)
	// {"alg":"HS256","kid":"hmac"} . {} . (anything): the algorithm alone ends it.
	_, err = identity.NewVerifier(open(t, table), hosts).Verify(t.Context(), "eyJhbGciOiJIUzI1NiIsImtpZCI6ImhtYWMifQ.e30.eA", hosts.Root(""))
	if !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("a symmetric key: %v, want unauthenticated", err)
	}
}

func TestPublicKeysThatCannotBeHad(t *testing.T) {
	table := newTable(t)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		why     string
		ctx     context.Context
		prepare func()
		source  *keyvault.Public
	}{
		{"no key was made yet", t.Context(), func() {}, open(t, table)},
		{"no such table", t.Context(), func() {}, open(t, "nowhere")},
		{"the request is over", cancelled, func() {}, open(t, table)},
		{"an entry that is no key", t.Context(), func() { publish(t, table, "{}") }, open(t, table)},
		{"an entry that is no JSON", t.Context(), func() { publish(t, table, "") }, open(t, table)},
	} {
		c.prepare()
		if set, err := c.source.PublicKeys(c.ctx); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: %v, %v, want unavailable", c.why, set, err)
		}
	}
	if _, err := keyvault.NewPublic(keyvault.Options{Table: table}); err == nil {
		t.Error("made a source without a client")
	}
	if _, err := keyvault.NewPublic(keyvault.Options{Client: emulator.DynamoDB()}); err == nil {
		t.Error("made a source without a table")
	}
}

type signer struct{ key jwk.Key }

func (s signer) SigningKey(context.Context) (jwk.Key, error) { return s.key, nil }

func newKey(t *testing.T, raw *rsa.PrivateKey) jwk.Key {
	t.Helper()
	k, err := jwk.FromRaw(raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Set(jwk.KeyIDKey, fmt.Sprint(raw.N.BitLen())); err != nil {
		t.Fatal(err)
	}
	return k
}

func public(t *testing.T, k jwk.Key) string {
	t.Helper()
	half, err := k.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(half)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
