package rehearsal_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"wikibot.io/services/rehearsal"
	"wikibot.io/services/rehearsal/visitor"
)

// book is what a wiki is known to hold: every page that was acknowledged.
type book struct {
	mu    sync.Mutex
	pages map[string]string
}

func (b *book) note(path, text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pages == nil {
		b.pages = map[string]string{}
	}
	b.pages[path] = text
}

// acknowledged saves a page as a careful program does: it tries again while it is
// told to, or not told anything, always the same text to the same page. It
// reports whether it was told of success within the deadline.
func acknowledged(ctx context.Context, t *testing.T, v *visitor.Visitor, path, text string) bool {
	key := "Idempotency-Key"
	for ctx.Err() == nil {
		a, err := v.Save(ctx, path, text, key, "save-"+strings.ReplaceAll(path, "/", "-"))
		switch {
		case err != nil: // nobody knows whether it landed
		case a.Status == http.StatusCreated || a.Status == http.StatusOK:
			return true
		case a.Status == http.StatusServiceUnavailable && a.Header.Get("Retry-After") == "":
			t.Errorf("save %s: 503 without Retry-After", path)
			return false
		case a.Status == http.StatusServiceUnavailable, a.Status == http.StatusBadGateway, a.Status == http.StatusTooManyRequests:
			// asked to come again; or the sandbox died; or there were too many at once
		default:
			t.Errorf("save %s: status %d: %s", path, a.Status, a.Body)
			return false
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond): // Retry-After says seconds; the stand-ins of AWS are quicker
		}
	}
	return false
}

// holds checks the wiki against the book at every door: REST, git, the dashboard,
// and the repository itself.
func holds(t *testing.T, r *rehearsal.Rehearsal, v *visitor.Visitor, b *book) {
	t.Helper()
	for path, text := range b.pages {
		got, err := v.Read(t.Context(), path)
		if err != nil || got != text {
			t.Errorf("page %s was acknowledged with %q, but holds %q, %v", path, text, got, err)
		}
	}
	clone := filepath.Join(t.TempDir(), "clone")
	git(t, "", "clone", "-q", v.GitURL(), clone)
	git(t, clone, "fsck", "--strict", "--full")
	for path, text := range b.pages {
		got, err := os.ReadFile(filepath.Join(clone, filepath.FromSlash(path)+".md"))
		if err != nil || strings.TrimSuffix(string(got), "\n") != strings.TrimSuffix(text, "\n") {
			t.Errorf("page %s was acknowledged with %q, but git has %q, %v", path, text, got, err)
		}
	}
	files := strings.Split(strings.TrimSpace(git(t, clone, "ls-files", "*.md")), "\n")
	if count, err := v.PageCount(t.Context()); err != nil || count != int64(len(files)) {
		t.Errorf("the dashboard counts %d pages, %v; git has %d", count, err, len(files))
	}
	repos, err := filepath.Glob(filepath.Join(r.Data(), "files", "*", "*", "wikis", "*", "repo.git"))
	if err != nil || len(repos) == 0 {
		t.Fatalf("repositories: %v, %v", repos, err)
	}
	for _, repo := range repos {
		git(t, repo, "fsck", "--strict", "--full", "--no-dangling")
	}
}

// git runs the real one, apart from the machine's settings. .localhost is this
// machine to curl, which git uses.
func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_TERMINAL_PROMPT=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Five people write at once, three saves each: 15 of 15 land, and nobody has to
// try twice.
func TestFiveConcurrentWriters(t *testing.T) {
	r := start(t)
	v := signUp(t, r, "ada", false)
	var b book
	var writers sync.WaitGroup
	for w := range 5 {
		writers.Go(func() {
			for n := range 3 {
				path, text := fmt.Sprintf("Writer %d/Page %d", w, n), fmt.Sprintf("by %d, save %d", w, n)
				a, err := v.Save(t.Context(), path, text)
				if err != nil || a.Status != http.StatusCreated {
					t.Errorf("save %s: status %d, %v: %s", path, a.Status, err, a.Body)
					return
				}
				b.note(path, text)
			}
		})
	}
	writers.Wait()
	if len(b.pages) != 15 {
		t.Errorf("%d of 15 saves landed", len(b.pages))
	}
	holds(t, r, v, &b)
}

// Eight write one wiki through two functions, so in as many processes: the
// conditional write alone keeps them apart.
func TestWritersInManyProcesses(t *testing.T) {
	r := start(t)
	v := signUp(t, r, "ada", false)
	var b book
	var writers sync.WaitGroup
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for w := range 8 {
		writers.Go(func() {
			for n := range 4 {
				path, text := fmt.Sprintf("Writer %d/Page %d", w, n), fmt.Sprintf("by %d, save %d", w, n)
				if w%2 == 0 {
					if !acknowledged(ctx, t, v, path, text) {
						t.Errorf("save %s was never acknowledged", path)
						return
					}
				} else if a, err := v.Tool(ctx, "write_note", map[string]any{"path": path, "content": text}); err != nil || !strings.Contains(string(a.Body), "Created") {
					t.Errorf("write_note %s: status %d, %v: %s", path, a.Status, err, a.Body)
					return
				}
				b.note(path, text)
			}
		})
	}
	writers.Wait()
	if n := len(r.Function("wiki").Instances()) + len(r.Function("mcp").Instances()); n < 4 {
		t.Errorf("only %d processes wrote; that shows nothing", n)
	}
	settle(t, r)
	holds(t, r, v, &b)
	for queue, letters := range r.DeadLetters() {
		t.Errorf("%d dead letters in %s; the first: %s", len(letters), queue, letters[0].Body)
	}
}
