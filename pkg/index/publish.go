package index

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"modernc.org/sqlite"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/records"
)

// A published file is called index-<commit>-<digest>.db, where the digest is the
// beginning of the SHA-256 of its bytes: the record thus says what has to be in
// the file that it points to, and damage shows when the file is copied.
var publishedName = regexp.MustCompile(`^index-[0-9a-f]{40}-([0-9a-f]{32})\.db$`)

const (
	tempPattern = "index-*.tmp"
	// grace is how long a file that nothing points to any more is kept, for
	// those who read the record before it changed.
	grace = 15 * time.Minute
	// copySize is how many bytes of an index are read or written at a time.
	copySize = 1 << 20
	// publishAttempts bounds how often one call loses against others.
	publishAttempts = 5
)

func gitHash(hex40 string) (id gitstore.OID) {
	_, _ = hex.Decode(id[:], []byte(hex40)) // records hold 40 hex digits or nothing
	return id
}

// bring makes the entry's copy describe w.Head: the present copy caught up, or
// else the published one, or else one built from git. The caller has the turn.
func (c *Cache) bring(ctx context.Context, e *entry, w records.Wiki) error {
	repo, err := c.deps.Git.Repo(ctx, w.ID)
	if err != nil {
		return err
	}
	c.mu.Lock()
	cp := e.copy
	if cp != nil {
		cp.readers++
	}
	c.mu.Unlock()
	if cp != nil {
		err := cp.catchUp(ctx, repo, w)
		c.release(cp)
		if err == nil || ctx.Err() != nil {
			return err
		}
		c.deps.Log.Warn("index copy dropped", "wiki", w.ID, "head", w.Head, "cause", err)
		c.discard(w.ID, cp)
		if !errors.Is(err, errForked) {
			return err
		}
	}
	cp, err = c.load(ctx, e, repo, w)
	if err != nil {
		return err
	}
	return c.install(e, cp)
}

// load makes a new copy that describes w.Head.
func (c *Cache) load(ctx context.Context, e *entry, repo *gitstore.Repo, w records.Wiki) (*working, error) {
	c.makeRoom(c.publishedSize(w))
	cp, err := c.fetch(ctx, e, &w)
	if err == nil && cp != nil {
		if cp.includes(w) {
			return cp, nil
		}
		if err = cp.catchUp(ctx, repo, w); err == nil {
			return cp, nil
		}
		cp.remove()
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		c.deps.Log.Warn("published index not usable, rebuilding from git", "wiki", w.ID, "file", w.Index.File, "cause", err)
	}
	began := time.Now()
	dir, err := c.scratch.folder()
	if err != nil {
		return nil, err
	}
	if err := buildInto(ctx, filepath.Join(dir, indexFile), repo, w, c.deps.MaxBytes); err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	if cp, err = openWorking(ctx, dir, w.ID, c.deps.MaxBytes); err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	c.deps.Log.Info("index built from git", "wiki", w.ID, "head", w.Head, "took", time.Since(began))
	return cp, nil
}

// fetch copies the published index, if there is one. When its file is gone the
// record is read again: another may have been published meanwhile, or the same
// one again, which took the place of the file that was being copied.
func (c *Cache) fetch(ctx context.Context, e *entry, w *records.Wiki) (*working, error) {
	if w.Index.File == "" {
		return nil, nil
	}
	cp, err := c.fetchFile(ctx, *w)
	replaced := errors.Is(err, syscall.ESTALE) // what a network file system says of an open file
	if replaced || errors.Is(err, fs.ErrNotExist) {
		now, again := c.deps.Records.Wiki(ctx, w.ID)
		if again == nil && now.Index.File != "" && (replaced || now.Index != w.Index) {
			w.Index = now.Index
			cp, err = c.fetchFile(ctx, *w)
		}
	}
	if err != nil && ctx.Err() == nil {
		c.mu.Lock()
		e.bad = w.Index
		c.mu.Unlock()
	}
	return cp, err
}

func (c *Cache) fetchFile(ctx context.Context, w records.Wiki) (_ *working, err error) {
	match := publishedName.FindStringSubmatch(w.Index.File)
	if match == nil {
		return nil, fmt.Errorf("the name %q is not one of ours", w.Index.File)
	}
	dir, err := c.scratch.folder()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(dir)
		}
	}()
	digest, err := copyFile(filepath.Join(c.deps.Git.Dir(w.ID), w.Index.File), filepath.Join(dir, indexFile))
	if err != nil {
		return nil, err
	}
	if digest != match[1] {
		return nil, errors.New("its bytes do not have the digest in its name")
	}
	cp, err := openWorking(ctx, dir, w.ID, c.deps.MaxBytes)
	if err != nil {
		return nil, err
	}
	if err = cp.precedes(ctx, w); err != nil {
		cp.closeDBs()
	}
	return cp, err
}

// copyFile copies a file to a new one and returns the digest of what it copied.
func copyFile(from, to string) (digest string, err error) {
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	digest, err = copyInto(out, from)
	return digest, errors.Join(err, out.Close())
}

// copyInto appends a file to an open one and returns the digest of what it
// copied.
func copyInto(out io.Writer, from string) (digest string, err error) {
	in, err := os.Open(from)
	if err != nil {
		return "", err
	}
	defer in.Close()
	sum := sha256.New()
	// The published file is on a network file system, perhaps, where each call is
	// a round trip; without the bare Reader the buffer would not be used.
	if _, err := io.CopyBuffer(io.MultiWriter(out, sum), struct{ io.Reader }{in}, make([]byte, copySize)); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil))[:32], nil
}

// Publish brings the wiki's published index up to its present head. It does
// nothing when the published one is there already, or no more than Deps.MaxLag
// steps behind: publishing copies the whole index, while a reader catches up a
// few steps in no time. When it returns nil, such an index file is on stable
// storage and the record points to it.
func (c *Cache) Publish(ctx context.Context, wikiID string) error {
	return c.publish(ctx, wikiID, func(w records.Wiki) (bool, error) { return c.published(w), nil })
}

// Republish is Publish for a head that may have been moved back: it also replaces
// a published index of a commit that the head does not come from. Every process
// would have to build its own instead of that, until the head has gone on
// Deps.MaxLag steps.
func (c *Cache) Republish(ctx context.Context, wikiID string) error {
	return c.publish(ctx, wikiID, func(w records.Wiki) (bool, error) {
		if !c.published(w) {
			return false, nil
		}
		if w.Head == "" || w.Head == w.Index.Commit {
			return true, nil
		}
		repo, err := c.deps.Git.Repo(ctx, wikiID)
		if err != nil {
			return false, err
		}
		ours, err := repo.Follows(ctx, gitHash(w.Head), gitHash(w.Index.Commit))
		if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Internal) {
			return false, nil // a commit that is not there any more
		}
		return ours, err
	})
}

// publish publishes an index of the head unless what is published is sound.
func (c *Cache) publish(ctx context.Context, wikiID string, sound func(records.Wiki) (bool, error)) error {
	for range publishAttempts {
		w, err := c.deps.Records.Wiki(ctx, wikiID)
		if err != nil {
			return err
		}
		if ok, err := sound(w); ok || err != nil {
			return err
		}
		file, err := c.writeFile(ctx, w)
		if err != nil {
			return c.foreseen(err, "publish the index of wiki %s", wikiID)
		}
		if file != w.Index {
			err = c.deps.Records.PublishIndex(ctx, wikiID, w.Index, file)
		}
		if err == nil {
			c.repaired(wikiID)
			c.tidy(wikiID, file.File, w.Index.File)
			return nil
		}
		if !fault.Is(err, fault.Conflict) {
			return err
		}
		// Somebody else published: look whether that settles it. Our file stays
		// until tidy finds it old, because theirs may be the very same.
	}
	return fault.New(fault.Unavailable, "publish the index of wiki %s: others kept publishing at the same time", wikiID)
}

// published reports whether the record points to a sound index of its head, or
// of a commit not too far behind, as far as can be told without reading it.
func (c *Cache) published(w records.Wiki) bool {
	if w.Head == "" {
		return true
	}
	if w.Index.Commit != w.Head && (w.Index.Commit == "" || w.Sequence-w.Index.Sequence > c.deps.MaxLag) {
		return false
	}
	c.mu.Lock()
	e := c.wikis[w.ID]
	bad := e != nil && e.bad == w.Index
	c.mu.Unlock()
	if bad {
		return false
	}
	_, err := os.Stat(filepath.Join(c.deps.Git.Dir(w.ID), w.Index.File))
	return err == nil
}

func (c *Cache) repaired(wikiID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.wikis[wikiID]; e != nil {
		e.bad = records.Index{}
	}
}

// writeFile puts an index of w.Head or a later commit on stable storage beside
// the repository. It is made in the scratch folder, because SQLite writes page by
// page, and then copied in few large pieces.
func (c *Cache) writeFile(ctx context.Context, w records.Wiki) (file records.Index, err error) {
	cp, err := c.acquire(ctx, w)
	if err != nil {
		return file, err
	}
	defer c.release(cp)
	folder, err := c.scratch.folder()
	if err != nil {
		return file, err
	}
	defer os.RemoveAll(folder)
	c.makeRoom(sizeOf(filepath.Join(cp.dir, indexFile)))
	made := filepath.Join(folder, indexFile)
	head, sequence, err := cp.backup(ctx, made)
	if err != nil {
		return file, err
	}
	file = records.Index{Commit: head, Sequence: sequence}
	file.File, err = putFile(c.deps.Git.Dir(w.ID), made, head)
	return file, err
}

// putFile publishes a finished index file in a wiki's folder and returns its
// name. When it fails, nothing of it is left.
func putFile(dir, made, head string) (name string, err error) {
	f, err := os.CreateTemp(dir, tempPattern)
	if err != nil {
		return "", err
	}
	temp := f.Name()
	defer func() {
		_ = f.Close()
		if err != nil {
			_ = os.Remove(temp)
		}
	}()
	digest, err := copyInto(f, made)
	if err != nil {
		return "", err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return "", err
	}
	name = fmt.Sprintf("index-%s-%s.db", head, digest)
	if err := os.Rename(temp, filepath.Join(dir, name)); err != nil {
		return "", err
	}
	return name, syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// backup copies one whole state of the copy to a new file and returns its head
// and the step that brought it.
// Catching up and reading go on meanwhile.
func (cp *working) backup(ctx context.Context, to string) (head string, sequence int64, err error) {
	// One read transaction around both, so that the name fits the content.
	s, err := cp.begin(ctx)
	if err != nil {
		return "", 0, err
	}
	defer cp.end(s)
	var raw []byte
	if _, err := (reader{ctx, s}).one(`SELECT head, sequence FROM meta`, nil, &raw, &sequence); err != nil {
		return "", 0, err
	}
	err = s.conn.Raw(func(driver any) error {
		source, ok := driver.(interface {
			NewBackup(string) (*sqlite.Backup, error)
		})
		if !ok {
			return fmt.Errorf("%T cannot back up", driver)
		}
		b, err := source.NewBackup(dsn(to, "rwc", "journal_mode(off)", "synchronous(off)"))
		if err != nil {
			return err
		}
		_, err = b.Step(-1)
		return errors.Join(err, b.Finish())
	})
	return hex.EncodeToString(raw), sequence, err
}

// tidy deletes index files that nothing points to, except the previous one,
// when they are older than any reader. Failing to is harmless: the next
// publication tries again.
func (c *Cache) tidy(wikiID string, keep ...string) {
	dir := c.deps.Git.Dir(wikiID)
	list, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range list {
		temp, _ := filepath.Match(tempPattern, e.Name())
		if !temp && !publishedName.MatchString(e.Name()) || e.Name() == keep[0] || e.Name() == keep[1] {
			continue
		}
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > grace {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}
