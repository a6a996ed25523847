package signing_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"
	"github.com/lestrrat-go/jwx/v2/jwk"

	"wikibot.io/pkg/identity/keyvault/keyvaulttest"
)

// TestPrivateKeyInTheTable (CWE-312): every function reads the table, so nothing
// of a private key may ever be in it. The test looks at the raw items, for each
// private number of each key there was, as the secret spells it.
func TestPrivateKeyInTheTable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 2 {
		if err := w.process(t).Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.pass(maxAge)
	}
	out, err := emulator.DynamoDB().Scan(t.Context(), &dynamodb.ScanInput{TableName: &w.table})
	if err != nil || len(out.Items) != 1 {
		t.Fatalf("%d items, %v, want one", len(out.Items), err)
	}
	var raw strings.Builder
	for name, value := range out.Items[0] {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&raw, "%s %s\n", name, text)
	}
	keys := 0
	for _, text := range w.secrets.Versions(w.secret) {
		var doc struct {
			Keys []struct{ JWK map[string]string }
		}
		if err := json.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		for _, k := range doc.Keys {
			keys++
			if !strings.Contains(raw.String(), k.JWK["n"]) {
				t.Error("the table lacks a public key: this test sees nothing")
			}
			for _, member := range []string{"d", "p", "q", "dp", "dq", "qi"} { // RFC 7518 section 6.3.2
				if k.JWK[member] == "" || strings.Contains(raw.String(), k.JWK[member]) {
					t.Errorf("the table holds the private number %s of a key", member)
				}
			}
		}
	}
	if keys != 3 { // one in the first version, two in the second
		t.Errorf("%d keys in all versions, want 3", keys)
	}
}

// TestPrivateKeyServed: nor in what is served as the public set.
func TestPrivateKeyServed(t *testing.T) {
	w := newWorld(t)
	set, err := w.process(t).PublicKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	key, _ := set.Key(0)
	members := map[string]bool{}
	for m := key.Iterate(t.Context()); m.Next(t.Context()); {
		members[m.Pair().Key.(string)] = true
	}
	want := map[string]bool{"kty": true, "kid": true, "alg": true, "use": true, "n": true, "e": true}
	if diff := cmp.Diff(want, members); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	if private, err := jwk.IsPrivateKey(key); err != nil || private {
		t.Errorf("private %v, %v", private, err)
	}
}

// TestSwappedSecret: a version of the secret that holds another key under a kid
// that is published signs nothing; nobody could verify it.
func TestSwappedSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.process(t).kid(t)
	other := newWorld(t)
	other.process(t).kid(t)
	forged := keyvaulttest.New(keyvaulttest.Options{})
	arn := forged.Create("signing-keys")
	ours, theirs := firstKey(t, w), firstKey(t, other)
	for id := range w.secrets.Versions(w.secret) {
		forged.Set(arn, id, strings.ReplaceAll(theirs, kidOf(t, theirs), kidOf(t, ours)))
	}
	w.secrets, w.secret = forged, arn
	if key, err := w.process(t).SigningKey(t.Context()); err == nil {
		t.Errorf("it signs with %s", key.KeyID())
	}
}

func firstKey(t *testing.T, w *world) string {
	t.Helper()
	for _, text := range w.secrets.Versions(w.secret) {
		if strings.Contains(text, `"d":`) {
			return text
		}
	}
	t.Fatal("no version holds a key")
	return ""
}

func kidOf(t *testing.T, text string) string {
	t.Helper()
	var doc struct{ Keys []struct{ KID string } }
	if err := json.Unmarshal([]byte(text), &doc); err != nil || len(doc.Keys) != 1 {
		t.Fatalf("%d keys, %v, want one", len(doc.Keys), err)
	}
	return doc.Keys[0].KID
}
