// Package keydirtest opens folders of signing keys for tests. All folders of one
// test process hold the same key, because to make one takes longer than most
// tests do: a test that needs two installations whose keys differ opens its own
// with package keydir.
package keydirtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"wikibot.io/contracts/events"
	"wikibot.io/pkg/identity/keydir"
)

// made is the one key: its file, as package keydir writes it.
var made = sync.OnceValues(func() (file struct{ extension, text string }, err error) {
	dir, err := os.MkdirTemp("", "keydirtest")
	if err != nil {
		return file, err
	}
	defer os.RemoveAll(dir)
	if _, err := keydir.Open(dir); err != nil {
		return file, err
	}
	found, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(found) != 1 {
		return file, errors.Join(err, fmt.Errorf("a new folder holds %v, want one key", found))
	}
	text, err := os.ReadFile(found[0])
	file.extension, file.text = filepath.Ext(found[0]), string(text)
	return file, err
})

// New returns a folder of the test's own, which holds the key since now.
func New(t testing.TB) *keydir.Keys {
	t.Helper()
	file, err := made()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, events.NewID(time.Now())+file.extension), []byte(file.text), 0o600); err != nil {
		t.Fatal(err)
	}
	keys, err := keydir.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}
