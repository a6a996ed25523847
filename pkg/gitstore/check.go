package gitstore

import "context"

// CheckReport is what Check found.
type CheckReport struct {
	Packs, Objects, Bases int
	Reachable             int      // objects that the head needs
	Loose                 int      // packs that no base replaces yet
	Unreachable           int      // packs of saves that never landed
	Problems              []string // one line each; empty if all is well
}

// Check reads everything there is of a repository and compares it with itself:
// every object is rebuilt and hashed, every index compared with its pack, every
// reference from head followed, every base held against what its .keep file
// promises, the commit graph against the commits. It trusts nothing that it has
// not computed, changes nothing, and reads the whole repository: it is for
// operators. What it finds wrong is in the report; the error is for what kept it
// from looking.
func (r *Repo) Check(ctx context.Context, head OID, bases []string) (CheckReport, error) {
	panic("unwritten")
}
