package wiki

import (
	"bytes"
	"context"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing"

	eventsv1 "wikibot.io/contracts/events/v1"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/pagepath"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/textdiff"
)

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

// Save creates or overwrites a page. If the page changed since Base, the two
// changes are merged line by line; an overlap is fault.Conflict with the three
// texts. Errors: Invalid (path, content, revision), Exists (Base is "" and the
// page exists; Merge is set), NotFound (Base set and the page gone), TooLarge,
// Limit, Unavailable (nothing was changed).
func (e *Engine) Save(ctx context.Context, w records.Wiki, s Save) (Result, error) {
	if err := checkContent(s.Content); err != nil {
		return Result{}, err
	}
	if err := checkRevision(s.Base); err != nil {
		return Result{}, err
	}
	s.Path = pagepath.Clean(s.Path)
	req := request{s.Author, s.IdempotencyKey, s}
	return e.write(ctx, w, req, func(ctx context.Context, w records.Wiki, snap *snapshot) (*intent, Result, error) {
		return e.planSave(ctx, w, snap, s)
	})
}

func (e *Engine) planSave(ctx context.Context, w records.Wiki, snap *snapshot, s Save) (*intent, Result, error) {
	at, exists, err := snap.page(ctx, s.Path)
	if err != nil {
		return nil, Result{}, err
	}
	if !exists {
		return e.planCreate(ctx, snap, s)
	}
	theirs, err := snap.repo.Blob(ctx, at.entry.ID)
	if err != nil {
		return nil, Result{}, err
	}
	if s.Base == "" {
		err := fault.New(fault.Exists, "create page %q: it exists already; read it and save with its revision", at.path)
		err.Fields = []fault.Field{{Name: "path", Msg: "exists already"}}
		err.Merge = &fault.Merge{Theirs: string(theirs), Yours: string(s.Content), CurrentRevision: w.Head}
		return nil, Result{}, err
	}
	base, err := e.baseText(ctx, w, at.path, s.Base)
	if err != nil {
		return nil, Result{}, err
	}
	return planOverwrite(w, at, base, theirs, s.Content, s.Message)
}

// planOverwrite merges what the writer made of base into what the page is now.
func planOverwrite(w records.Wiki, at place, base, theirs, yours []byte, message string) (*intent, Result, error) {
	merged, clean := textdiff.Merge(base, theirs, yours)
	if !clean {
		err := fault.New(fault.Conflict, "save page %q: it was changed in the same lines meanwhile; read it again and retry", at.path)
		err.Merge = &fault.Merge{Base: string(base), Theirs: string(theirs), Yours: string(yours), CurrentRevision: w.Head}
		return nil, Result{}, err
	}
	res := Result{Path: at.path, Merged: !bytes.Equal(base, theirs) && !bytes.Equal(merged, theirs)}
	if bytes.Equal(merged, theirs) {
		return nil, res, nil
	}
	if len(merged) > MaxPage {
		return nil, Result{}, tooLarge(len(merged))
	}
	return &intent{
		puts:    []put{{pagepath.File(at.path), merged}},
		message: or(message, "Update "+at.path),
		data:    saved,
		changes: []*eventsv1.PageChange{{Kind: eventsv1.PageChange_KIND_EDITED, Path: at.path}},
		result:  res,
	}, Result{}, nil
}

func (e *Engine) planCreate(ctx context.Context, snap *snapshot, s Save) (*intent, Result, error) {
	if s.Base != "" {
		return nil, Result{}, fault.New(fault.NotFound, "save page %q: it was deleted or renamed since revision %s", s.Path, s.Base)
	}
	path, err := newPath(ctx, snap, "path", s.Path)
	if err != nil {
		return nil, Result{}, err
	}
	return &intent{
		puts:      []put{{pagepath.File(path), s.Content}},
		pageDelta: 1,
		message:   or(s.Message, "Create "+path),
		data:      saved,
		changes:   []*eventsv1.PageChange{{Kind: eventsv1.PageChange_KIND_CREATED, Path: path}},
		result:    Result{Path: path, Created: true},
	}, Result{}, nil
}

// newPath checks a path for a page that does not exist yet and gives it the
// spelling of the folders that do.
func newPath(ctx context.Context, snap *snapshot, field, path string) (string, error) {
	if err := pagepath.Check(path); err != nil {
		return "", fault.Invalidf(field, "%s", err)
	}
	path, err := snap.spell(ctx, path)
	if err != nil {
		return "", err
	}
	// A folder on the way may be a file in an imported repository.
	for cut := range path {
		if path[cut] != '/' {
			continue
		}
		if at, ok, err := snap.file(ctx, path[:cut]); err != nil {
			return "", err
		} else if ok {
			return "", fault.Invalidf(field, "cannot be below %q, which is a file", at.path)
		}
	}
	return path, nil
}

// baseText returns the page's text at the revision a writer started from; empty
// if it did not exist then.
func (e *Engine) baseText(ctx context.Context, w records.Wiki, path, revision string) ([]byte, error) {
	unknown := fault.Invalidf("revision", "%q is no revision of this wiki", revision)
	if len(revision) < 40 {
		view, err := e.index.At(ctx, w)
		if err != nil {
			return nil, err
		}
		full, err := view.Resolve(ctx, revision)
		if fault.Is(err, fault.NotFound) {
			return nil, unknown
		}
		if err != nil {
			return nil, err
		}
		revision = full
	}
	repo, err := e.git.Repo(ctx, w.ID)
	if err != nil {
		return nil, missing(err, "open the repository of wiki %s", w.ID)
	}
	if _, err := repo.Commit(ctx, plumbing.NewHash(revision)); fault.Is(err, fault.NotFound) {
		return nil, unknown
	} else if err != nil {
		return nil, err
	}
	then, err := e.snapshot(ctx, w.ID, revision)
	if err != nil {
		return nil, err
	}
	at, ok, err := then.page(ctx, path)
	if err != nil {
		return nil, err
	}
	if !ok {
		// Renamed since? The index knows under what name it lived then.
		view, err := e.index.At(ctx, w)
		if err != nil {
			return nil, err
		}
		old, err := view.PathAt(ctx, path, revision)
		if fault.Is(err, fault.NotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if at, ok, err = then.page(ctx, old); !ok || err != nil {
			return nil, err
		}
	}
	return then.repo.Blob(ctx, at.entry.ID)
}

func checkContent(content []byte) error {
	switch {
	case len(content) > MaxPage:
		return tooLarge(len(content))
	case !utf8.Valid(content):
		return fault.Invalidf("content", "is not valid UTF-8")
	case bytes.IndexByte(content, 0) >= 0:
		return fault.Invalidf("content", "contains a NUL byte")
	}
	return nil
}

func tooLarge(size int) error {
	err := fault.New(fault.TooLarge, "save page: its text has %d bytes; at most %d are allowed, so split it into several pages", size, MaxPage)
	err.Fields = []fault.Field{{Name: "content", Msg: "is larger than 1 MB"}}
	return err
}

// checkRevision allows "" and 7 to 40 hex digits.
func checkRevision(rev string) error {
	if rev == "" {
		return nil
	}
	if len(rev) < 7 || len(rev) > 40 {
		return fault.Invalidf("revision", "has %d characters; want 7 to 40 hex digits", len(rev))
	}
	for _, c := range rev {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return fault.Invalidf("revision", "%q is not hexadecimal in lower case", rev)
		}
	}
	return nil
}

func saved(c *eventsv1.Commit) any { return &eventsv1.PageSaved{Commit: c} }

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
