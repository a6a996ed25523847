// Package wikitest gives tests a real engine in a temporary folder, and
// re-reads everything from bytes when they end.
package wikitest

import (
	"context"
	"log/slog"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"wikibot.io/contracts/events"
	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/gitstore/gitstoretest"
	"wikibot.io/pkg/index"
	"wikibot.io/pkg/pagepath"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/sqlite"
	"wikibot.io/pkg/wiki"
)

// TB is what a test, a benchmark or a property check offers.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// House is a whole engine on real drivers.
type House struct {
	Dir     string
	Records *sqlite.Store
	Git     *gitstore.Store
	Index   *index.Cache
	Engine  *wiki.Engine
	Owner   records.User
}

// Ada is who writes in tests.
var Ada = wiki.Author{UserID: "ada", Name: "Ada", Email: "ada@users.wikibot.localhost", Via: "web"}

// Claude is Ada through an agent.
var Claude = wiki.Author{UserID: "ada", Name: "Ada", Email: "ada@users.wikibot.localhost", Agent: "Claude Code", Via: "mcp"}

// New opens a house in a temporary folder. When the test ends, every wiki made
// with [House.Wiki] is checked.
func New(t *testing.T) *House {
	t.Helper()
	h := Open(t, t.TempDir())
	t.Cleanup(func() {
		h.Index.Close()
		h.Records.Close()
	})
	err := h.Records.CreateUser(t.Context(), h.Owner, records.Identity{Provider: "dev", Subject: "ada@example.org"})
	if err != nil {
		t.Fatalf("create user: %v", err)
	}
	return h
}

// Open opens a house in a folder that may hold one already; the caller closes
// Index and Records.
func Open(t TB, dir string) *House {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("open house: %v", err)
		}
	}
	store, err := sqlite.Open(filepath.Join(dir, "records.db"), sqlite.Options{})
	must(err)
	git, err := gitstore.Open(filepath.Join(dir, "wikis"), gitstore.Options{})
	must(err)
	ix, err := index.New(index.Deps{Git: git, Records: store, Scratch: filepath.Join(dir, "scratch-"+events.NewID(time.Now()))})
	must(err)
	e, err := wiki.New(wiki.Deps{Records: store, Git: git, Index: ix, Log: slog.New(slog.DiscardHandler)})
	must(err)
	return &House{
		Dir: dir, Records: store, Git: git, Index: ix, Engine: e,
		Owner: records.User{ID: "ada", Username: "ada", Email: "ada@example.org", DisplayName: "Ada", Tier: records.Premium, CreatedAt: time.Now()},
	}
}

// Wiki makes a wiki with its first pages and checks it when the test ends.
func (h *House) Wiki(t *testing.T, slug string) records.Wiki {
	t.Helper()
	w := h.Make(t, slug)
	t.Cleanup(func() { h.Check(t, w.ID) })
	return w
}

// Make is Wiki without the check at the end.
func (h *House) Make(t TB, slug string) records.Wiki {
	t.Helper()
	w := h.Bare(t, slug)
	if err := h.Engine.Bootstrap(context.Background(), w.ID); err != nil {
		t.Fatalf("bootstrap: %v", err)
	}
	return h.Now(t, w.ID)
}

// Bare makes a wiki as it is before its first pages are put in.
func (h *House) Bare(t TB, slug string) records.Wiki {
	t.Helper()
	ctx := context.Background()
	now := time.Now()
	id := events.NewID(now)
	_, err := h.Records.CreateWiki(ctx, records.NewWiki{
		ID: id, Slug: slug, Name: slug, OwnerID: h.Owner.ID, MaxWikis: 1000, CreatedAt: now,
		Token: records.Token{ID: events.NewID(now), Hash: "hash-of-" + id, WikiID: id, UserID: h.Owner.ID, Name: "default", Role: records.Editor, CreatedAt: now},
		Actor: &events.Actor{UserId: h.Owner.ID, Name: "Ada"},
	})
	if err != nil {
		t.Fatalf("create wiki: %v", err)
	}
	return h.Now(t, id)
}

// Now reads a wiki's record.
func (h *House) Now(t TB, id string) records.Wiki {
	t.Helper()
	w, err := h.Records.Wiki(context.Background(), id)
	if err != nil {
		t.Fatalf("read wiki %s: %v", id, err)
	}
	return w
}

// Check re-reads repository, record and mirror from bytes, with plain git, and
// reports every invariant that does not hold.
func (h *House) Check(t *testing.T, id string) {
	t.Helper()
	w := h.Now(t, id)
	gitstoretest.Check(t, filepath.Join(h.Dir, "wikis"), id, w.Head)
	repo := filepath.Join(h.Git.Dir(id), "repo.git")
	var pages, bytes int64
	keys := map[string]string{}
	for line := range strings.SplitSeq(Git(t, repo, "ls-tree", "-r", "-l", "-z", w.Head), "\x00") {
		meta, path, ok := strings.Cut(line, "\t")
		if !ok {
			continue
		}
		if page, ok := pagepath.OfFile(path); ok {
			pages++
			if other, twice := keys[pagepath.Key(page)]; twice {
				t.Errorf("pages %q and %q have the same key", other, page)
			}
			keys[pagepath.Key(page)] = page
			continue
		}
		f := strings.Fields(meta)
		n, _ := strconv.ParseInt(f[len(f)-1], 10, 64)
		bytes += n
	}
	if w.PageCount != pages {
		t.Errorf("wiki %s: the record counts %d pages, the tree holds %d", w.Slug, w.PageCount, pages)
	}
	if w.FileBytes != bytes {
		t.Errorf("wiki %s: the record counts %d bytes of attachments, the tree holds %d", w.Slug, w.FileBytes, bytes)
	}
	commits := strings.TrimSpace(Git(t, repo, "rev-list", "--count", "--first-parent", w.Head))
	if commits != strconv.FormatInt(w.Sequence, 10) {
		t.Errorf("wiki %s: the record has taken %d steps, the history %s: a commit was lost or an event invented", w.Slug, w.Sequence, commits)
	}
}

// Git runs plain git in a folder and returns what it prints.
func Git(t TB, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "safe.directory=*"}, args...)...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
