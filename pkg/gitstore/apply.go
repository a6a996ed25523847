package gitstore

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"

	"wikibot.io/pkg/fault"
)

// Edit is a change of one file for Batch.Apply: a zero ID removes it. A zero
// Mode keeps an executable executable and is otherwise a regular file.
type Edit struct {
	Path string
	Mode filemode.FileMode
	ID   OID
}

// Apply adds the trees that result from applying edits to the tree base, and
// returns the new root. Folders left empty vanish. It refuses (fault.Invalid)
// an edit that would put a file where a folder is, or the reverse; an edit may
// take the place of what other edits of the same call remove. Removing what is
// not there changes nothing, and of several edits of one path the last counts.
// Entries that no edit names stay as they are, whatever they are.
func (b *Batch) Apply(ctx context.Context, base OID, edits []Edit) (OID, error) {
	root := &editNode{}
	for _, e := range edits {
		if err := root.add(e); err != nil {
			return OID{}, err
		}
	}
	id, err := b.apply(ctx, "", base, root)
	if err == nil && id.IsZero() {
		id = b.add(raw{kind: plumbing.TreeObject}) // a commit needs some tree
	}
	return id, err
}

// editNode is one name in the tree of edits.
type editNode struct {
	edit  *Edit // of the file of this name
	below map[string]*editNode
}

func (n *editNode) add(e Edit) error {
	if !e.ID.IsZero() {
		switch e.Mode {
		case filemode.Empty, filemode.Regular, filemode.Executable, filemode.Deprecated, filemode.Symlink:
		default:
			return fault.New(fault.Invalid, "write file %s: mode %o is not that of a file", e.Path, uint32(e.Mode))
		}
	}
	depth := 0
	for name := range strings.SplitSeq(e.Path, "/") {
		if err := checkName(name); err != nil {
			return fault.New(fault.Invalid, "write file %s: a part of its path %v", e.Path, err)
		}
		if depth++; depth > maxTreeDepth {
			return fault.New(fault.Invalid, "write file: more than %d folders deep", maxTreeDepth)
		}
		next := n.below[name]
		if next == nil {
			next = &editNode{}
			if n.below == nil {
				n.below = map[string]*editNode{}
			}
			n.below[name] = next
		}
		n = next
	}
	n.edit = &e
	return nil
}

// adds reports whether any edit below puts a file.
func (n *editNode) adds() bool {
	for _, c := range n.below {
		if c.edit != nil && !c.edit.ID.IsZero() || c.adds() {
			return true
		}
	}
	return false
}

// apply returns the id of the changed tree; zero if nothing is left in it.
func (b *Batch) apply(ctx context.Context, prefix string, base OID, edits *editNode) (OID, error) {
	tree, err := b.tree(ctx, base)
	if err != nil {
		return OID{}, err
	}
	changed := make(map[string]Entry, len(edits.below)) // a zero mode: no such entry
	for _, name := range slices.Sorted(maps.Keys(edits.below)) {
		old, _ := tree.Entry(name)
		e, err := b.applyEntry(ctx, prefix+name, old, edits.below[name])
		if err != nil {
			return OID{}, err
		}
		if e != old {
			e.Name = name
			changed[name] = e
		}
	}
	if len(changed) == 0 {
		return base, nil
	}
	entries := make([]Entry, 0, len(tree.Entries)+len(changed))
	for _, e := range tree.Entries {
		if _, ok := changed[e.Name]; !ok {
			entries = append(entries, e)
		}
	}
	for _, e := range changed {
		if e.Mode != filemode.Empty {
			entries = append(entries, e)
		}
	}
	if len(entries) == 0 {
		return OID{}, nil
	}
	slices.SortFunc(entries, compareEntries)
	return b.add(raw{plumbing.TreeObject, encodeTree(entries)}), nil
}

// applyEntry returns what becomes of the entry old (zero if there is none).
func (b *Batch) applyEntry(ctx context.Context, path string, old Entry, n *editNode) (Entry, error) {
	e := old
	if n.edit != nil && n.edit.ID.IsZero() && isFile(e.Mode) {
		e = Entry{} // removed first, so that a folder may take its place
	}
	if len(n.below) > 0 {
		switch {
		case e.Mode == filemode.Dir || e.Mode == filemode.Empty:
			id, err := b.apply(ctx, path+"/", e.ID, n)
			if err != nil {
				return Entry{}, err
			}
			switch {
			case id.IsZero():
				e = Entry{}
			default:
				e.Mode, e.ID = filemode.Dir, id
			}
		case n.adds():
			return Entry{}, fault.New(fault.Invalid, "write below %s: it is a file, not a folder", path)
		}
	}
	if n.edit == nil || n.edit.ID.IsZero() {
		return e, nil
	}
	switch e.Mode {
	case filemode.Dir:
		return Entry{}, fault.New(fault.Invalid, "write file %s: it is a folder", path)
	case filemode.Submodule:
		return Entry{}, fault.New(fault.Invalid, "write file %s: it is a submodule", path)
	}
	mode := n.edit.Mode
	if mode == filemode.Empty {
		mode = filemode.Regular
		if old.Mode == filemode.Executable {
			mode = filemode.Executable
		}
	}
	return Entry{Name: old.Name, Mode: mode, ID: n.edit.ID}, nil
}

// tree reads a tree of the batch or of the repository.
func (b *Batch) tree(ctx context.Context, id OID) (*Tree, error) {
	if o, ok := b.objects[id]; ok && o.kind == plumbing.TreeObject {
		return parseTree(id, o.data)
	}
	return b.r.Tree(ctx, id)
}
