package keydir_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wikibot.io/pkg/identity/keydir"
)

func open(t *testing.T, dir string) *keydir.Keys {
	t.Helper()
	k, err := keydir.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func kid(t *testing.T, k *keydir.Keys) string {
	t.Helper()
	key, err := k.SigningKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return key.KeyID()
}

func keyFiles(t *testing.T, dir string) []string {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range all {
		names = append(names, e.Name())
	}
	return names
}

func TestOpen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data", "keys")
	first := open(t, dir)
	files := keyFiles(t, dir)
	if len(files) != 1 || !strings.HasSuffix(files[0], ".pem") {
		t.Fatalf("the folder holds %q, want one key and nothing else", files)
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, files[0]): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode().Perm(), want)
		}
	}
	if second := open(t, dir); kid(t, first) != kid(t, second) {
		t.Error("another key after a restart: everybody is signed out")
	}
}

// TestPublicKeysHoldNoPrivatePart: by the members of RFC 7518 section 6.3.2.
func TestPublicKeysHoldNoPrivatePart(t *testing.T) {
	set, err := open(t, t.TempDir()).PublicKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ Keys []map[string]any }
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	for _, k := range doc.Keys {
		for name := range k {
			if !strings.Contains(" alg e kid kty n use ", " "+name+" ") {
				t.Errorf("member %q is served", name)
			}
		}
		if k["kid"] == "" || k["alg"] != "RS256" || k["use"] != "sig" {
			t.Errorf("key %v", k)
		}
	}
}

// goodKey is the content of a key's file.
func goodKey(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	open(t, dir)
	text, err := os.ReadFile(filepath.Join(dir, keyFiles(t, dir)[0]))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct {
		why, content string
		mode         os.FileMode
		says         string
	}{
		{"readable by others", "", 0o644, "chmod 600"},
		{"not PEM", "hello", 0o600, "PEM"},
		{"another kind of block", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", 0o600, "PEM"},
		{"a good key under a name that is no time", goodKey(t), 0o600, "its name is no time"},
		{"cut short", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", 0o600, "asn1"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "1.pem"), []byte(c.content), c.mode); err != nil {
			t.Fatal(err)
		}
		if _, err := keydir.Open(dir); err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "1.pem") {
			t.Errorf("%s: got %v, want an error that names the file and says %q", c.why, err, c.says)
		}
	}
}
