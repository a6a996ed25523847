package gitstore

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"wikibot.io/pkg/fault"
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
// packs that it did not write, bases that the record lists. Killed at any point it
// leaves no index without its pack.
func (r *Repo) Prune(ctx context.Context, head OID, bases []string, p Pruning) (Pruned, error) {
	if r.store.reads {
		return Pruned{}, fault.New(fault.Internal, "prune the packs of wiki %s: the store is read only", r.wiki)
	}
	own := r.apart()
	defer own.unload()
	done, err := own.prune(ctx, head, bases, p)
	if done.Packs > 0 {
		r.unload() // nobody is to look for what is gone
	}
	return done, packsError(ctx, err, "prune", r.wiki)
}

// pruner is one call of Prune.
type pruner struct {
	Pruning
	r     *Repo
	h     *History
	have  map[string]bool // the files of the folder
	bases []*base         // that replace other packs: whole, and longer there than Grace
	done  Pruned
}

// doomed is a pack that may be removed.
type doomed struct {
	name string
	tip  OID // the commit that it is of
	x    *packIndex
}

func (r *Repo) prune(ctx context.Context, head OID, listed []string, p Pruning) (Pruned, error) {
	h, err := r.History(ctx, head, listed)
	if err != nil {
		return Pruned{}, err
	}
	files, err := r.store.disk.names(r.packFile(""))
	if err != nil {
		return Pruned{}, err
	}
	pr := &pruner{Pruning: p, r: r, h: h, have: map[string]bool{}}
	for _, file := range files {
		pr.have[file] = true
	}
	if err := pr.findBases(); err != nil {
		return Pruned{}, err
	}
	slices.Sort(files)
	err = pr.run(ctx, files, listed)
	if pr.done.Packs > 0 {
		err = errors.Join(err, syncDir(r.store.disk, r.packFile("")))
	}
	return pr.done, err
}

// findBases takes the bases that are in place since long enough. One whose pack is
// not as long as it says replaces nothing.
func (p *pruner) findBases() error {
	for _, b := range p.h.bases {
		st, err := p.r.store.disk.stat(p.r.packFile(b.pack.name + ".pack"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return err
		}
		if st.Size() == b.ends[2].end+int64(len(OID{})) && p.Now.Sub(st.ModTime()) >= p.Grace {
			p.bases = append(p.bases, b)
		}
	}
	return nil
}

func (p *pruner) run(ctx context.Context, files, listed []string) error {
	var names []string
	for _, file := range files {
		name, isIndex := isPackName(file)
		switch {
		case strings.HasPrefix(file, tempPrefix):
			p.r.sweep(file)
		case isIndex && !slices.Contains(listed, name):
			names = append(names, name)
		case !isIndex:
			if err := p.leftover(file); err != nil {
				return err
			}
		}
	}
	packs, err := p.examine(ctx, names)
	if err != nil {
		return err
	}
	var never []doomed
	for _, d := range packs {
		if err := ctx.Err(); err != nil {
			return err
		}
		switch {
		case p.replaced(d.x):
			err = p.remove(d.name)
		case !p.h.Has(d.tip):
			never = append(never, d)
		}
		if err != nil {
			return err
		}
	}
	return p.neverLanded(ctx, never)
}

// examine reads the indexes of packs and returns those that this store wrote.
func (p *pruner) examine(ctx context.Context, names []string) (ours []doomed, err error) {
	var mu sync.Mutex
	_, err = loadEach(ctx, names, func(name string) error {
		x, err := p.r.readPack(name)
		if errors.Is(err, errDamaged) {
			return nil // not sure
		} else if err != nil {
			return err
		}
		d := doomed{name: name, tip: plumbing.NewHash(strings.TrimPrefix(name, "pack-")), x: x.index}
		if p.have[name+".keep"] {
			b, err := p.r.loadBase(name)
			if errors.Is(err, errDamaged) {
				return nil // somebody else keeps it
			} else if err != nil {
				return err
			}
			d.tip = b.tip
		}
		if _, ok := d.x.find(d.tip); ok {
			mu.Lock()
			ours = append(ours, d)
			mu.Unlock()
		}
		return nil
	})
	slices.SortFunc(ours, func(a, b doomed) int { return strings.Compare(a.name, b.name) })
	return ours, err
}

// replaced reports whether the bases have every object of a pack.
func (p *pruner) replaced(x *packIndex) bool {
	return len(p.bases) > 0 && !slices.ContainsFunc(x.ids, func(id OID) bool { return !held(p.bases, id) })
}

// neverLanded removes packs of commits that are not in the history and do not
// follow from the head, the latest first: what follows from one goes before it.
func (p *pruner) neverLanded(ctx context.Context, packs []doomed) error {
	tips := map[OID]*commitNode{}
	byTip := map[OID][]string{}
	for _, d := range packs {
		st, err := p.r.store.disk.stat(p.r.packFile(d.name + ".idx"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return err
		}
		if p.Now.Sub(st.ModTime()) < p.Young {
			continue
		}
		n, sure, err := p.apart(ctx, d.tip)
		if err != nil {
			return err
		}
		if sure {
			tips[d.tip] = &n
			byTip[d.tip] = append(byTip[d.tip], d.name)
		}
	}
	if len(tips) > 0 && p.r.commitGraph() != nil {
		// Git takes a commit that only the graph knows for a loss.
		if err := p.r.writeGraph(ctx, p.h.head); err != nil {
			return err
		}
	}
	for _, n := range newestFirst(tips) {
		for _, name := range byTip[n.id] {
			if err := errors.Join(ctx.Err(), p.remove(name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// apart reads a commit that is not in the history, and reports whether it surely
// does not follow from the head.
func (p *pruner) apart(ctx context.Context, id OID) (tip commitNode, sure bool, err error) {
	seen := map[OID]bool{id: true}
	for queue := []OID{id}; len(queue) > 0; queue = queue[1:] {
		n, err := p.r.node(ctx, queue[0])
		if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Internal) {
			return tip, false, nil
		} else if err != nil {
			return tip, false, err
		}
		if n.id == id {
			tip = n
		}
		for _, parent := range n.parents {
			if parent == p.h.head {
				return tip, false, nil
			}
			if !seen[parent] && !p.h.Has(parent) {
				seen[parent] = true
				queue = append(queue, parent)
			}
		}
	}
	return tip, true, nil
}

// leftover removes files of a base that a crash kept from getting an index, and
// packs of saves whose removal was interrupted, if bases replace them.
func (p *pruner) leftover(file string) error {
	name, ext, _ := strings.Cut(file, ".")
	if _, ok := isPackName(name + ".idx"); !ok || p.have[name+".idx"] || ext != "keep" && ext != "pack" {
		return nil
	}
	if ext == "pack" && p.have[name+".keep"] {
		return nil // its turn is with that file
	}
	switch {
	case ext == "keep":
		data, err := p.r.store.disk.readFile(p.r.packFile(file))
		if err != nil {
			return ignoreGone(err)
		}
		if _, err := parseKeep(data); err != nil {
			return nil
		}
	case !slices.ContainsFunc(p.bases, func(b *base) bool { return b.hasCommit(plumbing.NewHash(strings.TrimPrefix(name, "pack-"))) }):
		return nil
	}
	st, err := p.r.store.disk.stat(p.r.packFile(file))
	if err != nil {
		return ignoreGone(err)
	}
	if p.Now.Sub(st.ModTime()) < max(p.Grace, abandonedFold) {
		return nil
	}
	return p.remove(name)
}

// abandonedFold is the age at which files of a base without an index are not those
// of a fold that is just giving them their names.
const abandonedFold = time.Hour

// remove removes the files of a pack, the index first: without it nobody looks at
// the others.
func (p *pruner) remove(name string) error {
	d := p.r.store.disk
	st, err := d.stat(p.r.packFile(name + ".pack"))
	if err != nil {
		if err = ignoreGone(err); err != nil {
			return err
		}
	} else {
		p.done.Packs++
		p.done.Bytes += st.Size()
	}
	for _, ext := range []string{".idx", ".pack", ".keep"} {
		if !p.have[name+ext] {
			continue
		}
		if err := ignoreGone(d.remove(p.r.packFile(name + ext))); err != nil {
			return err
		}
	}
	return nil
}

func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
