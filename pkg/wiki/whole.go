package wiki

import (
	"context"
	"time"

	"github.com/go-git/go-git/v5/plumbing/filemode"

	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/records"
)

// Whole is everything in a wiki at one commit. It stays what it is whatever is
// saved in the meantime.
type Whole struct {
	Revision string    // 40 hex digits; "" before the first commit
	At       time.Time // when that was committed; zero likewise

	snap *snapshot
}

// Whole returns all of the wiki at its head.
func (e *Engine) Whole(ctx context.Context, w records.Wiki) (*Whole, error) {
	s, err := e.at(ctx, w)
	if err != nil {
		return nil, err
	}
	return &Whole{Revision: w.Head, At: s.commit.Committer.When, snap: s}, nil
}

// Entry is one file of a [Whole].
type Entry struct {
	Path       string // as stored: a page's with its extension
	Executable bool
	Content    []byte // shared: do not change
}

// Each calls f for every page and file, in git's order, one at a time: no more
// than one content is asked for at once. Symbolic links and submodules are not
// files. An imported repository may have brought names that lead elsewhere when
// they are written to a disk: they come as they are.
func (h *Whole) Each(ctx context.Context, f func(Entry) error) error {
	if h.snap.repo == nil {
		return nil
	}
	return h.snap.repo.Walk(ctx, h.snap.commit.Tree, func(path string, e gitstore.Entry) error {
		if !isFile(e) {
			return nil
		}
		content, err := h.snap.repo.Blob(ctx, e.ID)
		if err != nil {
			return missing(err, "read file %q at %s", path, h.Revision)
		}
		return f(Entry{Path: path, Executable: e.Mode == filemode.Executable, Content: content})
	})
}
