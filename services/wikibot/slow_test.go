package wikibot_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wikibot.io/services/internal/e2e"
	"wikibot.io/services/rehearsal/slowfiles"
)

// slowWiki is the binary with its wikis on slow files, and a wiki on it.
type slowWiki struct {
	t      *testing.T
	s      *slowfiles.Supervisor
	dir    string
	fleet  *e2e.Process
	client *http.Client
	token  string
	// failing says whether the disk does.
	failing atomic.Bool
}

func newSlowWiki(t *testing.T, o slowfiles.Options) *slowWiki {
	t.Helper()
	w := &slowWiki{t: t, dir: t.TempDir(), client: e2e.NewClient(nil)}
	o.Folders = []string{filepath.Join(w.dir, "data", "wikis")}
	if err := os.MkdirAll(o.Folders[0], 0o700); err != nil {
		t.Fatal(err)
	}
	var err error
	if w.s, err = slowfiles.New(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.s.Close(); err != nil {
			t.Error(err)
		}
	})
	w.start()
	t.Cleanup(func() { w.stop() })
	w.token = w.join("ada")
	return w
}

func (w *slowWiki) start() {
	w.t.Helper()
	bin, err := exec.LookPath("wikibot")
	if err != nil {
		w.t.Fatal(err)
	}
	line := w.s.Command([]string{bin, "serve", "--data", filepath.Join(w.dir, "data"), "--listen", "127.0.0.1:0", "--log", "off"})
	if w.fleet, err = e2e.StartProcess(exec.Command(line[0], line[1:]...)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *slowWiki) stop() {
	if w.fleet != nil {
		if err := w.fleet.Stop(); err != nil {
			w.t.Error(err)
		}
	}
	w.fleet = nil
}

// join signs somebody in, makes their wiki and returns its token.
func (w *slowWiki) join(username string) string {
	w.t.Helper()
	jar, err := e2e.NewJar()
	if err != nil {
		w.t.Fatal(err)
	}
	browser := e2e.NewClient(jar)
	post := func(path, contentType, body string) []byte {
		req, err := http.NewRequest(http.MethodPost, w.fleet.URL()+path, strings.NewReader(body))
		if err != nil {
			w.t.Fatal(err)
		}
		req.Header.Set("Content-Type", contentType)
		req.Header.Set("Origin", w.fleet.URL())
		res, err := browser.Do(req)
		if err != nil {
			w.t.Fatal(err)
		}
		defer res.Body.Close()
		out, _ := io.ReadAll(res.Body)
		if res.StatusCode >= 400 {
			w.t.Fatalf("POST %s: %s\n%s", path, res.Status, out)
		}
		return out
	}
	form := url.Values{"email": {username + "@example.org"}, "username": {username}}
	post("/auth/login", "application/x-www-form-urlencoded", form.Encode())
	var made struct{ Token string }
	if err := json.Unmarshal(post("/api/wikis", "application/json", fmt.Sprintf(`{"slug":%q,"name":%[1]q}`, username)), &made); err != nil {
		w.t.Fatal(err)
	}
	return made.Token
}

// do sends a request to the wiki and returns the body, or an error for a status
// of 400 and more.
func (w *slowWiki) do(method, path string, body any) (string, error) {
	var b []byte
	if body != nil {
		var err error
		if b, err = json.Marshal(body); err != nil {
			return "", err
		}
	}
	req, err := http.NewRequest(method, strings.Replace(w.fleet.URL(), "://", "://ada.", 1)+path, bytes.NewReader(b))
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+w.token)
	req.Header.Set("Content-Type", "application/json")
	res, err := w.client.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	out, err := io.ReadAll(res.Body)
	if res.StatusCode >= 400 {
		err = errors.Join(err, &statusError{res.StatusCode, method + " " + path + ": " + res.Status + "\n" + string(out)})
	}
	return string(out), err
}

type statusError struct {
	status int
	text   string
}

func (e *statusError) Error() string { return e.text }

func (w *slowWiki) must(method, path string, body any) string {
	w.t.Helper()
	out, err := w.do(method, path, body)
	if err != nil {
		w.t.Fatalf("%v\n%s", err, w.fleet.Log())
	}
	return out
}

// operations returns the file operations that f causes, by kind, and how long it
// took.
func (w *slowWiki) operations(f func()) (map[string]int64, time.Duration) {
	before := w.s.Counts()
	start := time.Now()
	f()
	took := time.Since(start)
	after := w.s.Counts()
	for k, n := range before {
		after[k] -= n
	}
	maps.DeleteFunc(after, func(_ string, n int64) bool { return n == 0 })
	return after, took
}

// atMost holds what f causes to a number of round trips; the time is in the log.
func (w *slowWiki) atMost(what string, most int64, f func()) {
	w.t.Helper()
	ops, took := w.operations(f)
	var sum int64
	for _, n := range ops {
		sum += n
	}
	w.t.Logf("%-34s %4d round trips in %4d ms %v", what, sum, took.Milliseconds(), ops)
	if sum > most {
		w.t.Errorf("%s takes %d round trips, more than %d: %v", what, sum, most, ops)
	}
}

// settle waits until the consumers are done with all events.
func (w *slowWiki) settle() {
	w.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(w.dir, "data", "records.db")+"?mode=ro")
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	for open := 1; open > 0; {
		if err := db.QueryRowContext(w.t.Context(), "SELECT count(*) FROM outbox").Scan(&open); err != nil {
			w.t.Fatal(err)
		}
	}
}

// A wiki of many saves, whose packs were consolidated some saves ago: fewer than
// bring on the next time.
const older, later = 150, 20

// age gives the wiki a past, and starts the server anew on a cold host.
func (w *slowWiki) age() {
	w.t.Helper()
	for i := range older {
		w.save(i)
	}
	w.stop()
	maintain := exec.Command("wikibot", "admin", "maintain", "--data", filepath.Join(w.dir, "data"), "--slug", "ada")
	if out, err := maintain.CombinedOutput(); err != nil {
		w.t.Fatalf("maintain: %v\n%s", err, out)
	}
	w.start()
	for i := range later {
		w.save(older + i)
	}
	w.stop()
	w.start()
	w.s.SetDelay(2 * time.Millisecond)
}

func (w *slowWiki) save(i int) {
	w.t.Helper()
	w.must(http.MethodPut, fmt.Sprintf("/api/v1/pages/Folder-%d/Page-%d", i%7, i), map[string]string{"content": fmt.Sprintf("# Page %d\n\nSee [[Home]].\n", i)})
}

// The bars are in round trips, since times depend on the machine: at 2 ms each, a
// warm view may take 5 ms, a save 150 ms, a cold view 500 ms, some of which
// overlap. The times are in the log.
func TestRoundTripsOfViewsAndSaves(t *testing.T) {
	w := newSlowWiki(t, slowfiles.Options{})
	w.age()
	view := func(path string) func() { return func() { w.must(http.MethodGet, path, nil) } }
	// Two for each later pack's index, which are read 32 at a time, two for what lies
	// in it, with which the published index catches up, and few besides.
	w.atMost("a cold view", 4*later+40, view("/Folder-1/Page-1"))
	w.atMost("a view of the same page", 0, view("/Folder-1/Page-1"))
	w.atMost("the first view of another page", 2, view("/Folder-2/Page-2"))
	// The index catches up with the saves since it was published, at most 32: two
	// round trips for each.
	w.atMost("the first search", 2*33+20, view("/api/v1/search?q=page"))
	w.atMost("a search", 0, view("/api/v1/search?q=text"))
	// Pack, index and mirror: create, write, flush, rename each; the packs' folder is
	// flushed; the index's consumer looks whether it has to publish.
	w.atMost("a save", 14+4, func() { w.save(older + later) }) // and the trees above it, read once
	w.atMost("another save in that folder", 14, func() { w.save(older + later + 7) })
	w.settle() // the consumers of the save look at files, too
	w.atMost("a view after a save", 0, view(fmt.Sprintf("/Folder-%d/Page-%d", (older+later)%7, older+later)))
}

// A clone reads what it sends in large pieces, whatever the number of saves that it
// is made of, and a second one of the same reads nothing but that. The client is
// the real one.
func TestRoundTripsOfClones(t *testing.T) {
	w := newSlowWiki(t, slowfiles.Options{})
	w.age()
	remote := strings.Replace(w.fleet.URL(), "://", "://git:"+w.token+"@ada.", 1) + "/repo.git"
	git := func(args ...string) func() {
		return func() {
			cmd := exec.Command("git", args...)
			cmd.Dir, cmd.Env = w.dir, append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("git %s: %v\n%s\n%s", strings.Join(args, " "), err, out, w.fleet.Log())
			}
		}
	}
	// Index and pack are opened and read: of each later save, and of the base, which
	// is described by two files more. So that the saves are read side by side, the
	// folder is listed, and what former bases say of themselves is read.
	w.atMost("the first clone", 4*later+40, git("clone", "-q", remote, "whole"))
	w.atMost("another clone", 0, git("clone", "-q", remote, "another"))
	// The commit graph, which a clone of everything has no use for.
	w.atMost("a clone of depth 1", 2, git("clone", "-q", "--depth", "1", remote, "shallow"))
	w.atMost("a clone without blobs", 0, git("clone", "-q", "--no-checkout", "--filter=blob:none", remote, "partial"))
	w.atMost("the blobs for its checkout", 0, git("-C", "partial", "checkout", "-q", "main"))
	w.atMost("a fetch of nothing new", 0, git("-C", "whole", "fetch", "-q"))
	w.atMost("ls-remote", 0, git("ls-remote", "-q", remote))
	w.save(older + later)
	w.atMost("a fetch of one new commit", 2, git("-C", "whole", "fetch", "-q"))
	w.atMost("the same for another client", 0, git("-C", "another", "fetch", "-q"))
	for _, clone := range []string{"whole", "another", "shallow"} {
		git("-C", clone, "fsck", "--strict", "--no-dangling")()
	}
}

// The disk fails one operation in twenty while several write and read. What was
// acknowledged is there afterwards, what was refused was refused as a storage
// failure, nothing that was read was wrong, and git finds no fault.
func TestAcknowledgedSavesSurviveAFailingFileSystem(t *testing.T) {
	const writers, saves, rate = 4, 30, 0.05
	w := newSlowWiki(t, slowfiles.Options{Seed: 7})
	w.fail(rate)
	var mu sync.Mutex
	acknowledged := map[string]string{}
	refused := 0
	settle := func(path, text string, err error) {
		mu.Lock()
		defer mu.Unlock()
		if status, ok := errors.AsType[*statusError](err); ok && status.status == http.StatusServiceUnavailable {
			refused++
		} else if err != nil {
			t.Errorf("with a failing disk: %v", err)
		} else {
			acknowledged[path] = text
		}
	}
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			for n := range saves {
				path, text := fmt.Sprintf("Folder-%d/Page-%d", n%3, i*saves+n), fmt.Sprintf("text %d of writer %d\n", n, i)
				_, err := w.do(http.MethodPut, "/api/v1/pages/"+path, map[string]string{"content": text})
				settle(path, text, err)
				if n%3 == 0 {
					w.readBack(path, text, err == nil)
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d saves acknowledged, %d refused, operations %v", len(acknowledged), refused, w.s.Counts())
	if refused == 0 || len(acknowledged) == 0 {
		t.Errorf("%d refused and %d acknowledged: the test shows nothing", refused, len(acknowledged))
	}
	w.fail(0)
	for path, text := range acknowledged {
		w.readBack(path, text, true)
	}
	if err := w.fleet.Crash(); err != nil {
		t.Fatal(err)
	}
	w.start()
	for path, text := range acknowledged {
		w.readBack(path, text, true)
	}
	w.must(http.MethodPut, "/api/v1/pages/After", map[string]string{"content": "all is well"})
	repos, err := filepath.Glob(filepath.Join(w.dir, "data", "wikis", "*", "repo.git"))
	if err != nil || len(repos) != 1 {
		t.Fatalf("repositories %v: %v", repos, err)
	}
	fsck := exec.Command("git", "-C", repos[0], "fsck", "--strict", "--full", "--no-dangling", "--no-progress")
	if out, err := fsck.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("git fsck: %v\n%s", err, out)
	}
	main, err := exec.Command("git", "-C", repos[0], "show", "main:After.md").Output()
	if err != nil || string(main) != "all is well" {
		t.Errorf("git shows %q: %v", main, err)
	}
}

func (w *slowWiki) fail(rate float64) {
	w.t.Helper()
	if err := w.s.SetFailureRate(rate); err != nil {
		w.t.Fatal(err)
	}
	w.failing.Store(rate > 0)
}

// readBack reads a page. While the disk fails that may fail too; what comes must
// be right.
func (w *slowWiki) readBack(path, text string, exists bool) {
	out, err := w.do(http.MethodGet, "/api/v1/pages/"+path, nil)
	if status, ok := errors.AsType[*statusError](err); ok && (status.status == http.StatusServiceUnavailable || status.status == http.StatusNotFound && !exists) {
		if !w.failing.Load() && exists {
			w.t.Errorf("page %s: %v", path, err)
		}
		return
	}
	if err != nil {
		w.t.Errorf("page %s: %v", path, err)
		return
	}
	var page struct{ Content string }
	if err := json.Unmarshal([]byte(out), &page); err != nil || page.Content != text {
		w.t.Errorf("page %s is %q, not %q (%v)", path, page.Content, text, err)
	}
}
