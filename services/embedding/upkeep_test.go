package embedding_test

import (
	"fmt"
	"log/slog"
	"testing"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"
	"wikibot.io/contracts/subscriptions"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/upkeep"
	"wikibot.io/pkg/wiki"
	"wikibot.io/pkg/wiki/wikitest"
	"wikibot.io/services/embedding"
)

// tended is a service over a real house, and what delivers an event of a wiki to the
// subscription for packs.
func tended(t *testing.T) (*wikitest.House, func(wiki string) error) {
	t.Helper()
	h := wikitest.New(t)
	log := slog.New(slog.DiscardHandler)
	k, err := upkeep.New(upkeep.Deps{Records: h.Records, Git: h.Git, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	s, err := embedding.New(embedding.Deps{Index: h.Index, Keeper: k, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	for _, sub := range s.Subscriptions() {
		if sub.Name == subscriptions.EmbeddingUpkeep.Name {
			return h, func(wiki string) error {
				return sub.Handle(t.Context(), &eventsv1.Envelope{Id: "e", Type: string(events.PageSaved), WikiId: wiki})
			}
		}
	}
	t.Fatal("nobody tends packs")
	return nil, nil
}

// Each save is followed by an event, some by two; the packs are folded when enough
// have piled up, and pages read as before.
func TestPageEventsKeepPacksFew(t *testing.T) {
	h, deliver := tended(t)
	w := h.Wiki(t, "ada")
	const saves = upkeep.Due + 8
	for i := range saves {
		if _, err := h.Engine.Save(t.Context(), h.Now(t, w.ID), wiki.Save{Path: fmt.Sprint("Page ", i), Content: []byte("text"), Author: wikitest.Ada}); err != nil {
			t.Fatal(err)
		}
		for range 1 + i%2 {
			if err := deliver(w.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	now := h.Now(t, w.ID)
	if len(now.BasePacks) != 1 || now.BaseSequence != upkeep.Due {
		t.Errorf("after %d steps: bases %v up to %d", now.Sequence, now.BasePacks, now.BaseSequence)
	}
	if p, err := h.Engine.Read(t.Context(), now, "Page 0"); err != nil || string(p.Content) != "text" {
		t.Errorf("read: %q, %v", p.Content, err)
	}
}

func TestEventOfADeletedWikiIsDone(t *testing.T) {
	h, deliver := tended(t)
	w := h.Make(t, "ada")
	if err := h.Records.DeleteWiki(t.Context(), w.ID, nil); err != nil {
		t.Fatal(err)
	}
	if err := deliver(w.ID); err != nil {
		t.Errorf("%v, want it done", err)
	}
}

func TestTroubleWithPacksIsDeliveredAgain(t *testing.T) {
	h, deliver := tended(t)
	w := h.Make(t, "ada")
	if err := h.Records.Close(); err != nil {
		t.Fatal(err)
	}
	if err := deliver(w.ID); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v, want unavailable", err)
	}
}
