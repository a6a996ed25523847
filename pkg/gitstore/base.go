package gitstore

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"

	"wikibot.io/pkg/fault"
)

// base is a consolidated pack: with the bases below it, it holds just what is
// reachable from its tip, nothing twice, first all commits, then all trees, then
// all blobs. Deltas build on objects of the same base that lie before them.
//
// The file pack-<name>.keep says so. Git knows that extension as that of packs
// which its own repacking leaves alone.
type base struct {
	pack *pack
	tip  OID
	onto OID        // the tip of the base below; zero for the lowest
	ends [3]section // commits, trees, blobs
}

// section is the part of a base that holds objects of one kind.
type section struct {
	objects int
	end     int64 // the offset behind its last entry; the first begins at packHead
}

// sectionKinds are the kinds of the sections, in their order.
var sectionKinds = [3]plumbing.ObjectType{plumbing.CommitObject, plumbing.TreeObject, plumbing.BlobObject}

// hasCommit reports whether a commit is in the base itself, not in one below.
func (b *base) hasCommit(id OID) bool {
	off, ok := b.pack.index.find(id)
	return ok && off < b.ends[0].end
}

const keepMagic = "wikibot base 1\n"

// encodeKeep is the content of the .keep file.
func (b *base) encodeKeep() []byte {
	var out bytes.Buffer
	out.WriteString(keepMagic)
	fmt.Fprintf(&out, "tip %s\n", b.tip)
	if !b.onto.IsZero() {
		fmt.Fprintf(&out, "onto %s\n", b.onto)
	}
	for i, name := range []string{"commits", "trees", "blobs"} {
		fmt.Fprintf(&out, "%s %d %d\n", name, b.ends[i].objects, b.ends[i].end)
	}
	return out.Bytes()
}

// parseKeep decodes a .keep file. It takes just what encodeKeep writes: any other
// file of that extension is somebody else's.
func parseKeep(data []byte) (*base, error) {
	bad := fmt.Errorf("%w: not the description of a base", errDamaged)
	rest, ok := bytes.CutPrefix(data, []byte(keepMagic))
	if !ok {
		return nil, bad
	}
	b := &base{}
	lines := bytes.Split(rest, []byte{'\n'})
	if tip, ok := bytes.CutPrefix(lines[0], []byte("tip ")); !ok || parseID(&b.tip, tip) != nil || b.tip.IsZero() {
		return nil, bad
	}
	lines = lines[1:]
	if len(lines) == 5 {
		if onto, ok := bytes.CutPrefix(lines[0], []byte("onto ")); !ok || parseID(&b.onto, onto) != nil || b.onto.IsZero() {
			return nil, bad
		}
		lines = lines[1:]
	}
	if len(lines) != 4 {
		return nil, bad
	}
	for i, name := range []string{"commits", "trees", "blobs"} {
		s := &b.ends[i]
		if _, err := fmt.Sscanf(string(lines[i]), name+" %d %d", &s.objects, &s.end); err != nil {
			return nil, bad
		}
	}
	if !bytes.Equal(b.encodeKeep(), data) {
		return nil, bad
	}
	return b, b.checkEnds()
}

// checkEnds compares the sections with each other.
func (b *base) checkEnds() error {
	at := int64(packHead)
	for _, s := range b.ends {
		// The smallest entry has a byte of head and eight of compressed nothing.
		if s.objects < 0 || s.end < at || s.end > maxPackSize || int64(s.objects) > (s.end-at)/9 || s.objects == 0 && s.end != at {
			return fmt.Errorf("%w: base with impossible sections", errDamaged)
		}
		at = s.end
	}
	if b.ends[0].objects == 0 {
		return fmt.Errorf("%w: base without commits", errDamaged)
	}
	return nil
}

// check compares what the .keep file says with the index of the pack.
func (b *base) check() error {
	x := b.pack.index
	var counts [3]int
	first := [3]int64{b.ends[0].end, b.ends[1].end, b.ends[2].end} // of the entries in each section
	for _, off := range x.offsets {
		in := 0
		for in < 3 && off >= b.ends[in].end {
			in++
		}
		if in == 3 {
			return fmt.Errorf("%w: %s: objects behind the end of the base", errDamaged, b.pack.name)
		}
		counts[in]++
		first[in] = min(first[in], off)
	}
	at := int64(packHead)
	for i, s := range b.ends {
		if counts[i] != s.objects || first[i] != at {
			return fmt.Errorf("%w: %s: sections do not match the index", errDamaged, b.pack.name)
		}
		at = s.end
	}
	if b.pack.name != "pack-"+x.sum.String() || !b.hasCommit(b.tip) || b.hasCommit(b.onto) {
		return fmt.Errorf("%w: %s: not the base that its description is of", errDamaged, b.pack.name)
	}
	return nil
}

// bases opens the consolidated packs that a wiki's record lists, lowest first.
// Where one is not there or is not what it should be, those from it on are left
// out: everything can be had without them, at the price of walking.
func (r *Repo) bases(ctx context.Context, names []string) ([]*base, error) {
	found, fails := make([]*base, len(names)), make([]error, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		if _, ok := isPackName(name + ".idx"); !ok {
			names = names[:i]
			break
		}
		wg.Go(func() { found[i], fails[i] = r.loadBase(name) })
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	below := OID{}
	for i := range names {
		switch err := fails[i]; {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, errDamaged):
			return found[:i], nil
		case err != nil:
			return nil, fault.Wrap(err, fault.Unavailable, "read %s of wiki %s", names[i], r.wiki)
		case found[i].onto != below:
			return found[:i], nil
		}
		below = found[i].tip
	}
	return found[:len(names)], nil
}

// loadBase reads what is known of a base, and its index into the table, unless
// both are there already.
func (r *Repo) loadBase(name string) (*base, error) {
	r.mu.RLock()
	var known *base
	if r.table != nil {
		known = r.table.bases[name]
	}
	r.mu.RUnlock()
	if known != nil {
		return known, nil
	}
	var data []byte
	var keepErr error
	var wg sync.WaitGroup
	wg.Go(func() { data, keepErr = r.store.disk.readFile(r.packFile(name + ".keep")) })
	p, err := r.readPack(name)
	wg.Wait()
	if err = cmp.Or(err, keepErr); err != nil {
		return nil, err
	}
	b, err := parseKeep(data)
	if err != nil {
		return nil, fmt.Errorf("%s.keep: %w", name, err)
	}
	b.pack = p
	if err := b.check(); err != nil {
		return nil, err
	}
	return r.addBase(b), nil
}

// addBase puts a base into the table; it returns the one that is there.
func (r *Repo) addBase(b *base) *base {
	r.addPack(b.pack)
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.table
	if t == nil { // dropped this very moment
		return b
	}
	if known := t.bases[b.pack.name]; known != nil {
		return known
	}
	b.pack = t.packs[b.pack.name] // perhaps another's reading of the same file
	t.bases[b.pack.name] = b
	for _, p := range t.dropReplaced() {
		r.store.files.forget(p.file)
	}
	return b
}
