package wiki

import (
	"context"
	"slices"
	"strings"

	eventsv1 "wikibot.io/contracts/events/v1"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/index"
	"wikibot.io/pkg/markdown"
	"wikibot.io/pkg/pagepath"
	"wikibot.io/pkg/records"
)

// Rename moves a page with its attachments, and rewrites links to them.
// Sub-pages stay where they are.
type Rename struct {
	From, To       string
	Message        string
	Author         Author
	IdempotencyKey string
}

// Rename moves a page in one commit with the rewritten links. Exists when
// something is at To already (a change of case or spelling alone is allowed);
// Invalid, NotFound as elsewhere.
func (e *Engine) Rename(ctx context.Context, w records.Wiki, r Rename) (Result, error) {
	r.From, r.To = pagepath.Clean(r.From), pagepath.Clean(r.To)
	req := request{r.Author, r.IdempotencyKey, r}
	return e.write(ctx, w, req, func(ctx context.Context, w records.Wiki, snap *snapshot) (*intent, Result, error) {
		from, ok, err := snap.page(ctx, r.From)
		if err != nil {
			return nil, Result{}, err
		}
		if !ok {
			return nil, Result{}, fault.New(fault.NotFound, "rename page %q: there is no such page", r.From)
		}
		to, err := checkTarget(ctx, snap, from, r.To)
		if err != nil {
			return nil, Result{}, err
		}
		view, err := e.index.At(ctx, w)
		if err != nil {
			return nil, Result{}, err
		}
		return planRename(ctx, snap, view, from, to, r.Message)
	})
}

// checkTarget says whether a page may move to a path, and how that is spelled.
func checkTarget(ctx context.Context, snap *snapshot, from place, to string) (string, error) {
	to, err := newPath(ctx, snap, "new_path", to)
	if err != nil {
		return "", err
	}
	if to == from.path {
		return "", fault.Invalidf("new_path", "is the present path")
	}
	if there, ok, err := snap.page(ctx, to); err != nil {
		return "", err
	} else if ok && there.path != from.path {
		return "", taken(from.path, there.path, "a page")
	}
	if pagepath.Key(to) == pagepath.Key(from.path) {
		return to, nil
	}
	own, err := snap.attachments(ctx, from.path)
	if err != nil || len(own) == 0 {
		return to, err
	}
	// The attachments need the folder of the new name: what lies there must not be in the way.
	others, err := snap.attachments(ctx, to)
	if err != nil {
		return "", err
	}
	if len(others) > 0 {
		return "", taken(from.path, others[0].path, "an attachment")
	}
	return to, nil
}

func taken(from, to, what string) error {
	err := fault.New(fault.Exists, "rename page %q: there is %s at %q already", from, what, to)
	err.Fields = []fault.Field{{Name: "new_path", Msg: "exists already"}}
	return err
}

func planRename(ctx context.Context, snap *snapshot, view *index.View, from place, to, message string) (*intent, Result, error) {
	in := &intent{
		message: or(message, "Rename "+from.path+" to "+to),
		data:    func(c *eventsv1.Commit) any { return &eventsv1.PageRenamed{Commit: c} },
		changes: []*eventsv1.PageChange{{Kind: eventsv1.PageChange_KIND_RENAMED, Path: to, OldPath: from.path}},
		result:  Result{Path: to},
	}
	files, err := snap.attachments(ctx, from.path)
	if err != nil {
		return nil, Result{}, err
	}
	for _, f := range files {
		in.moves = append(in.moves, move{f.entry, f.path, to + strings.TrimPrefix(f.path, from.path)})
	}
	own, err := snap.repo.Blob(ctx, from.entry.ID)
	if err != nil {
		return nil, Result{}, err
	}
	if text, changed := markdown.Relink(own, from.path, to, from.path, to); changed {
		in.removes = append(in.removes, pagepath.File(from.path))
		in.puts = append(in.puts, put{pagepath.File(to), text})
	} else {
		in.moves = append(in.moves, move{from.entry, pagepath.File(from.path), pagepath.File(to)})
	}
	return in, Result{}, relinkOthers(ctx, snap, view, in, from, to, files)
}

// relinkOthers rewrites every other page that links to the page or its files.
func relinkOthers(ctx context.Context, snap *snapshot, view *index.View, in *intent, from place, to string, files []place) error {
	_, linking, err := view.Links(ctx, from.path)
	if err != nil {
		return err
	}
	for _, f := range files {
		pages, err := view.Embedding(ctx, f.path)
		if err != nil {
			return err
		}
		linking = append(linking, pages...)
	}
	slices.Sort(linking)
	for _, source := range slices.Compact(linking) {
		if source == from.path {
			continue
		}
		at, ok, err := snap.page(ctx, source)
		if err != nil {
			return err
		}
		if !ok {
			continue // the index is ahead of this snapshot; the swap will fail and we start over
		}
		text, err := snap.repo.Blob(ctx, at.entry.ID)
		if err != nil {
			return err
		}
		text, changed := markdown.Relink(text, at.path, at.path, from.path, to)
		if !changed {
			continue
		}
		in.puts = append(in.puts, put{pagepath.File(at.path), text})
		in.result.Relinked = append(in.result.Relinked, at.path)
		in.changes = append(in.changes, &eventsv1.PageChange{Kind: eventsv1.PageChange_KIND_RELINKED, Path: at.path})
	}
	return nil
}
