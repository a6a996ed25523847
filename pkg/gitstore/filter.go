package gitstore

import (
	"math"

	"github.com/go-git/go-git/v5/plumbing"
)

// plain is the simplest filter that lets the same objects through.
func (f Filter) plain() Filter {
	switch {
	case f.Kind == SmallBlobs && f.Limit <= 0:
		return Filter{Kind: NoBlobs}
	case f.Kind == SmallBlobs && f.Limit > maxObjectBytes, f.Kind == TreeDepth && f.Limit > maxTreeDepth:
		return Filter{}
	case f.Kind == TreeDepth:
		return Filter{Kind: TreeDepth, Limit: max(f.Limit, 0)}
	case f.Kind == SmallBlobs:
		return f
	default:
		return Filter{Kind: f.Kind}
	}
}

// depth is at how many levels below a commit objects are left out.
func (f Filter) depth() int {
	if f.Kind != TreeDepth {
		return math.MaxInt
	}
	return int(f.Limit)
}

// hides reports whether an object of a kind is left out for what or where it is.
func (f Filter) hides(kind plumbing.ObjectType, depth int) bool {
	return f.Kind == NoBlobs && kind == plumbing.BlobObject || depth >= f.depth()
}

// whole is how many sections of a base a filter lets through as they are.
func (f Filter) whole() int {
	switch f.Kind {
	case NoBlobs, SmallBlobs:
		return 2
	case TreeDepth:
		return 1
	default:
		return 3
	}
}
