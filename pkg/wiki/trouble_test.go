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
