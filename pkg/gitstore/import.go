package gitstore

import (
	"context"

	"wikibot.io/pkg/fault"
)

// Progress reports long work.
type Progress struct {
	Stage       string // "copying", "indexing objects", "checking"
	Done, Total int64  // Total is 0 while unknown
}

// Import fills the wiki's repository (which must be empty) from a repository on
// disk, a bundle file or a URL.
func (s *Store) Import(ctx context.Context, wikiID, source string, progress func(Progress)) (head OID, err error) {
	return OID{}, fault.New(fault.Unavailable, "import into wiki %s", wikiID)
}
