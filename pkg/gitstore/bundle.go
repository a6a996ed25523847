package gitstore

import (
	"context"
	"io"
)

// Bundle is a git bundle (gitformat-bundle(5)) of all that is reachable from the
// tip of a wiki's lowest base. It never changes.
type Bundle struct {
	io.ReadSeeker
	io.Closer
	Name string // of the base
	Tip  OID
	Size int64
}

// Bundle opens the bundle of the lowest base; fault.NotFound if the history has
// no base. Close it.
func (h *History) Bundle(ctx context.Context) (*Bundle, error) { panic("unwritten") }
