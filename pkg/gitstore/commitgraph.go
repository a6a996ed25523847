package gitstore

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"slices"
	"sort"
)

// commitGraph says of every commit of a history which tree and parents it has,
// when it was made, and how far it is from a root: the content of git's
// commit-graph file (gitformat-commit-graph(5), version 1), held as it lies on
// disk, which is 56 bytes for a commit. A nil graph knows no commit.
type commitGraph struct {
	file    []byte
	fanout  [256]uint32 // how many ids begin with this byte or a lower one
	ids     []byte      // sorted
	commits []byte      // parallel to ids
	edges   []byte      // parents of commits that have more than two
}

const (
	graphMagic  = "CGPH\x01\x01" // version 1, SHA-1
	graphHead   = 8
	graphRow    = 12 // of the table of chunks
	graphCommit = 20 + 4 + 4 + 8

	noParent   = 0x70000000
	manyMask   = 1 << 31 // the second parent is a place in edges; in edges: the last
	maxGraph   = noParent
	maxWhen    = 1<<34 - 1
	maxParents = 1 << 16
)

// node returns what the graph says of a commit.
func (g *commitGraph) node(id OID) (commitNode, bool) {
	i, ok := g.find(id)
	if !ok {
		return commitNode{}, false
	}
	return g.at(i), true
}

func (g *commitGraph) len() int {
	if g == nil {
		return 0
	}
	return len(g.ids) / len(OID{})
}

func (g *commitGraph) find(id OID) (int, bool) {
	if g == nil {
		return 0, false
	}
	lo, hi := 0, int(g.fanout[id[0]])
	if id[0] > 0 {
		lo = int(g.fanout[id[0]-1])
	}
	i := lo + sort.Search(hi-lo, func(i int) bool { return bytes.Compare(g.rawID(lo+i), id[:]) >= 0 })
	return i, i < hi && bytes.Equal(g.rawID(i), id[:])
}

func (g *commitGraph) rawID(i int) []byte {
	n := len(OID{})
	return g.ids[i*n : (i+1)*n]
}

func (g *commitGraph) row(i int) []byte { return g.commits[i*graphCommit : (i+1)*graphCommit] }

func (g *commitGraph) at(i int) commitNode {
	row := g.row(i)
	n := commitNode{id: OID(g.rawID(i)), tree: OID(row[:20])}
	n.gen, n.when = generation(row)
	var few [2]uint32
	if places := g.parents(i, few[:0]); len(places) > 0 {
		n.parents = make([]OID, len(places))
		for k, p := range places {
			n.parents[k] = OID(g.rawID(int(p)))
		}
	}
	return n
}

func generation(row []byte) (gen uint32, when int64) {
	high := binary.BigEndian.Uint32(row[28:])
	return high >> 2, int64(high&3)<<32 | int64(binary.BigEndian.Uint32(row[32:]))
}

// parents appends the places of a commit's parents.
func (g *commitGraph) parents(i int, to []uint32) []uint32 {
	row := g.row(i)
	first, second := binary.BigEndian.Uint32(row[20:]), binary.BigEndian.Uint32(row[24:])
	if first == noParent {
		return to
	}
	to = append(to, first)
	switch {
	case second == noParent:
	case second&manyMask == 0:
		to = append(to, second)
	default:
		for at := int(second&^manyMask) * 4; ; at += 4 {
			p := binary.BigEndian.Uint32(g.edges[at:])
			to = append(to, p&^manyMask)
			if p&manyMask != 0 {
				break
			}
		}
	}
	return to
}

// parseGraph decodes a commit-graph file and checks all of it, so that lookups
// need not: a graph that it returns has no cycle and no place outside itself.
// What git may have added (Bloom filters, corrected times) is passed over.
func parseGraph(b []byte) (*commitGraph, error) {
	bad := func(what string) (*commitGraph, error) {
		return nil, fmt.Errorf("%w: commit graph: %s", errDamaged, what)
	}
	if len(b) < graphHead+graphRow+sha1.Size || string(b[:len(graphMagic)]) != graphMagic {
		return bad("not version 1")
	}
	body := b[:len(b)-sha1.Size]
	if got := sha1.Sum(body); !bytes.Equal(got[:], b[len(body):]) {
		return bad("wrong checksum")
	}
	if b[7] != 0 {
		return bad("builds upon another")
	}
	chunks, ok := graphChunks(body, int(b[6]))
	if !ok {
		return bad("chunks outside the file")
	}
	g := &commitGraph{file: b, ids: chunks["OIDL"], commits: chunks["CDAT"], edges: chunks["EDGE"]}
	n := g.len()
	switch {
	case len(g.ids) != n*len(OID{}), len(g.commits) != n*graphCommit, len(g.edges)%4 != 0, n >= maxGraph:
		return bad("chunks of impossible length")
	case !g.readFanout(chunks["OIDF"]):
		return bad("ids out of order")
	case !g.checkParents():
		return bad("impossible parents")
	}
	return g, nil
}

// graphChunks reads the table of chunks. It begins behind the head and ends with
// a row that has no name but the end of the last chunk.
func graphChunks(body []byte, count int) (map[string][]byte, bool) {
	start := graphHead + (count+1)*graphRow
	if start > len(body) {
		return nil, false
	}
	chunks := make(map[string][]byte, count)
	from := uint64(start)
	for i := range count {
		row := body[graphHead+i*graphRow:]
		name, at, end := string(row[:4]), binary.BigEndian.Uint64(row[4:]), binary.BigEndian.Uint64(row[graphRow+4:])
		if at < from || end < at || end > uint64(len(body)) || chunks[name] != nil {
			return nil, false
		}
		chunks[name] = body[at:end:end]
		from = end
	}
	last := body[start-graphRow:]
	return chunks, binary.BigEndian.Uint32(last) == 0
}

func (g *commitGraph) readFanout(b []byte) bool {
	if len(b) != len(g.fanout)*4 {
		return false
	}
	i, n := 0, g.len()
	for first := range g.fanout {
		for i < n && int(g.rawID(i)[0]) == first {
			if i > 0 && bytes.Compare(g.rawID(i-1), g.rawID(i)) >= 0 {
				return false
			}
			i++
		}
		g.fanout[first] = binary.BigEndian.Uint32(b[first*4:])
		if int(g.fanout[first]) != i {
			return false
		}
	}
	return i == n
}

// checkParents checks that parents are in the graph and nearer to a root than
// their children. Lists of parents must follow one another as git writes them:
// commits that share one would make a small file cost much.
func (g *commitGraph) checkParents() bool {
	var places []uint32
	next, n := 0, uint32(g.len())
	for i := range g.len() {
		row := g.row(i)
		first, second := binary.BigEndian.Uint32(row[20:]), binary.BigEndian.Uint32(row[24:])
		switch {
		case first == noParent && second != noParent:
			return false
		case second&manyMask != 0:
			if int(second&^manyMask) != next {
				return false
			}
			for last := false; !last; next++ {
				if (next+1)*4 > len(g.edges) {
					return false
				}
				last = g.edges[next*4]&0x80 != 0
			}
		}
		gen, _ := generation(row)
		places = g.parents(i, places[:0])
		for _, p := range places {
			if p >= n {
				return false
			}
			if before, _ := generation(g.row(int(p))); before >= gen {
				return false
			}
		}
		if gen == 0 || len(places) > maxParents {
			return false
		}
	}
	return true
}

// encodeGraph writes the commit-graph file of commits, in any order. It returns
// nil if the format cannot say it: when a parent is missing, or a time needs more
// than 34 bits.
func encodeGraph(nodes []commitNode) []byte {
	nodes = slices.Clone(nodes)
	slices.SortFunc(nodes, func(a, b commitNode) int { return compareIDs(a.id, b.id) })
	nodes = slices.CompactFunc(nodes, func(a, b commitNode) bool { return a.id == b.id })
	parents, ok := graphPlaces(nodes)
	if !ok {
		return nil
	}
	gens, ok := generations(parents)
	if !ok {
		return nil
	}
	var fanout, ids, commits, edges []byte
	i := 0
	for first := range 256 {
		for i < len(nodes) && int(nodes[i].id[0]) == first {
			i++
		}
		fanout = binary.BigEndian.AppendUint32(fanout, uint32(i))
	}
	for i, n := range nodes {
		ids = append(ids, n.id[:]...)
		commits = append(commits, n.tree[:]...)
		first, second := uint32(noParent), uint32(noParent)
		if p := parents[i]; len(p) > 0 {
			first = p[0]
			switch {
			case len(p) == 2:
				second = p[1]
			case len(p) > 2:
				second = manyMask | uint32(len(edges)/4)
				for k, at := range p[1:] {
					if k == len(p)-2 {
						at |= manyMask
					}
					edges = binary.BigEndian.AppendUint32(edges, at)
				}
			}
		}
		commits = binary.BigEndian.AppendUint32(commits, first)
		commits = binary.BigEndian.AppendUint32(commits, second)
		commits = binary.BigEndian.AppendUint64(commits, uint64(gens[i])<<34|uint64(n.when))
	}
	return graphFile([]graphChunk{{"OIDF", fanout}, {"OIDL", ids}, {"CDAT", commits}, {"EDGE", edges}})
}

type graphChunk struct {
	name string
	data []byte
}

func graphFile(chunks []graphChunk) []byte {
	chunks = slices.DeleteFunc(chunks, func(c graphChunk) bool { return c.name == "EDGE" && len(c.data) == 0 })
	size := graphHead + (len(chunks)+1)*graphRow
	b := append([]byte(graphMagic), byte(len(chunks)), 0)
	for _, c := range append(chunks, graphChunk{name: "\x00\x00\x00\x00"}) {
		b = append(b, c.name...)
		b = binary.BigEndian.AppendUint64(b, uint64(size))
		size += len(c.data)
	}
	b = slices.Grow(b, size-len(b)+sha1.Size)
	for _, c := range chunks {
		b = append(b, c.data...)
	}
	sum := sha1.Sum(b)
	return append(b, sum[:]...)
}

// graphPlaces finds where in the sorted commits the parents of each are.
func graphPlaces(nodes []commitNode) ([][]uint32, bool) {
	if len(nodes) >= maxGraph {
		return nil, false
	}
	all := make([]uint32, 0, len(nodes))
	parents := make([][]uint32, len(nodes))
	for i, n := range nodes {
		if n.when < 0 || n.when > maxWhen || len(n.parents) > maxParents {
			return nil, false
		}
		start := len(all)
		for _, p := range n.parents {
			at, ok := slices.BinarySearchFunc(nodes, p, func(n commitNode, id OID) int { return compareIDs(n.id, id) })
			if !ok {
				return nil, false
			}
			all = append(all, uint32(at))
		}
		parents[i] = all[start:len(all):len(all)]
	}
	return parents, true
}

// generations computes for each commit one more than the highest of its parents;
// roots have 1.
func generations(parents [][]uint32) ([]uint32, bool) {
	const open = 1 << 31 // waits for its parents
	gens := make([]uint32, len(parents))
	var stack []uint32
	for i := range parents {
		if gens[i] != 0 {
			continue
		}
		stack = append(stack[:0], uint32(i))
		for len(stack) > 0 {
			c := stack[len(stack)-1]
			if gens[c] != 0 && gens[c] != open {
				stack = stack[:len(stack)-1]
				continue
			}
			again, gen, waits := gens[c] == open, uint32(0), false
			for _, p := range parents[c] {
				switch {
				case gens[p] == 0:
					stack, waits = append(stack, p), true
				case gens[p] == open:
					return nil, false // its own ancestor, which no hash allows
				default:
					gen = max(gen, gens[p])
				}
			}
			switch {
			case !waits:
				gens[c] = gen + 1
				stack = stack[:len(stack)-1]
			case again:
				return nil, false
			default:
				gens[c] = open
			}
		}
	}
	return gens, true
}
