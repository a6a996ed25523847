package index

import (
	"context"
	"time"

	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/records"
)

// Publisher is what publishing needs of the records.
type Publisher interface {
	Wiki(ctx context.Context, id string) (records.Wiki, error)
	PublishIndex(ctx context.Context, wikiID string, old, new records.Index) error
}

// Deps is what a Cache stands on.
type Deps struct {
	Git     *gitstore.Store
	Records Publisher
	// Scratch is a folder for working copies, emptied by New. It need not be durable.
	Scratch string
}

// Cache answers questions about wikis from working copies of their indexes.
type Cache struct{}

// New returns a cache.
func New(d Deps) (*Cache, error) { panic("unwritten") }

// Close removes the working copies.
func (c *Cache) Close() error { panic("unwritten") }

// At returns a view of the wiki that includes every commit up to w.Head, and
// perhaps later ones. It is cheap when little has happened since the last call.
func (c *Cache) At(ctx context.Context, w records.Wiki) (*View, error) { panic("unwritten") }

// Publish brings the wiki's published index up to its present head. It does
// nothing when the published one is already there.
func (c *Cache) Publish(ctx context.Context, wikiID string) error { panic("unwritten") }

// Forget drops the working copy of a deleted wiki.
func (c *Cache) Forget(wikiID string) { panic("unwritten") }

// View answers for one wiki. Its methods may be called concurrently.
type View struct{}

// Page is one row of the page table.
type Page struct {
	Path     string // as typed
	Title    string // front matter's title, else the first heading, else the last segment of Path
	Category string // front matter
	Tags     []string
	Words    int    // of the body
	Blob     string // 40 hex
	Created  Change // the commit that first brought the page (under any name)
	Last     Change // the last commit that touched it
}

// Change is a commit as history shows it.
type Change struct {
	Commit  string // 40 hex
	Parent  string // first parent; "" for the first commit
	Author  string
	Email   string
	Agent   string // from the trailers; "" if by hand
	When    time.Time
	Subject string // first line of the message
	Message string // whole, without our trailers
	Path    string // in a page's history: the page's path after this commit, or before it if this deleted it
	OldPath string // when this commit renamed it
	Kind    string // in a page's history: "created", "edited", "renamed", "deleted"
}

// Entry is one commit of the changelog with the pages it affected.
type Entry struct {
	Change
	Pages []Affected
	Files []string // attachments affected
}

// Affected is a page touched by a commit.
type Affected struct {
	Path, OldPath, Kind string
}

// Filter narrows Pages; zero fields do not narrow. Strings ignore case.
type Filter struct {
	Prefix       string // of the path
	Category     string
	Tag          string
	UpdatedSince time.Time
	After        string // continue after this path
	Limit        int    // 0: all
}

// Pages lists pages by path (folded order) and says how many there are in all
// that pass the filter.
func (v *View) Pages(ctx context.Context, f Filter) (pages []Page, total int, err error) {
	panic("unwritten")
}

// Page returns one row of the page table; fault.NotFound.
func (v *View) Page(ctx context.Context, path string) (Page, error) { panic("unwritten") }

// Links returns the targets of the page's links and the pages that link to it,
// as paths, without duplicates, sorted. Targets need not exist.
func (v *View) Links(ctx context.Context, path string) (to, from []string, err error) {
	panic("unwritten")
}

// Edge is a link from one page to another.
type Edge struct{ Source, Target string }

// Graph returns all links; nodes include missing targets.
func (v *View) Graph(ctx context.Context) (nodes []string, edges []Edge, err error) {
	panic("unwritten")
}

// History lists the commits that touched a page, newest first, following
// renames. It also answers for pages that were deleted. before, if not "",
// continues below that commit. fault.NotFound if no page ever had the path.
func (v *View) History(ctx context.Context, path string, limit int, before string) ([]Change, error) {
	panic("unwritten")
}

// Changelog lists all commits, newest first.
func (v *View) Changelog(ctx context.Context, limit int, before string) (entries []Entry, total int, err error) {
	panic("unwritten")
}

// Entry returns one commit of the changelog; fault.NotFound.
func (v *View) Entry(ctx context.Context, commit string) (Entry, error) { panic("unwritten") }

// Resolve finds the commit reachable from the head whose id begins with prefix
// (4 to 40 hex digits); fault.Invalid if it is malformed or ambiguous,
// fault.NotFound.
func (v *View) Resolve(ctx context.Context, prefix string) (string, error) { panic("unwritten") }

// PathAt returns the path that the page now at path had at the given commit
// (40 hex); fault.NotFound if it did not exist then.
func (v *View) PathAt(ctx context.Context, path, commit string) (string, error) { panic("unwritten") }

// Hit is one search result.
type Hit struct {
	Path, Title string
	Snippet     []Span  // text around the first matches
	Score       float64 // 0 to 1, higher is better
}

// Span is a piece of a snippet.
type Span struct {
	Text  string
	Match bool
}

// Search finds pages that contain the words of the query: all of them if any
// page has all, else any of them. "Quoted words" must follow each other. It
// never fails on what people type.
func (v *View) Search(ctx context.Context, query string, limit, offset int) (hits []Hit, total int, err error) {
	panic("unwritten")
}
