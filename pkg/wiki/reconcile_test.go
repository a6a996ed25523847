package wiki_test

import (
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/index"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/tier"
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
		mirror  int // saves that the restored mirror knows of: files are copied one by one
		want    wiki.Outcome
	}{
		{"both of the same moment", 2, 2, 2, wiki.Agrees},
		{"the files are older", 3, 1, 1, wiki.Back},
		{"the files are older, and their mirror is older still", 3, 2, 0, wiki.Back},
		{"the records are older", 1, 3, 3, wiki.Forward},
		{"the records are older than the mirror, and that than the packs", 0, 3, 1, wiki.Forward},
		{"the records are as old as the mirror, and both older than the packs", 1, 3, 1, wiki.Forward},
		{"the records know of all but the last save, and so does the mirror", 2, 3, 2, wiki.Forward},
		{"the mirror is older than all else", 3, 3, 1, wiki.Agrees},
		{"the records know of no commit yet", -1, 2, 2, wiki.Forward},
		{"neither the records nor the mirror know of a commit yet", -1, 2, -1, wiki.Forward},
		{"the files are older, and their mirror is missing", 3, 2, -1, wiki.Back},
	} {
		t.Run(c.why, func(t *testing.T) {
			from := wikitest.New(t)
			w := from.Bare(t, "ada")
			dir := t.TempDir()
			var mirror string
			for n := -1; n <= 3; n++ { // -1: nothing, 0: first pages, then one save each
				if n == 0 {
					must(t, from.Engine.Bootstrap(t.Context(), w.ID))
				} else if n > 0 {
					add(t, from, w.ID, page(n))
				}
				if n == c.records {
					backUpRecords(t, from.Dir, dir)
				}
				if n == c.mirror {
					mirror = from.Now(t, w.ID).Head
				}
				if n == c.files {
					must(t, os.CopyFS(filepath.Join(dir, "wikis"), os.DirFS(filepath.Join(from.Dir, "wikis"))))
				}
			}
			writeMirror(t, filepath.Join(dir, "wikis", w.ID, "repo.git"), mirror)
			h := wikitest.Open(t, dir)
			defer h.Records.Close()
			defer h.Index.Close()

			got, err := h.Engine.Reconcile(t.Context(), w.ID)
			must(t, err)
			if got.Outcome != c.want {
				t.Errorf("outcome %q, want %q", got.Outcome, c.want)
			}
			if now := h.Now(t, w.ID); now.Index.Commit != now.Head || now.Head != got.Now {
				t.Errorf("the head is %s, the published index of %s; want both of %s", now.Head, now.Index.Commit, got.Now)
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
			if same := h.Now(t, w.ID); !cmp.Equal(same, now) {
				t.Errorf("the second time changed the record from %+v to %+v", now, same)
			}
		})
	}
}

// A copy of a folder in use may lack a pack that was written while it was made,
// or hold half of it.
func TestReconcileGoesBackToTheLastWholeCommit(t *testing.T) {
	for _, c := range []struct {
		why    string
		mirror int // saves that it knows of
		damage func(t *testing.T, pack string)
	}{
		{"the pack is missing, and the mirror is of the backup before", 1, func(t *testing.T, pack string) {
			must(t, os.Remove(pack+".idx"))
			must(t, os.Remove(pack+".pack"))
		}},
		{"the commit can be read, its tree cannot", 2, func(t *testing.T, pack string) {
			b, err := os.ReadFile(pack + ".pack")
			must(t, err)
			// At the end are 20 bytes of digest and a page of a few bytes; the tree is before.
			copy(b[len(b)-80:], make([]byte, 30))
			must(t, os.WriteFile(pack+".pack", b, 0o600))
		}},
	} {
		t.Run(c.why, func(t *testing.T) {
			h := wikitest.New(t)
			w := h.Make(t, "ada")
			add(t, h, w.ID, "One")
			heads := []string{w.Head, h.Now(t, w.ID).Head}
			add(t, h, w.ID, "Two")
			heads = append(heads, h.Now(t, w.ID).Head)
			repo := filepath.Join(h.Git.Dir(w.ID), "repo.git")
			c.damage(t, filepath.Join(repo, "objects", "pack", "pack-"+heads[2]))
			writeMirror(t, repo, heads[c.mirror])
			// As in the fleet, an index may be some steps behind.
			again := neighbour(t, h)
			lagging, err := index.New(index.Deps{Git: again.Git, Records: again.Records, Scratch: t.TempDir(), MaxLag: 32})
			must(t, err)
			defer lagging.Close()
			e, err := wiki.New(wiki.Deps{Records: again.Records, Git: again.Git, Index: lagging, Log: slog.New(slog.DiscardHandler)})
			must(t, err)
			got, err := e.Reconcile(t.Context(), w.ID)
			must(t, err)
			if got.Outcome != wiki.Back || got.Now != heads[1] {
				t.Errorf("got %+v, want back to %s", got, heads[1])
			}
			if main := mirrored(t, h, w.ID); main != heads[1] {
				t.Errorf("the mirror says %s, not %s", main, heads[1])
			}
			if now := h.Now(t, w.ID); now.Index.Commit != heads[1] {
				t.Errorf("the published index is of %s, not of %s", now.Index.Commit, heads[1])
			}
		})
	}
}

// The packs of saves that were refused are on disk too, made upon the head.
func TestReconcileLeavesOutWhatTheLimitsRefused(t *testing.T) {
	h := wikitest.New(t)
	w := h.Wiki(t, "ada")
	must(t, h.Records.SetTier(t.Context(), h.Owner.ID, records.Free))
	w = h.Now(t, w.ID)
	most := tier.Of(w.Tier).Pages
	fill(t, h, w, most)
	full := h.Now(t, w.ID)
	_, err := h.Engine.Save(t.Context(), full, wiki.Save{Path: "One too many", Content: []byte("x"), Author: wikitest.Ada})
	if !fault.Is(err, fault.Limit) {
		t.Fatalf("a save beyond the limit: %v", err)
	}
	got, err := h.Engine.Reconcile(t.Context(), w.ID)
	must(t, err)
	if now := h.Now(t, w.ID); got.Outcome != wiki.Agrees || now.Head != full.Head || now.PageCount != most {
		t.Errorf("reconciled %+v, to %d pages of %d", got, now.PageCount, most)
	}
}

// fill adds pages in one step until there are as many as wanted.
func fill(t *testing.T, h *wikitest.House, w records.Wiki, pages int64) {
	t.Helper()
	repo, err := h.Git.Repo(t.Context(), w.ID)
	must(t, err)
	old, err := repo.Commit(t.Context(), plumbing.NewHash(w.Head))
	must(t, err)
	b := repo.NewBatch()
	var edits []gitstore.Edit
	for n := w.PageCount; n < pages; n++ {
		edits = append(edits, gitstore.Edit{Path: fmt.Sprintf("Folder/Page %d.md", n), ID: b.Blob(nil)})
	}
	c := gitstore.Commit{Message: "Fill", Parents: []gitstore.OID{old.ID}, Author: old.Author, Committer: old.Committer}
	c.Tree, err = b.Apply(t.Context(), old.Tree, edits)
	must(t, err)
	id := b.Commit(c)
	must(t, b.Flush(t.Context()))
	env, err := events.New(time.Now(), w.ID, nil, &eventsv1.PageSaved{Commit: &eventsv1.Commit{OldHead: w.Head, NewHead: id.String()}})
	must(t, err)
	now, err := h.Records.AdvanceHead(t.Context(), records.HeadChange{
		WikiID: w.ID, Old: w.Head, New: id.String(), At: time.Now(), PageDelta: pages - w.PageCount, Event: env,
	})
	must(t, err)
	must(t, repo.Mirror(t.Context(), id, now.Sequence))
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

// writeMirror makes a copied repository's mirror say a head, or nothing.
func writeMirror(t *testing.T, repo, head string) {
	t.Helper()
	main := filepath.Join(repo, "refs", "heads", "main")
	if head == "" {
		must(t, os.Remove(main))
		return
	}
	must(t, os.WriteFile(main, []byte(head+"\n"), 0o600))
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
