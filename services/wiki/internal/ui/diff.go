package ui

import (
	"net/http"

	"wikibot.io/pkg/index"
	"wikibot.io/pkg/pagepath"
	"wikibot.io/pkg/wiki"
)

// diffView is what diff.html draws.
type diffView struct {
	shell
	Path     string
	Crumbs   []crumb
	From, To *index.Entry // From is nil when To brought the page
	Files    []shownDiff
	Left     int // files that are not shown
}

// diff compares two revisions of one page. Without "to" it is the last change
// of the page, without "from" what stood before "to".
func (u *UI) diff(v *visit) error {
	path, q := pagepath.Clean(v.path), v.r.URL.Query()
	view, err := u.engine.Index(v.ctx(), v.in.Wiki)
	if err != nil {
		return err
	}
	from, to := q.Get("from"), q.Get("to")
	if to == "" {
		changes, err := view.History(v.ctx(), path, 1, "")
		if err != nil {
			return err
		}
		to = changes[0].Commit
	}
	d := diffView{Path: path, Crumbs: crumbs(path)}
	if d.To, err = entryAt(v, view, to); err != nil {
		return err
	}
	if from == "" {
		from = d.To.Parent
	}
	if from != "" {
		if d.From, err = entryAt(v, view, from); err != nil {
			return err
		}
		if d.From.When.After(d.To.When) {
			d.From, d.To = d.To, d.From
		}
	}
	files, err := u.engine.Diff(v.ctx(), v.in.Wiki, commitOf(d.From), d.To.Commit, path)
	if err != nil {
		return err
	}
	d.Files, d.Left = show(files)
	d.shell = u.shellOf(v, "Changes of "+path, path, v.r.URL.RequestURI())
	d.Full = true
	return u.render(v, http.StatusOK, "diff", d)
}

func commitOf(e *index.Entry) string {
	if e == nil {
		return ""
	}
	return e.Commit
}

func entryAt(v *visit, view *index.View, revision string) (*index.Entry, error) {
	commit, err := view.Resolve(v.ctx(), revision)
	if err != nil {
		return nil, err
	}
	e, err := view.Entry(v.ctx(), commit)
	return &e, err
}

// commitView is what commit.html draws.
type commitView struct {
	shell
	Entry index.Entry
	Files []shownDiff
	Left  int // files that are not shown
	Large bool
}

// maxCompared is how many pages a commit may touch to be compared at once. Of a
// larger one, such as an import, the screen lists the pages.
const maxCompared = 200

// commit shows what one commit did to the whole wiki.
func (u *UI) commit(v *visit) error {
	view, err := u.engine.Index(v.ctx(), v.in.Wiki)
	if err != nil {
		return err
	}
	e, err := entryAt(v, view, v.path)
	if err != nil {
		return err
	}
	d := commitView{Entry: *e, Large: len(e.Pages)+len(e.Files) > maxCompared}
	if !d.Large {
		files, err := u.engine.Diff(v.ctx(), v.in.Wiki, "", e.Commit, "")
		if err != nil {
			return err
		}
		d.Files, d.Left = show(files)
	}
	d.shell = u.shellOf(v, "Commit "+short(e.Commit), "", v.r.URL.RequestURI())
	d.Full = true
	return u.render(v, http.StatusOK, "commit", d)
}

// shownDiff is a file's difference with its size, cut to what a person can read.
type shownDiff struct {
	OldPath, Path  string // "" on the side where there is none
	Binary         bool
	Runs           [][]diffLine
	Added, Removed int
	Cut            int // lines left out
}

// Bounds of a comparison on one screen, in lines.
const (
	maxLinesOfFile = 2000
	maxLines       = 8000
)

func show(files []wiki.FileDiff) (shown []shownDiff, left int) {
	room := maxLines
	for i, f := range files {
		if room <= 0 {
			return shown, len(files) - i
		}
		s := shownDiff{OldPath: f.OldPath, Path: f.Path, Binary: f.Binary}
		s.Added, s.Removed = sums(f.Hunks)
		hunks, lines := cut(f.Hunks, min(maxLinesOfFile, room))
		s.Runs, s.Cut = runsOf(hunks), linesOf(f.Hunks)-lines
		room -= lines
		shown = append(shown, s)
	}
	return shown, 0
}

// cut keeps the first lines of a comparison.
func cut(hunks []wiki.Hunk, room int) (kept []wiki.Hunk, lines int) {
	for _, h := range hunks {
		if len(h.Lines) > room-lines {
			h.Lines = h.Lines[:room-lines]
		}
		if len(h.Lines) == 0 {
			break
		}
		kept = append(kept, h)
		lines += len(h.Lines)
	}
	return kept, lines
}

func linesOf(hunks []wiki.Hunk) int {
	n := 0
	for _, h := range hunks {
		n += len(h.Lines)
	}
	return n
}

func sums(hunks []wiki.Hunk) (added, removed int) {
	for _, h := range hunks {
		for _, l := range h.Lines {
			switch l.Op {
			case '+':
				added++
			case '-':
				removed++
			}
		}
	}
	return added, removed
}
