package gitstore

import (
	"context"
	"time"
)

// Pruning is what Prune removes, and when.
type Pruning struct {
	Now time.Time
	// Grace is for how long a pack stays after its objects were consolidated: longer
	// than the longest request that may still be reading it.
	Grace time.Duration
	// Young is the age up to which a pack stays that nothing leads to: that of a
	// save that lost the race for the head, or is about to win it.
	Young time.Duration
}

// Pruned is what Prune removed.
type Pruned struct {
	Packs int   `json:"packs"`
	Bytes int64 `json:"bytes"`
}

// Prune removes packs of which every object is in the bases, former bases, and
// packs of saves that never landed. It keeps whatever it is not sure of: packs of
// commits that follow from head (a record may have been restored from a backup),
// packs that it did not write, bases that the record lists.
func (r *Repo) Prune(ctx context.Context, head OID, bases []string, p Pruning) (Pruned, error) {
	panic("unwritten")
}
