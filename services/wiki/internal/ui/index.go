package ui

import (
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"wikibot.io/pkg/index"
	"wikibot.io/pkg/pagepath"
)

// indexView is what index.html draws: the pages below a folder, as a tree under
// the letters of its first level.
type indexView struct {
	shell
	Folder string // "" for the whole wiki
	Crumbs []crumb
	Groups []group
	Total  int
	IsPage bool // there is a page of the folder's name as well
}

// group is a letter with what begins with it.
type group struct {
	Letter string
	Leaves []*leaf
}

// leaf is a page, a folder, or both.
type leaf struct {
	Name  string
	Path  string
	Title string // of the page, where it says more than its name
	Page  bool
	Pages int     // below
	Below []*leaf // nil while there are too many to list here

	below []*leaf
}

// indexRows is about how many lines an index lists before it shows folders
// closed.
const indexRows = 600

// index answers "/-/index" and "/-/index/{folder}".
func (u *UI) index(v *visit) error {
	return u.showIndex(v, pagepath.Clean(v.path), screenURL("index", pagepath.Clean(v.path)))
}

// folder shows the index of a folder that has no page of its own.
func (u *UI) folder(v *visit, path string) error {
	return u.showIndex(v, path, pageURL(path))
}

func (u *UI) showIndex(v *visit, folder, at string) error {
	if v.r.URL.RawQuery == "" {
		if a, ok := u.pages.get(v.key()); ok {
			a.send(v, http.StatusOK)
			return nil
		}
	}
	d, err := u.indexOf(v, folder, at)
	if err != nil {
		return err
	}
	if d.Folder != "" && d.Folder != folder {
		v.redirect(strings.TrimSuffix(at, escape(folder))+escape(d.Folder), http.StatusMovedPermanently)
		return nil
	}
	body, err := u.templates.execute("index", d)
	if err != nil {
		return err
	}
	a := newAnswer(body, false)
	if v.r.URL.RawQuery == "" {
		u.pages.put(v.key(), a, a.cost())
	}
	a.send(v, http.StatusOK)
	return nil
}

func (u *UI) indexOf(v *visit, folder, at string) (*indexView, error) {
	view, err := u.engine.Index(v.ctx(), v.in.Wiki)
	if err != nil {
		return nil, err
	}
	filter := index.Filter{}
	if folder != "" {
		filter.Prefix = folder + "/"
	}
	pages, total, err := view.Pages(v.ctx(), filter)
	if err != nil {
		return nil, err
	}
	if total == 0 && folder != "" {
		return nil, notFound("list the pages below", folder)
	}
	if folder != "" {
		folder = pages[0].Path[:prefixLen(pages[0].Path, folder)]
	}
	title := "All pages"
	if folder != "" {
		title = "Pages below " + folder
	}
	d := &indexView{Folder: folder, Total: total, Crumbs: crumbs(folder)}
	if d.shell, err = u.withTree(v, u.shellOf(v, title, folder+"/", at), folder); err != nil {
		return nil, err
	}
	if folder == "" {
		d.Here = "index"
	} else if _, err := u.engine.Read(v.ctx(), v.in.Wiki, folder); err == nil {
		d.IsPage = true
	}
	d.Groups = byLetter(unfold(forest(pages, folder)))
	return d, nil
}

// prefixLen is the length in bytes of the folder's spelling at the start of a
// path that lies below it: as many segments, though perhaps other bytes.
func prefixLen(path, folder string) int {
	segs := strings.Count(folder, "/") + 1
	for i := range len(path) {
		if path[i] == '/' {
			if segs--; segs == 0 {
				return i
			}
		}
	}
	return len(path)
}

// forest makes the tree of pages below a folder. The pages are in path order.
func forest(pages []index.Page, folder string) []*leaf {
	root := &leaf{Path: folder}
	known := map[string]*leaf{pagepath.Key(folder): root}
	var at func(path string) *leaf
	at = func(path string) *leaf {
		key := pagepath.Key(path)
		if l, ok := known[key]; ok {
			return l
		}
		l := &leaf{Name: pagepath.Title(path), Path: path}
		known[key] = l
		up := root
		if above := parent(path); len(above) > len(folder) {
			up = at(above)
		}
		up.below = append(up.below, l)
		return l
	}
	for _, p := range pages {
		l := at(p.Path)
		l.Page, l.Path, l.Name = true, p.Path, pagepath.Title(p.Path)
		if pagepath.Key(p.Title) != pagepath.Key(l.Name) {
			l.Title = p.Title
		}
		for _, above := range ancestors(p.Path) {
			if len(above) > len(folder) {
				at(above).Pages++
			}
		}
	}
	return root.below
}

// unfold opens folders level by level while there is room, so that a small wiki
// is listed whole and a large one by its folders.
func unfold(top []*leaf) []*leaf {
	room := indexRows - len(top)
	for level := top; len(level) > 0; {
		var next []*leaf
		for _, l := range level {
			if len(l.below) > 0 && len(l.below) <= room {
				l.Below = l.below
				room -= len(l.below)
				next = append(next, l.below...)
			}
		}
		level = next
	}
	return top
}

// byLetter groups the first level. Digits share a group, and so does everything
// that is no letter.
func byLetter(leaves []*leaf) []group {
	slices.SortStableFunc(leaves, func(a, b *leaf) int {
		return strings.Compare(pagepath.Key(a.Name), pagepath.Key(b.Name))
	})
	var groups []group
	at := map[string]int{}
	for _, l := range leaves {
		letter := letterOf(l.Name)
		i, ok := at[letter]
		if !ok {
			i = len(groups)
			at[letter] = i
			groups = append(groups, group{Letter: letter})
		}
		groups[i].Leaves = append(groups[i].Leaves, l)
	}
	return groups
}

// flat reports whether a level is a plain list that is worth two columns.
func flat(leaves []*leaf) bool {
	if len(leaves) < 8 {
		return false
	}
	for _, l := range leaves {
		if len(l.Below) > 0 {
			return false
		}
	}
	return true
}

func letterOf(name string) string {
	r, _ := utf8.DecodeRuneInString(name)
	switch {
	case unicode.IsDigit(r):
		return "0–9"
	case unicode.IsLetter(r):
		return string(unicode.ToUpper(r))
	}
	return "#"
}
