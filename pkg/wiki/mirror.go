package wiki

import (
	"context"

	"github.com/go-git/go-git/v5/plumbing"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/records"
)

// mirrorRounds bounds how often one write mirrors later heads than its own. On a
// wiki with many writers elsewhere each of them would otherwise chase all the
// others, at five operations on files a round. What is left behind then is
// harmless, and looked at again on the wiki's next request.
const mirrorRounds = 3

// maxMirrors bounds how many wikis' mirrors are remembered as right.
const maxMirrors = 10_000

// mirror lets plain git see the new head. The write has landed whatever becomes
// of this: a mirror that could not be written is looked at again on the wiki's
// next request.
func (e *Engine) mirror(ctx context.Context, w records.Wiki) {
	ctx = context.WithoutCancel(ctx) // the writer may have gone away
	repo, err := e.git.Repo(ctx, w.ID)
	if err == nil {
		err = e.mirrorLatest(ctx, repo, w)
	}
	e.noteMirror(ctx, w, err)
}

// mirrorLatest mirrors a head and, if it has moved meanwhile, the one that it
// has moved to. Whoever moved it may have written the mirror before us; having
// seen the head stand still after the last write, we have not left an older one
// there.
func (e *Engine) mirrorLatest(ctx context.Context, repo *gitstore.Repo, w records.Wiki) error {
	for range mirrorRounds {
		if err := repo.Mirror(ctx, plumbing.NewHash(w.Head), w.Sequence); err != nil {
			return err
		}
		now, err := e.records.Wiki(ctx, w.ID)
		if fault.Is(err, fault.NotFound) {
			return nil // deleted, and its folder with it
		}
		if err != nil || now.Sequence <= w.Sequence {
			return err
		}
		w = now
	}
	return fault.New(fault.Unavailable, "mirror the head of wiki %s: it keeps moving", w.ID)
}

func (e *Engine) noteMirror(ctx context.Context, w records.Wiki, err error) {
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
