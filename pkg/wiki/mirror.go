package wiki

import (
	"context"

	"github.com/go-git/go-git/v5/plumbing"

	"wikibot.io/pkg/records"
)

// maxMirrors bounds how many wikis' mirrors are remembered as right.
const maxMirrors = 10_000

// mirror lets plain git see the new head. The write has landed whatever becomes
// of this: a mirror that could not be written is looked at again on the wiki's
// next request.
func (e *Engine) mirror(ctx context.Context, w records.Wiki) {
	ctx = context.WithoutCancel(ctx) // the writer may have gone away
	repo, err := e.git.Repo(ctx, w.ID)
	if err == nil {
		err = repo.Mirror(ctx, plumbing.NewHash(w.Head), w.Sequence)
	}
	if err != nil {
		e.mirrored.Remove(w.ID)
		e.log.WarnContext(ctx, "mirror head", "wiki", w.ID, "head", w.Head, "err", err)
		return
	}
	e.mirrored.Add(w.ID, true)
}

// repair looks, once in the life of the process, whether the mirror of a wiki
// says what its record says: a process may have been killed between the two.
func (e *Engine) repair(ctx context.Context, w records.Wiki) {
	if known, _ := e.mirrored.ContainsOrAdd(w.ID, true); known {
		return
	}
	repo, err := e.git.Repo(ctx, w.ID)
	if err != nil {
		return // the read that follows says so
	}
	if head, err := repo.MirrorHead(ctx); err != nil || head.String() != w.Head {
		e.mirror(ctx, w)
	}
}
