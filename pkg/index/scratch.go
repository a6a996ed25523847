package index

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// scratch is a cache's own folder below the shared one. While it is in use a
// lock is held on a file in it, which the system releases when the process
// ends however it ends; folders without a holder are removed by whoever comes
// next.
type scratch struct {
	dir  string
	lock *os.File
}

const (
	scratchPrefix = "cache-"
	lockFile      = "lock"
)

func newScratch(parent string) (*scratch, error) {
	parent, err := filepath.Abs(parent)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return nil, err
	}
	// The whole folder is locked while folders come and go: otherwise a new one
	// could be removed between being made and being locked.
	door, err := os.Open(parent)
	if err != nil {
		return nil, err
	}
	defer door.Close()
	if err := syscall.Flock(int(door.Fd()), syscall.LOCK_EX); err != nil {
		return nil, err
	}
	if err := sweep(parent); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(parent, scratchPrefix)
	if err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		return nil, err
	}
	return &scratch{dir: dir, lock: lock}, nil
}

// sweep removes the folders that nobody holds.
func sweep(parent string) error {
	list, err := os.ReadDir(parent)
	if err != nil {
		return err
	}
	for _, e := range list {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), scratchPrefix) {
			continue
		}
		dir := filepath.Join(parent, e.Name())
		lock, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR, 0)
		if err == nil {
			held := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
			_ = lock.Close()
			if held != nil {
				continue
			}
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

// folder makes a new folder for one copy.
func (s *scratch) folder() (string, error) { return os.MkdirTemp(s.dir, "copy-") }

func (s *scratch) close() error {
	err := os.RemoveAll(s.dir)
	_ = s.lock.Close()
	return err
}
