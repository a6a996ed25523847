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

// mirror is what is known of refs/heads/main on disk.
type mirror struct {
	mu       sync.Mutex
	known    bool // head is what the file said when last read or written
	head     OID
	sequence int64
}

// Mirror makes refs/heads/main on disk say head, for plain git to read; nothing in
// the fleet reads it to find the head. A power failure may bring the last one back,
// as if the process had been killed before the call. Concurrent calls may
// finish in any order, so callers pass the sequence: a lower one never replaces
// a higher one within a process. What another process wrote is looked at by the
// first call only, which leaves a commit that follows from head alone; the others
// write without a look, which would cost every save a round trip and still not be
// one step with the write. So callers ask the record afterwards whether the head
// has moved on, and mirror that.
func (r *Repo) Mirror(ctx context.Context, head OID, sequence int64) error {
	return r.mirrorTo(ctx, head, sequence, false)
}

// MirrorBack is Mirror for a head that was put where it is by hand: it replaces
// whatever the file says, also a commit that follows from head, and it survives a
// power failure.
func (r *Repo) MirrorBack(ctx context.Context, head OID, sequence int64) error {
	return r.mirrorTo(ctx, head, sequence, true)
}

func (r *Repo) mirrorTo(ctx context.Context, head OID, sequence int64, back bool) error {
	if head.IsZero() {
		return fault.New(fault.Invalid, "mirror the head of wiki %s: there is no commit yet", r.wiki)
	}
	m := &r.mirror
	m.mu.Lock()
	defer m.mu.Unlock()
	if sequence < m.sequence && !back {
		return nil
	}
	if !m.known || back {
		old, err := r.MirrorHead(ctx)
		if err != nil {
			return err
		}
		if !back {
			if later, err := r.isLater(ctx, old, head); err != nil || later {
				return err // and the next call looks again
			}
		}
		m.known, m.head = true, old
	}
	if m.head != head {
		if err := r.writeMain(head, back); err != nil {
			m.known = false
			return fault.Wrap(err, fault.Unavailable, "mirror the head of wiki %s", r.wiki)
		}
		m.head = head
	}
	m.sequence = sequence
	return nil
}

// isLater tells whether what the file says follows from head. A commit that is
// not whole vouches for nothing.
func (r *Repo) isLater(ctx context.Context, old, head OID) (bool, error) {
	if old.IsZero() {
		return false, nil
	}
	later, err := r.Follows(ctx, old, head)
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Internal) {
		return false, nil
	}
	return later, err
}

// writeMain puts the temporary file outside refs/, where git would list it as a
// branch. Renaming over the ref is atomic; git's own way of locking it is not
// needed, since nobody else writes it. The file is flushed first, or a power
// failure could leave an empty one. The folder is flushed only on the way back:
// otherwise what the ref said before is a commit that came before, and lagging is
// what a mirror may do, while one that is ahead of the head would stay so.
func (r *Repo) writeMain(head OID, back bool) error {
	d := r.store.disk
	tmp := filepath.Join(r.dir, tempPrefix+"main_"+randomName())
	if err := writeNew(d, tmp, []byte(head.String()+"\n")); err != nil {
		return err
	}
	if err := d.rename(tmp, filepath.Join(r.dir, mainRef)); err != nil {
		_ = d.remove(tmp)
		return err
	}
	if !back {
		return nil
	}
	return syncDir(d, filepath.Join(r.dir, filepath.Dir(mainRef)))
}

// MirrorHead reads what refs/heads/main on disk says; zero if it does not exist.
func (r *Repo) MirrorHead(ctx context.Context) (OID, error) {
	if err := ctx.Err(); err != nil {
		return OID{}, err
	}
	id, err := readRef(r.store.disk, r.dir, mainRef)
	if err != nil {
		return OID{}, fault.Wrap(err, fault.Unavailable, "read the mirrored head of wiki %s", r.wiki)
	}
	return id, nil
}

// readRef reads a ref of a repository, loose or packed; zero if it does not
// exist or does not hold an id.
func readRef(d disk, dir, name string) (OID, error) {
	b, err := d.readFile(filepath.Join(dir, name))
	if err == nil {
		var id OID
		if parseID(&id, bytes.TrimSpace(b)) != nil {
			return OID{}, nil
		}
		return id, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return OID{}, err
	}
	packed, err := d.readFile(filepath.Join(dir, "packed-refs"))
	if errors.Is(err, fs.ErrNotExist) {
		return OID{}, nil
	} else if err != nil {
		return OID{}, err
	}
	for line := range bytes.Lines(packed) {
		var id OID
		value, ref, ok := bytes.Cut(bytes.TrimSpace(line), []byte{' '})
		if ok && string(ref) == name && parseID(&id, value) == nil {
			return id, nil
		}
	}
	return OID{}, nil
}
