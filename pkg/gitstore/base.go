package gitstore

import (
	"context"
)

// base is a consolidated pack: with the bases below it, it holds just what is
// reachable from its tip, nothing twice, first all commits, then all trees, then
// all blobs. Deltas build on objects of the same base that lie before them.
//
// The file pack-<name>.keep says so. Git knows that extension as that of packs
// which its own repacking leaves alone.
type base struct {
	pack *pack
	tip  OID
	onto OID        // the tip of the base below; zero for the lowest
	ends [3]section // commits, trees, blobs
}

// section is the part of a base that holds objects of one kind.
type section struct {
	objects int
	end     int64 // the offset behind its last entry; the first begins at packHead
}

// bases opens the consolidated packs that a wiki's record lists, lowest first.
// Where one is not there or is not what it should be, those from it on are left
// out: everything can be had without them, at the price of walking.
func (r *Repo) bases(ctx context.Context, names []string) ([]*base, error) {
	panic("unwritten")
}

// Fold consolidates the history of head: it writes one new base pack with what
// the small packs, and those of the present bases that it pays to merge, hold of
// the history. It returns the new list for the record, lowest first, which is
// durable by then; equal to bases if there was nothing to do. Nothing is removed.
// Killed at any point it leaves at most temporary files, or a pack that nothing
// names yet and the next fold writes again.
func (r *Repo) Fold(ctx context.Context, head OID, bases []string) ([]string, error) {
	panic("unwritten")
}
