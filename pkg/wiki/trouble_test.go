package wiki_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/wiki"
	"wikibot.io/pkg/wiki/wikitest"
)

// troubledHeads does to a step of the head what a test asks for.
type troubledHeads struct {
	wiki.Heads
	advance func(ctx context.Context, c records.HeadChange) (records.Wiki, error)
}

func (h *troubledHeads) AdvanceHead(ctx context.Context, c records.HeadChange) (records.Wiki, error) {
	return h.advance(ctx, c)
}

// crowd lets no step be taken before n callers have asked for the answer to a
// repeated request, and found none.
type crowd struct {
	wiki.Heads
	n     int32
	asked atomic.Int32
	here  chan struct{}
}

func (h *crowd) IdempotentResult(ctx context.Context, wikiID, key, fingerprint string) ([]byte, error) {
	b, err := h.Heads.IdempotentResult(ctx, wikiID, key, fingerprint)
	if h.asked.Add(1) == h.n {
		close(h.here)
	}
	return b, err
}

func (h *crowd) AdvanceHead(ctx context.Context, c records.HeadChange) (records.Wiki, error) {
	<-h.here
	return h.Heads.AdvanceHead(ctx, c)
}

// engineOn is a second engine on a house's stores, as another process has.
func engineOn(t *testing.T, h *wikitest.House, heads wiki.Heads) *wiki.Engine {
	t.Helper()
	e, err := wiki.New(wiki.Deps{Records: heads, Git: h.Git, Index: h.Index, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// What a caller is told must be what became of the page: a step whose answer was
// lost has landed, and saying otherwise would make the caller do it twice.
func TestLostAnswerOfAStepThatLanded(t *testing.T) {
	for _, c := range []struct {
		why  string
		lose func(ctx context.Context, h *wikitest.House, c records.HeadChange) error
	}{
		{"the connection broke after the step", func(context.Context, *wikitest.House, records.HeadChange) error {
			return fault.New(fault.Unavailable, "advance head: no answer")
		}},
		{"the driver tried again and met itself", func(ctx context.Context, h *wikitest.House, c records.HeadChange) error {
			now, err := h.Records.Wiki(ctx, c.WikiID)
			if err != nil {
				return err
			}
			return &records.HeadMovedError{Current: now}
		}},
	} {
		t.Run(c.why, func(t *testing.T) {
			h := wikitest.New(t)
			w := h.Wiki(t, "ada")
			steps := 0
			e := engineOn(t, h, &troubledHeads{h.Records, func(ctx context.Context, change records.HeadChange) (records.Wiki, error) {
				steps++
				if _, err := h.Records.AdvanceHead(ctx, change); err != nil {
					return records.Wiki{}, err
				}
				return records.Wiki{}, c.lose(ctx, h, change)
			}})
			res, err := e.Save(t.Context(), w, wiki.Save{Path: "Page", Content: []byte("x"), Author: wikitest.Ada})
			if err != nil {
				t.Fatal(err)
			}
			if now := h.Now(t, w.ID); !res.Created || res.Revision != now.Head || now.Sequence != w.Sequence+1 || steps != 1 {
				t.Errorf("answered %+v after %d steps; the record is at %+v", res, steps, now)
			}
		})
	}
}

// The answer is lost, and before the writer can look, others build on the step.
func TestLostAnswerOfAStepThatOthersBuiltOn(t *testing.T) {
	for _, c := range []struct {
		why   string
		lands bool
	}{
		{"the step was taken", true},
		{"the step was not taken, but others were", false},
	} {
		t.Run(c.why, func(t *testing.T) {
			h := wikitest.New(t)
			w := h.Wiki(t, "ada")
			e := engineOn(t, h, &troubledHeads{h.Records, func(ctx context.Context, change records.HeadChange) (records.Wiki, error) {
				if c.lands {
					if _, err := h.Records.AdvanceHead(ctx, change); err != nil {
						return records.Wiki{}, err
					}
				}
				for _, path := range []string{"Other", "Another"} {
					if _, err := h.Engine.Save(ctx, h.Now(t, w.ID), wiki.Save{Path: path, Content: []byte("y"), Author: wikitest.Ada}); err != nil {
						return records.Wiki{}, err
					}
				}
				return records.Wiki{}, fault.New(fault.Unavailable, "advance head: no answer")
			}})
			res, err := e.Save(t.Context(), w, wiki.Save{Path: "Page", Content: []byte("x"), Author: wikitest.Ada})
			now := h.Now(t, w.ID)
			if !c.lands {
				if !fault.Is(err, fault.Unavailable) {
					t.Errorf("answered %+v, %v", res, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if page, err := h.Engine.ReadAt(t.Context(), now, "Page", res.Revision); err != nil || string(page.Content) != "x" || now.Sequence != w.Sequence+3 {
				t.Errorf("answered %+v; there it reads %q, %v; the record is at step %d", res, page.Content, err, now.Sequence)
			}
		})
	}
}

// A wiki is deleted, and its files are removed, while its first writer is at it.
func TestDeletedWikiLeavesNoFolderBehind(t *testing.T) {
	h := wikitest.New(t)
	w := h.Bare(t, "ada")
	e := engineOn(t, h, &troubledHeads{h.Records, func(ctx context.Context, change records.HeadChange) (records.Wiki, error) {
		if err := h.Records.DeleteWiki(ctx, w.ID, nil); err != nil {
			return records.Wiki{}, err
		}
		return h.Records.AdvanceHead(ctx, change)
	}})
	if err := e.Bootstrap(t.Context(), w.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("got %v, want not found", err)
	}
	if ids, err := h.Git.Wikis(t.Context()); err != nil || len(ids) != 0 {
		t.Errorf("folders %v, %v; want none", ids, err)
	}
}

// A writer that had read the wiki when it was deleted does not make its folder
// anew either.
func TestLateWriterDoesNotBringAFolderBack(t *testing.T) {
	h := wikitest.New(t)
	w := h.Make(t, "ada")
	e := engineOn(t, h, &troubledHeads{h.Records, h.Records.AdvanceHead})
	if _, err := e.Read(t.Context(), w, "Home"); err != nil {
		t.Fatal(err)
	}
	if err := h.Records.DeleteWiki(t.Context(), w.ID, nil); err != nil {
		t.Fatal(err)
	}
	if err := h.Engine.Remove(t.Context(), w.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Save(t.Context(), w, wiki.Save{Path: "Page", Content: []byte("x"), Author: wikitest.Ada}); err == nil {
		t.Error("a save to a deleted wiki was acknowledged")
	}
	if ids, err := h.Git.Wikis(t.Context()); err != nil || len(ids) != 0 {
		t.Errorf("folders %v, %v; want none", ids, err)
	}
}

// One write that panics, which its request survives, must not lock everybody
// else out of the wiki.
func TestPanicLeavesTheQueue(t *testing.T) {
	h := wikitest.New(t)
	w := h.Wiki(t, "ada")
	broken := true
	e := engineOn(t, h, &troubledHeads{h.Records, func(ctx context.Context, c records.HeadChange) (records.Wiki, error) {
		if broken {
			broken = false
			panic("broken")
		}
		return h.Records.AdvanceHead(ctx, c)
	}})
	s := wiki.Save{Path: "Page", Content: []byte("x"), Author: wikitest.Ada}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("nothing panicked")
			}
		}()
		_, _ = e.Save(t.Context(), w, s)
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := e.Save(ctx, w, s); err != nil {
		t.Errorf("the next write: %v", err)
	}
}
