package index

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/records"
)

// tester is what *testing.T and *rapid.T share.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
	Fatal(args ...any)
	Logf(format string, args ...any)
}

// shelf is a records store of one wiki that keeps PublishIndex's promise.
type shelf struct {
	mu      sync.Mutex
	wiki    records.Wiki
	gone    bool
	before  func() // called before each swap, without the lock
	swaps   int
	refused int
}

func (s *shelf) Wiki(_ context.Context, id string) (records.Wiki, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone || id != s.wiki.ID {
		return records.Wiki{}, fault.New(fault.NotFound, "find wiki %s", id)
	}
	return s.wiki, nil
}

func (s *shelf) PublishIndex(_ context.Context, id string, old, new records.Index) error {
	if s.before != nil {
		s.before()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wiki.Index != old {
		s.refused++
		return fault.New(fault.Conflict, "publish index of wiki %s: another was published", id)
	}
	s.wiki.Index = new
	s.swaps++
	return nil
}

func (s *shelf) now() records.Wiki {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wiki
}

// world is a wiki whose commits are made by real git.
type world struct {
	t     tester
	dir   string // of the git store
	git   *gitstore.Store
	shelf *shelf
	marks int
}

const wikiID = "01hqw1k1"

func newWorld(t tester, dir string) *world {
	t.Helper()
	store, err := gitstore.Open(dir, gitstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Create(context.Background(), wikiID); err != nil {
		t.Fatal(err)
	}
	return &world{t: t, dir: dir, git: store, shelf: &shelf{wiki: records.Wiki{ID: wikiID}}}
}

func (w *world) repoDir() string { return filepath.Join(w.git.Dir(wikiID), "repo.git") }

// run runs git in the repository.
func (w *world) run(stdin string, args ...string) string {
	w.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = w.repoDir()
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "HOME="+w.dir, "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@x", "GIT_COMMITTER_NAME=c", "GIT_COMMITTER_EMAIL=c@x")
	cmd.Stdin = strings.NewReader(stdin)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil && !(args[0] == "merge-tree" && cmd.ProcessState.ExitCode() == 1) {
		w.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, problems.String())
	}
	return strings.TrimSpace(out.String())
}

// commitSpec is a commit to make.
type commitSpec struct {
	parents []string
	set     map[string]string // file to content
	remove  []string          // files
	author  string            // "Ann" if empty
	message string
	time    int64
}

// commit makes a commit whose tree is that of the first parent, changed.
func (w *world) commit(c commitSpec) string {
	w.t.Helper()
	if c.author == "" {
		c.author = "Ann"
	}
	w.marks++
	var in bytes.Buffer
	data := func(s string) { fmt.Fprintf(&in, "data %d\n%s\n", len(s), s) }
	fmt.Fprintf(&in, "commit refs/test/b%d\nmark :1\nauthor %s <%s@example.org> %d +0100\ncommitter C <c@example.org> %d -0700\n",
		w.marks, c.author, strings.ToLower(c.author), c.time, c.time)
	data(c.message)
	for i, p := range c.parents {
		fmt.Fprintf(&in, "%s %s\n", []string{"from", "merge"}[min(i, 1)], p)
	}
	for _, file := range c.remove {
		fmt.Fprintf(&in, "D %q\n", file)
	}
	files := make([]string, 0, len(c.set))
	for file := range c.set {
		files = append(files, file)
	}
	slices.Sort(files)
	for _, file := range files {
		fmt.Fprintf(&in, "M 100644 inline %q\n", file)
		data(c.set[file])
	}
	fmt.Fprintf(&in, "get-mark :1\n")
	return w.run(in.String(), "fast-import", "--quiet", "--force")
}

// merge lets git merge b into a; conflicts are committed with their markers.
func (w *world) merge(a, b string, time int64, message string) string {
	w.t.Helper()
	tree, _, _ := strings.Cut(w.run("", "merge-tree", "--write-tree", "--allow-unrelated-histories", a, b), "\n")
	date := fmt.Sprintf("%d +0000", time)
	cmd := exec.Command("git", "commit-tree", tree, "-p", a, "-p", b, "-m", message)
	cmd.Dir = w.repoDir()
	cmd.Env = append(os.Environ(), "GIT_AUTHOR_NAME=Mia", "GIT_AUTHOR_EMAIL=m@example.org", "GIT_COMMITTER_NAME=c", "GIT_COMMITTER_EMAIL=c@x", "GIT_AUTHOR_DATE="+date, "GIT_COMMITTER_DATE="+date)
	out, err := cmd.Output()
	if err != nil {
		w.t.Fatalf("git commit-tree: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// advance makes a commit the head.
func (w *world) advance(head string) records.Wiki {
	w.shelf.mu.Lock()
	defer w.shelf.mu.Unlock()
	w.shelf.wiki.Head = head
	w.shelf.wiki.Sequence++
	return w.shelf.wiki
}

// save commits on top of the head and makes that the head.
func (w *world) save(set map[string]string, remove ...string) records.Wiki {
	w.t.Helper()
	now := w.shelf.now()
	c := commitSpec{set: set, remove: remove, message: fmt.Sprintf("step %d", now.Sequence+1), time: 1_700_000_000 + 60*now.Sequence}
	if now.Head != "" {
		c.parents = []string{now.Head}
	}
	return w.advance(w.commit(c))
}

// logBuffer collects a cache's log.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// cache makes a cache over the world with a scratch folder of its own.
func (w *world) cache(change ...func(*Deps)) (*Cache, *logBuffer) {
	w.t.Helper()
	scratch, err := os.MkdirTemp(w.dir, "scratch-")
	if err != nil {
		w.t.Fatal(err)
	}
	log := new(logBuffer)
	d := Deps{Git: w.git, Records: w.shelf, Scratch: scratch, Log: slog.New(slog.NewTextHandler(log, nil))}
	for _, f := range change {
		f(&d)
	}
	c, err := New(d)
	if err != nil {
		w.t.Fatal(err)
	}
	return c, log
}

func mustView(t tester, c *Cache, w records.Wiki) *View {
	t.Helper()
	v, err := c.At(context.Background(), w)
	if err != nil {
		t.Fatalf("At: %v", err)
	}
	return v
}

// closing closes a cache with the test.
func closing(t *testing.T, c *Cache) *Cache {
	t.Helper()
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}
