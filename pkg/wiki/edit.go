package wiki

import (
	"bytes"
	"context"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/pagepath"
	"wikibot.io/pkg/records"
)

// Edit replaces one exact string of a page.
type Edit struct {
	Path           string
	Base           string // as in Save; "" means the present head
	Old, New       string // Old occurs exactly once
	Message        string
	Author         Author
	IdempotencyKey string
}

// Edit replaces Old by New. Invalid when Old is empty, equal to New, missing or
// found more than once (the count is in the message). If the page changed since
// Base but still holds Old once, the edit applies to the page as it is; if the
// change took Old away, it is fault.Conflict as in Save.
func (e *Engine) Edit(ctx context.Context, w records.Wiki, ed Edit) (Result, error) {
	switch {
	case ed.Old == "":
		return Result{}, fault.Invalidf("old_string", "is empty")
	case ed.Old == ed.New:
		return Result{}, fault.Invalidf("new_string", "is the same as old_string")
	}
	if err := checkContent([]byte(ed.New)); err != nil {
		return Result{}, err
	}
	if err := checkRevision(ed.Base); err != nil {
		return Result{}, err
	}
	ed.Path = pagepath.Clean(ed.Path)
	req := request{ed.Author, ed.IdempotencyKey, ed}
	return e.write(ctx, w, req, func(ctx context.Context, w records.Wiki, snap *snapshot) (*intent, Result, error) {
		return e.planEdit(ctx, w, snap, ed)
	})
}

func (e *Engine) planEdit(ctx context.Context, w records.Wiki, snap *snapshot, ed Edit) (*intent, Result, error) {
	at, ok, err := snap.page(ctx, ed.Path)
	if err != nil {
		return nil, Result{}, err
	}
	if !ok {
		return nil, Result{}, fault.New(fault.NotFound, "edit page %q: there is no such page", ed.Path)
	}
	theirs, err := snap.repo.Blob(ctx, at.entry.ID)
	if err != nil {
		return nil, Result{}, err
	}
	base := theirs
	if ed.Base != "" && ed.Base != w.Head {
		if base, err = e.baseText(ctx, w, at.path, ed.Base); err != nil {
			return nil, Result{}, err
		}
	}
	old, now := []byte(ed.Old), []byte(ed.New)
	if n := bytes.Count(theirs, old); n == 1 {
		in, res, err := planOverwrite(w, at, theirs, theirs, bytes.Replace(theirs, old, now, 1), ed.Message)
		if in != nil {
			in.result.Merged = !bytes.Equal(base, theirs)
		}
		return in, res, err
	} else if bytes.Equal(base, theirs) || n > 1 {
		return nil, Result{}, occurrences(at.path, n)
	}
	if n := bytes.Count(base, old); n != 1 {
		return nil, Result{}, occurrences(at.path, n)
	}
	return planOverwrite(w, at, base, theirs, bytes.Replace(base, old, now, 1), ed.Message)
}

func occurrences(path string, n int) error {
	if n == 0 {
		return fault.Invalidf("old_string", "not found in page %q; it must match exactly, white space included", path)
	}
	return fault.Invalidf("old_string", "found %d times in page %q; include more of its surroundings so that it is found once", n, path)
}
