package wikibot

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// lock makes sure that one process alone serves a data folder: two dispatchers
// would deliver events twice as a rule, not as an exception. The kernel lets go
// of the lock when the process ends, however it ends.
func lock(data string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(data, "serving.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("serve from %s: another process does already", data)
	}
	return f, nil
}
