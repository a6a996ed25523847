package gitstore

import "time"

// Fetch is what a git client asks for, in git's own terms (gitprotocol-v2(5)),
// after the wire format has been taken off.
type Fetch struct {
	// Wants are commits, or trees and blobs that a partial clone lacks. Each must
	// be reachable from the head: see [History.Unreachable].
	Wants []OID
	// Haves are the commits that the client offers. Those that are not in the
	// history are passed over.
	Haves []OID
	// Shallow are commits of the client's whose parents it does not have.
	Shallow []OID
	Deepen  Deepen
	Filter  Filter
	// Thin says that deltas may build on objects that the client has.
	Thin bool
}

// Deepen says how much of the history a shallow clone is to have. At most one of
// Depth, and Since with Not, is given; the zero value asks for no change.
type Deepen struct {
	Depth    int  // commits from the wants back, 1 for the wants alone; 0 for none
	Relative bool // Depth counts from the client's present boundary
	Since    time.Time
	Not      []OID // commits that are left out with all before them
}

// IsZero reports whether no change is asked for.
func (d Deepen) IsZero() bool { return d.Depth == 0 && d.Since.IsZero() && len(d.Not) == 0 }

// FilterKind is a kind of object filter (git-rev-list(1), --filter).
type FilterKind int

// The filters.
const (
	Everything FilterKind = iota
	NoBlobs               // blob:none
	SmallBlobs            // blob:limit=n: blobs smaller than Limit bytes
	TreeDepth             // tree:n: trees and blobs fewer than Limit levels below a commit's tree
)

// Filter leaves objects out of a partial clone. What a client names in Wants is
// sent whatever the filter says.
type Filter struct {
	Kind  FilterKind
	Limit int64
}

// Boundary is how the edge of a shallow clone changes.
type Boundary struct {
	Shallow   []OID // commits whose parents the client will not have
	Unshallow []OID // of Fetch.Shallow: those whose parents it will have now
}
