package gitstore

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/gitstore/gitstoretest"
)

const wikiID = "01jtest"

func newTestRepo(t *testing.T) (*Store, *Repo) {
	t.Helper()
	s, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Create(t.Context(), wikiID)
	if err != nil {
		t.Fatal(err)
	}
	return s, r
}

var someone = Signature{Name: "Ada Lovelace", Email: "ada@example.org", When: time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 2*3600))}

// save writes files (a nil value removes one) on top of a commit.
func save(t testing.TB, r *Repo, parent OID, message string, files map[string]string) OID {
	t.Helper()
	b, id := prepare(t, r, parent, message, files)
	if err := b.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	return id
}

const gone = "\x00gone"

func prepare(t testing.TB, r *Repo, parent OID, message string, files map[string]string) (*Batch, OID) {
	t.Helper()
	ctx := context.Background()
	b := r.NewBatch()
	var edits []Edit
	for path, content := range files {
		e := Edit{Path: path}
		if content != gone {
			e.ID = b.Blob([]byte(content))
		}
		edits = append(edits, e)
	}
	c := Commit{Author: someone, Committer: someone, Message: message}
	var base OID
	if !parent.IsZero() {
		p, err := r.Commit(ctx, parent)
		if err != nil {
			t.Fatal(err)
		}
		base, c.Parents = p.Tree, []OID{parent}
	}
	tree, err := b.Apply(ctx, base, edits)
	if err != nil {
		t.Fatal(err)
	}
	c.Tree = tree
	return b, b.Commit(c)
}

// fresh opens the same folder as another process would.
func fresh(t testing.TB, s *Store) *Repo {
	t.Helper()
	other, err := Open(s.dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := other.Repo(context.Background(), wikiID)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func content(t testing.TB, r *Repo, commit OID) map[string]string {
	t.Helper()
	ctx := context.Background()
	c, err := r.Commit(ctx, commit)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	err = r.Walk(ctx, c.Tree, func(path string, e Entry) error {
		data, err := r.Blob(ctx, e.ID)
		got[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestSavedFilesAreReadByUsAndByGit(t *testing.T) {
	s, r := newTestRepo(t)
	gitstoretest.Check(t, s.dir, wikiID, "")
	one := save(t, r, OID{}, "first", map[string]string{"Home.md": "hello\n", "a/b/Deep.md": "deep\n"})
	two := save(t, r, one, "second\n\nbody\n", map[string]string{"a/b/Deep.md": gone, "a/x.md": strings.Repeat("x", 5000)})
	if err := r.Mirror(t.Context(), two, 2); err != nil {
		t.Fatal(err)
	}
	if err := r.Mirror(t.Context(), one, 1); err != nil { // came late
		t.Fatal(err)
	}
	want := map[string]string{"Home.md": "hello\n", "a/x.md": strings.Repeat("x", 5000)}
	for _, reader := range []*Repo{r, fresh(t, s)} {
		if diff := cmp.Diff(want, content(t, reader, two)); diff != "" {
			t.Error(diff)
		}
		c, err := reader.Commit(t.Context(), two)
		if err != nil {
			t.Fatal(err)
		}
		if c.Message != "second\n\nbody\n" || c.Author.Name != someone.Name || !c.Author.When.Equal(someone.When) || c.Parents[0] != one {
			t.Errorf("commit came back as %+v", c)
		}
	}
	gitstoretest.Check(t, s.dir, wikiID, two.String())
	repo := filepath.Join(s.Dir(wikiID), "repo.git")
	if got := gitstoretest.Git(t, repo, "log", "--format=%s|%an|%ae|%ai", "main"); got != "second|Ada Lovelace|ada@example.org|2026-01-02 03:04:05 +0200\nfirst|Ada Lovelace|ada@example.org|2026-01-02 03:04:05 +0200\n" {
		t.Errorf("git log says %q", got)
	}
	if got := gitstoretest.Git(t, repo, "ls-tree", "-r", "--name-only", "main"); got != "Home.md\na/x.md\n" {
		t.Errorf("git ls-tree says %q", got)
	}
	if _, err := r.Commit(t.Context(), OID{1}); !fault.Is(err, fault.NotFound) {
		t.Errorf("unknown commit: %v", err)
	}
	if _, err := r.Blob(t.Context(), two); !fault.Is(err, fault.NotFound) {
		t.Errorf("commit read as blob: %v", err)
	}
	if err := s.Remove(t.Context(), wikiID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Repo(t.Context(), wikiID); !fault.Is(err, fault.NotFound) {
		t.Errorf("removed repository: %v", err)
	}
	if open, loaded := s.files.open.Len(), s.loaded.Len(); open != 0 || loaded != 0 {
		t.Errorf("of a removed repository %d files are open and %d tables loaded", open, loaded)
	}
}
