package wiki_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wikibot.io/pkg/records"
	"wikibot.io/pkg/wiki"
	"wikibot.io/pkg/wiki/wikitest"
)

// mirrored reads what plain git takes for the head.
func mirrored(t *testing.T, h *wikitest.House, id string) string {
	t.Helper()
	return strings.TrimSpace(wikitest.Git(t, filepath.Join(h.Git.Dir(id), "repo.git"), "rev-parse", "main"))
}

// neighbour is another process on the folder of a house.
func neighbour(t *testing.T, h *wikitest.House) *wikitest.House {
	t.Helper()
	other := wikitest.Open(t, h.Dir)
	t.Cleanup(func() { other.Index.Close(); other.Records.Close() })
	return other
}

func saveOn(t *testing.T, h *wikitest.House, id, path string) {
	t.Helper()
	if _, err := h.Engine.Save(t.Context(), h.Now(t, id), wiki.Save{Path: path, Content: []byte(path), Author: wikitest.Ada}); err != nil {
		t.Fatal(err)
	}
}

// A process stalls between landing a save and mirroring it. Another one lands the
// next save meanwhile, and has long mirrored it when the first goes on.
func TestMirrorOvertakenByAnotherProcess(t *testing.T) {
	h := wikitest.New(t)
	w := h.Wiki(t, "ada")
	other := neighbour(t, h)
	e := engineOn(t, h, &troubledHeads{h.Records, func(ctx context.Context, c records.HeadChange) (records.Wiki, error) {
		landed, err := h.Records.AdvanceHead(ctx, c)
		if err == nil {
			saveOn(t, other, w.ID, "Next")
		}
		return landed, err
	}})
	if _, err := e.Save(t.Context(), w, wiki.Save{Path: "Page", Content: []byte("x"), Author: wikitest.Ada}); err != nil {
		t.Fatal(err)
	}
	if got, now := mirrored(t, h, w.ID), h.Now(t, w.ID); got != now.Head || now.Sequence != w.Sequence+2 {
		t.Errorf("after step %d the mirror says %s, the record %s", now.Sequence-w.Sequence, got, now.Head)
	}
}

// A new process reads the record; before it looks at the mirror another one lands
// a save and mirrors it.
func TestRepairDoesNotSetTheMirrorBack(t *testing.T) {
	h := wikitest.New(t)
	w := h.Wiki(t, "ada")
	saveOn(t, h, w.ID, "One")
	cold := neighbour(t, h)
	before := cold.Now(t, w.ID)
	saveOn(t, h, w.ID, "Two")
	saveOn(t, h, w.ID, "Three")
	if got := read(t, cold, before, "One"); got != "One" {
		t.Errorf("read %q", got)
	}
	if got, now := mirrored(t, h, w.ID), h.Now(t, w.ID); got != now.Head {
		t.Errorf("the mirror says %s, the record %s", got, now.Head)
	}
}

// Records were restored to an older moment and nobody has reconciled them yet:
// readers must not make the mirror forget what is later.
func TestReadersOfAnOlderRecordLeaveTheMirror(t *testing.T) {
	h := wikitest.New(t)
	w := h.Make(t, "ada")
	dir := t.TempDir()
	backUpRecords(t, h.Dir, dir)
	saveOn(t, h, w.ID, "One")
	saveOn(t, h, w.ID, "Two")
	latest := h.Now(t, w.ID).Head
	must(t, os.CopyFS(filepath.Join(dir, "wikis"), os.DirFS(filepath.Join(h.Dir, "wikis"))))
	restored := wikitest.Open(t, dir)
	t.Cleanup(func() { restored.Index.Close(); restored.Records.Close() })
	read(t, restored, restored.Now(t, w.ID), "Home")
	if got := mirrored(t, restored, w.ID); got != latest {
		t.Errorf("the mirror says %s, not %s any more", got, latest)
	}
	if got, err := restored.Engine.Reconcile(t.Context(), w.ID); err != nil || got.Outcome != wiki.Forward || got.Now != latest {
		t.Errorf("reconciled %+v, %v; want forward to %s", got, err, latest)
	}
}
