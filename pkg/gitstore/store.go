package gitstore

import (
	"container/list"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"wikibot.io/pkg/fault"
)

// Options configures a Store.
type Options struct {
	// CacheBytes bounds the decoded objects kept in memory, over all
	// repositories. 0 means 64 MiB.
	CacheBytes int64
	// ReadOnly is for a file system that refuses writes: the store makes no folder
	// for the repositories (without one, there are none) and clears nothing away.
	ReadOnly bool
}

const (
	defaultCacheBytes = 64 << 20
	maxOpenFiles      = 256 // a Lambda may hold 1,024
	maxLoadedTables   = 128 // repositories whose pack tables stay in memory
	// maxTableBytes bounds what those take: a large wiki's take 100 times as much as
	// a small one's. The one in use stays, however large.
	maxTableBytes = 256 << 20
)

// Store holds the repositories below one folder. Safe for concurrent use, by
// any number of processes.
type Store struct {
	dir     string
	disk    disk
	reads   bool     // and never writes
	cache   *cache   // decoded objects
	bases   *cache   // raw objects that deltas build on
	answers *answers // to fetches
	files   *files

	mu     sync.Mutex
	repos  map[string]*Repo // every one that was asked for; each is small
	loaded *list.List       // of *Repo with a pack table, most recently used first
	tables int64            // bytes of those tables
	room   int64            // for them
	nextID uint64
}

// Open returns the store in dir, which it creates if need be, unless it only
// reads.
func Open(dir string, o Options) (*Store, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "open git store: bad folder name")
	}
	s := newStore(abs, o, osDisk{})
	if o.ReadOnly {
		return s, nil
	}
	if err := s.disk.mkdirAll(abs); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "open git store: create its folder")
	}
	return s, nil
}

func newStore(dir string, o Options, d disk) *Store {
	if o.CacheBytes <= 0 {
		o.CacheBytes = defaultCacheBytes
	}
	return &Store{
		dir: dir, disk: d, reads: o.ReadOnly, cache: newCache(o.CacheBytes - o.CacheBytes/4), bases: newCache(o.CacheBytes / 4), answers: newAnswers(maxAnswers),
		files: newFiles(d, maxOpenFiles),
		repos: map[string]*Repo{}, loaded: list.New(), room: maxTableBytes,
	}
}

// Dir is the folder of one wiki; its repository is Dir/repo.git.
func (s *Store) Dir(wikiID string) string { return filepath.Join(s.dir, wikiID) }

// checkID keeps anything but plain ids out of file names.
func checkID(wikiID string) error {
	bad := func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }
	if wikiID == "" || len(wikiID) > 64 || strings.ContainsFunc(wikiID, bad) {
		return fault.New(fault.Invalid, "open repository: a wiki id is 1 to 64 lower-case letters and digits")
	}
	return nil
}

// Create makes the wiki's empty repository, or opens the one that is there.
func (s *Store) Create(ctx context.Context, wikiID string) (*Repo, error) {
	r, err := s.Repo(ctx, wikiID)
	if !fault.Is(err, fault.NotFound) {
		return r, err
	}
	tmp, err := s.makeEmpty(wikiID)
	if err == nil {
		err = s.moveIn(wikiID, tmp)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fault.Wrap(err, fault.Unavailable, "create repository of wiki %s", wikiID)
	}
	return s.Repo(ctx, wikiID)
}

// Repo opens a wiki's repository; fault.NotFound if there is none.
func (s *Store) Repo(ctx context.Context, wikiID string) (*Repo, error) {
	if err := checkID(wikiID); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	r := s.repos[wikiID]
	s.mu.Unlock()
	if r != nil {
		return r, nil
	}
	dir := filepath.Join(s.Dir(wikiID), repoFolder)
	if _, err := s.disk.stat(filepath.Join(dir, "HEAD")); errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "open repository: wiki %s has none", wikiID)
	} else if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "open repository of wiki %s", wikiID)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.repos[wikiID]; r != nil {
		return r, nil
	}
	s.nextID++
	r = newRepo(s, wikiID, dir, s.nextID)
	s.repos[wikiID] = r
	return r, nil
}

// Remove deletes a wiki's repository with the whole folder of the wiki, and so
// everything derived that lies beside it; nil if there is none.
func (s *Store) Remove(ctx context.Context, wikiID string) error {
	if err := checkID(wikiID); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	r := s.repos[wikiID]
	delete(s.repos, wikiID)
	if r != nil && r.elem != nil {
		s.dropTable(r)
	}
	s.mu.Unlock()
	if r != nil {
		r.unload()
		s.cache.forget(r.key)
		s.bases.forget(r.key)
	}
	// Renaming first makes it vanish at once, whatever happens to the rest. The
	// name is the wiki's, so that after a crash the next attempt finds what the
	// last one left.
	gone := filepath.Join(s.dir, tempPrefix+"gone_"+wikiID)
	err := s.disk.removeAll(gone)
	if err == nil {
		err = s.disk.rename(s.Dir(wikiID), gone)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = s.disk.removeAll(gone)
	}
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "remove repository of wiki %s", wikiID)
	}
	return nil
}

// touch notes that r's pack table is in use, and unloads the least recently
// used tables beyond the bound.
func (s *Store) touch(r *Repo) {
	s.mu.Lock()
	var out []*Repo
	if r.elem != nil {
		s.loaded.MoveToFront(r.elem)
	} else {
		r.elem = s.loaded.PushFront(r)
	}
	now := r.tableBytes.Load()
	s.tables += now - r.weighed
	r.weighed = now
	for s.loaded.Len() > maxLoadedTables || s.loaded.Len() > 1 && s.tables > s.room {
		old := s.loaded.Back().Value.(*Repo)
		s.dropTable(old)
		out = append(out, old)
	}
	s.mu.Unlock()
	for _, old := range out {
		old.unload()
	}
}

// dropTable takes a repository out of those with a table. s.mu is held.
func (s *Store) dropTable(r *Repo) {
	s.loaded.Remove(r.elem)
	s.tables -= r.weighed
	r.elem, r.weighed = nil, 0
}

const (
	repoFolder = "repo.git"
	mainRef    = "refs/heads/main"
	// tempPrefix begins the name of everything unfinished; git's own gc clears
	// files in objects/pack that bear it.
	tempPrefix = "tmp_"
)

// config makes plain git leave the packs alone and refuse to rewrite history
// behind the records' back.
const config = `[core]
	repositoryformatversion = 0
	filemode = true
	bare = true
[gc]
	auto = 0
[maintenance]
	auto = false
[receive]
	denyNonFastForwards = true
	denyDeletes = true
	fsckObjects = true
`

// makeEmpty builds an empty repository in a temporary folder of the wiki and
// returns its name.
func (s *Store) makeEmpty(wikiID string) (tmp string, err error) {
	tmp = filepath.Join(s.Dir(wikiID), tempPrefix+"repo_"+randomName())
	defer func() {
		if err != nil {
			_ = s.disk.removeAll(tmp)
		}
	}()
	for _, sub := range []string{"objects/pack", "refs/heads"} {
		if err := s.disk.mkdirAll(filepath.Join(tmp, sub)); err != nil {
			return tmp, err
		}
	}
	if err := writeNew(s.disk, filepath.Join(tmp, "config"), []byte(config)); err != nil {
		return tmp, err
	}
	if err := writeNew(s.disk, filepath.Join(tmp, "HEAD"), []byte("ref: "+mainRef+"\n")); err != nil {
		return tmp, err
	}
	for _, sub := range []string{"objects/pack", "objects", "refs/heads", "refs", "."} {
		if err := syncDir(s.disk, filepath.Join(tmp, sub)); err != nil {
			return tmp, err
		}
	}
	return tmp, nil
}

// moveIn gives a finished repository its name. When it fails the temporary
// folder is gone; fs.ErrExist means that another one was first.
func (s *Store) moveIn(wikiID, tmp string) error {
	err := s.disk.rename(tmp, filepath.Join(s.Dir(wikiID), repoFolder))
	if err != nil {
		_ = s.disk.removeAll(tmp)
		var pe *os.LinkError
		if errors.As(err, &pe) && isNotEmpty(pe.Err) {
			return fs.ErrExist
		}
		return err
	}
	if err := syncDir(s.disk, s.Dir(wikiID)); err != nil {
		return err
	}
	return syncDir(s.disk, s.dir)
}
