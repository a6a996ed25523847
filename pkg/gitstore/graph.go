package gitstore

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// graph is what an import knows of the objects it found: of which kind each is
// and to which it refers. It is filled while the packs are indexed, when every
// object passes by anyway, so that the check for holes needs no second reading.
type graph struct {
	mu     sync.Mutex
	number map[OID]int32
	nodes  []node
}

// node is one object, or one that was only referred to (kind 0).
type node struct {
	id    OID
	kind  plumbing.ObjectType
	edges []edge
	err   error // why it cannot be taken; matters only if it is reached
}

// edge is a reference to an object that must be of the given kind.
type edge struct {
	to   int32
	kind plumbing.ObjectType
}

func newGraph() *graph { return &graph{number: map[OID]int32{}} }

// intern returns the number of an object. g.mu must be held.
func (g *graph) intern(id OID) int32 {
	n, ok := g.number[id]
	if !ok {
		n = int32(len(g.nodes))
		g.number[id] = n
		g.nodes = append(g.nodes, node{id: id})
	}
	return n
}

// add takes an object in. Its content is not kept.
func (g *graph) add(id OID, o raw) {
	var targets []OID
	var kinds []plumbing.ObjectType
	var err error
	point := func(to OID, kind plumbing.ObjectType) {
		targets, kinds = append(targets, to), append(kinds, kind)
	}
	switch o.kind {
	case plumbing.CommitObject:
		var c *Commit
		if c, err = parseCommit(id, o.data); err == nil {
			point(c.Tree, plumbing.TreeObject)
			for _, p := range c.Parents {
				point(p, plumbing.CommitObject)
			}
		}
	case plumbing.TreeObject:
		err = treeEdges(id, o.data, point)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	edges := make([]edge, len(targets))
	for i, to := range targets {
		edges[i] = edge{g.intern(to), kinds[i]}
	}
	n := &g.nodes[g.intern(id)]
	n.kind, n.edges, n.err = o.kind, edges, err
}

func treeEdges(id OID, data []byte, point func(OID, plumbing.ObjectType)) error {
	t, err := parseTree(id, data)
	if err != nil {
		return err
	}
	for _, e := range t.Entries {
		switch e.Mode {
		case filemode.Submodule: // a commit of another repository
		case filemode.Dir:
			point(e.ID, plumbing.TreeObject)
		case filemode.Regular, filemode.Deprecated, filemode.Executable, filemode.Symlink:
			point(e.ID, plumbing.BlobObject)
		default:
			return fmt.Errorf("%w: tree entry %q has the unknown mode %o", errDamaged, e.Name, uint32(e.Mode))
		}
	}
	return nil
}

// reach returns every object that the commit head needs, and checks that all of
// them are there and sound. fetch is asked for objects that are not known yet.
func (g *graph) reach(ctx context.Context, head OID, fetch func(OID) (raw, error), step func(done int)) (map[OID]bool, error) {
	type visit struct {
		edge
		from int32
	}
	root := g.intern(head)
	queue := []visit{{edge{root, plumbing.CommitObject}, root}}
	seen := map[OID]bool{}
	for len(queue) > 0 {
		v := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		id := g.nodes[v.to].id
		if g.nodes[v.to].kind == 0 {
			o, err := fetch(id)
			if errors.Is(err, errMissing) {
				return nil, fmt.Errorf("%s %s is missing, which %s %s needs", v.kind, id, g.nodes[v.from].kind, g.nodes[v.from].id)
			} else if err != nil {
				return nil, fmt.Errorf("%s %s: %w", v.kind, id, err)
			}
			g.add(id, o)
		}
		n := &g.nodes[v.to]
		if n.err != nil {
			return nil, fmt.Errorf("%s %s: %w", n.kind, id, n.err)
		}
		if n.kind != v.kind {
			return nil, fmt.Errorf("%s is a %s where a %s is needed", id, n.kind, v.kind)
		}
		if seen[id] {
			continue
		}
		if seen[id] = true; len(seen)%4096 == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			step(len(seen))
		}
		for _, e := range n.edges {
			if !seen[g.nodes[e.to].id] {
				queue = append(queue, visit{e, v.to})
			}
		}
	}
	return seen, nil
}
