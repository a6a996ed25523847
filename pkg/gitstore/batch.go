package gitstore

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"

	"wikibot.io/pkg/fault"
)

// Batch collects the objects of one commit and writes them as one pack. The
// objects of a batch can be read through the Repo only after Flush. A batch is
// for one goroutine, and for one Flush that succeeds.
//
// Add just what the commit brings, and all of it: a clone is given the packs of
// the commits in the history, whole, and no others. So an object that is
// already there is written again; it may be in the pack of a save that lost the
// race for the head.
type Batch struct {
	r       *Repo
	objects map[OID]raw
	last    OID // the last commit added
}

// NewBatch starts a batch.
func (r *Repo) NewBatch() *Batch { return &Batch{r: r, objects: map[OID]raw{}} }

// Blob adds a blob. The batch keeps data, so do not change it afterwards.
func (b *Batch) Blob(data []byte) OID { return b.add(raw{plumbing.BlobObject, data}) }

// Commit adds a commit and returns its id.
func (b *Batch) Commit(c Commit) OID {
	b.last = b.add(raw{plumbing.CommitObject, encodeCommit(c)})
	return b.last
}

func (b *Batch) add(o raw) OID {
	id := o.id()
	b.objects[id] = o
	return id
}

// Flush puts the batch on stable storage as one pack with its index, named
// after the last commit added. When it returns nil, every object of the batch
// survives a power failure. A full disk is fault.Unavailable and leaves nothing
// behind that a reader would see.
func (b *Batch) Flush(ctx context.Context) error {
	if b.last.IsZero() {
		return fault.New(fault.Internal, "write to wiki %s: the batch holds no commit", b.r.wiki)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, o := range b.objects {
		if len(o.data) > maxObjectBytes {
			return fault.New(fault.TooLarge, "write to wiki %s: a file is larger than 128 MiB", b.r.wiki)
		}
	}
	name := "pack-" + b.last.String()
	if _, ok := b.r.known(b.last); ok {
		// This very commit is on disk already. Its pack may be open, so what is
		// still missing goes into one of another name.
		if name = b.onlyNew(); name == "" {
			return nil
		}
	}
	data, index := b.encode()
	if err := b.r.writePack(name, data, index.encode()); err != nil {
		return fault.Wrap(err, fault.Unavailable, "write commit %s to wiki %s", b.last, b.r.wiki)
	}
	b.r.addPack(b.r.newPack(name, index))
	for id, o := range b.objects {
		_, _ = b.r.keep(id, o) // only fills the cache
	}
	return nil
}

// onlyNew drops the objects that are on disk and names a pack for the others
// after their ids; "" if there are none.
func (b *Batch) onlyNew() string {
	h := sha1.New()
	for _, id := range b.sorted() {
		if _, ok := b.r.known(id); ok {
			delete(b.objects, id)
			continue
		}
		h.Write(id[:])
	}
	if len(b.objects) == 0 {
		return ""
	}
	return "pack-" + OID(h.Sum(nil)).String()
}

// sorted lists the objects so that equal batches give equal packs: commits,
// trees, blobs, each by id.
func (b *Batch) sorted() []OID {
	ids := make([]OID, 0, len(b.objects))
	for id := range b.objects {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(x, y OID) int {
		if d := int(b.objects[x].kind) - int(b.objects[y].kind); d != 0 {
			return d
		}
		return compareIDs(x, y)
	})
	return ids
}

// encode makes the pack and its index.
func (b *Batch) encode() ([]byte, *packIndex) {
	ids := b.sorted()
	var out bytes.Buffer
	out.Write(packHeader(len(ids)))
	x := &packIndex{}
	for _, id := range ids {
		o := b.objects[id]
		start := out.Len()
		out.Write(appendEntryHead(nil, entryHead{kind: o.kind, size: int64(len(o.data))}))
		deflate(&out, o.data)
		x.ids = append(x.ids, id)
		x.offsets = append(x.offsets, int64(start))
		x.crcs = append(x.crcs, crc32.ChecksumIEEE(out.Bytes()[start:]))
	}
	x.sum = sha1.Sum(out.Bytes())
	out.Write(x.sum[:])
	x.sort()
	return out.Bytes(), x
}

func packHeader(objects int) []byte {
	b := append([]byte("PACK"), 0, 0, 0, 2)
	return binary.BigEndian.AppendUint32(b, uint32(objects))
}

// Compressors are costly to make. Attachments are mostly compressed already, so
// large data is not worth much effort.
var (
	deflaters     = sync.Pool{New: func() any { return zlib.NewWriter(nil) }}
	fastDeflaters = sync.Pool{New: func() any {
		z, _ := zlib.NewWriterLevel(nil, zlib.BestSpeed) // the level is a valid one
		return z
	}}
)

func deflate(out *bytes.Buffer, data []byte) {
	pool := &deflaters
	if len(data) > 1<<20 {
		pool = &fastDeflaters
	}
	z := pool.Get().(*zlib.Writer)
	defer pool.Put(z)
	z.Reset(out)
	// A bytes.Buffer does not fail.
	_, _ = z.Write(data)
	_ = z.Close()
}

// writePack makes a pack and its index durable. Pack and index are written and
// flushed side by side, which takes the disk hardly longer than one of them.
// The index gets its name last, because readers look for it first.
func (r *Repo) writePack(name string, data, index []byte) error {
	d := r.store.disk
	temp := randomName()
	tmpPack, tmpIdx := r.packFile(tempPrefix+"pack_"+temp), r.packFile(tempPrefix+"idx_"+temp)
	var packErr, idxErr error
	var wg sync.WaitGroup
	wg.Go(func() { idxErr = writeNew(d, tmpIdx, index) })
	packErr = writeNew(d, tmpPack, data)
	wg.Wait()
	if err := errors.Join(packErr, idxErr); err != nil {
		if packErr == nil {
			_ = d.remove(tmpPack)
		}
		if idxErr == nil {
			_ = d.remove(tmpIdx)
		}
		return err
	}
	return r.publishPack(name, tmpPack, tmpIdx)
}

// publishPack gives flushed files their names and flushes the folder. What has
// its name when any of it fails stays: another host may have been sent the same
// save in the same second, have written the same pack under the same name, and
// have landed it. A pack without index is seen by nobody; both without a head
// that leads to them are like those of a save that lost the race.
func (r *Repo) publishPack(name, tmpPack, tmpIdx string) error {
	d := r.store.disk
	pack, idx := r.packFile(name+".pack"), r.packFile(name+".idx")
	err := d.rename(tmpPack, pack)
	if err != nil {
		_ = d.remove(tmpIdx)
		_ = d.remove(tmpPack)
		return err
	}
	if err = d.rename(tmpIdx, idx); err != nil {
		_ = d.remove(tmpIdx)
		return err
	}
	return r.packDir.use(func(f readFile) error { return f.Sync() })
}
