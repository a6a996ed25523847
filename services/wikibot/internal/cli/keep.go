package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"
)

// Keep holds the tokens of one person, by the addresses of fleets, in one file
// that is theirs alone to read.
type Keep struct {
	path string
}

// Kept is the token of one fleet.
type Kept struct {
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// UserKeep is the keep in the folder where the system has people's configuration.
func UserKeep() (Keep, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return Keep{}, fmt.Errorf("find the folder for configuration: %w", err)
	}
	return Keep{filepath.Join(dir, "wikibot", "credentials.json")}, nil
}

// Path is the file's.
func (k Keep) Path() string { return k.path }

// file is what is in the file. There may be more later, so that the fleets are a
// member of their own.
type file struct {
	Servers map[string]Kept `json:"servers"`
}

// load reads the file; one that is not there holds nothing. It refuses a file
// that others can read: its tokens may be known to them already.
func (k Keep) load() (file, error) {
	none := file{Servers: map[string]Kept{}}
	info, err := os.Lstat(k.path)
	if errors.Is(err, fs.ErrNotExist) {
		return none, nil
	}
	if err != nil {
		return none, fmt.Errorf("read the kept tokens: %w", err)
	}
	if !info.Mode().IsRegular() {
		return none, fmt.Errorf("read the kept tokens: %s is no plain file: remove it and log in again", k.path)
	}
	// Windows has no such bits; there the folder's own rights do.
	if others := info.Mode().Perm() & 0o077; others != 0 && runtime.GOOS != "windows" {
		return none, fmt.Errorf("read the kept tokens: others can read or change %s (mode %04o): run chmod 600 on it, and log in again if somebody may have", k.path, info.Mode().Perm())
	}
	raw, err := os.ReadFile(k.path)
	if err != nil {
		return none, fmt.Errorf("read the kept tokens: %w", err)
	}
	f := none
	if err := json.Unmarshal(raw, &f); err != nil {
		return none, fmt.Errorf("read the kept tokens: %s is damaged: remove it and log in again", k.path)
	}
	if f.Servers == nil {
		f.Servers = none.Servers
	}
	return f, nil
}

// Servers lists the fleets of which there is a token.
func (k Keep) Servers() ([]string, error) {
	f, err := k.load()
	return slices.Sorted(maps.Keys(f.Servers)), err
}

// Get returns the token of a fleet; ok is false if there is none.
func (k Keep) Get(server string) (kept Kept, ok bool, err error) {
	f, err := k.load()
	kept, ok = f.Servers[server]
	return kept, ok, err
}

// Put keeps a token, in place of the one of that fleet before.
func (k Keep) Put(server string, kept Kept) error {
	f, err := k.load()
	if err != nil {
		return err
	}
	f.Servers[server] = kept
	return k.save(f)
}

// Remove forgets the token of a fleet.
func (k Keep) Remove(server string) error {
	f, err := k.load()
	if err != nil {
		return err
	}
	delete(f.Servers, server)
	return k.save(f)
}

// save replaces the file by a whole new one, so that neither a crash nor a reader
// at the same time meets half of it.
func (k Keep) save(f file) error {
	if err := k.write(f); err != nil {
		return fmt.Errorf("keep the tokens in %s: %w", k.path, err)
	}
	return nil
}

func (k Keep) write(f file) (err error) {
	dir := filepath.Dir(k.path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o700); err != nil { // it was there before, and open
		return err
	}
	raw, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, "credentials-*.tmp") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(tmp.Name())
		}
	}()
	_, err = tmp.Write(append(raw, '\n'))
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), k.path)
}
