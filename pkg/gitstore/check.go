package gitstore

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"wikibot.io/pkg/fault"
)

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
	own := r.apart()
	own.sealed = true // nothing gets into its table but what was rebuilt
	defer own.unload()
	c := &checker{ctx: ctx, r: own, graph: newGraph(), ids: map[OID]bool{}}
	c.scanner = &scanner{
		limits: limits{objects: math.MaxInt, pack: math.MaxInt64, inflated: math.MaxInt64, depth: maxDeltaDepth},
		graph:  c.graph, report: &reporter{},
	}
	err := c.run(head, bases)
	return c.CheckReport, packsError(ctx, err, "check", r.wiki)
}

// checker is one call of Check.
type checker struct {
	CheckReport
	ctx     context.Context // of the one call that the checker lives for
	r       *Repo
	scanner *scanner
	graph   *graph
	ids     map[OID]bool // of all packs
}

func (c *checker) problem(format string, args ...any) {
	c.Problems = append(c.Problems, fmt.Sprintf(format, args...))
}

func (c *checker) run(head OID, listed []string) error {
	files, err := c.r.store.disk.names(c.r.packFile(""))
	if err != nil {
		return err
	}
	slices.Sort(files)
	for _, file := range files {
		if name, ok := isPackName(file); ok {
			if err := c.pack(name); err != nil {
				return err
			}
		}
	}
	c.Objects = len(c.ids)
	needed, err := c.reach(head)
	if err != nil {
		return err
	}
	c.Reachable = len(needed)
	chain, err := c.bases(listed, needed)
	if err != nil {
		return err
	}
	for _, p := range c.r.packs() {
		c.count(p, needed, chain, listed)
	}
	return c.commitGraph()
}

// pack rebuilds all that is in a pack and compares its index.
func (c *checker) pack(name string) error {
	c.Packs++
	b, err := c.r.store.disk.readFile(c.r.packFile(name + ".idx"))
	if err != nil {
		return ignoreGone(err)
	}
	f, err := c.r.store.disk.open(c.r.packFile(name + ".pack"))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := c.r.store.disk.stat(c.r.packFile(name + ".idx")); err != nil {
			return ignoreGone(err) // both were removed meanwhile
		}
		c.problem("%s.idx: there is no such pack", name)
		return nil
	} else if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	st, err := f.Stat()
	if err != nil {
		return err
	}
	got, err := c.scanner.scan(c.ctx, f, st.Size())
	if c.ctx.Err() != nil {
		return c.ctx.Err()
	}
	if err != nil {
		c.problem("%s.pack: %v", name, err)
		return nil
	}
	p := c.r.newPack(name, got)
	c.r.addPack(p)
	for _, id := range got.ids {
		c.ids[id] = true
	}
	said, err := parseIndex(b)
	if err != nil {
		c.problem("%s.idx: %v", name, err)
		return nil
	}
	if said.sum != got.sum || !slices.Equal(said.ids, got.ids) || !slices.Equal(said.offsets, got.offsets) {
		c.problem("%s.idx: is not the index of the pack", name)
		return nil
	}
	return c.checksums(p, said)
}

// checksums compares those that an index gives for the entries, which git relies
// on when it copies them.
func (c *checker) checksums(p *pack, said *packIndex) error {
	spans, err := p.layout()
	if err != nil {
		return err
	}
	read := newBlocks()
	for _, s := range spans {
		crc := uint32(0)
		err := read.each(p, s.start, s.end, func(b []byte) error {
			crc = crc32.Update(crc, crc32.IEEETable, b)
			return c.ctx.Err()
		})
		if err != nil {
			return err
		}
		if want, _ := said.crc(s.id); want != crc {
			c.problem("%s.idx: the checksum of %s is wrong", p.name, s.id)
			return nil
		}
	}
	return nil
}

// reach follows every reference from a commit. Where it comes to something that
// is missing or unsound, that is a problem, and what it found is nothing.
func (c *checker) reach(tip OID) (map[OID]bool, error) {
	if tip.IsZero() {
		return nil, nil
	}
	found, err := c.graph.reach(c.ctx, tip, func(id OID) (raw, error) { return c.r.object(c.ctx, id) }, func(int) {})
	if c.ctx.Err() != nil {
		return nil, c.ctx.Err()
	}
	if err != nil {
		c.problem("%v", err)
		return nil, nil
	}
	return found, nil
}

// bases checks the bases that the record lists, and returns their indexes.
func (c *checker) bases(listed []string, needed map[OID]bool) ([]*base, error) {
	var chain []*base
	var below map[OID]bool
	onto := OID{}
	for _, name := range listed {
		c.Bases++
		b, err := c.base(name)
		if err != nil || b == nil {
			return chain, err
		}
		if b.onto != onto {
			c.problem("%s.keep: builds on %s, but the base below is of %s", name, b.onto, onto)
			return chain, nil
		}
		all, err := c.reach(b.tip)
		if err != nil || all == nil {
			return chain, err
		}
		if needed != nil && !needed[b.tip] {
			// So after the head was moved back; the next fold makes other bases.
			return chain, nil
		}
		c.content(b, all, below)
		chain, below, onto = append(chain, b), all, b.tip
	}
	return chain, nil
}

// base reads what is said of a base; nil if that is nothing, which is a problem.
func (c *checker) base(name string) (*base, error) {
	c.r.mu.RLock()
	var p *pack
	if c.r.table != nil {
		p = c.r.table.packs[name]
	}
	c.r.mu.RUnlock()
	data, err := c.r.store.disk.readFile(c.r.packFile(name + ".keep"))
	if errors.Is(err, fs.ErrNotExist) || p == nil && err == nil {
		c.problem("%s: the record lists this base, but it is not there whole", name)
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	b, err := parseKeep(data)
	if err == nil {
		b.pack = p
		err = b.check()
	}
	if err != nil {
		c.problem("%s.keep: %v", name, err)
		return nil, nil
	}
	return b, nil
}

// content compares what a base holds with what is reachable from its tip and not
// from that of the base below, and looks whether each entry is where and how it
// should be.
func (c *checker) content(b *base, all, below map[OID]bool) {
	name := b.pack.name
	if want := len(all) - len(below); len(b.pack.index.ids) != want {
		c.problem("%s: holds %d objects, but its part of the history has %d", name, len(b.pack.index.ids), want)
	}
	spans, err := b.pack.layout()
	if err != nil {
		c.problem("%s: %v", name, err)
		return
	}
	if end := spans[len(spans)-1].end; end != b.ends[2].end {
		c.problem("%s.keep: says that the last object ends at %d; it ends at %d", name, b.ends[2].end, end)
	}
	read, section := newBlocks(), 0
	for _, s := range spans {
		for s.start >= b.ends[section].end {
			section++
		}
		head := make([]byte, 0, maxEntryHead)
		err := read.each(b.pack, s.start, min(s.end, s.start+maxEntryHead), func(b []byte) error {
			head = append(head, b...)
			return nil
		})
		e, perr := parseEntryHead(head)
		switch {
		case err != nil || perr != nil:
			c.problem("%s: %s cannot be read: %v", name, s.id, errors.Join(err, perr))
		case !all[s.id] || below[s.id]:
			c.problem("%s: %s does not belong to its part of the history", name, s.id)
		case c.graph.nodes[c.graph.intern(s.id)].kind != sectionKinds[section]:
			c.problem("%s: %s is among objects of another kind", name, s.id)
		case e.kind == plumbing.REFDeltaObject:
			c.problem("%s: %s is a delta by name", name, s.id)
		default:
			continue
		}
		return // the next ones will be alike
	}
}

// count says of a pack that is none of the bases why it is there.
func (c *checker) count(p *pack, needed map[OID]bool, chain []*base, listed []string) {
	id := plumbing.NewHash(strings.TrimPrefix(p.name, "pack-"))
	_, ours := p.index.find(id)
	switch {
	case slices.Contains(listed, p.name):
	case needed != nil && ours && !needed[id]:
		c.Unreachable++
	case slices.ContainsFunc(p.index.ids, func(id OID) bool { return !held(chain, id) }):
		c.Loose++
	}
}

// commitGraph compares the commit graph with the commits.
func (c *checker) commitGraph() error {
	data, err := c.r.store.disk.readFile(graphPath(c.r.dir))
	if err != nil {
		return ignoreGone(err)
	}
	g, err := parseGraph(data)
	if err != nil {
		c.problem("objects/info/commit-graph: %v", err)
		return nil
	}
	for i := range g.len() {
		said := g.at(i)
		commit, err := c.r.Commit(c.ctx, said.id)
		if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Internal) {
			c.problem("objects/info/commit-graph: names %s, which cannot be read: %v", said.id, err)
			return nil
		} else if err != nil {
			return err
		}
		is := nodeOf(commit)
		is.gen = 1
		for _, parent := range is.parents {
			n, _ := g.node(parent)
			is.gen = max(is.gen, n.gen+1)
		}
		if said.tree != is.tree || said.when != is.when || said.gen != is.gen || !slices.Equal(said.parents, is.parents) {
			c.problem("objects/info/commit-graph: is wrong about %s", said.id)
			return nil
		}
	}
	return nil
}
