package githttp

import (
	"bytes"
	"encoding/hex"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"wikibot.io/pkg/gitstore"
)

// Limits of what one request may name.
const (
	maxWants   = 200_000  // a partial clone asks for all blobs of a checkout at once
	maxHaves   = 64 << 10 // a client repeats what is common and adds up to 16,000 in a round
	maxShallow = 64 << 10
	maxNot     = 100
)

// ask is what a client says in every version of the protocol.
type ask struct {
	wants   []gitstore.OID
	haves   []gitstore.OID // in the order of the client
	shallow []gitstore.OID // commits whose parents it does not have

	depth    int
	relative bool
	since    time.Time
	not      []string // names of refs, or commits

	filter   gitstore.Filter
	filtered bool

	thin, quiet, done bool
}

// want notes an object that the client asks for.
func (a *ask) want(digits []byte) error {
	id, ok := parseID(digits)
	if !ok {
		return malformed("a malformed want")
	}
	if len(a.wants) == maxWants {
		return tooMany("objects are wanted", maxWants)
	}
	a.wants = append(a.wants, id)
	return nil
}

// have notes a commit that the client offers.
func (a *ask) have(digits []byte) error {
	id, ok := parseID(digits)
	if !ok {
		return malformed("a malformed have")
	}
	if len(a.haves) == maxHaves {
		return tooMany("commits are offered", maxHaves)
	}
	a.haves = append(a.haves, id)
	return nil
}

// limit takes a line that limits what is to be sent. It is false for others.
func (a *ask) limit(line []byte) (bool, error) {
	verb, rest, _ := bytes.Cut(line, []byte(" "))
	switch string(verb) {
	case "shallow":
		id, ok := parseID(rest)
		if !ok {
			return true, malformed("a malformed shallow line")
		}
		if len(a.shallow) == maxShallow {
			return true, tooMany("shallow commits", maxShallow)
		}
		a.shallow = append(a.shallow, id)
	case "deepen":
		n, err := strconv.ParseInt(string(rest), 10, 32)
		if err != nil || n <= 0 {
			return true, malformed("a malformed depth")
		}
		a.depth = int(n)
	case "deepen-since":
		n, err := strconv.ParseInt(string(rest), 10, 64)
		if err != nil || n <= 0 {
			return true, malformed("a malformed time")
		}
		a.since = time.Unix(min(n, math.MaxUint32*100), 0) // beyond any commit, and still a time
	case "deepen-not":
		if len(a.not) == maxNot {
			return true, tooMany("revisions to leave out", maxNot)
		}
		a.not = append(a.not, string(rest))
	case "filter":
		if a.filtered {
			return true, malformed("more than one filter")
		}
		a.filtered = true
		var err error
		a.filter, err = parseFilter(string(rest))
		return true, err
	default:
		return false, nil
	}
	return true, nil
}

// parseFilter reads a filter (git-rev-list(1), --filter).
func parseFilter(spec string) (gitstore.Filter, error) {
	if spec == "blob:none" {
		return gitstore.Filter{Kind: gitstore.NoBlobs}, nil
	}
	for _, f := range []struct {
		prefix string
		kind   gitstore.FilterKind
	}{{"blob:limit=", gitstore.SmallBlobs}, {"tree:", gitstore.TreeDepth}} {
		if number, ok := strings.CutPrefix(spec, f.prefix); ok {
			n, ok := scaled(number)
			if !ok {
				return gitstore.Filter{}, refuse("filter %.60q: want a number, with k, m or g behind it or nothing", spec)
			}
			return gitstore.Filter{Kind: f.kind, Limit: n}, nil
		}
	}
	return gitstore.Filter{}, refuse("filter %.60q is not served here; use blob:none, blob:limit=<size> or tree:<depth>", spec)
}

// scaled reads a number with one of git's units behind it.
func scaled(s string) (int64, bool) {
	shift := 0
	if len(s) > 0 {
		switch s[len(s)-1] {
		case 'k', 'K':
			shift = 10
		case 'm', 'M':
			shift = 20
		case 'g', 'G':
			shift = 30
		}
	}
	if shift > 0 {
		s = s[:len(s)-1]
	}
	if strings.HasPrefix(s, "+") {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64>>shift {
		return 0, false
	}
	return n << shift, true
}

// parseID decodes 40 hex digits.
func parseID(digits []byte) (id gitstore.OID, ok bool) {
	if len(digits) != 2*len(id) {
		return id, false
	}
	_, err := hex.Decode(id[:], digits)
	return id, err == nil
}

// fetch is the ask without the haves, in the store's terms. It has been checked
// that the wants may be had.
func (a *ask) fetch(h *gitstore.History) (gitstore.Fetch, error) {
	f := gitstore.Fetch{
		Wants: a.wants, Shallow: h.Common(unique(a.shallow)), Filter: a.filter, Thin: a.thin,
		Deepen: gitstore.Deepen{Depth: a.depth, Relative: a.relative && a.depth > 0, Since: a.since},
	}
	if a.depth > 0 && (!a.since.IsZero() || len(a.not) > 0) {
		return f, refuse("deepen and deepen-since (or deepen-not) cannot be used together")
	}
	for _, name := range a.not {
		id, ok := parseID([]byte(name))
		switch {
		case slices.Contains(headNames, name):
			id = h.Head()
		case !ok || !h.Has(id):
			return f, refuse("shallow-exclude %.60q: want a branch, or a commit of this wiki with all 40 digits", name)
		}
		f.Deepen.Not = append(f.Deepen.Not, id)
	}
	return f, nil
}

// headNames is what git makes of the names of the one branch.
var headNames = []string{"HEAD", mainRef, "heads/main", "main"}

// unique sorts ids and drops those that are there twice. The same question in
// another order is the same to the store then.
func unique(ids []gitstore.OID) []gitstore.OID {
	slices.SortFunc(ids, func(a, b gitstore.OID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(ids)
}
