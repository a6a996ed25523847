package wiki

import (
	"context"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/pagepath"
)

// Survey is what a wiki's record has to know of an adopted repository.
type Survey struct {
	Pages     int64
	FileBytes int64 // attachments at the head
}

// Survey counts the pages and files at a commit of a repository that has just
// been imported and belongs to no wiki yet.
func (e *Engine) Survey(ctx context.Context, wikiID, commit string) (Survey, error) {
	s, err := e.snapshot(ctx, wikiID, commit)
	if err != nil {
		return Survey{}, err
	}
	var sum Survey
	err = s.repo.Walk(ctx, s.root.ID, func(path string, f gitstore.Entry) error {
		if !isFile(f) {
			return nil
		}
		if _, page := pagepath.OfFile(path); page {
			sum.Pages++
			return nil
		}
		size, err := s.repo.Size(ctx, f.ID)
		sum.FileBytes += size
		return err
	})
	return sum, err
}

// Remove deletes the files of a deleted wiki; fault.Conflict if it has not been
// deleted. Events outlive restores: after one, the deletion that it took back may
// still be on its way, in a queue, or in an archive that somebody replays.
func (e *Engine) Remove(ctx context.Context, wikiID string) error {
	_, err := e.records.Wiki(ctx, wikiID)
	if err == nil {
		return fault.New(fault.Conflict, "remove the files of wiki %s: it has not been deleted", wikiID)
	}
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	e.index.Forget(wikiID)
	return e.git.Remove(ctx, wikiID)
}
