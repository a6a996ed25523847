package embedding

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"wikibot.io/contracts/events"
	eventsv1 "wikibot.io/contracts/events/v1"
	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/index"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/upkeep"
)

// shelf holds one wiki's record. Its packs are never leased: too few steps are taken.
type shelf struct {
	records.Upkeep
	mu    sync.Mutex
	wiki  *records.Wiki
	swaps int
	fails int // the next so many reads fail
}

func (s *shelf) Wiki(context.Context, string) (records.Wiki, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.fails > 0:
		s.fails--
		return records.Wiki{}, fault.New(fault.Unavailable, "find wiki: try again")
	case s.wiki == nil:
		return records.Wiki{}, fault.New(fault.NotFound, "find wiki: there is none")
	}
	return *s.wiki, nil
}

func (s *shelf) PublishIndex(_ context.Context, _ string, old, new records.Index) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wiki == nil || s.wiki.Index != old {
		return fault.New(fault.Conflict, "publish index: it has changed")
	}
	s.wiki.Index = new
	s.swaps++
	return nil
}

// bench is a service over one wiki.
type bench struct {
	t       *testing.T
	shelf   *shelf
	git     *gitstore.Store
	scratch string
	service *Service
}

const wiki = "w"

func newBench(t *testing.T) *bench {
	store, err := gitstore.Open(t.TempDir(), gitstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Create(t.Context(), wiki); err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, shelf: &shelf{wiki: &records.Wiki{ID: wiki}}, git: store, scratch: t.TempDir()}
	cache, err := index.New(index.Deps{Git: store, Records: b.shelf, Scratch: b.scratch})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cache.Close() })
	keeper, err := upkeep.New(upkeep.Deps{Records: b.shelf, Git: store, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if b.service, err = New(Deps{Index: cache, Keeper: keeper, Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	return b
}

// save commits a page.
func (b *bench) save(path, text string) {
	b.t.Helper()
	repo, err := b.git.Repo(b.t.Context(), wiki)
	if err != nil {
		b.t.Fatal(err)
	}
	batch := repo.NewBatch()
	now := gitstore.Signature{Name: "Ann", Email: "ann@example.org", When: time.Unix(1_700_000_000, 0)}
	c := gitstore.Commit{Author: now, Committer: now, Message: "save"}
	var base gitstore.OID
	if head := b.shelf.wiki.Head; head != "" {
		parent, err := repo.Commit(b.t.Context(), plumbing.NewHash(head))
		if err != nil {
			b.t.Fatal(err)
		}
		base, c.Parents = parent.Tree, []gitstore.OID{parent.ID}
	}
	edits := []gitstore.Edit{{Path: path + ".md", Mode: 0o100644, ID: batch.Blob([]byte(text))}}
	if c.Tree, err = batch.Apply(b.t.Context(), base, edits); err != nil {
		b.t.Fatal(err)
	}
	head := batch.Commit(c)
	if err := batch.Flush(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	b.shelf.mu.Lock()
	defer b.shelf.mu.Unlock()
	b.shelf.wiki.Head = head.String()
	b.shelf.wiki.Sequence++
}

func (b *bench) deliver(typ events.Type) error {
	b.t.Helper()
	env := &eventsv1.Envelope{Id: "e", Type: string(typ), WikiId: wiki}
	for _, s := range b.service.Subscriptions() {
		for _, want := range s.Types {
			if want == typ {
				return s.Handle(b.t.Context(), env)
			}
		}
	}
	b.t.Fatalf("nobody consumes %s", typ)
	return nil
}

func TestEventsBringTheIndexToTheHead(t *testing.T) {
	for _, typ := range []events.Type{events.WikiCreated, events.PageSaved, events.PageRenamed, events.PageDeleted} {
		t.Run(string(typ), func(t *testing.T) {
			b := newBench(t)
			b.save("Home", "text")
			if err := b.deliver(typ); err != nil {
				t.Fatal(err)
			}
			if got := b.shelf.wiki; got.Index.Commit != got.Head {
				t.Errorf("the index is of %q, the head is %s", got.Index.Commit, got.Head)
			}
		})
	}
}

// Deliveries of a burst, twice and at once: one publication serves all.
func TestBurstIsPublishedOnce(t *testing.T) {
	b := newBench(t)
	for _, path := range []string{"A", "B", "C", "D"} {
		b.save(path, "text")
	}
	for range 2 {
		for range 4 {
			if err := b.deliver(events.PageSaved); err != nil {
				t.Fatal(err)
			}
		}
	}
	if b.shelf.swaps != 1 {
		t.Errorf("published %d times, want once", b.shelf.swaps)
	}
}

func TestNothingToPublish(t *testing.T) {
	b := newBench(t)
	if err := b.deliver(events.WikiCreated); err != nil || b.shelf.swaps != 0 {
		t.Errorf("a wiki without commits: %v, %d publications", err, b.shelf.swaps)
	}
}

func TestDeletedWikiIsForgotten(t *testing.T) {
	b := newBench(t)
	b.save("A", "text")
	if err := b.deliver(events.PageSaved); err != nil {
		t.Fatal(err)
	}
	b.shelf.wiki = nil
	if err := b.deliver(events.WikiDeleted); err != nil {
		t.Fatal(err)
	}
	_ = filepath.WalkDir(b.scratch, func(path string, d fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".db") {
			t.Errorf("left: %s", path)
		}
		return err
	})
	// The order of events is not kept: a save may come after.
	if err := b.deliver(events.PageSaved); err != nil {
		t.Errorf("an event of a deleted wiki: %v, want it done", err)
	}
}

func TestFailureIsDeliveredAgain(t *testing.T) {
	b := newBench(t)
	b.save("A", "text")
	b.shelf.fails = 1
	if err := b.deliver(events.PageSaved); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("got %v, want unavailable", err)
	}
	if err := b.deliver(events.PageSaved); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(b.git.Dir(wiki), b.shelf.wiki.Index.File)); err != nil {
		t.Error(err)
	}
}

func TestNewWants(t *testing.T) {
	if _, err := New(Deps{}); err == nil {
		t.Error("a service without an index")
	}
}
