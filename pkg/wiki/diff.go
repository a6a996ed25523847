package wiki

import (
	"bytes"
	"context"

	"github.com/go-git/go-git/v5/plumbing"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/index"
	"wikibot.io/pkg/pagepath"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/textdiff"
)

// FileDiff is the difference of one file.
type FileDiff struct {
	OldPath, Path string // page paths for pages, file paths for files; "" on the side where there is none
	Page          bool
	Binary        bool
	Hunks         []Hunk
}

// Hunk is a run of changed lines with three lines of context.
type Hunk struct {
	OldLine, NewLine int // first line on each side, counted from 1
	Lines            []DiffLine
}

// DiffLine is one line of a hunk. Op is ' ', '-' or '+'; Text has no newline.
type DiffLine struct {
	Op   byte
	Text string
}

// maxDiffFiles bounds what one comparison of whole revisions shows.
const maxDiffFiles = 300

// Diff compares two revisions of the wiki (4 to 40 hex digits); with a path,
// only that page, under whatever names it had. from "" means the parent of to.
// At most 300 files are compared.
func (e *Engine) Diff(ctx context.Context, w records.Wiki, from, to, path string) ([]FileDiff, error) {
	view, err := e.index.At(ctx, w)
	if err != nil {
		return nil, err
	}
	if to, err = view.Resolve(ctx, to); err != nil {
		return nil, err
	}
	if from == "" {
		entry, err := view.Entry(ctx, to)
		if err != nil {
			return nil, err
		}
		from = entry.Parent
	} else if from, err = view.Resolve(ctx, from); err != nil {
		return nil, err
	}
	old, err := e.snapshot(ctx, w.ID, from)
	if err != nil {
		return nil, err
	}
	now, err := e.snapshot(ctx, w.ID, to)
	if err != nil {
		return nil, err
	}
	if path != "" {
		return diffPage(ctx, view, old, now, pagepath.Clean(path))
	}
	return diffAll(ctx, view, old, now)
}

// diffPage compares one page under the names it had at each side.
func diffPage(ctx context.Context, view *index.View, old, now *snapshot, path string) ([]FileDiff, error) {
	before, hadOld, err := pageThen(ctx, view, old, path)
	if err != nil {
		return nil, err
	}
	after, hadNew, err := pageThen(ctx, view, now, path)
	if err != nil {
		return nil, err
	}
	if !hadOld && !hadNew {
		return nil, fault.New(fault.NotFound, "compare page %q: it existed at neither revision", path)
	}
	if before.entry.ID == after.entry.ID && before.path == after.path {
		return nil, nil
	}
	d, err := diffFile(ctx, now, before.path, after.path, before.entry.ID, after.entry.ID)
	if err != nil {
		return nil, err
	}
	d.Page = true
	return []FileDiff{d}, nil
}

// pageThen finds the page that is now (or last was) at path in a snapshot.
func pageThen(ctx context.Context, view *index.View, s *snapshot, path string) (place, bool, error) {
	if s.repo == nil {
		return place{}, false, nil
	}
	then, err := view.PathAt(ctx, path, s.commit.ID.String())
	if fault.Is(err, fault.NotFound) {
		return place{}, false, nil
	}
	if err != nil {
		return place{}, false, err
	}
	return s.page(ctx, then)
}

// diffAll compares everything, pairing renamed pages as the changelog does.
func diffAll(ctx context.Context, view *index.View, old, now *snapshot) ([]FileDiff, error) {
	repo := now.repo
	changes, err := repo.Diff(ctx, old.root.ID, now.root.ID)
	if err != nil {
		return nil, err
	}
	renamed := map[string]string{} // new file → old file
	if entry, err := view.Entry(ctx, now.commit.ID.String()); err == nil && entry.Parent == old.id() {
		for _, p := range entry.Pages {
			if p.OldPath != "" {
				renamed[pagepath.File(p.Path)] = pagepath.File(p.OldPath)
			}
		}
	}
	byPath := make(map[string]gitstore.Change, len(changes))
	gone := map[string]bool{}
	for _, c := range changes {
		byPath[c.Path] = c
	}
	for _, oldFile := range renamed {
		gone[oldFile] = true
	}
	var out []FileDiff
	for _, c := range changes {
		if gone[c.Path] && c.New.IsZero() {
			continue
		}
		if len(out) == maxDiffFiles {
			break
		}
		oldFile, oldID := c.Path, c.Old
		if before, ok := renamed[c.Path]; ok {
			oldFile, oldID = before, byPath[before].Old
		}
		d, err := fileDiff(ctx, now, oldFile, c.Path, oldID, c.New)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

func fileDiff(ctx context.Context, s *snapshot, oldFile, newFile string, oldID, newID gitstore.OID) (FileDiff, error) {
	if oldID.IsZero() {
		oldFile = ""
	}
	if newID.IsZero() {
		newFile = ""
	}
	oldPage, isOld := pagepath.OfFile(oldFile)
	newPage, isNew := pagepath.OfFile(newFile)
	page := isOld || isNew
	if page {
		oldFile, newFile = oldPage, newPage
	}
	d, err := diffFile(ctx, s, oldFile, newFile, oldID, newID)
	d.Page = page
	return d, err
}

func diffFile(ctx context.Context, s *snapshot, oldPath, newPath string, oldID, newID gitstore.OID) (FileDiff, error) {
	d := FileDiff{OldPath: oldPath, Path: newPath}
	var texts [2][]byte
	for i, id := range []plumbing.Hash{oldID, newID} {
		if id.IsZero() {
			continue
		}
		text, err := s.repo.Blob(ctx, id)
		if err != nil {
			return d, err
		}
		texts[i] = text
	}
	if binary(texts[0]) || binary(texts[1]) {
		d.Binary = true
		return d, nil
	}
	d.Hunks = Hunks(texts[0], texts[1])
	return d, nil
}

func (s *snapshot) id() string {
	if s.repo == nil {
		return ""
	}
	return s.commit.ID.String()
}

func binary(data []byte) bool { return bytes.IndexByte(data[:min(len(data), 8000)], 0) >= 0 }

const contextLines = 3

// Hunks compares two texts, as for a unified diff.
func Hunks(old, now []byte) []Hunk {
	a, b := textdiff.Lines(old), textdiff.Lines(now)
	var hunks []Hunk
	var h *Hunk
	end := 0 // line of a up to which the current hunk goes
	for _, c := range textdiff.Diff(a, b) {
		if h == nil || c.AStart-end > 2*contextLines {
			if h != nil {
				h.add(' ', a[end:min(end+contextLines, len(a))])
			}
			start := max(c.AStart-contextLines, 0)
			hunks = append(hunks, Hunk{OldLine: start + 1, NewLine: c.BStart - (c.AStart - start) + 1})
			h = &hunks[len(hunks)-1]
			end = start
		}
		h.add(' ', a[end:c.AStart])
		h.add('-', a[c.AStart:c.AEnd])
		h.add('+', b[c.BStart:c.BEnd])
		end = c.AEnd
	}
	if h != nil {
		h.add(' ', a[end:min(end+contextLines, len(a))])
	}
	return hunks
}

func (h *Hunk) add(op byte, lines [][]byte) {
	for _, l := range lines {
		h.Lines = append(h.Lines, DiffLine{op, string(bytes.TrimSuffix(l, []byte("\n")))})
	}
}
