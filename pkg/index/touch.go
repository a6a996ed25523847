package index

import (
	"context"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/filemode"

	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/pagepath"
)

// delta is a page that a commit touches. A zero OID means it is not there.
type delta struct {
	path     string // of the page
	old, new gitstore.OID
}

// touched lists what a commit touches: pages and other files whose content
// differs from that in every parent. So a merge touches what was settled in it
// and not what it brought together, and a first commit touches everything.
// Both lists are sorted by path.
func touched(ctx context.Context, repo *gitstore.Repo, tree gitstore.OID, parents []gitstore.OID) (pages []delta, files []string, err error) {
	if len(parents) == 0 {
		parents = []gitstore.OID{{}}
	}
	var common []gitstore.Change
	for i, parent := range parents {
		diff, err := repo.Diff(ctx, parent, tree)
		if err != nil {
			return nil, nil, err
		}
		if i == 0 {
			common = diff
		} else {
			common = inBoth(common, diff)
		}
	}
	for _, ch := range common {
		path, old, new, isPage := asPage(ch)
		switch {
		case isPage && old != new:
			pages = append(pages, delta{path, old, new})
		case !isPage && ch.Old != ch.New:
			files = append(files, ch.Path)
		}
	}
	slices.SortFunc(pages, func(a, b delta) int { return strings.Compare(a.path, b.path) })
	slices.Sort(files)
	return pages, files, nil
}

// inBoth keeps the changes whose path is in both lists. A side that is missing
// in one parent is taken from the other: the page is edited, not created.
func inBoth(a, b []gitstore.Change) []gitstore.Change {
	at := make(map[string]gitstore.Change, len(b))
	for _, ch := range b {
		at[ch.Path] = ch
	}
	var out []gitstore.Change
	for _, ch := range a {
		other, ok := at[ch.Path]
		if !ok {
			continue
		}
		if ch.Old.IsZero() {
			ch.Old, ch.OldMode = other.Old, other.OldMode
		}
		out = append(out, ch)
	}
	return out
}

// asPage sees a changed file as a page: a regular file whose name ends in ".md".
// A symbolic link of such a name is a file, not a page.
func asPage(ch gitstore.Change) (path string, old, new gitstore.OID, ok bool) {
	path, ok = pagepath.OfFile(ch.Path)
	if !ok {
		return "", old, new, false
	}
	if regular(ch.OldMode) {
		old = ch.Old
	}
	if regular(ch.NewMode) {
		new = ch.New
	}
	return path, old, new, !old.IsZero() || !new.IsZero()
}

func regular(m filemode.FileMode) bool {
	return m == filemode.Regular || m == filemode.Executable || m == filemode.Deprecated
}
