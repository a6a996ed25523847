package gitstore

import (
	"context"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// OID names an object: the SHA-1 of its type, size and content.
type OID = plumbing.Hash

// Options configures a Store.
type Options struct {
	// CacheBytes bounds the decoded objects kept in memory, over all
	// repositories. 0 means 64 MiB.
	CacheBytes int64
}

// Store holds the repositories below one folder.
type Store struct{}

// Open returns the store in dir, which it creates if need be.
func Open(dir string, o Options) (*Store, error) { panic("unwritten") }

// Create makes the wiki's empty repository, or opens the one that is there.
func (s *Store) Create(ctx context.Context, wikiID string) (*Repo, error) { panic("unwritten") }

// Repo opens a wiki's repository; fault.NotFound if there is none.
func (s *Store) Repo(ctx context.Context, wikiID string) (*Repo, error) { panic("unwritten") }

// Remove deletes a wiki's repository; nil if there is none.
func (s *Store) Remove(ctx context.Context, wikiID string) error { panic("unwritten") }

// Dir is the folder of one wiki; its repository is Dir/repo.git.
func (s *Store) Dir(wikiID string) string { panic("unwritten") }

// Import fills the wiki's repository (which must be empty) from a repository on
// disk, a bundle file or a URL.
func (s *Store) Import(ctx context.Context, wikiID, source string, progress func(Progress)) (head OID, err error) {
	panic("unwritten")
}

// Progress reports long work.
type Progress struct {
	Stage       string // "copying", "indexing objects", "checking"
	Done, Total int64  // Total is 0 while unknown
}

// Repo is one wiki's repository. Safe for concurrent use.
type Repo struct{}

// Signature is who and when.
type Signature struct {
	Name, Email string
	When        time.Time
}

// Commit is a decoded commit. Treat as read-only.
type Commit struct {
	ID                OID
	Tree              OID
	Parents           []OID
	Author, Committer Signature
	Message           string
}

// Entry is one entry of a tree.
type Entry struct {
	Name string
	Mode filemode.FileMode
	ID   OID
}

// Tree is a decoded tree. Treat as read-only.
type Tree struct {
	ID      OID
	Entries []Entry // in git's order
}

// Entry returns the entry of exactly that name.
func (t *Tree) Entry(name string) (Entry, bool) { panic("unwritten") }

// Fold returns the entries whose names have the given pagepath.Key.
func (t *Tree) Fold(key string) []Entry { panic("unwritten") }

// Commit reads a commit; fault.NotFound if there is no such object or it is not a commit.
func (r *Repo) Commit(ctx context.Context, id OID) (*Commit, error) { panic("unwritten") }

// Tree reads a tree. The zero OID is the empty tree.
func (r *Repo) Tree(ctx context.Context, id OID) (*Tree, error) { panic("unwritten") }

// Blob reads a blob. The bytes are shared: do not change them.
func (r *Repo) Blob(ctx context.Context, id OID) ([]byte, error) { panic("unwritten") }

// Size returns the size of a blob without reading it whole.
func (r *Repo) Size(ctx context.Context, id OID) (int64, error) { panic("unwritten") }

// Change is one file that differs between two trees. A zero OID on one side
// means the file is only on the other.
type Change struct {
	Path             string // of the file, with its extension
	Old, New         OID
	OldMode, NewMode filemode.FileMode
}

// Diff lists the files that differ between two trees (the zero OID is the empty
// tree), sorted by path. It reads only trees that differ. Submodules are left out.
func (r *Repo) Diff(ctx context.Context, old, new OID) ([]Change, error) { panic("unwritten") }

// Walk calls f for every file below a tree in path order; submodules are left out.
func (r *Repo) Walk(ctx context.Context, tree OID, f func(path string, e Entry) error) error {
	panic("unwritten")
}

// Edit is a change of one file for Batch.Apply: a zero ID removes it.
type Edit struct {
	Path string
	Mode filemode.FileMode
	ID   OID
}

// Batch collects the objects of one commit and writes them as one pack. The
// objects of a batch can be read through the Repo only after Flush.
type Batch struct{}

// NewBatch starts a batch.
func (r *Repo) NewBatch() *Batch { panic("unwritten") }

// Blob adds a blob.
func (b *Batch) Blob(data []byte) OID { panic("unwritten") }

// Apply adds the trees that result from applying edits to the tree base, and
// returns the new root. Folders left empty vanish. It refuses (fault.Invalid)
// an edit that would put a file where a folder is, or the reverse.
func (b *Batch) Apply(ctx context.Context, base OID, edits []Edit) (OID, error) { panic("unwritten") }

// Commit adds a commit and returns its id.
func (b *Batch) Commit(c Commit) OID { panic("unwritten") }

// Flush puts the batch on stable storage as one pack with its index, named
// after the last commit added. When it returns nil, every object of the batch
// survives a power failure. A full disk is fault.Unavailable and leaves nothing
// behind that a reader would see.
func (b *Batch) Flush(ctx context.Context) error { panic("unwritten") }

// Mirror makes refs/heads/main on disk say head, durably, for plain git to
// read; nothing in the fleet reads it to find the head. Concurrent calls may
// finish in any order, so callers pass the sequence: a lower one never replaces
// a higher one within a process.
func (r *Repo) Mirror(ctx context.Context, head OID, sequence int64) error { panic("unwritten") }

// MirrorHead reads what refs/heads/main on disk says; zero if it does not exist.
func (r *Repo) MirrorHead(ctx context.Context) (OID, error) { panic("unwritten") }
