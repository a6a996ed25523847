package gitstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"wikibot.io/pkg/fault"
)

// Progress reports long work.
type Progress struct {
	Stage       string // "copying", "indexing objects", "checking"
	Done, Total int64  // Total is 0 while unknown
}

// Imported is what an import brought, for the wiki's record.
type Imported struct {
	Head  OID
	Bases []string // the consolidated packs, lowest first
}

// Import fills the wiki's repository (which must be empty) from a repository on
// disk, a bundle file or a URL (http, https, git, ssh, file). It takes the whole
// history of the branch that HEAD names, with the same ids, and nothing else: no
// other branches, no tags, no objects that the history does not need: all of it
// in one base.
//
// Nothing of the source is trusted: every object is rebuilt and hashed, every
// reference followed. What cannot be taken over is fault.Invalid with words that
// say what to do. A failed or interrupted import leaves nothing behind, a killed
// one only a temporary folder that an import of a later day clears.
//
// progress may be nil; it is called by one goroutine at a time, some ten times a
// second.
func (s *Store) Import(ctx context.Context, wikiID, source string, progress func(Progress)) (Imported, error) {
	if err := checkID(wikiID); err != nil {
		return Imported{}, err
	}
	im := &importer{
		store: s, wiki: wikiID, name: withoutPassword(source),
		limits: defaultLimits, report: &reporter{f: progress},
	}
	return im.run(ctx, source)
}

// importer is one import.
type importer struct {
	store  *Store
	wiki   string
	name   string // of the source, for messages
	limits limits
	report *reporter
	tmp    string // folder for what is fetched
}

func (im *importer) run(ctx context.Context, source string) (Imported, error) {
	if err := im.checkEmpty(ctx); err != nil {
		return Imported{}, err
	}
	dir := im.store.Dir(im.wiki)
	im.store.sweep()
	im.tmp = filepath.Join(dir, tempPrefix+"import_"+randomName())
	defer func() {
		_ = im.store.disk.removeAll(im.tmp)
		_ = im.store.disk.remove(dir) // only goes if nothing is in it
	}()
	if err := im.store.disk.mkdirAll(filepath.Join(im.tmp, "objects", "pack")); err != nil {
		return Imported{}, im.unavailable(err)
	}
	from, err := im.open(ctx, source)
	if err != nil {
		return Imported{}, im.explain(ctx, err)
	}
	repo, ids, err := im.examine(ctx, from)
	if err != nil {
		return Imported{}, im.explain(ctx, err)
	}
	base, err := im.write(ctx, repo, ids, from.head)
	if err != nil {
		return Imported{}, im.explain(ctx, err)
	}
	return Imported{Head: from.head, Bases: []string{base}}, nil
}

// explain makes every failure one that says what to do; those that have words
// already keep them.
func (im *importer) explain(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil {
		return cause
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	hint := ""
	if errors.Is(err, errDamaged) {
		hint = "; git fsck in the source should show more"
	}
	return fault.Wrap(err, fault.Invalid, "import %s: %v%s", im.name, err, hint)
}

func (im *importer) unavailable(err error) error {
	return fault.Wrap(err, fault.Unavailable, "import %s: write to the repository of wiki %s", im.name, im.wiki)
}

func (im *importer) refuse(format string, args ...any) error {
	return fault.New(fault.Invalid, "import %s: %s", im.name, fmt.Sprintf(format, args...))
}

// checkEmpty makes sure that nothing is replaced.
func (im *importer) checkEmpty(ctx context.Context) error {
	r, err := im.store.Repo(ctx, im.wiki)
	if fault.Is(err, fault.NotFound) {
		return nil
	} else if err != nil {
		return err
	}
	head, err := r.MirrorHead(ctx)
	if err != nil {
		return err
	}
	packs, err := im.store.disk.names(r.packFile(""))
	if err != nil {
		return im.unavailable(err)
	}
	for _, name := range packs {
		if _, ok := isPackName(name); ok || !head.IsZero() {
			return fault.New(fault.Exists, "import %s: wiki %s has a history already; import into a new wiki", im.name, im.wiki)
		}
	}
	return nil
}

// abandoned is the age at which what an import left cannot be of one that still
// runs.
const abandoned = 24 * time.Hour

// sweep clears what killed imports left, most of them into wikis that were never
// made. A folder that holds anything else stays.
func (s *Store) sweep() {
	wikis, err := s.disk.names(s.dir)
	if err != nil {
		return // the import itself will say so
	}
	for _, wiki := range wikis {
		dir := filepath.Join(s.dir, wiki)
		names, err := s.disk.names(dir)
		if err != nil {
			continue
		}
		for _, name := range names {
			path := filepath.Join(dir, name)
			if !strings.HasPrefix(name, tempPrefix) {
				continue
			}
			if st, err := s.disk.stat(path); err == nil && time.Since(st.ModTime()) > abandoned {
				_ = s.disk.removeAll(path)
				_ = s.disk.remove(dir) // only goes if nothing is in it
			}
		}
	}
}

// examine indexes all packs of the source and finds what the head needs.
func (im *importer) examine(ctx context.Context, from origin) (*Repo, map[OID]bool, error) {
	// A store of its own keeps what is read out of everybody's cache.
	own := newStore(im.tmp, Options{CacheBytes: 32 << 20}, im.store.disk)
	repo := newRepo(own, im.wiki, from.dir, 1)
	repo.sealed = true
	g := newGraph()
	sc := &scanner{limits: im.limits, graph: g, report: im.report}
	for _, name := range from.packs {
		err := im.scanPack(ctx, sc, repo, name)
		if err != nil {
			return nil, nil, fmt.Errorf("%s.pack: %w", name, err)
		}
	}
	fetch := func(id OID) (raw, error) { return repo.object(ctx, id) }
	total := int64(len(g.nodes))
	ids, err := g.reach(ctx, from.head, fetch, func(done int) { im.report.at("checking", int64(done), total) })
	if err == nil && len(ids) > im.limits.objects {
		err = im.refuse("it has more than %d objects", im.limits.objects)
	}
	im.report.at("checking", int64(len(ids)), int64(len(ids)))
	return repo, ids, err
}

func (im *importer) scanPack(ctx context.Context, sc *scanner, repo *Repo, name string) error {
	f, err := im.store.disk.open(repo.packFile(name + ".pack"))
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	st, err := f.Stat()
	if err != nil {
		return err
	}
	x, err := sc.scan(ctx, f, st.Size())
	if err != nil {
		return err
	}
	repo.addPack(repo.newPack(name, x))
	return nil
}

// write builds the repository in a temporary folder and moves it in. It returns
// the name of its base.
func (im *importer) write(ctx context.Context, from *Repo, ids map[OID]bool, head OID) (string, error) {
	s := im.store
	g, err := im.arrange(ctx, from, ids, head)
	if err != nil {
		return "", err
	}
	tmp, err := s.makeEmpty(im.wiki)
	if err != nil {
		return "", im.unavailable(err)
	}
	defer func() { _ = s.disk.removeAll(tmp) }() // gone already when all went well
	// A store of its own, because nobody is to find in a cache what is not there yet.
	built := newRepo(newStore(im.tmp, Options{CacheBytes: foldCache}, s.disk), im.wiki, tmp, 1)
	defer built.unload()
	b, err := built.writeBase(ctx, g, head, OID{}, false)
	if _, disk := errors.AsType[writeError](err); disk {
		return "", im.unavailable(err)
	} else if err != nil {
		return "", err
	}
	im.report.at("copying", int64(len(ids)), int64(len(ids)))
	if err := built.writeGraph(ctx, head); err != nil {
		return "", im.unavailable(err)
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	return b.pack.name, im.moveIn(ctx, built, b.pack.name, head)
}

// arrange decides in which order the objects are packed.
func (im *importer) arrange(ctx context.Context, from *Repo, ids map[OID]bool, head OID) (*gathering, error) {
	nodes, err := from.allNodes(ctx, head)
	if err != nil {
		return nil, err
	}
	byID := make(map[OID]*commitNode, len(nodes))
	for i := range nodes {
		byID[nodes[i].id] = &nodes[i]
	}
	var commits []commitNode
	for _, n := range newestFirst(byID) {
		commits = append(commits, *n)
	}
	g := newGathering(from, nil)
	if err := g.gather(ctx, commits); err != nil {
		return nil, err
	}
	if err := g.arrange(ctx, commits[0], nil, nil); err != nil {
		return nil, err
	}
	if g.count() != len(ids) {
		return nil, fmt.Errorf("%w: %d objects are reachable one way, %d another", errDamaged, len(ids), g.count())
	}
	g.step = func(done int) { im.report.at("copying", int64(done), int64(len(ids))) }
	return g, nil
}

// moveIn puts what was built in place.
func (im *importer) moveIn(ctx context.Context, built *Repo, name string, head OID) error {
	s := im.store
	if r, err := s.Repo(ctx, im.wiki); err == nil { // made empty before
		path := built.packFile(name)
		if err := r.publishBase(name, baseFiles{path + ".pack", path + ".keep", path + ".idx"}); err != nil {
			return im.unavailable(err)
		}
		if err := r.writeGraph(ctx, head); err != nil {
			return err
		}
		return r.Mirror(ctx, head, 0)
	}
	err := writeNew(s.disk, filepath.Join(built.dir, mainRef), []byte(head.String()+"\n"))
	if err == nil {
		err = syncDir(s.disk, filepath.Join(built.dir, "refs", "heads"))
	}
	if err == nil {
		err = s.moveIn(im.wiki, built.dir)
	}
	if errors.Is(err, fs.ErrExist) {
		return fault.New(fault.Exists, "import %s: wiki %s was created meanwhile", im.name, im.wiki)
	} else if err != nil {
		return im.unavailable(err)
	}
	return nil
}

// reporter passes progress on, not more often than is of use.
type reporter struct {
	f func(Progress)

	mu    sync.Mutex
	stage string
	last  time.Time
}

func (r *reporter) at(stage string, done, total int64) {
	if r.f == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); stage != r.stage || done == total || now.Sub(r.last) > 100*time.Millisecond {
		r.stage, r.last = stage, now
		r.f(Progress{Stage: stage, Done: done, Total: total})
	}
}
