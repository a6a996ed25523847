package mcp

import (
	"fmt"
	"strings"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/index"
	"wikibot.io/pkg/pagepath"
)

type historyInput struct {
	Path   string `json:"path" jsonschema:"Path of the note"`
	Limit  int    `json:"limit,omitempty" jsonschema:"How many revisions: 1 to 200, 10 if left out"`
	Cursor string `json:"cursor,omitempty" jsonschema:"next_cursor of the answer before, to go on"`
}

type revision struct {
	Revision string `json:"revision"`
	Date     string `json:"date"`
	Author   string `json:"author"`
	Agent    string `json:"agent,omitempty" jsonschema:"The program that the author acted through"`
	Message  string `json:"message"`
	Kind     string `json:"kind,omitempty"`
	Path     string `json:"path,omitempty" jsonschema:"The note's path after this commit"`
}

type historyOutput struct {
	Path       string     `json:"path"`
	Revisions  []revision `json:"revisions"`
	NextCursor string     `json:"next_cursor,omitempty" jsonschema:"Set if there are more"`
}

func (s *Service) getHistory(c call, in historyInput) (string, historyOutput, error) {
	view, err := s.engine.Index(c, c.Wiki)
	if err != nil {
		return "", historyOutput{}, err
	}
	before, err := below(c, view, in.Cursor)
	if err != nil {
		return "", historyOutput{}, err
	}
	limit := clamp(in.Limit, 10, 200)
	out := historyOutput{Path: pagepath.Clean(in.Path), Revisions: []revision{}}
	changes, err := view.History(c, in.Path, limit+1, before)
	if fault.Is(err, fault.NotFound) {
		return "No history for " + out.Path + ".", out, nil
	}
	if err != nil {
		return "", historyOutput{}, err
	}
	if len(changes) > limit {
		changes = changes[:limit]
		out.NextCursor = changes[limit-1].Commit
	}
	var b strings.Builder
	for i, ch := range changes {
		if b.Len() > maxList {
			out.NextCursor = changes[i-1].Commit
			break
		}
		r := revisionOf(ch)
		r.Kind, r.Path = ch.Kind, ch.Path
		out.Revisions = append(out.Revisions, r)
		fmt.Fprintf(&b, "\n- %s | %s | %s\n  %s", short(r.Revision), r.Date, byline(ch), cut(ch.Subject, maxMessage))
		if ch.OldPath != "" && ch.OldPath != ch.Path {
			fmt.Fprintf(&b, " (renamed from %s)", ch.OldPath)
		}
	}
	if out.NextCursor != "" {
		fmt.Fprintf(&b, "\n\nThere are more; call again with cursor %q.", short(out.NextCursor))
	}
	return fmt.Sprintf("History for %s (%d revisions):", out.Path, len(out.Revisions)) + b.String(), out, nil
}

// below completes the id of the commit that a cursor names.
func below(c call, view *index.View, cursor string) (string, error) {
	if cursor == "" {
		return "", nil
	}
	id, err := view.Resolve(c, cursor)
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid) {
		return "", fault.Invalidf("cursor", "%q is none; send next_cursor of the answer before", cut(cursor, 40))
	}
	return id, err
}

func revisionOf(c index.Change) revision {
	return revision{Revision: c.Commit, Date: c.When.UTC().Format(time.RFC3339), Author: c.Author, Agent: c.Agent, Message: cut(c.Message, maxMessage)}
}

// byline names the person and, if there was one, the program they acted through.
func byline(c index.Change) string {
	if c.Agent == "" {
		return c.Author
	}
	return c.Author + " via " + c.Agent
}

type changesInput struct {
	Limit  int    `json:"limit,omitempty" jsonschema:"How many commits: 1 to 200, 20 if left out"`
	Cursor string `json:"cursor,omitempty" jsonschema:"next_cursor of the answer before, to go on"`
}

type change struct {
	revision
	Pages []string `json:"pages_affected"`
}

type changesOutput struct {
	Changes    []change `json:"changes"`
	Total      int      `json:"total" jsonschema:"Commits in all"`
	NextCursor string   `json:"next_cursor,omitempty" jsonschema:"Set if there are more"`
}

// maxMessage is how much of a commit's message is given, in bytes.
const maxMessage = 500

// maxAffected is how many pages of one commit the text names: an import touches
// thousands.
const maxAffected = 20

func (s *Service) getRecentChanges(c call, in changesInput) (string, changesOutput, error) {
	view, err := s.engine.Index(c, c.Wiki)
	if err != nil {
		return "", changesOutput{}, err
	}
	before, err := below(c, view, in.Cursor)
	if err != nil {
		return "", changesOutput{}, err
	}
	limit := clamp(in.Limit, 20, 200)
	entries, total, err := view.Changelog(c, limit+1, before)
	if err != nil {
		return "", changesOutput{}, err
	}
	out := changesOutput{Changes: []change{}, Total: total}
	if len(entries) > limit {
		entries = entries[:limit]
		out.NextCursor = entries[limit-1].Commit
	}
	var b strings.Builder
	for i, e := range entries {
		if b.Len() > maxList {
			out.NextCursor = entries[i-1].Commit
			break
		}
		pages := make([]string, 0, min(len(e.Pages), maxAffected))
		for _, p := range e.Pages[:min(len(e.Pages), maxAffected)] {
			pages = append(pages, p.Path)
		}
		out.Changes = append(out.Changes, change{revisionOf(e.Change), pages})
		names := strings.Join(pages, ", ")
		if rest := len(e.Pages) - len(pages); rest > 0 {
			names += fmt.Sprintf(" and %d more", rest)
		}
		fmt.Fprintf(&b, "\n- %s | %s | %s\n  %s", e.When.UTC().Format(time.RFC3339), byline(e.Change), names, cut(e.Subject, maxMessage))
	}
	if out.NextCursor != "" {
		more(&b, len(out.Changes), total, short(out.NextCursor))
	}
	return fmt.Sprintf("%d recent changes:", len(out.Changes)) + b.String(), out, nil
}
