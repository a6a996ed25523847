package wiki

import (
	"context"
	"sort"

	"github.com/go-git/go-git/v5/plumbing/filemode"

	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/pagepath"
)

// snapshot is a wiki at one commit: an immutable view. The snapshot of a wiki
// without a commit has an empty root and no repo.
type snapshot struct {
	repo   *gitstore.Repo
	commit *gitstore.Commit
	root   *gitstore.Tree
}

// place is an entry with its path as stored (a page's without extension).
type place struct {
	path  string
	entry gitstore.Entry
}

// page finds a page by any spelling of its path.
func (s *snapshot) page(ctx context.Context, path string) (place, bool, error) {
	path = pagepath.Clean(path)
	if path == "" {
		return place{}, false, nil
	}
	at, ok, err := s.find(ctx, s.root, "", segments(path), func(e gitstore.Entry) bool {
		_, page := pagepath.OfFile(e.Name)
		return page && isFile(e)
	}, pagepath.Ext)
	if ok {
		at.path, _ = pagepath.OfFile(at.path)
	}
	return at, ok, err
}

// file finds a file that is no page.
func (s *snapshot) file(ctx context.Context, path string) (place, bool, error) {
	segs := segments(trimSlashes(path))
	if len(segs) == 0 {
		return place{}, false, nil
	}
	return s.find(ctx, s.root, "", segs, func(e gitstore.Entry) bool {
		_, page := pagepath.OfFile(e.Name)
		return !page && isFile(e)
	}, "")
}

// folder finds a folder; the root is not one.
func (s *snapshot) folder(ctx context.Context, path string) (place, bool, error) {
	segs := segments(trimSlashes(path))
	if len(segs) == 0 {
		return place{}, false, nil
	}
	return s.find(ctx, s.root, "", segs, isFolder, "")
}

// find walks down from a tree. A name that is stored exactly as asked comes
// first; imported repositories may hold several that differ only in case, so
// each folder that matches is tried.
func (s *snapshot) find(ctx context.Context, tree *gitstore.Tree, above string, segs []string, want func(gitstore.Entry) bool, ext string) (place, bool, error) {
	name := segs[0]
	if len(segs) == 1 {
		for _, e := range matches(tree, name+ext) {
			if want(e) {
				return place{join(above, e.Name), e}, true, nil
			}
		}
		return place{}, false, nil
	}
	for _, e := range matches(tree, name) {
		if !isFolder(e) {
			continue
		}
		sub, err := s.repo.Tree(ctx, e.ID)
		if err != nil {
			return place{}, false, missing(err, "read folder %q", join(above, e.Name))
		}
		at, ok, err := s.find(ctx, sub, join(above, e.Name), segs[1:], want, ext)
		if ok || err != nil {
			return at, ok, err
		}
	}
	return place{}, false, nil
}

// matches returns the entries whose names have the name's key, the exact one first.
func matches(tree *gitstore.Tree, name string) []gitstore.Entry {
	found := tree.Fold(pagepath.Key(name))
	for i, e := range found {
		if e.Name == name && i > 0 {
			ordered := append([]gitstore.Entry{e}, found[:i]...)
			return append(ordered, found[i+1:]...)
		}
	}
	return found
}

// spell gives a path for a new page the spelling of the folders that exist, so
// that "docs/New" goes into "Docs".
func (s *snapshot) spell(ctx context.Context, path string) (string, error) {
	segs := segments(path)
	tree, above := s.root, ""
	for i, seg := range segs[:len(segs)-1] {
		var next *gitstore.Entry
		for _, e := range matches(tree, seg) {
			if isFolder(e) {
				next = &e
				break
			}
		}
		if next == nil {
			for _, rest := range segs[i:] {
				above = join(above, rest)
			}
			return above, nil
		}
		var err error
		if tree, err = s.repo.Tree(ctx, next.ID); err != nil {
			return "", missing(err, "read folder %q", join(above, next.Name))
		}
		above = join(above, next.Name)
	}
	return join(above, segs[len(segs)-1]), nil
}

func (s *snapshot) children(ctx context.Context, folder string) ([]Node, error) {
	tree, above := s.root, ""
	if folder = trimSlashes(folder); folder != "" {
		at, ok, err := s.folder(ctx, folder)
		if !ok || err != nil {
			return nil, err
		}
		if tree, err = s.repo.Tree(ctx, at.entry.ID); err != nil {
			return nil, missing(err, "read folder %q", at.path)
		}
		above = at.path
	}
	byKey := map[string]*Node{}
	for _, e := range tree.Entries {
		name, page := e.Name, false
		if isFile(e) {
			if name, page = pagepath.OfFile(e.Name); !page {
				continue
			}
		} else if ok, err := s.holdsPages(ctx, e); err != nil {
			return nil, err
		} else if !ok {
			continue
		}
		n := byKey[pagepath.Key(name)]
		if n == nil || page && n.Page {
			// Two imported pages whose names differ only in case are two nodes.
			n = &Node{Name: name, Path: join(above, name)}
			key := pagepath.Key(name)
			if byKey[key] != nil {
				key += "\x00" + name
			}
			byKey[key] = n
		}
		if page {
			n.Name, n.Path, n.Page = name, join(above, name), true
		} else {
			n.Children = true
		}
	}
	nodes := make([]Node, 0, len(byKey))
	for _, n := range byKey {
		nodes = append(nodes, *n)
	}
	sort.Slice(nodes, func(i, j int) bool {
		a, b := pagepath.Key(nodes[i].Name), pagepath.Key(nodes[j].Name)
		if a != b {
			return a < b
		}
		return nodes[i].Name < nodes[j].Name
	})
	return nodes, nil
}

// holdsPages tells a folder of sub-pages from one of attachments. It stops at
// the first page it meets.
func (s *snapshot) holdsPages(ctx context.Context, e gitstore.Entry) (bool, error) {
	if !isFolder(e) {
		return false, nil
	}
	tree, err := s.repo.Tree(ctx, e.ID)
	if err != nil {
		return false, missing(err, "read folder %q", e.Name)
	}
	for _, sub := range tree.Entries {
		if _, page := pagepath.OfFile(sub.Name); page && isFile(sub) {
			return true, nil
		}
	}
	for _, sub := range tree.Entries {
		if ok, err := s.holdsPages(ctx, sub); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// attachments lists the files of the page at path, by name: those directly in
// the folder of its name.
func (s *snapshot) attachments(ctx context.Context, path string) ([]place, error) {
	dir, ok, err := s.folder(ctx, path)
	if !ok || err != nil {
		return nil, err
	}
	tree, err := s.repo.Tree(ctx, dir.entry.ID)
	if err != nil {
		return nil, missing(err, "read folder %q", dir.path)
	}
	var found []place
	for _, e := range tree.Entries {
		if _, page := pagepath.OfFile(e.Name); isFile(e) && !page {
			found = append(found, place{join(dir.path, e.Name), e})
		}
	}
	return found, nil
}

func isFile(e gitstore.Entry) bool {
	return e.Mode == filemode.Regular || e.Mode == filemode.Executable || e.Mode == filemode.Deprecated
}

func isFolder(e gitstore.Entry) bool { return e.Mode == filemode.Dir }

func join(above, name string) string {
	if above == "" {
		return name
	}
	return above + "/" + name
}

func trimSlashes(path string) string {
	for path != "" && path[0] == '/' {
		path = path[1:]
	}
	for path != "" && path[len(path)-1] == '/' {
		path = path[:len(path)-1]
	}
	return path
}
