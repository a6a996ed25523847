package keydir_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/contracts/events"
	"wikibot.io/pkg/identity"
	"wikibot.io/pkg/identity/keydir"
)

func kids(t *testing.T, k *keydir.Keys) []string {
	t.Helper()
	set, err := k.PublicKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for i := range set.Len() {
		key, _ := set.Key(i)
		all = append(all, key.KeyID())
	}
	return all
}

// TestLifeOfAKey follows one through its stations, as the server sees it and as
// an operator's process does that starts anew each time.
func TestLifeOfAKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		server := open(t, dir)
		first := kid(t, server)
		step := func(pass time.Duration, signs string, published ...string) {
			t.Helper()
			time.Sleep(pass)
			operator := open(t, dir)
			if err := operator.Rotate(t.Context()); err != nil {
				t.Fatal(err)
			}
			for who, k := range map[string]*keydir.Keys{"the server": server, "the operator": operator} {
				if diff := cmp.Diff(published, kids(t, k)); diff != "" {
					t.Errorf("%s publishes (-want +got):\n%s", who, diff)
				}
				if got := kid(t, k); got != signs {
					t.Errorf("%s signs with %s, want %s", who, got, signs)
				}
			}
		}
		step(0, first, first)
		step(keydir.MaxAge-time.Minute, first, first)
		time.Sleep(time.Minute)
		if err := open(t, dir).Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		second := kids(t, server)[0]
		if second == first {
			t.Fatal("no second key")
		}
		step(0, first, second, first)
		step(time.Hour-time.Second, first, second, first)
		step(time.Second, second, second, first) // an hour after it was published
		step(48*time.Hour-time.Second, second, second, first)
		step(time.Second, second, second) // nothing that the first key signed can be alive
	})
}

// TestRotateNow: begun by another process than the one that serves, which is not
// told. While the new key waits for its hour another one is not begun.
func TestRotateNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		server := open(t, dir)
		first := kid(t, server)
		begin := func() {
			t.Helper()
			if err := open(t, dir).RotateNow(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		begin()
		begin()
		published := kids(t, server)
		if len(published) != 2 || published[1] != first || kid(t, server) != first {
			t.Fatalf("published %v, want a new key beside %s, which signs still", published, first)
		}
		time.Sleep(time.Hour)
		if got := kid(t, server); got != published[0] {
			t.Errorf("after an hour %s signs, want %s", got, published[0])
		}
		if identity.KeySpread >= time.Hour {
			t.Errorf("verifiers need %v to know a key", identity.KeySpread)
		}
	})
}

// TestReplace: within seconds the server signs with a key that nobody had before,
// and serves no other.
func TestReplace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		server := open(t, dir)
		first := kid(t, server)
		operator := open(t, dir)
		if err := operator.RotateNow(t.Context()); err != nil {
			t.Fatal(err)
		}
		waiting := kids(t, server)[0]
		if err := operator.Replace(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		third := kid(t, server)
		if third == first || third == waiting {
			t.Errorf("a key that may have got out signs")
		}
		if diff := cmp.Diff([]string{third}, kids(t, server)); diff != "" {
			t.Errorf("published (-want +got):\n%s", diff)
		}
		if files := keyFiles(t, dir); len(files) != 1 {
			t.Errorf("the folder holds %q", files)
		}
	})
}

// TestClockSetBack: if no key's time has come, by a clock that was set back, the
// oldest signs: verifiers know it, and to refuse sign-ins would help nobody.
func TestClockSetBack(t *testing.T) {
	dir := t.TempDir()
	k := open(t, dir)
	want := kid(t, k)
	from, to := filepath.Join(dir, keyFiles(t, dir)[0]), filepath.Join(dir, events.NewID(time.Now().Add(time.Hour))+".pem")
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
	later := open(t, dir)
	if got := kid(t, later); got != want {
		t.Errorf("%s signs, want %s", got, want)
	}
	if err := later.RotateNow(t.Context()); err != nil || len(keyFiles(t, dir)) != 1 {
		t.Errorf("%v; the folder holds %q, want the key that waits for its hour", err, keyFiles(t, dir))
	}
}

// TestLeftovers: a process that was killed while it made a key leaves an
// unfinished file, which is no key, and does not stay.
func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	k := open(t, dir)
	path := filepath.Join(dir, ".new-123")
	if err := os.WriteFile(path, []byte("-----BEGIN PRIV"), 0o600); err != nil {
		t.Fatal(err)
	}
	rotate := func(want int) {
		t.Helper()
		if err := k.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if files := keyFiles(t, dir); len(files) != want || len(kids(t, k)) != 1 {
			t.Errorf("the folder holds %q", files)
		}
	}
	rotate(2) // it may be another process's, at this moment
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(-2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	rotate(1)
}

// TestTrouble: what cannot be read is an error, never an empty set of keys or a
// key that was replaced.
func TestTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "keys")
		k := open(t, dir)
		file := filepath.Join(dir, keyFiles(t, dir)[0])
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		if key, err := k.SigningKey(t.Context()); err == nil {
			t.Errorf("signs with %s, which is gone", key.KeyID())
		}
		if set, err := k.PublicKeys(t.Context()); err == nil {
			t.Errorf("serves %d keys of an empty folder", set.Len())
		}
		if err := k.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{kid(t, k)}, kids(t, k)); diff != "" {
			t.Errorf("a folder that was emptied gets a key that signs at once (-want +got):\n%s", diff)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		if _, err := k.SigningKey(t.Context()); err == nil || !strings.Contains(err.Error(), "key folder") {
			t.Errorf("without a folder: %v", err)
		}
	})
}

func TestSchedules(t *testing.T) {
	got := slices.Sorted(maps.Keys(open(t, t.TempDir()).Schedules()))
	if diff := cmp.Diff([]string{"begin-rotation", "replace-keys", "rotate-keys"}, got); diff != "" {
		t.Errorf("schedules (-want +got):\n%s", diff)
	}
}
