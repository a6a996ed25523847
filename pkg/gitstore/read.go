package gitstore

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"

	"github.com/go-git/go-git/v5/plumbing"
)

// object reads an object and verifies it against its id. When its pack has been
// folded into another one since the table was read, or replaced by its equal, it
// reads the table again.
func (r *Repo) object(ctx context.Context, id OID) (raw, error) {
	at, err := r.locate(ctx, id)
	if err != nil {
		return raw{}, err
	}
	o, err := r.objectAt(ctx, id, at)
	if isGone(err) {
		r.unload()
		if at, err = r.locate(ctx, id); err != nil {
			return raw{}, err
		}
		o, err = r.objectAt(ctx, id, at)
	}
	if err != nil {
		return raw{}, err
	}
	if o.id() != id {
		return raw{}, fmt.Errorf("%w: content does not match the id", errDamaged)
	}
	r.store.touch(r)
	return o, nil
}

func (r *Repo) objectAt(ctx context.Context, id OID, at place) (raw, error) {
	if at.pack == nil {
		return r.loose(id)
	}
	return r.unpack(ctx, at)
}

// unpack rebuilds the object at a place from its chain of deltas.
func (r *Repo) unpack(ctx context.Context, at place) (raw, error) {
	type link struct {
		at    place
		delta []byte
	}
	var chain []link
	var o raw
	for total := int64(0); ; {
		if v, ok := r.store.bases.get(cacheKey{repo: r.key, file: at.pack.file, off: at.off}); ok {
			o = v.(raw)
			break
		}
		e, data, err := at.pack.read(at.off, false)
		if err != nil {
			return raw{}, fmt.Errorf("%s at %d: %w", at.pack.name, at.off, err)
		}
		if !isDelta(e.kind) {
			o = raw{e.kind, data}
			break
		}
		chain = append(chain, link{at, data})
		if total += int64(len(data)); len(chain) > maxDeltaDepth || total > maxObjectBytes {
			return raw{}, fmt.Errorf("%w: %s at %d: delta chain is too long", errDamaged, at.pack.name, at.off)
		}
		if at, err = r.base(ctx, at, e); err != nil {
			return raw{}, err
		}
	}
	for i := len(chain) - 1; i >= 0; i-- {
		r.store.bases.put(cacheKey{repo: r.key, file: at.pack.file, off: at.off}, o, int64(len(o.data)))
		data, err := applyDelta(o.data, chain[i].delta)
		if err != nil {
			return raw{}, fmt.Errorf("%s at %d: %w", chain[i].at.pack.name, chain[i].at.off, err)
		}
		o.data, at = data, chain[i].at
	}
	return o, nil
}

// base is where the base of a delta lies.
func (r *Repo) base(ctx context.Context, at place, e entryHead) (place, error) {
	if e.kind == plumbing.OFSDeltaObject {
		off := at.off - e.back
		if e.back <= 0 || off < packHead {
			return place{}, fmt.Errorf("%w: %s at %d: base outside the pack", errDamaged, at.pack.name, at.off)
		}
		return place{at.pack, off}, nil
	}
	if off, ok := at.pack.index.find(e.base); ok {
		return place{at.pack, off}, nil
	}
	b, err := r.locate(ctx, e.base)
	if err == nil && b.pack == nil || errors.Is(err, errMissing) {
		return place{}, fmt.Errorf("%w: %s at %d: base %s is in no pack", errDamaged, at.pack.name, at.off, e.base)
	}
	return b, err
}

// head reads type and size of an object.
func (r *Repo) head(ctx context.Context, id OID) (plumbing.ObjectType, int64, error) {
	at, err := r.locate(ctx, id)
	if err != nil {
		return 0, 0, err
	}
	if at.pack == nil {
		o, err := r.loose(id)
		return o.kind, int64(len(o.data)), err
	}
	size := int64(-1)
	for range maxDeltaDepth + 1 {
		e, _, err := at.pack.read(at.off, true)
		if err != nil {
			return 0, 0, err
		}
		if !isDelta(e.kind) {
			if size < 0 {
				size = e.size
			}
			return e.kind, size, nil
		}
		if size < 0 {
			if size, err = at.pack.readDeltaSize(at.off); err != nil {
				return 0, 0, err
			}
		}
		if at, err = r.base(ctx, at, e); err != nil {
			return 0, 0, err
		}
	}
	return 0, 0, fmt.Errorf("%w: delta chain is too long", errDamaged)
}

func (r *Repo) looseFile(id OID) string {
	hex := id.String()
	return filepath.Join(r.dir, "objects", hex[:2], hex[2:])
}

// loose reads an object from a file of its own, as plain git writes them.
func (r *Repo) loose(id OID) (raw, error) {
	b, err := r.store.disk.readFile(r.looseFile(id))
	if errors.Is(err, fs.ErrNotExist) {
		return raw{}, errMissing
	} else if err != nil {
		return raw{}, err
	}
	return parseLoose(b)
}

// parseLoose decodes "type size NUL content", compressed (gitformat-loose(5)).
func parseLoose(b []byte) (raw, error) {
	z, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return raw{}, fmt.Errorf("%w: %w", errDamaged, err)
	}
	// The head comes first, so that what follows is read only as far as it says.
	in := bufio.NewReaderSize(z, 64)
	head, err := in.ReadSlice(0)
	if err != nil {
		return raw{}, fmt.Errorf("%w: loose object without head", errDamaged)
	}
	name, digits, _ := bytes.Cut(head[:len(head)-1], []byte{' '})
	kind, err := plumbing.ParseObjectType(string(name))
	size, serr := strconv.ParseInt(string(digits), 10, 64)
	if err != nil || serr != nil || size < 0 || isDelta(kind) {
		return raw{}, fmt.Errorf("%w: loose object with a bad head", errDamaged)
	}
	if size > maxObjectBytes {
		return raw{}, errTooLarge
	}
	content, err := io.ReadAll(io.LimitReader(in, size+1))
	if err != nil {
		return raw{}, fmt.Errorf("%w: %w", errDamaged, err)
	}
	if int64(len(content)) != size {
		return raw{}, fmt.Errorf("%w: loose object of another size than its head says", errDamaged)
	}
	return raw{kind, content}, nil
}
