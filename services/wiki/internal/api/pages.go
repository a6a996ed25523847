package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/index"
	"wikibot.io/pkg/markdown"
	"wikibot.io/pkg/pagepath"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/wiki"
)

// OnPage is the path parameter of everything that is about one page.
type OnPage struct {
	Path string `path:"path" doc:"Path of the page; slashes may be written as they are" example:"Guides/Setup"`
}

// Keyed is the header that makes a write safe to repeat. (Like [OnPage] it is
// exported only because huma does not look into embedded types that are not.)
type Keyed struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"200" doc:"Makes a repeated request answer as the first did, for a day"`
}

// Commit is a commit as page answers show it.
type Commit struct {
	Revision string `json:"revision" doc:"40 hex digits"`
	Author   string `json:"author"`
	Agent    string `json:"agent,omitempty" doc:"The client program that the author acted through"`
	Date     string `json:"date" format:"date-time"`
	Message  string `json:"message"`
}

// Page is one page.
type Page struct {
	Name        string         `json:"name" doc:"Title of the page: from its front matter, else its first heading, else its file name"`
	Path        string         `json:"path"`
	Content     string         `json:"content" doc:"The text as stored, front matter included"`
	Lossy       bool           `json:"lossy,omitempty" doc:"The stored text is not valid UTF-8: what could not be shown was replaced, so writing this content back would change the page"`
	Frontmatter map[string]any `json:"frontmatter" nullable:"true"`
	LinksTo     []string       `json:"links_to" nullable:"false"`
	LinkedFrom  []string       `json:"linked_from" nullable:"false"`
	Revision    string         `json:"revision" doc:"The last commit that touched the page, or the one asked for: send it with a change"`
	LastCommit  *Commit        `json:"last_commit"`
}

// TransformSchema says that last_commit may be null, which huma's tags cannot
// say of a reference.
func (Page) TransformSchema(_ huma.Registry, schema *huma.Schema) *huma.Schema {
	ref := schema.Properties["last_commit"]
	schema.Properties["last_commit"] = &huma.Schema{OneOf: []*huma.Schema{ref, {Type: "null"}}}
	return schema
}

type readInput struct {
	OnPage
	Revision string `query:"revision" doc:"An older revision, 4 to 40 hex digits"`
}

type pageOutput struct{ Body Page }

func (s *service) read(r request, in *readInput) (*pageOutput, error) {
	if in.Revision != "" {
		return s.readAt(r, in.Path, in.Revision)
	}
	p, err := s.engine.Read(r, r.wiki, in.Path)
	if err != nil {
		return nil, err
	}
	view, err := s.engine.Index(r, r.wiki)
	if err != nil {
		return nil, err
	}
	to, from, err := view.Links(r, p.Path)
	if err != nil {
		return nil, err
	}
	out := &pageOutput{pageOf(p)}
	out.Body.LinksTo, out.Body.LinkedFrom = list(to), list(from)
	// The view may be newer than the text. Its revision is given only if it is
	// the text's: a writer who based a change on a later one than they have read
	// would undo that one.
	row, err := view.Page(r, p.Path)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	if err == nil && row.Blob == p.Blob {
		out.Body.Revision, out.Body.LastCommit = row.Last.Commit, commitOf(row.Last)
	}
	return out, nil
}

func (s *service) readAt(r request, path, revision string) (*pageOutput, error) {
	p, err := s.engine.ReadAt(r, r.wiki, path, revision)
	if err != nil {
		return nil, err
	}
	view, err := s.engine.Index(r, r.wiki)
	if err != nil {
		return nil, err
	}
	_, from, err := view.Links(r, path)
	if err != nil {
		return nil, err
	}
	out := &pageOutput{pageOf(p)}
	out.Body.LinksTo, out.Body.LinkedFrom = targets(p.Info()), list(from)
	out.Body.LastCommit, err = lastCommit(r, view, path, p)
	return out, err
}

// lastCommit finds the last commit that touched a page up to the revision that
// it was read at.
func lastCommit(r request, view *index.View, path string, p wiki.Page) (*Commit, error) {
	e, err := view.Entry(r, p.Revision)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(e.Pages, func(a index.Affected) bool { return a.Path == p.Path }) {
		return commitOf(e.Change), nil
	}
	before, err := view.History(r, path, 1, p.Revision)
	if err != nil || len(before) == 0 {
		return nil, err
	}
	return commitOf(before[0]), nil
}

func pageOf(p wiki.Page) Page {
	info := p.Info()
	return Page{
		Name: title(info, p.Path), Path: p.Path,
		Content: string(p.Content), Lossy: !utf8.Valid(p.Content),
		Frontmatter: info.FrontMatter, Revision: p.Revision,
	}
}

func title(info *markdown.Info, path string) string {
	if info.Title != "" {
		return info.Title
	}
	return pagepath.Title(path)
}

// targets lists the pages that a text links to, as the index would.
func targets(info *markdown.Info) []string {
	seen := map[string]bool{}
	to := []string{}
	for _, l := range info.Links {
		if key := pagepath.Key(l.Target); !l.File && !seen[key] {
			seen[key] = true
			to = append(to, l.Target)
		}
	}
	slices.Sort(to)
	return to
}

func commitOf(c index.Change) *Commit {
	return &Commit{Revision: c.Commit, Author: c.Author, Agent: c.Agent, Date: stamp(c.When), Message: c.Message}
}

// list makes an empty list of nil: clients are promised a list, not null.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// Saved is the answer to a write.
type Saved struct {
	Name      string `json:"name"`
	Path      string `json:"path"`
	Revision  string `json:"revision"`
	Created   bool   `json:"created"`
	Merged    bool   `json:"merged,omitempty" doc:"The page had changed since the revision, elsewhere in the text; both changes are in"`
	Unchanged bool   `json:"unchanged,omitempty" doc:"The page said this already: no commit was made"`
}

type writeInput struct {
	OnPage
	Keyed
	Body struct {
		Content       string `json:"content" doc:"The whole text; stored byte for byte"`
		Revision      string `json:"revision,omitempty" doc:"The revision that the change started from, at least 7 hex digits; leave out to create"`
		CommitMessage string `json:"commit_message,omitempty" maxLength:"4000"`
	} `nameHint:"WritePage"`
}

type savedOutput struct {
	Status int
	Body   Saved
}

func (s *service) write(r request, in *writeInput) (*savedOutput, error) {
	if err := checkBase(in.Body.Revision); in.Body.Revision != "" && err != nil {
		return nil, err
	}
	res, err := s.engine.Save(r, r.wiki, wiki.Save{
		Path: in.Path, Content: []byte(in.Body.Content), Base: strings.ToLower(in.Body.Revision),
		Message: in.Body.CommitMessage, Author: r.author, IdempotencyKey: in.IdempotencyKey,
	})
	if err != nil {
		return nil, err
	}
	out := s.saved(r, r.wiki, res)
	if res.Created {
		out.Status = http.StatusCreated
	}
	return out, nil
}

type editInput struct {
	OnPage
	Keyed
	Body struct {
		Revision      string `json:"revision" doc:"The revision that the change started from, at least 7 hex digits"`
		Old           string `json:"old_string" doc:"What to replace; occurs exactly once in the page"`
		New           string `json:"new_string"`
		CommitMessage string `json:"commit_message,omitempty" maxLength:"4000"`
	} `nameHint:"EditPage"`
}

func (s *service) edit(r request, in *editInput) (*savedOutput, error) {
	if err := checkBase(in.Body.Revision); err != nil {
		return nil, err
	}
	res, err := s.engine.Edit(r, r.wiki, wiki.Edit{
		Path: in.Path, Base: strings.ToLower(in.Body.Revision), Old: in.Body.Old, New: in.Body.New,
		Message: in.Body.CommitMessage, Author: r.author, IdempotencyKey: in.IdempotencyKey,
	})
	if err != nil {
		return nil, err
	}
	return s.saved(r, r.wiki, res), nil
}

// saved describes a page after a write. The write is done and acknowledged
// whatever happens here, so a name that cannot be read is only a worse name.
func (s *service) saved(ctx context.Context, w records.Wiki, res wiki.Result) *savedOutput {
	out := &savedOutput{http.StatusOK, Saved{
		Name: pagepath.Title(res.Path), Path: res.Path, Revision: res.Revision,
		Created: res.Created, Merged: res.Merged, Unchanged: res.Unchanged,
	}}
	w.Head = res.Revision
	p, err := s.engine.Read(ctx, w, res.Path)
	if err != nil {
		s.log.WarnContext(ctx, "read back a written page", "wiki", w.ID, "revision", res.Revision, "err", err)
		return out
	}
	out.Body.Name = title(p.Info(), p.Path)
	return out
}

// checkBase says what is wrong with the form of a revision that a change starts
// from. Fewer than 7 digits could soon mean another commit.
func checkBase(revision string) error {
	if revision == "" {
		return fault.Invalidf("revision", "is missing; read the page and send the revision you get")
	}
	if len(revision) < 7 || len(revision) > 40 {
		return fault.Invalidf("revision", "%q has %d digits; send 7 to 40", clip(revision), len(revision))
	}
	for _, c := range revision {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return fault.Invalidf("revision", "%q is not hexadecimal", clip(revision))
		}
	}
	return nil
}

func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

type deleteInput struct {
	OnPage
	Keyed
	Body *struct {
		CommitMessage string `json:"commit_message,omitempty" maxLength:"4000"`
	} `nameHint:"DeletePage"`
}

type deletedOutput struct {
	Body struct {
		Deleted  bool   `json:"deleted"`
		Path     string `json:"path"`
		Revision string `json:"revision"`
	} `nameHint:"Deleted"`
}

func (s *service) remove(r request, in *deleteInput) (*deletedOutput, error) {
	d := wiki.Delete{Path: in.Path, Author: r.author, IdempotencyKey: in.IdempotencyKey}
	if in.Body != nil {
		d.Message = in.Body.CommitMessage
	}
	res, err := s.engine.Delete(r, r.wiki, d)
	if err != nil {
		return nil, err
	}
	out := new(deletedOutput)
	out.Body.Deleted, out.Body.Path, out.Body.Revision = true, res.Path, res.Revision
	return out, nil
}

type renameInput struct {
	OnPage
	Keyed
	Body struct {
		NewPath       string `json:"new_path"`
		CommitMessage string `json:"commit_message,omitempty" maxLength:"4000"`
	} `nameHint:"RenamePage"`
}

type renamedOutput struct {
	Body struct {
		OldPath      string   `json:"old_path"`
		NewPath      string   `json:"new_path"`
		Revision     string   `json:"revision"`
		UpdatedPages []string `json:"updated_pages" nullable:"false" doc:"Pages whose links were rewritten"`
	} `nameHint:"Renamed"`
}

func (s *service) rename(r request, in *renameInput) (*renamedOutput, error) {
	old := pagepath.Clean(in.Path)
	if p, err := s.engine.Read(r, r.wiki, old); err == nil {
		old = p.Path // as stored
	}
	res, err := s.engine.Rename(r, r.wiki, wiki.Rename{
		From: in.Path, To: in.Body.NewPath, Message: in.Body.CommitMessage,
		Author: r.author, IdempotencyKey: in.IdempotencyKey,
	})
	if err != nil {
		return nil, err
	}
	out := new(renamedOutput)
	out.Body.OldPath, out.Body.NewPath = old, res.Path
	out.Body.Revision, out.Body.UpdatedPages = res.Revision, list(res.Relinked)
	return out, nil
}
