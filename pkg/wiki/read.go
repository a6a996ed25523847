package wiki

import (
	"context"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/markdown"
	"wikibot.io/pkg/pagepath"
	"wikibot.io/pkg/records"
)

// Page is one page at one revision.
type Page struct {
	Path     string // as stored
	Content  []byte // shared: do not change
	Blob     string // 40 hex: the ETag of the content
	Revision string // 40 hex: the commit it was read at
}

// Info reads what the text says of itself.
func (p Page) Info() *markdown.Info { return markdown.Read(p.Path, p.Content) }

// File is an attachment, or any other file of the repository that is no page.
// Symbolic links and submodules are not files.
type File struct {
	Path    string
	Size    int64 // bytes
	Blob    string
	Content []byte // shared: do not change; nil in listings
}

// Read returns the page at the wiki's head; fault.NotFound. Any spelling of the
// path that has the same key is accepted.
func (e *Engine) Read(ctx context.Context, w records.Wiki, path string) (Page, error) {
	s, err := e.at(ctx, w)
	if err != nil {
		return Page{}, err
	}
	return s.read(ctx, path)
}

// ReadAt is Read at an older revision, given by 4 to 40 hex digits; the path is
// the present one, also if the page had another then.
func (e *Engine) ReadAt(ctx context.Context, w records.Wiki, path, revision string) (Page, error) {
	view, err := e.index.At(ctx, w)
	if err != nil {
		return Page{}, err
	}
	commit, err := view.Resolve(ctx, revision)
	if err != nil {
		return Page{}, err
	}
	then, err := view.PathAt(ctx, pagepath.Clean(path), commit)
	if err != nil {
		return Page{}, err
	}
	s, err := e.snapshot(ctx, w.ID, commit)
	if err != nil {
		return Page{}, err
	}
	return s.read(ctx, then)
}

func (s *snapshot) read(ctx context.Context, path string) (Page, error) {
	at, ok, err := s.page(ctx, path)
	if err != nil {
		return Page{}, err
	}
	if !ok {
		return Page{}, fault.New(fault.NotFound, "read page %q: there is no such page", path)
	}
	content, err := s.repo.Blob(ctx, at.entry.ID)
	if err != nil {
		return Page{}, err
	}
	return Page{Path: at.path, Content: content, Blob: at.entry.ID.String(), Revision: s.commit.ID.String()}, nil
}

// File returns a file that is no page, at the wiki's head; fault.NotFound.
func (e *Engine) File(ctx context.Context, w records.Wiki, path string) (File, error) {
	s, err := e.at(ctx, w)
	if err != nil {
		return File{}, err
	}
	at, ok, err := s.file(ctx, path)
	if err != nil {
		return File{}, err
	}
	if !ok {
		return File{}, fault.New(fault.NotFound, "read file %q: there is no such file", path)
	}
	content, err := s.repo.Blob(ctx, at.entry.ID)
	if err != nil {
		return File{}, err
	}
	return File{Path: at.path, Size: int64(len(content)), Blob: at.entry.ID.String(), Content: content}, nil
}

// Kind is what a path is.
type Kind int

// The kinds. A path that is both page and folder (its sub-pages) is a PageKind.
const (
	None Kind = iota
	PageKind
	FileKind
	FolderKind
)

// Exists tells whether the path is a page, a file or a folder at the wiki's
// head. It reads trees only, which are nearly always in memory.
func (e *Engine) Exists(ctx context.Context, w records.Wiki, path string) (Kind, error) {
	s, err := e.at(ctx, w)
	if err != nil {
		return None, err
	}
	if _, ok, err := s.page(ctx, path); ok || err != nil {
		return PageKind, err
	}
	if _, ok, err := s.file(ctx, path); ok || err != nil {
		return FileKind, err
	}
	if _, ok, err := s.folder(ctx, path); ok || err != nil {
		return FolderKind, err
	}
	return None, nil
}

// Node is an entry of the page tree: a page, a folder, or both.
type Node struct {
	Name string // last segment
	Path string
	Page bool
	// Children says whether there are sub-pages below it.
	Children bool
}

// Children lists the pages and folders directly below a folder ("" is the
// root), sorted by folded name. Attachments, and folders that hold nothing else,
// are not listed.
func (e *Engine) Children(ctx context.Context, w records.Wiki, folder string) ([]Node, error) {
	s, err := e.at(ctx, w)
	if err != nil {
		return nil, err
	}
	return s.children(ctx, folder)
}

// Files lists the attachments of a page: the files, other than pages, directly in
// the folder of its name. Contents are left out.
func (e *Engine) Files(ctx context.Context, w records.Wiki, path string) ([]File, error) {
	s, err := e.at(ctx, w)
	if err != nil {
		return nil, err
	}
	at, ok, err := s.page(ctx, path)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fault.New(fault.NotFound, "list attachments of %q: there is no such page", path)
	}
	found, err := s.attachments(ctx, at.path)
	if err != nil {
		return nil, err
	}
	files := make([]File, 0, len(found))
	for _, f := range found {
		size, err := s.repo.Size(ctx, f.entry.ID)
		if err != nil {
			return nil, err
		}
		files = append(files, File{Path: f.path, Size: size, Blob: f.entry.ID.String()})
	}
	return files, nil
}

// at returns the snapshot at the head of a record.
func (e *Engine) at(ctx context.Context, w records.Wiki) (*snapshot, error) {
	if w.Head != "" {
		e.repair(ctx, w)
	}
	return e.snapshot(ctx, w.ID, w.Head)
}

func (e *Engine) snapshot(ctx context.Context, wikiID, commit string) (*snapshot, error) {
	if commit == "" {
		return &snapshot{commit: &gitstore.Commit{}, root: &gitstore.Tree{}}, nil
	}
	repo, err := e.git.Repo(ctx, wikiID)
	if err != nil {
		return nil, missing(err, "open the repository of wiki %s", wikiID)
	}
	c, err := repo.Commit(ctx, plumbing.NewHash(commit))
	if err != nil {
		return nil, missing(err, "read commit %s of wiki %s", commit, wikiID)
	}
	root, err := repo.Tree(ctx, c.Tree)
	if err != nil {
		return nil, missing(err, "read the tree of commit %s of wiki %s", commit, wikiID)
	}
	return &snapshot{repo: repo, commit: c, root: root}, nil
}

// missing marks as internal that something is not there which a record or an
// object says is: to the caller that is no "not found".
func missing(err error, format string, args ...any) error {
	if fault.Is(err, fault.NotFound) {
		return fault.Wrap(err, fault.Internal, format, args...)
	}
	return err
}

func segments(path string) []string {
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}
