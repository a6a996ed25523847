package upkeep_test

import (
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/upkeep"
)

// What was consolidated goes when nobody can be reading it any more; what nothing
// leads to, when nobody can be looking for it.
func TestWhatWasReplacedGoesAfterAWhile(t *testing.T) {
	s := set(t)
	s.save(upkeep.Due)
	packs := s.files(".pack")
	s.lose()
	if r := s.tend(false); r.Pruned.Packs != 0 || s.files(".pack") != packs+2 {
		t.Fatalf("at once: %+v, %d packs", r, s.files(".pack"))
	}
	began := s.now
	for _, c := range []struct {
		after time.Duration
		left  int
		why   string
	}{
		{50 * time.Minute, packs + 2, "a request may be reading them"},
		{70 * time.Minute, 2, "the base, and the save that nothing leads to"},
		{13 * 24 * time.Hour, 2, "it is still young"},
		{15 * 24 * time.Hour, 1, "the base"},
	} {
		s.now = began.Add(c.after)
		s.tend(true)
		if got := s.files(".pack"); got != c.left {
			t.Errorf("after %s: %d packs, want %d: %s", c.after, got, c.left, c.why)
		}
	}
	repo, err := s.Git.Repo(t.Context(), s.wiki.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := repo.Commit(t.Context(), plumbing.NewHash(s.Now(t, s.wiki.ID).Head)); err != nil {
		t.Errorf("the head, in the process that knew the packs: %v", err)
	}
	s.clean()
}

// lose writes a save that never lands: its race for the head was lost.
func (s *scene) lose() {
	s.t.Helper()
	repo, err := s.Git.Repo(s.t.Context(), s.wiki.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	head, err := repo.Commit(s.t.Context(), plumbing.NewHash(s.Now(s.t, s.wiki.ID).Head))
	if err != nil {
		s.t.Fatal(err)
	}
	parent, err := repo.Commit(s.t.Context(), head.Parents[0])
	if err != nil {
		s.t.Fatal(err)
	}
	batch := repo.NewBatch()
	c := gitstore.Commit{Author: parent.Author, Committer: parent.Author, Parents: []gitstore.OID{parent.ID}, Message: "lost"}
	edits := []gitstore.Edit{{Path: "Lost.md", Mode: 0o100644, ID: batch.Blob([]byte("lost"))}}
	if c.Tree, err = batch.Apply(s.t.Context(), parent.Tree, edits); err != nil {
		s.t.Fatal(err)
	}
	batch.Commit(c)
	if err := batch.Flush(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}
