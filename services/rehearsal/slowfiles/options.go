package slowfiles

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// The kinds of operations, as counted; the package comment says what is which.
const (
	Open    = "open"
	Create  = "create"
	Stat    = "stat"
	List    = "list"
	Read    = "read"
	Write   = "write"
	Sync    = "sync"
	Rename  = "rename"
	Remove  = "remove"
	Mkdir   = "mkdir"
	Link    = "link"
	Setattr = "setattr"
	Lock    = "lock"
	Map     = "map"
	// Refused are those that ReadOnly refuses, of whatever kind.
	Refused = "refused"
)

// Options says which files are slow, and how they fare.
type Options struct {
	// Folders are the slow folders; they exist.
	Folders []string
	// Delay is added to each operation that costs a round trip; 0 only counts.
	Delay time.Duration
	// FailureRate is the share of these operations that fail, from 0 to 1: with
	// EIO or ESTALE, or with ENOSPC if they would write.
	FailureRate float64
	// ReadOnly refuses whatever would change something in the folders, with EROFS,
	// as a file system that was mounted without the right to write does.
	ReadOnly bool
	// Seed makes failures repeatable as far as the operations' order is.
	Seed uint64
	// Launcher is the program services/rehearsal/cmd/slowfiles. "" means that New
	// builds it, with the go command, and Close removes it.
	Launcher string
}

// check finds everything that is wrong and returns the folders as the kernel
// names them.
func (o Options) check() (folders []string, err error) {
	var wrong []error
	if len(o.Folders) == 0 {
		wrong = append(wrong, errors.New("name the slow folders"))
	}
	for _, folder := range o.Folders {
		abs, err := filepath.Abs(folder)
		if err == nil {
			abs, err = filepath.EvalSymlinks(abs)
		}
		if err != nil {
			wrong = append(wrong, err)
		}
		folders = append(folders, abs)
	}
	if o.Delay < 0 {
		wrong = append(wrong, fmt.Errorf("delay %v is negative", o.Delay))
	}
	if err := checkRate(o.FailureRate); err != nil {
		wrong = append(wrong, err)
	}
	return folders, errors.Join(wrong...)
}

func checkRate(rate float64) error {
	if !(rate >= 0 && rate <= 1) {
		return fmt.Errorf("failure rate %v is not between 0 and 1", rate)
	}
	return nil
}
