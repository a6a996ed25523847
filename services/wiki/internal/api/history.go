package api

import (
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/index"
	"wikibot.io/pkg/pagepath"
)

// PageCommit is a commit in a page's history.
type PageCommit struct {
	Commit
	Kind    string `json:"kind" enum:"created,edited,renamed,deleted"`
	Path    string `json:"path" doc:"The page's path after this commit"`
	OldPath string `json:"old_path,omitempty" doc:"Its path before, if this commit renamed it"`
}

type historyInput struct {
	OnPage
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Before string `query:"before" doc:"Continue below this commit: the next of the answer before"`
}

type historyOutput struct {
	Body struct {
		Path    string       `json:"path"`
		History []PageCommit `json:"history" nullable:"false"`
		Next    string       `json:"next,omitempty" doc:"Send as before to go on"`
	} `nameHint:"History"`
}

func (s *service) history(r request, in *historyInput) (*historyOutput, error) {
	view, err := s.engine.Index(r, r.wiki)
	if err != nil {
		return nil, err
	}
	before, err := cursor(r, view, in.Before)
	if err != nil {
		return nil, err
	}
	changes, err := view.History(r, in.Path, in.Limit+1, before)
	if err != nil {
		return nil, err
	}
	out := new(historyOutput)
	if len(changes) > in.Limit {
		changes = changes[:in.Limit]
		out.Body.Next = changes[in.Limit-1].Commit
	}
	out.Body.Path, out.Body.History = pagepath.Clean(in.Path), make([]PageCommit, 0, len(changes))
	for _, c := range changes {
		out.Body.History = append(out.Body.History, PageCommit{*commitOf(c), c.Kind, c.Path, c.OldPath})
	}
	return out, nil
}

// cursor completes the id of a commit to continue below.
func cursor(r request, view *index.View, before string) (string, error) {
	if before == "" {
		return "", nil
	}
	id, err := view.Resolve(r, before)
	if fault.Is(err, fault.NotFound) {
		return "", fault.Invalidf("before", "%q is no commit of this wiki", clip(before))
	}
	return id, err
}

// ChangelogEntry is one commit of the wiki.
type ChangelogEntry struct {
	Commit
	PagesAffected []string `json:"pages_affected" nullable:"false"`
}

type changelogInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"50"`
	Before string `query:"before" doc:"Continue below this commit: the next of the answer before"`
}

type changelogOutput struct {
	Body struct {
		Entries []ChangelogEntry `json:"entries" nullable:"false"`
		Total   int              `json:"total" doc:"Commits in all"`
		Next    string           `json:"next,omitempty" doc:"Send as before to go on"`
	} `nameHint:"Changelog"`
}

func (s *service) changelog(r request, in *changelogInput) (*changelogOutput, error) {
	view, err := s.engine.Index(r, r.wiki)
	if err != nil {
		return nil, err
	}
	before, err := cursor(r, view, in.Before)
	if err != nil {
		return nil, err
	}
	entries, total, err := view.Changelog(r, in.Limit+1, before)
	if err != nil {
		return nil, err
	}
	out := new(changelogOutput)
	if len(entries) > in.Limit {
		entries = entries[:in.Limit]
		out.Body.Next = entries[in.Limit-1].Commit
	}
	out.Body.Total, out.Body.Entries = total, make([]ChangelogEntry, 0, len(entries))
	for _, e := range entries {
		out.Body.Entries = append(out.Body.Entries, ChangelogEntry{*commitOf(e.Change), affected(e.Pages)})
	}
	return out, nil
}

func affected(pages []index.Affected) []string {
	paths := make([]string, len(pages))
	for i, p := range pages {
		paths[i] = p.Path
	}
	return paths
}

// AffectedPage is what one commit did to one page.
type AffectedPage struct {
	Path    string `json:"path"`
	OldPath string `json:"old_path,omitempty"`
	Kind    string `json:"kind" enum:"created,edited,renamed,deleted"`
}

// Change is one commit with all it changed.
type Change struct {
	ChangelogEntry
	Parent string         `json:"parent,omitempty"`
	Pages  []AffectedPage `json:"pages" nullable:"false"`
	Files  []string       `json:"files" nullable:"false" doc:"Attachments"`
}

type changeInput struct {
	Revision string `path:"revision" doc:"4 to 40 hex digits"`
}

type changeOutput struct{ Body Change }

func (s *service) change(r request, in *changeInput) (*changeOutput, error) {
	view, err := s.engine.Index(r, r.wiki)
	if err != nil {
		return nil, err
	}
	id, err := view.Resolve(r, in.Revision)
	if err != nil {
		return nil, err
	}
	e, err := view.Entry(r, id)
	if err != nil {
		return nil, err
	}
	out := &changeOutput{Change{
		ChangelogEntry: ChangelogEntry{*commitOf(e.Change), affected(e.Pages)},
		Parent:         e.Parent, Pages: []AffectedPage{}, Files: list(e.Files),
	}}
	for _, p := range e.Pages {
		out.Body.Pages = append(out.Body.Pages, AffectedPage(p))
	}
	return out, nil
}

// Hunk is a run of changed lines with some around them.
type Hunk struct {
	OldLine int        `json:"old_line" doc:"First line on the older side, counted from 1"`
	NewLine int        `json:"new_line"`
	Lines   []DiffLine `json:"lines" nullable:"false"`
}

// DiffLine is one line of a hunk.
type DiffLine struct {
	Op   string `json:"op" enum:" ,-,+"`
	Text string `json:"text" doc:"Without its line end"`
}

type diffInput struct {
	OnPage
	From string `query:"from" doc:"The older revision; the one before to if left out"`
	To   string `query:"to" doc:"The newer revision; the present one if left out"`
}

type diffOutput struct {
	Body struct {
		Path    string `json:"path"`
		OldPath string `json:"old_path,omitempty" doc:"The page's path at the older revision, if it was another"`
		From    string `json:"from,omitempty"`
		To      string `json:"to"`
		Hunks   []Hunk `json:"hunks" nullable:"false" doc:"Empty if the page is the same in both"`
	} `nameHint:"PageDiff"`
}

func (s *service) diff(r request, in *diffInput) (*diffOutput, error) {
	to := in.To
	if to == "" {
		// The page's own last change, so that leaving both out shows that.
		view, err := s.engine.Index(r, r.wiki)
		if err != nil {
			return nil, err
		}
		row, err := view.Page(r, in.Path)
		if err != nil {
			return nil, err
		}
		to = row.Last.Commit
	}
	files, err := s.engine.Diff(r, r.wiki, in.From, to, in.Path)
	if err != nil {
		return nil, err
	}
	out := new(diffOutput)
	out.Body.Path, out.Body.From, out.Body.To, out.Body.Hunks = pagepath.Clean(in.Path), in.From, to, []Hunk{}
	for _, f := range files {
		if !f.Page {
			continue
		}
		if f.OldPath != f.Path {
			out.Body.OldPath = f.OldPath
		}
		for _, h := range f.Hunks {
			hunk := Hunk{OldLine: h.OldLine, NewLine: h.NewLine, Lines: make([]DiffLine, len(h.Lines))}
			for i, l := range h.Lines {
				hunk.Lines[i] = DiffLine{string(rune(l.Op)), l.Text}
			}
			out.Body.Hunks = append(out.Body.Hunks, hunk)
		}
	}
	return out, nil
}
