package wiki

import (
	"context"
	"time"

	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/index"
	"wikibot.io/pkg/markdown"
	"wikibot.io/pkg/records"
)

// MaxPage is the largest page that can be saved, in bytes.
const MaxPage = 1_000_000

// Heads is what the engine needs of the records: see records.Heads.
type Heads interface {
	Wiki(ctx context.Context, id string) (records.Wiki, error)
	AdvanceHead(ctx context.Context, c records.HeadChange) (records.Wiki, error)
	IdempotentResult(ctx context.Context, wikiID, key, fingerprint string) ([]byte, error)
}

// Deps is what an Engine stands on.
type Deps struct {
	Records Heads
	Git     *gitstore.Store
	Index   *index.Cache
	Now     func() time.Time // nil: time.Now
}

// Engine reads and writes the pages of every wiki. Safe for concurrent use.
type Engine struct{ deps Deps }

// New returns an engine.
func New(d Deps) (*Engine, error) { panic("unwritten") }

// Author is who a write is by: the person, and the agent they acted through.
type Author struct {
	UserID string
	Name   string
	Email  string
	Agent  string // client name, "" if by hand
	Via    string // "web", "api", "mcp", "cli"
}

// Page is one page at one revision.
type Page struct {
	Path     string // as stored
	Content  []byte // shared: do not change
	Blob     string // 40 hex: the ETag of the content
	Info     *markdown.Info
	Revision string // 40 hex: the commit it was read at
}

// File is an attachment, or any other file of the repository that is no page.
type File struct {
	Path    string
	Size    int64
	Blob    string
	Content []byte // shared: do not change
}

// Read returns the page at the wiki's head; fault.NotFound. Any spelling of the
// path that has the same key is accepted.
func (e *Engine) Read(ctx context.Context, w records.Wiki, path string) (Page, error) {
	panic("unwritten")
}

// ReadAt is Read at an older revision, given by 4 to 40 hex digits; the path is
// the present one, also if the page had another then.
func (e *Engine) ReadAt(ctx context.Context, w records.Wiki, path, revision string) (Page, error) {
	panic("unwritten")
}

// File returns a file that is no page, at the wiki's head.
func (e *Engine) File(ctx context.Context, w records.Wiki, path string) (File, error) {
	panic("unwritten")
}

// Exists tells whether the path is a page, a file or a folder at the wiki's head.
func (e *Engine) Exists(ctx context.Context, w records.Wiki, path string) (Kind, error) {
	panic("unwritten")
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

// Node is an entry of the page tree: a page, a folder, or both.
type Node struct {
	Name string // last segment
	Path string
	Page bool
	// Children says whether there is anything below it.
	Children bool
}

// Children lists the pages and folders directly below a folder ("" is the
// root), sorted by folded name. Attachments are not listed.
func (e *Engine) Children(ctx context.Context, w records.Wiki, folder string) ([]Node, error) {
	panic("unwritten")
}

// Files lists the attachments of a page: the files that are no pages in the
// folder of its name.
func (e *Engine) Files(ctx context.Context, w records.Wiki, path string) ([]File, error) {
	panic("unwritten")
}

// Index returns the index's view of the wiki, at its head or later: page lists,
// links, history, changelog, search.
func (e *Engine) Index(ctx context.Context, w records.Wiki) (*index.View, error) {
	panic("unwritten")
}

// Save writes a whole page.
type Save struct {
	Path    string
	Content []byte
	// Base is the revision the writer started from (7 to 40 hex digits): any
	// commit since which the page has not changed, usually the one read. "" only
	// to create: the page must not exist.
	Base    string
	Message string // "" for a default
	Author  Author
	// IdempotencyKey, when not "", makes a repeated request answer as the first.
	IdempotencyKey string
}

// Edit replaces one exact string of a page.
type Edit struct {
	Path           string
	Base           string // as in Save; "" means the present head
	Old, New       string // Old occurs exactly once
	Message        string
	Author         Author
	IdempotencyKey string
}

// Rename moves a page and its attachment folder, and rewrites links to it.
type Rename struct {
	From, To       string
	Message        string
	Author         Author
	IdempotencyKey string
}

// Delete removes a page and its attachments, not its sub-pages.
type Delete struct {
	Path           string
	Message        string
	Author         Author
	IdempotencyKey string
}

// Result is what a write did.
type Result struct {
	Path      string   `json:"path"`     // as stored
	Revision  string   `json:"revision"` // 40 hex: the new head, or the present one if Unchanged
	Created   bool     `json:"created,omitempty"`
	Merged    bool     `json:"merged,omitempty"`    // the page had changed since Base, elsewhere in the text
	Unchanged bool     `json:"unchanged,omitempty"` // the content was the same: no commit
	Relinked  []string `json:"relinked,omitempty"`  // pages whose links a rename rewrote
}

// Save creates or overwrites a page. If the page changed since Base, the two
// changes are merged line by line; an overlap is fault.Conflict with the three
// texts. Errors: Invalid (path, content, revision), Exists (Base is "" and the
// page exists: also Conflict's Merge fields are set), NotFound (Base set and the
// page gone), TooLarge, Limit, Unavailable (nothing was changed).
func (e *Engine) Save(ctx context.Context, w records.Wiki, s Save) (Result, error) {
	panic("unwritten")
}

// Edit replaces Old by New. Invalid when Old is empty, equal to New, missing or
// found more than once (the count is in the message).
func (e *Engine) Edit(ctx context.Context, w records.Wiki, ed Edit) (Result, error) {
	panic("unwritten")
}

// Rename moves a page in one commit with the rewritten links. Exists when
// something is at To already (a change of case or spelling alone is allowed).
func (e *Engine) Rename(ctx context.Context, w records.Wiki, r Rename) (Result, error) {
	panic("unwritten")
}

// Delete removes a page; fault.NotFound.
func (e *Engine) Delete(ctx context.Context, w records.Wiki, d Delete) (Result, error) {
	panic("unwritten")
}

// Diff compares two revisions of the wiki (4 to 40 hex digits); with a path,
// only that page, under whatever names it had. from "" means the parent of to.
func (e *Engine) Diff(ctx context.Context, w records.Wiki, from, to, path string) ([]FileDiff, error) {
	panic("unwritten")
}

// FileDiff is the difference of one file.
type FileDiff struct {
	OldPath, Path string // page paths for pages, file paths for files; "" on the side where there is none
	Page          bool
	Binary        bool
	Hunks         []Hunk
}

// Hunk is a run of changed lines with context.
type Hunk struct {
	OldLine, NewLine int // first line on each side, counted from 1
	Lines            []DiffLine
}

// DiffLine is one line of a hunk. Op is ' ', '-' or '+'; Text has no newline.
type DiffLine struct {
	Op   byte
	Text string
}

// Bootstrap puts the first pages into a new wiki. It does nothing if the wiki
// has a commit already, so it may run any number of times.
func (e *Engine) Bootstrap(ctx context.Context, wikiID string) error { panic("unwritten") }

// Adopt makes an imported repository's history the wiki's: counts its pages and
// files and sets the head. The wiki must have no commit yet.
func (e *Engine) Adopt(ctx context.Context, wikiID string, head string, author Author) error {
	panic("unwritten")
}

// Remove deletes the files of a deleted wiki.
func (e *Engine) Remove(ctx context.Context, wikiID string) error { panic("unwritten") }
