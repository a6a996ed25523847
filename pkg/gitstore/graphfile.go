package gitstore

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"sync"

	"wikibot.io/pkg/fault"
)

// graphOnDisk is the commit graph as it was read last. It saves reading commits
// and nothing depends on it: what is not in it, or all if there is none or it is
// damaged, is read from the commits.
type graphOnDisk struct {
	mu    sync.Mutex
	read  bool // the file was looked for
	graph *commitGraph
	base  OID // tip of the newest base that the file was looked for with
}

func graphPath(dir string) string { return filepath.Join(dir, "objects", "info", "commit-graph") }

// commitGraph returns the commit graph, nil if there is none. The file is read
// once.
func (r *Repo) commitGraph() *commitGraph { return r.commitGraphFor(OID{}) }

// commitGraphFor reads the file once more when there is a base that it was not
// looked for with: the file was replaced when that base was made.
func (r *Repo) commitGraphFor(tip OID) *commitGraph {
	g := &r.graph
	g.mu.Lock()
	defer g.mu.Unlock()
	_, covered := g.graph.find(tip)
	if g.read && (tip.IsZero() || tip == g.base || covered) {
		return g.graph
	}
	b, err := r.store.disk.readFile(graphPath(r.dir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return g.graph // and the next one looks again
	}
	g.read, g.base, g.graph = true, tip, nil
	if err == nil {
		g.graph, _ = parseGraph(b)
	}
	return g.graph
}

func (g *graphOnDisk) forget() {
	g.mu.Lock()
	g.read, g.base, g.graph = false, OID{}, nil
	g.mu.Unlock()
}

// node reads what walking needs of a commit, from the commit graph if it is
// there. The file is looked for only when the commit is not in memory.
func (r *Repo) node(ctx context.Context, id OID) (commitNode, error) {
	r.graph.mu.Lock()
	read, graph := r.graph.read, r.graph.graph
	r.graph.mu.Unlock()
	if n, ok := graph.node(id); ok {
		return n, nil
	}
	if v, ok := r.store.cache.get(cacheKey{repo: r.key, id: id}); ok {
		if c, ok := v.(*Commit); ok {
			return nodeOf(c), nil
		}
	}
	if !read && !r.sealed {
		if n, ok := r.commitGraph().node(id); ok {
			return n, nil
		}
	}
	c, err := r.Commit(ctx, id)
	if err != nil {
		return commitNode{}, err
	}
	return nodeOf(c), nil
}

// nodeOf is a commit as walking sees it. Like git it takes a time that cannot be
// read, or from before 1970, for 0.
func nodeOf(c *Commit) commitNode {
	return commitNode{id: c.ID, tree: c.Tree, parents: c.Parents, when: max(c.Committer.When.Unix(), 0)}
}

// writeGraph makes the commit graph on disk that of the whole history of tip,
// durably, unless it is that already. Of a history that git's format cannot say
// it writes none.
func (r *Repo) writeGraph(ctx context.Context, tip OID) error {
	nodes, err := r.allNodes(ctx, tip)
	if err != nil {
		return err
	}
	file := encodeGraph(nodes)
	if file == nil {
		return nil
	}
	old := r.commitGraph()
	if old != nil && bytes.Equal(old.file, file) {
		return nil
	}
	if err := writeGraphFile(r.store.disk, r.dir, file); err != nil {
		return fault.Wrap(err, fault.Unavailable, "write the commit graph of wiki %s", r.wiki)
	}
	graph, err := parseGraph(file)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "write the commit graph of wiki %s", r.wiki)
	}
	r.graph.mu.Lock()
	r.graph.read, r.graph.base, r.graph.graph = true, tip, graph
	r.graph.mu.Unlock()
	return nil
}

// writeGraphFile puts a commit-graph file in place in the repository at dir. The
// temporary file lies among the packs, where what a crash leaves is cleared.
func writeGraphFile(d disk, dir string, file []byte) error {
	tmp := filepath.Join(dir, "objects", "pack", tempPrefix+"graph_"+randomName())
	if err := writeNew(d, tmp, file); err != nil {
		return err
	}
	path := graphPath(dir)
	err := d.rename(tmp, path)
	if errors.Is(err, fs.ErrNotExist) { // the first one
		if err = d.mkdirAll(filepath.Dir(path)); err == nil {
			err = syncDir(d, filepath.Dir(filepath.Dir(path)))
		}
		if err == nil {
			err = d.rename(tmp, path)
		}
	}
	if err != nil {
		_ = d.remove(tmp)
		return err
	}
	return syncDir(d, filepath.Dir(path))
}

// allNodes returns the whole history of a commit. Commits are read only where the
// present graph has none.
func (r *Repo) allNodes(ctx context.Context, tip OID) ([]commitNode, error) {
	var nodes []commitNode
	seen := map[OID]bool{tip: true}
	for queue := []OID{tip}; len(queue) > 0; {
		if len(nodes)%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		n, err := r.node(ctx, queue[len(queue)-1])
		if err != nil {
			return nil, err
		}
		queue = queue[:len(queue)-1]
		nodes = append(nodes, n)
		for _, p := range n.parents {
			if !seen[p] {
				seen[p] = true
				queue = append(queue, p)
			}
		}
	}
	return nodes, nil
}
