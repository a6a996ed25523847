package mcp

import (
	"fmt"
	"strings"

	"wikibot.io/pkg/pagepath"
	"wikibot.io/pkg/wiki"
)

type writeInput struct {
	Path          string `json:"path" jsonschema:"Path of the note, such as Guides/Setup"`
	Content       string `json:"content" jsonschema:"The whole text in Markdown; stored as it is"`
	Revision      string `json:"revision,omitempty" jsonschema:"The revision that was read, at least 7 hex digits; leave out to create a note"`
	CommitMessage string `json:"commit_message,omitempty" jsonschema:"What was changed and why, for the history"`
}

type writeOutput struct {
	Path      string `json:"path"`
	Revision  string `json:"revision"`
	Created   bool   `json:"created"`
	Merged    bool   `json:"merged" jsonschema:"Others had changed the note elsewhere; both changes are in"`
	Unchanged bool   `json:"unchanged" jsonschema:"The note said this already: no commit was made"`
}

func written(res wiki.Result) writeOutput {
	return writeOutput{res.Path, res.Revision, res.Created, res.Merged, res.Unchanged}
}

func (s *Service) writeNote(c call, in writeInput) (string, writeOutput, error) {
	res, err := s.engine.Save(c, c.Wiki, wiki.Save{
		Path: in.Path, Content: []byte(in.Content), Base: strings.ToLower(in.Revision), Message: in.CommitMessage, Author: c.author,
	})
	if err != nil {
		return "", writeOutput{}, err
	}
	verb := "Updated"
	if res.Created {
		verb = "Created"
	}
	return writeText(verb, res), written(res), nil
}

func writeText(verb string, res wiki.Result) string {
	if res.Unchanged {
		return fmt.Sprintf("Unchanged %s (revision: %s): the note said this already, no commit was made", res.Path, short(res.Revision))
	}
	text := fmt.Sprintf("%s %s (revision: %s)", verb, res.Path, short(res.Revision))
	if res.Merged {
		text += "\nOthers had changed the note since that revision, elsewhere in the text; both changes are in. Its text now differs from what was sent."
	}
	return text
}

type editInput struct {
	Path          string `json:"path" jsonschema:"Path of the note"`
	Revision      string `json:"revision,omitempty" jsonschema:"The revision that was read, at least 7 hex digits; if left out, the present text is edited"`
	OldString     string `json:"old_string" jsonschema:"What to replace: occurs exactly once in the note"`
	NewString     string `json:"new_string" jsonschema:"What to put in its place"`
	CommitMessage string `json:"commit_message,omitempty" jsonschema:"What was changed and why, for the history"`
}

func (s *Service) editNote(c call, in editInput) (string, writeOutput, error) {
	res, err := s.engine.Edit(c, c.Wiki, wiki.Edit{
		Path: in.Path, Base: strings.ToLower(in.Revision), Old: in.OldString, New: in.NewString, Message: in.CommitMessage, Author: c.author,
	})
	if err != nil {
		return "", writeOutput{}, err
	}
	return writeText("Edited", res), written(res), nil
}

type renameInput struct {
	Path          string `json:"path" jsonschema:"Path of the note"`
	NewPath       string `json:"new_path" jsonschema:"Path to move it to; must be free"`
	CommitMessage string `json:"commit_message,omitempty" jsonschema:"Why, for the history"`
}

type renameOutput struct {
	OldPath      string   `json:"old_path"`
	NewPath      string   `json:"new_path"`
	Revision     string   `json:"revision"`
	UpdatedPages []string `json:"updated_pages" jsonschema:"Notes whose links were rewritten"`
}

func (s *Service) renameNote(c call, in renameInput) (string, renameOutput, error) {
	old := pagepath.Clean(in.Path)
	if p, err := s.engine.Read(c, c.Wiki, old); err == nil {
		old = p.Path // as stored
	}
	res, err := s.engine.Rename(c, c.Wiki, wiki.Rename{
		From: in.Path, To: in.NewPath, Message: in.CommitMessage, Author: c.author,
	})
	if err != nil {
		return "", renameOutput{}, err
	}
	out := renameOutput{old, res.Path, res.Revision, list(res.Relinked)}
	text := fmt.Sprintf("Renamed %s -> %s (revision: %s)\n", out.OldPath, out.NewPath, short(out.Revision))
	if len(out.UpdatedPages) == 0 {
		return text + "No backreferences needed updating.", out, nil
	}
	text += fmt.Sprintf("Updated %d backreferences:", len(out.UpdatedPages))
	for _, p := range out.UpdatedPages {
		text += "\n- " + p
	}
	return text, out, nil
}

type deleteInput struct {
	Path          string `json:"path" jsonschema:"Path of the note"`
	CommitMessage string `json:"commit_message,omitempty" jsonschema:"Why, for the history"`
}

type deleteOutput struct {
	Deleted  bool   `json:"deleted"`
	Path     string `json:"path"`
	Revision string `json:"revision"`
}

func (s *Service) deleteNote(c call, in deleteInput) (string, deleteOutput, error) {
	res, err := s.engine.Delete(c, c.Wiki, wiki.Delete{Path: in.Path, Message: in.CommitMessage, Author: c.author})
	if err != nil {
		return "", deleteOutput{}, err
	}
	return "Deleted " + res.Path, deleteOutput{true, res.Path, res.Revision}, nil
}
