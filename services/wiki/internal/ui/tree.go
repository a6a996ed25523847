package ui

import (
	"context"
	"strings"

	"wikibot.io/pkg/pagepath"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/wiki"
)

// branch is one line of the page tree.
type branch struct {
	Name string
	URL  string
	Here bool // the present page
	Open bool // the present page lies below
	More bool // there is something below that is not shown

	Below []branch

	// Before and After count the siblings left out around this line; Folder is the
	// index that lists them all.
	Before, After int
	Folder        string
}

// treeWidth is how many siblings a level of the tree shows. A folder of hundreds
// would bury what is around the present page, and weigh on every view.
const treeWidth = 24

// tree lists the folders that lead to a path with what lies beside and below
// it: enough to see where one is, in a wiki of any size.
func (u *UI) tree(ctx context.Context, w records.Wiki, path string) ([]branch, error) {
	return u.level(ctx, w, "", pagepath.Key(pagepath.Clean(path)))
}

func (u *UI) level(ctx context.Context, w records.Wiki, folder, at string) ([]branch, error) {
	nodes, err := u.engine.Children(ctx, w, folder)
	if err != nil {
		return nil, err
	}
	nodes = homeFirst(folder, nodes)
	present := 0
	for i, n := range nodes {
		if within(at, pagepath.Key(n.Path)) {
			present = i
			break
		}
	}
	from, to := window(present, len(nodes))
	level := make([]branch, 0, to-from)
	for _, n := range nodes[from:to] {
		key := pagepath.Key(n.Path)
		b := branch{Name: n.Name, URL: pageURL(n.Path), Here: key == at, More: n.Children}
		if n.Children && within(at, key) {
			if b.Below, err = u.level(ctx, w, n.Path, at); err != nil {
				return nil, err
			}
			b.Open, b.More = len(b.Below) > 0, false
		}
		level = append(level, b)
	}
	if from > 0 {
		level[0].Before, level[0].Folder = from, screenURL("index", folder)
	}
	if last := len(level) - 1; to < len(nodes) {
		level[last].After, level[last].Folder = len(nodes)-to, screenURL("index", folder)
	}
	return level, nil
}

// homeFirst moves the home page to the top, where people look for it.
func homeFirst(folder string, nodes []wiki.Node) []wiki.Node {
	if folder != "" {
		return nodes
	}
	for i, n := range nodes {
		if pagepath.Key(n.Path) == pagepath.Key(home) {
			sorted := append([]wiki.Node{n}, nodes[:i]...)
			return append(sorted, nodes[i+1:]...)
		}
	}
	return nodes
}

// within reports whether a path is the folder itself or below it; both are keys.
func within(path, folder string) bool {
	rest, ok := strings.CutPrefix(path, folder)
	return ok && (rest == "" || rest[0] == '/')
}

// window picks treeWidth of n lines around the present one. Leaving out one or
// two would save nothing.
func window(present, n int) (from, to int) {
	if n <= treeWidth+2 {
		return 0, n
	}
	from = max(0, min(present-treeWidth/2, n-treeWidth))
	return from, from + treeWidth
}

// crumb is one step of the breadcrumbs.
type crumb struct{ Name, URL string }

// maxCrumbs is how many folders the breadcrumbs name, the nearest ones. Every
// step's link repeats the path so far: without a bound a stranger's address of
// 40 kB would be answered with hundreds of megabytes.
const maxCrumbs = 16

// crumbs lists the steps above a path.
func crumbs(path string) []crumb {
	if pagepath.Key(path) == pagepath.Key(home) {
		return nil
	}
	steps := []crumb{{home, "/"}}
	if len(path) > 4*pagepath.MaxPath { // nothing that anybody meant
		return steps
	}
	folders := ancestors(path)
	if left := len(folders) - maxCrumbs; left > 0 {
		steps = append(steps, crumb{"…", pageURL(folders[left-1])})
		folders = folders[left:]
	}
	for _, folder := range folders {
		steps = append(steps, crumb{pagepath.Title(folder), pageURL(folder)})
	}
	return steps
}
