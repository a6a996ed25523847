package githttp_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/transport/client"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
)

// whole checks a clone as its owner would.
func (w *wiki) whole(dir string) {
	w.t.Helper()
	if out := w.must(dir, "fsck", "--strict", "--full", "--no-progress"); strings.Contains(out, "error") || strings.Contains(out, "missing") {
		w.t.Errorf("fsck of the clone: %s", out)
	}
	if got := strings.TrimSpace(w.must(dir, "rev-parse", "HEAD")); got != w.Head {
		w.t.Errorf("clone is at %s, the wiki at %s", got, w.Head)
	}
	if got := strings.TrimSpace(w.must(dir, "symbolic-ref", "HEAD")); got != "refs/heads/main" {
		w.t.Errorf("clone is on %s", got)
	}
}

func TestRealGitClonesAndPulls(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	small := f.wiki(f.owner, "small", true)
	for i := range 60 {
		small.save(map[string]string{fmt.Sprintf("folder %d/page.md", i%9): fmt.Sprint("text ", i), "Home.md": fmt.Sprint(i)})
	}
	imported := f.wiki(f.owner, "imported", true)
	imported.imports(60)
	mixed := f.wiki(f.owner, "mixed", true)
	mixed.imports(30)
	for i := range 20 {
		mixed.save(map[string]string{"new/page.md": fmt.Sprint(i)})
	}
	for _, version := range []string{"0", "1", "2"} {
		for _, w := range []*wiki{small, imported, mixed} {
			t.Run(w.Slug+" version "+version, func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "clone")
				protocol := "protocol.version=" + version
				f.must(".", "-c", protocol, "clone", "-q", w.url(), dir)
				w.whole(dir)
				if out := f.must(dir, "-c", protocol, "ls-remote", "origin"); !strings.Contains(out, w.Head+"\tHEAD") || !strings.Contains(out, w.Head+"\trefs/heads/main") {
					t.Errorf("ls-remote: %s", out)
				}
				f.must(dir, "-c", protocol, "fetch", "-q") // nothing new
				before := objects(f, dir)
				w.save(map[string]string{"a/b/pulled.md": "pulled " + version})
				f.must(dir, "-c", protocol, "pull", "-q", "--ff-only")
				w.whole(dir)
				// commit, root, a, a/b and the page; a later round finds a/b there already.
				if got := objects(f, dir) - before; got != 5 {
					t.Errorf("pulling one save brought %d objects", got)
				}
				if got, err := os.ReadFile(filepath.Join(dir, "a/b/pulled.md")); err != nil || string(got) != "pulled "+version {
					t.Errorf("pulled %q %v", got, err)
				}
			})
		}
	}
}

func objects(f *fleet, dir string) int {
	f.t.Helper()
	return strings.Count(f.must(dir, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)", "--unordered"), "\n")
}

// A client with many commits of its own asks in several rounds.
func TestFetchWithManyLocalCommits(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	w := f.wiki(f.owner, "notes", true)
	w.imports(40)
	dir := filepath.Join(t.TempDir(), "clone")
	f.must(".", "clone", "-q", w.url(), dir)
	w.save(map[string]string{"theirs.md": "x"})
	for i := range 300 {
		f.must(dir, "commit", "-q", "--allow-empty", "-m", fmt.Sprint("mine ", i))
	}
	for _, algorithm := range []string{"consecutive", "skipping"} {
		f.must(dir, "-c", "fetch.negotiationAlgorithm="+algorithm, "fetch", "-q")
		if got := strings.TrimSpace(f.must(dir, "rev-parse", "origin/main")); got != w.Head {
			t.Errorf("fetched %s, want %s", got, w.Head)
		}
		w.save(map[string]string{"theirs.md": algorithm})
	}
	// A repository that has nothing in common at all.
	other := t.TempDir()
	f.must(other, "init", "-q")
	for i := range 40 {
		f.must(other, "commit", "-q", "--allow-empty", "-m", fmt.Sprint("other ", i))
	}
	f.must(other, "fetch", "-q", w.url(), "main")
	f.must(other, "fsck", "--strict")
}

// Somebody who cloned the original before it was imported has most of it.
func TestFetchFromTheMiddleOfAnImportedHistory(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	w := f.wiki(f.owner, "notes", true)
	w.imports(40)
	dir := filepath.Join(t.TempDir(), "clone")
	f.must(".", "clone", "-q", w.url(), dir)
	old := filepath.Join(t.TempDir(), "old")
	f.must(dir, "branch", "-q", "old", "main~10")
	f.must(".", "clone", "-q", "--no-local", "--single-branch", "-b", "old", dir, old)
	before := objects(f, old)
	f.must(old, "fetch", "-q", w.url(), "main")
	f.must(old, "checkout", "-q", "-b", "main", "FETCH_HEAD")
	w.whole(old)
	if got := objects(f, old) - before; got > 10*7 {
		t.Errorf("10 commits of three pages, two of them in a folder of a folder, brought %d objects", got)
	}
}

func TestEmptyWiki(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	w := f.wiki(f.owner, "empty", true)
	dir := filepath.Join(t.TempDir(), "clone")
	if out := f.must(".", "clone", w.url(), dir); !strings.Contains(out, "empty repository") {
		t.Errorf("clone says %q", out)
	}
	if out := f.must(dir, "ls-remote", "origin"); strings.Contains(out, "refs/") {
		t.Errorf("ls-remote says %q", out)
	}
	w.save(map[string]string{"Home.md": "first"})
	f.must(dir, "fetch", "-q", "origin")
	if got := strings.TrimSpace(f.must(dir, "rev-parse", "origin/main")); got != w.Head {
		t.Errorf("fetched %s", got)
	}
}

// What a save that lost the race for the head wrote was never part of the wiki.
func TestLostSavesAreNotHandedOut(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	w := f.wiki(f.owner, "notes", true)
	w.save(map[string]string{"Home.md": "1"})
	won := w.Wiki
	lost := w.lose(map[string]string{"Home.md": "lost"})
	w.Wiki = won
	w.save(map[string]string{"Home.md": "2"})
	dir := filepath.Join(t.TempDir(), "clone")
	f.must(".", "clone", "-q", w.url(), dir)
	w.whole(dir)
	if _, err := f.run(dir, "cat-file", "-e", lost); err == nil {
		t.Error("the lost commit was handed out")
	}
	if out, err := f.run(dir, "fetch", "origin", lost); err == nil || !strings.Contains(out, "not our ref") {
		t.Errorf("fetch of the lost commit: %v %s", err, out)
	}
}

func TestConcurrentClonesWhileSaving(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	w := f.wiki(f.owner, "busy", true)
	w.imports(20)
	url := w.url() // read before: saves change w
	var wg sync.WaitGroup
	for i := range 8 {
		dir := filepath.Join(t.TempDir(), fmt.Sprint("clone-", i))
		wg.Go(func() {
			if out, err := f.run(".", "clone", "-q", url, dir); err != nil {
				t.Errorf("clone: %v %s", err, out)
				return
			}
			if out, err := f.run(dir, "fsck", "--strict"); err != nil {
				t.Errorf("fsck: %v %s", err, out)
			}
		})
	}
	for i := range 20 {
		w.save(map[string]string{"Home.md": fmt.Sprint(i)})
	}
	wg.Wait()
}

// go-git asks in one round, and without multi_ack if it is told so.
func TestGoGitAsClient(t *testing.T) {
	f := newFleet(t)
	w := f.wiki(f.owner, "notes", false)
	w.imports(20)
	w.save(map[string]string{"Home.md": "1"})
	dir := t.TempDir()
	auth := &githttp.BasicAuth{Username: "git", Password: w.token}
	// Unlike git and curl, Go asks the resolver for names below localhost.
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, f.server.Listener.Addr().String())
	}
	client.InstallProtocol("http", githttp.NewClient(&http.Client{Transport: &http.Transport{DialContext: dial}}))
	t.Cleanup(func() { client.InstallProtocol("http", githttp.DefaultClient) })
	repo, err := gogit.PlainClone(dir, false, &gogit.CloneOptions{URL: w.url(), Auth: auth})
	if err != nil {
		t.Fatal(err)
	}
	w.whole(dir)
	w.save(map[string]string{"Home.md": "2", "folder/new.md": "n"})
	tree, err := repo.Worktree()
	if err != nil {
		t.Fatal(err)
	}
	if err := tree.Pull(&gogit.PullOptions{Auth: auth}); err != nil {
		t.Fatal(err)
	}
	w.whole(dir)
}

func TestBigPagesComeThroughWhole(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	w := f.wiki(f.owner, "big", true)
	var b strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&b, "%d %x\n", i, i*i*7919)
	}
	w.save(map[string]string{"big.bin": b.String()}) // several side-band packets
	dir := filepath.Join(t.TempDir(), "clone")
	f.must(".", "clone", "-q", w.url(), dir)
	got, err := os.ReadFile(filepath.Join(dir, "big.bin"))
	if err != nil || string(got) != b.String() {
		t.Errorf("%d bytes of %d came through: %v", len(got), b.Len(), err)
	}
}
