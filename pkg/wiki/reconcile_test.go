package wiki_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/index"
	"wikibot.io/pkg/wiki"
	"wikibot.io/pkg/wiki/wikitest"
)

// Backups of records and of files are never of the same moment. Whichever is
// older, what both can vouch for must be served again, counted right, and
// writable.
func TestReconcileBackupsOfDifferentTimes(t *testing.T) {
	for _, c := range []struct {
		why     string
		records int // saves that the restored records know of
		files   int // saves that the restored files hold
		want    wiki.Outcome
	}{
		{"both of the same moment", 2, 2, wiki.Agrees},
		{"the files are older", 3, 1, wiki.Back},
		{"the records are older", 1, 3, wiki.Forward},
		{"the records know of no commit yet", -1, 2, wiki.Forward},
	} {
		t.Run(c.why, func(t *testing.T) {
			from := wikitest.New(t)
			w := from.Bare(t, "ada")
			dir := t.TempDir()
			for n := -1; n <= 3; n++ { // -1: nothing, 0: first pages, then one save each
				if n == 0 {
					must(t, from.Engine.Bootstrap(t.Context(), w.ID))
				} else if n > 0 {
					add(t, from, w.ID, page(n))
				}
				if n == c.records {
					backUpRecords(t, from.Dir, dir)
				}
				if n == c.files {
					must(t, os.CopyFS(filepath.Join(dir, "wikis"), os.DirFS(filepath.Join(from.Dir, "wikis"))))
				}
			}
			h := wikitest.Open(t, dir)
			defer h.Records.Close()
			defer h.Index.Close()

			got, err := h.Engine.Reconcile(t.Context(), w.ID)
			must(t, err)
			if got.Outcome != c.want {
				t.Errorf("outcome %q, want %q", got.Outcome, c.want)
			}
			add(t, h, w.ID, "Afterwards")
			now := h.Now(t, w.ID)
			if want := int64(3 + c.files + 1); now.PageCount != want {
				t.Errorf("the record counts %d pages, want %d", now.PageCount, want)
			}
			if mirror := wikitest.Git(t, filepath.Join(h.Git.Dir(w.ID), "repo.git"), "rev-parse", "main"); mirror != now.Head+"\n" {
				t.Errorf("the mirror says %s, the record %s", mirror, now.Head)
			}
			wikitest.Git(t, filepath.Join(h.Git.Dir(w.ID), "repo.git"), "fsck", "--strict")
			view, err := h.Engine.Index(t.Context(), now)
			must(t, err)
			if _, listed, err := view.Pages(t.Context(), index.Filter{}); err != nil || int64(listed) != now.PageCount {
				t.Errorf("the index lists %d pages, %v; want %d", listed, err, now.PageCount)
			}
			again, err := h.Engine.Reconcile(t.Context(), w.ID)
			must(t, err)
			if again.Outcome != wiki.Agrees {
				t.Errorf("the second time: %+v", again)
			}
		})
	}
}

// A copy of a folder in use may lack a pack that was written while it was made.
func TestReconcileGoesBackToTheLastWholeCommit(t *testing.T) {
	h := wikitest.New(t)
	w := h.Make(t, "ada")
	add(t, h, w.ID, "One")
	whole := h.Now(t, w.ID).Head
	add(t, h, w.ID, "Two")
	h.Index.Close()
	h.Records.Close()
	for _, end := range []string{".pack", ".idx"} {
		head, err := os.ReadFile(filepath.Join(h.Git.Dir(w.ID), "repo.git", "refs", "heads", "main"))
		must(t, err)
		must(t, os.Remove(filepath.Join(h.Git.Dir(w.ID), "repo.git", "objects", "pack", "pack-"+string(head[:40])+end)))
	}
	// The mirror is of the backup before.
	must(t, os.WriteFile(filepath.Join(h.Git.Dir(w.ID), "repo.git", "refs", "heads", "main"), []byte(whole+"\n"), 0o600))
	again := wikitest.Open(t, h.Dir)
	defer again.Records.Close()
	defer again.Index.Close()
	got, err := again.Engine.Reconcile(t.Context(), w.ID)
	must(t, err)
	if got.Outcome != wiki.Back || got.Now != whole {
		t.Errorf("got %+v, want back to %s", got, whole)
	}
}

func TestReconcileWithoutRecordOrRepository(t *testing.T) {
	h := wikitest.New(t)
	w := h.Make(t, "ada")
	must(t, h.Records.DeleteWiki(t.Context(), w.ID, nil))
	if got, err := h.Engine.Reconcile(t.Context(), w.ID); err != nil || got.Outcome != wiki.Orphan {
		t.Errorf("a folder without a record: %+v, %v", got, err)
	}
	lost := h.Make(t, "bob")
	must(t, h.Git.Remove(t.Context(), lost.ID))
	if got, err := h.Engine.Reconcile(t.Context(), lost.ID); err != nil || got.Outcome != wiki.Lost {
		t.Errorf("a record without a folder: %+v, %v", got, err)
	}
	if ids, err := h.Git.Wikis(t.Context()); err != nil || len(ids) != 1 || ids[0] != w.ID {
		t.Errorf("folders %v, %v; want %s", ids, err, w.ID)
	}
}

// A restore brings a deleted wiki back, but not the event of its deletion.
func TestRemovalOfAWikiThatIsThere(t *testing.T) {
	h := wikitest.New(t)
	w := h.Make(t, "ada")
	if err := h.Engine.Remove(t.Context(), w.ID); !fault.Is(err, fault.Conflict) {
		t.Errorf("got %v, want conflict", err)
	}
	if _, err := h.Git.Repo(t.Context(), w.ID); err != nil {
		t.Fatalf("its repository: %v", err)
	}
	must(t, h.Records.DeleteWiki(t.Context(), w.ID, nil))
	for range 2 { // events come more than once
		must(t, h.Engine.Remove(t.Context(), w.ID))
	}
	if _, err := h.Git.Repo(t.Context(), w.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("the repository of a deleted wiki: %v", err)
	}
}

func page(n int) string { return "Page " + string(rune('0'+n)) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func add(t *testing.T, h *wikitest.House, id, path string) {
	t.Helper()
	_, err := h.Engine.Save(t.Context(), h.Now(t, id), wiki.Save{Path: path, Content: []byte(path), Author: wikitest.Ada})
	must(t, err)
	must(t, h.Index.Publish(t.Context(), id))
}

// backUpRecords copies a database that is in use.
func backUpRecords(t *testing.T, from, to string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(from, "records.db"))
	must(t, err)
	defer db.Close()
	_, err = db.ExecContext(t.Context(), "VACUUM INTO ?", filepath.Join(to, "records.db"))
	must(t, err)
}
