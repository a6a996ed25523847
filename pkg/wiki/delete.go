package wiki

import (
	"context"

	eventsv1 "wikibot.io/contracts/events/v1"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/pagepath"
	"wikibot.io/pkg/records"
)

// Delete removes a page and its attachments, not its sub-pages.
type Delete struct {
	Path           string
	Message        string
	Author         Author
	IdempotencyKey string
}

// Delete removes a page; fault.NotFound. Its history stays, and older revisions
// can still be read.
func (e *Engine) Delete(ctx context.Context, w records.Wiki, d Delete) (Result, error) {
	d.Path = pagepath.Clean(d.Path)
	req := request{d.Author, d.IdempotencyKey, d}
	return e.write(ctx, w, req, func(ctx context.Context, _ records.Wiki, snap *snapshot) (*intent, Result, error) {
		return planDelete(ctx, snap, d)
	})
}

func planDelete(ctx context.Context, snap *snapshot, d Delete) (*intent, Result, error) {
	at, ok, err := snap.page(ctx, d.Path)
	if err != nil {
		return nil, Result{}, err
	}
	if !ok {
		return nil, Result{}, fault.New(fault.NotFound, "delete page %q: there is no such page", d.Path)
	}
	files, err := snap.attachments(ctx, at.path)
	if err != nil {
		return nil, Result{}, err
	}
	in := &intent{
		removes:   []string{pagepath.File(at.path)},
		pageDelta: -1,
		message:   or(d.Message, "Delete "+at.path),
		data:      func(c *eventsv1.Commit) any { return &eventsv1.PageDeleted{Commit: c} },
		changes:   []*eventsv1.PageChange{{Kind: eventsv1.PageChange_KIND_DELETED, Path: at.path}},
		result:    Result{Path: at.path},
	}
	for _, f := range files {
		size, err := snap.repo.Size(ctx, f.entry.ID)
		if err != nil {
			return nil, Result{}, err
		}
		in.removes = append(in.removes, f.path)
		in.fileDelta -= size
	}
	return in, Result{}, nil
}
