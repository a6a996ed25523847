//go:build !linux || !(amd64 || arm64)

package slowfiles

import (
	"errors"
	"time"
)

// Supported: this system can make files slow, or read-only.
const Supported = false

var errUnsupported = errors.New("slow files need Linux on amd64 or arm64: they are made with seccomp's user notification")

// Supervisor does not exist on this system.
type Supervisor struct{}

// New fails on this system.
func New(Options) (*Supervisor, error) { return nil, errUnsupported }

// Command returns the command line as it is.
func (*Supervisor) Command(argv []string) []string { return argv }

// Counts returns nothing.
func (*Supervisor) Counts() map[string]int64 { return nil }

// SetFailureRate fails.
func (*Supervisor) SetFailureRate(float64) error { return errUnsupported }

// SetDelay does nothing.
func (*Supervisor) SetDelay(time.Duration) {}

// Close does nothing.
func (*Supervisor) Close() error { return nil }

// Launch fails on this system.
func Launch([]string) error { return errUnsupported }
