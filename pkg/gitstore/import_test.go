package gitstore

import (
	"bytes"
	"context"
	"crypto/sha1"
	"errors"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/gitstore/gitstoretest"
)

// source makes a repository of the real git with packed and loose objects, a
// second branch, a tag, an executable, a symbolic link and a submodule.
func source(t *testing.T) (dir string, head OID) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "source.git")
	withDeltas(t, dir, "repack.useDeltaBaseOffset=true")
	work := t.TempDir()
	git := func(args ...string) { gitstoretest.Git(t, work, args...) }
	git("clone", "-q", dir, ".")
	write := func(name, content string, mode os.FileMode) {
		if err := os.WriteFile(filepath.Join(work, name), []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
	git("checkout", "-q", "-b", "secret")
	write("secret.md", "not for the wiki\n", 0o644)
	git("add", "-A")
	git("commit", "-q", "-m", "secret")
	git("checkout", "-q", "main")
	write("run.sh", "#!/bin/sh\n", 0o755)
	if err := os.Symlink("/etc/passwd", filepath.Join(work, "link")); err != nil {
		t.Fatal(err)
	}
	git("add", "-A")
	git("update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat("ab", 20)+",module")
	git("commit", "-q", "-m", "odd things")
	git("tag", "-a", "-m", "tag", "v1")
	git("push", "-q", "origin", "main", "secret", "v1")
	return dir, headOf(t, dir)
}

func headOf(t *testing.T, dir string) (id OID) {
	t.Helper()
	if err := parseID(&id, []byte(strings.TrimSpace(gitstoretest.Git(t, dir, "rev-parse", "main")))); err != nil {
		t.Fatal(err)
	}
	return id
}

func emptyStore(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// server serves a folder of repositories with the real git.
func server(t *testing.T, root string) string {
	t.Helper()
	path, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(&cgi.Handler{
		Path: path, Args: []string{"http-backend"},
		Env: append(gitstoretest.Env(), "GIT_PROJECT_ROOT="+root, "GIT_HTTP_EXPORT_ALL=1"),
	})
	t.Cleanup(s.Close)
	return s.URL
}

func TestImportTakesTheHistoryOverAsItIs(t *testing.T) {
	dir, head := source(t)
	bundle := filepath.Join(t.TempDir(), "all.bundle")
	gitstoretest.Git(t, dir, "bundle", "create", "-q", bundle, "main")
	bundle3 := filepath.Join(t.TempDir(), "v3.bundle")
	gitstoretest.Git(t, dir, "bundle", "create", "-q", "--version=3", bundle3, "--all", "HEAD")
	clone := filepath.Join(t.TempDir(), "clone")
	gitstoretest.Git(t, dir, "clone", "-q", "--no-local", dir, clone)
	url := server(t, filepath.Dir(dir)) + "/" + filepath.Base(dir)
	for what, from := range map[string]string{
		"bare, packed and loose": dir, "with work tree": clone, "file URL": "file://" + dir,
		"bundle": bundle, "bundle v3 with all branches": bundle3, "server": url,
	} {
		t.Run(what, func(t *testing.T) {
			s := emptyStore(t)
			stages := map[string]bool{}
			got, err := s.Import(t.Context(), wikiID, from, func(p Progress) {
				stages[p.Stage] = true
				if p.Total > 0 && p.Done > p.Total {
					t.Errorf("progress %+v", p)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if got.Head != head {
				t.Errorf("head is %s, want %s", got.Head, head)
			}
			if !stages["indexing objects"] || !stages["checking"] || !stages["copying"] {
				t.Errorf("stages %v", stages)
			}
			gitstoretest.Check(t, s.dir, wikiID, head.String())
			repo := filepath.Join(s.Dir(wikiID), repoFolder)
			for _, cmd := range [][]string{{"rev-list", "main"}, {"ls-tree", "-r", "main"}} {
				if want, got := gitstoretest.Git(t, dir, cmd...), gitstoretest.Git(t, repo, cmd...); got != want {
					t.Errorf("git %v differs:\n%s\n%s", cmd, want, got)
				}
			}
			// Another branch of the source may hold what its owner shows nobody.
			all := gitstoretest.Git(t, repo, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)")
			if want := gitstoretest.Git(t, dir, "rev-list", "--objects", "--no-object-names", "main"); strings.Count(all, "\n") != strings.Count(want, "\n") {
				t.Errorf("%d objects were taken over, the branch has %d", strings.Count(all, "\n"), strings.Count(want, "\n"))
			}
			r, err := s.Repo(t.Context(), wikiID)
			if err != nil {
				t.Fatal(err)
			}
			bases, err := r.bases(t.Context(), got.Bases)
			if err != nil || len(bases) != 1 || bases[0].tip != head {
				t.Errorf("bases %v, %v", bases, err)
			}
			gitstoretest.Git(t, repo, "commit-graph", "verify")
			if got := content(t, r, head); got["link"] != "/etc/passwd" { // the link itself, never what it names
				t.Errorf("link reads as %q", got["link"])
			}
			if _, err := s.Import(t.Context(), wikiID, from, nil); !fault.Is(err, fault.Exists) {
				t.Errorf("second import: %v", err)
			}
			names, err := os.ReadDir(s.Dir(wikiID))
			if err != nil || len(names) != 1 {
				t.Errorf("the wiki's folder holds %v %v", names, err)
			}
			next := save(t, r, head, "ours", map[string]string{"Home.md": "new"})
			if err := r.Mirror(t.Context(), next, 1); err != nil {
				t.Fatal(err)
			}
			gitstoretest.Check(t, s.dir, wikiID, next.String())
		})
	}
}

func TestImportIntoARepositoryMadeBefore(t *testing.T) {
	dir, head := source(t)
	s, r := newTestRepo(t)
	if _, err := s.Import(t.Context(), wikiID, dir, nil); err != nil {
		t.Fatal(err)
	}
	if len(content(t, r, head)) == 0 {
		t.Error("the open repository does not see what was imported")
	}
	gitstoretest.Check(t, s.dir, wikiID, head.String())
}

func TestImportRefusesWhatItCannotTakeOver(t *testing.T) {
	dir, _ := source(t)
	tmp := t.TempDir()
	git := func(args ...string) { gitstoretest.Git(t, tmp, args...) }
	file := func(name, content string) string {
		path := filepath.Join(tmp, name)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	git("init", "-q", "empty")
	git("clone", "-q", "--depth=1", "file://"+dir, "shallow")
	git("clone", "-q", "--shared", dir, "shared")
	gitstoretest.Git(t, dir, "config", "uploadpack.allowFilter", "true")
	git("clone", "-q", "--filter=blob:none", "--no-checkout", "file://"+dir, "partial")
	git("init", "-q", "--object-format=sha256", "sha256")
	git("clone", "-q", "-b", "secret", dir, "branches")
	git("-C", "branches", "branch", "-q", "other")
	git("-C", "branches", "symbolic-ref", "HEAD", "refs/heads/nowhere")
	git("-C", "branches", "worktree", "add", "-q", "../worktree", "other")
	git("-C", dir, "bundle", "create", "-q", filepath.Join(tmp, "part.bundle"), "main~2..main")
	git("-C", dir, "bundle", "create", "-q", filepath.Join(tmp, "good.bundle"), "main")
	good, err := os.ReadFile(filepath.Join(tmp, "good.bundle"))
	if err != nil {
		t.Fatal(err)
	}
	flipped := slices.Clone(good)
	flipped[len(flipped)/2] ^= 1
	if err := os.Mkdir(filepath.Join(tmp, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(tmp, name) }
	for _, c := range []struct{ why, from, says string }{
		{"nothing there", in("nowhere"), "no such file"},
		{"no source", "", "no source"},
		{"a folder that is no repository", in("folder"), "not a git repository"},
		{"a file that is no bundle", file("page.md", "# hello"), "git bundle create"},
		{"no commits", in("empty"), "no commits"},
		{"history cut off", in("shallow"), "--unshallow"},
		{"objects elsewhere", in("shared"), "alternates"},
		{"blobs left out", in("partial"), "missing"},
		{"other ids", in("sha256"), "SHA-1"},
		{"no telling which branch", in("branches"), "several branches"},
		{"work tree of another", in("worktree"), "linked work tree"},
		{"bundle with prerequisites", in("part.bundle"), "part of the history"},
		{"bundle cut short", file("short.bundle", string(good[:len(good)-100])), "damaged"},
		{"bundle with a flipped bit", file("flipped.bundle", string(flipped)), "damaged"},
		{"bundle with a filter", file("filter.bundle", "# v3 git bundle\n@filter=blob:none\n\nPACK"), "filter=blob:none"},
		{"bundle without an end to its head", file("endless.bundle", "# v2 git bundle\n"+strings.Repeat("x", 1<<20)), "damaged"},
		{"unknown URL", "ftp://example.org/x", "ftp"},
		{"server that is not there", "http://127.0.0.1:1/x.git", "could not be read"},
		{"repository not on the server", server(t, tmp) + "/nowhere.git", "no git repository"},
		{"option in place of a path", "--upload-pack=touch /tmp/x", "no such file"},
	} {
		s := emptyStore(t)
		_, err := s.Import(t.Context(), wikiID, c.from, nil)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.why, err)
		}
		if names, _ := os.ReadDir(s.dir); len(names) != 0 {
			t.Errorf("%s: left %v", c.why, names)
		}
	}
}

func TestImportErrorsHideThePassword(t *testing.T) {
	s := emptyStore(t)
	_, err := s.Import(t.Context(), wikiID, "http://ada:hunter2@127.0.0.1:1/x.git", nil)
	if err == nil || strings.Contains(err.(*fault.Error).Msg, "hunter2") || strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
}

// hostile writes a repository whose history is one commit with the given root.
func hostile(t *testing.T, objects ...raw) string {
	t.Helper()
	s, r := newTestRepo(t)
	b := r.NewBatch()
	var tree OID
	for _, o := range objects {
		tree = b.add(o)
	}
	head := b.Commit(Commit{Tree: tree, Author: someone, Committer: someone, Message: "m"})
	if err := errors.Join(b.Flush(t.Context()), r.Mirror(t.Context(), head, 1)); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(s.Dir(wikiID), repoFolder)
}

func TestHostileTreesAreRefused(t *testing.T) {
	blob := raw{plumbing.BlobObject, []byte("x")}
	id := blob.id()
	tree := func(entries ...Entry) raw { return raw{plumbing.TreeObject, encodeTree(entries)} }
	for _, c := range []struct {
		why  string
		root raw
	}{
		{"leaves the folder", tree(Entry{"..", 0o40000, emptyTreeID})},
		{"git's own folder", tree(Entry{".git", 0o40000, emptyTreeID})},
		{"git's own folder on Windows", tree(Entry{"GIT~1", 0o40000, emptyTreeID})},
		{"slash in a name", tree(Entry{"a/b", 0o100644, id})},
		{"no name", tree(Entry{"", 0o100644, id})},
		{"out of order", tree(Entry{"b", 0o100644, id}, Entry{"a", 0o100644, id})},
		{"twice", tree(Entry{"a", 0o100644, id}, Entry{"a", 0o100644, id})},
		{"file and folder of one name", tree(Entry{"a", 0o100644, id}, Entry{"a.b", 0o100644, id}, Entry{"a", 0o40000, emptyTreeID})},
		{"unknown mode", tree(Entry{"a", 0o010644, id})},
		{"missing blob", tree(Entry{"a", 0o100644, OID{9}})},
		{"folder that is a blob", tree(Entry{"a", 0o40000, id})},
		{"not a tree at all", blob},
		{"garbage", raw{plumbing.TreeObject, []byte("100644 a\x00short")}},
	} {
		s := emptyStore(t)
		_, err := s.Import(t.Context(), wikiID, hostile(t, blob, raw{kind: plumbing.TreeObject}, c.root), nil)
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", c.why, err)
		}
	}
}

func TestPackBombsAreRefused(t *testing.T) {
	dir, _ := source(t)
	for why, l := range map[string]limits{
		"objects":  {objects: 10, pack: 1 << 30, inflated: 1 << 30, depth: 50},
		"pack":     {objects: 1e6, pack: 1 << 10, inflated: 1 << 30, depth: 50},
		"inflated": {objects: 1e6, pack: 1 << 30, inflated: 1 << 10, depth: 50},
	} {
		s := emptyStore(t)
		im := &importer{store: s, wiki: wikiID, name: "bomb", limits: l, report: &reporter{}}
		if _, err := im.run(t.Context(), dir); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", why, err)
		}
	}
	if err := scanChain(t, 20, 20); err != nil {
		t.Error(err)
	}
	if err := scanChain(t, 21, 20); !errors.Is(err, errDamaged) {
		t.Errorf("chain of 21 deltas: %v", err)
	}
	// One object that claims, and has, more than any file may.
	var pack bytes.Buffer
	pack.Write(packHeader(1))
	pack.Write(appendEntryHead(nil, entryHead{kind: plumbing.BlobObject, size: maxObjectBytes + 1}))
	deflate(&pack, make([]byte, 1<<20))
	pack.Write(make([]byte, 20))
	sc := &scanner{limits: defaultLimits, graph: newGraph(), report: &reporter{}}
	if _, err := sc.scan(t.Context(), bytes.NewReader(pack.Bytes()), int64(pack.Len())); !errors.Is(err, errTooLarge) {
		t.Errorf("huge object: %v", err)
	}
}

// scanChain indexes a pack of one blob and n deltas, each against the one before.
func scanChain(t *testing.T, n, depth int) error {
	t.Helper()
	var pack bytes.Buffer
	pack.Write(packHeader(n + 1))
	o := raw{plumbing.BlobObject, []byte("0")}
	pack.Write(appendEntryHead(nil, entryHead{kind: o.kind, size: 1}))
	deflate(&pack, o.data)
	for i := range byte(n) {
		size := byte(len(o.data))
		delta := []byte{size, size + 1, 0x90, size, 1, i} // copy all, then one byte more
		pack.Write(appendEntryHead(nil, entryHead{kind: plumbing.REFDeltaObject, size: int64(len(delta)), base: o.id()}))
		deflate(&pack, delta)
		o.data = append(o.data, i)
	}
	sum := sha1.Sum(pack.Bytes())
	pack.Write(sum[:])
	sc := &scanner{limits: defaultLimits, graph: newGraph(), report: &reporter{}}
	sc.limits.depth = depth
	x, err := sc.scan(t.Context(), bytes.NewReader(pack.Bytes()), int64(pack.Len()))
	if err == nil {
		if _, ok := x.find(o.id()); !ok {
			t.Error("the last object of the chain is not in the index")
		}
	}
	return err
}

func TestAnInterruptedImportLeavesNothing(t *testing.T) {
	dir, head := source(t)
	for _, stage := range []string{"indexing objects", "checking", "copying"} {
		s := emptyStore(t)
		ctx, cancel := context.WithCancel(t.Context())
		_, err := s.Import(ctx, wikiID, dir, func(p Progress) {
			if p.Stage == stage {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled while %s: %v", stage, err)
		}
		if names, _ := os.ReadDir(s.dir); len(names) != 0 {
			t.Errorf("cancelled while %s: left %v", stage, names)
		}
	}
	for n := 0; ; n++ {
		d := &testDisk{left: n, broken: true}
		s := newStore(t.TempDir(), Options{}, d)
		_, err := s.Import(t.Context(), wikiID, dir, nil)
		if err == nil {
			gitstoretest.Check(t, s.dir, wikiID, head.String())
			break
		}
		if !fault.Is(err, fault.Unavailable) {
			t.Errorf("disk full at operation %d: %v", n, err)
		}
		if _, err := os.Stat(filepath.Join(s.Dir(wikiID), repoFolder)); err == nil && n < 20 {
			t.Errorf("disk full at operation %d: a repository is there", n)
		}
	}
}

func FuzzImportPack(f *testing.F) {
	var pack bytes.Buffer
	pack.Write(packHeader(1))
	pack.Write(appendEntryHead(nil, entryHead{kind: plumbing.BlobObject, size: 2}))
	deflate(&pack, []byte("hi"))
	pack.Write(make([]byte, 20))
	f.Add(pack.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		sc := &scanner{limits: limits{objects: 1000, pack: 1 << 20, inflated: 1 << 20, depth: 50}, graph: newGraph(), report: &reporter{}}
		p := &packScan{scanner: sc, f: bytes.NewReader(data), byRef: map[OID][]int32{}}
		_, _ = p.readEntries(t.Context(), int64(len(data)))
		if p.linkBases() == nil {
			_ = p.resolve(t.Context())
		}
		_, _ = sc.scan(t.Context(), bytes.NewReader(data), int64(len(data)))
	})
}

// Every import has an id of its own, so what a killed one left lies in a folder
// that no later import writes to.
func TestKilledImportIsCleared(t *testing.T) {
	s := emptyStore(t)
	long := time.Now().Add(-25 * time.Hour)
	place := func(age time.Time, parts ...string) string {
		dir := filepath.Join(append([]string{s.dir}, parts...)...)
		if err := os.MkdirAll(filepath.Join(dir, "objects"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(dir, age, age); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	place(long, "killed", "tmp_import_X")
	place(long, "killed", "tmp_repo_X")
	place(long, "old", "tmp_import_X")
	running := place(time.Now(), "running", "tmp_import_X")
	kept := place(long, "old", "repo.git")
	dir, _ := source(t)
	if _, err := s.Import(t.Context(), "fresh", dir, nil); err != nil {
		t.Fatal(err)
	}
	for _, there := range []string{running, kept} {
		if _, err := os.Stat(there); err != nil {
			t.Error(err)
		}
	}
	for _, gone := range []string{"killed", "old/tmp_import_X"} {
		if _, err := os.Stat(filepath.Join(s.dir, gone)); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", gone, err)
		}
	}
}

// A removal that was killed half way is finished by the next attempt.
func TestKilledRemovalIsFinished(t *testing.T) {
	s := emptyStore(t)
	dir, _ := source(t)
	if _, err := s.Import(t.Context(), "fresh", dir, nil); err != nil {
		t.Fatal(err)
	}
	failing := newStore(s.dir, Options{}, halfRemoved{osDisk{}})
	if err := failing.Remove(t.Context(), "fresh"); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("%v, want a failure", err)
	}
	if err := s.Remove(t.Context(), "fresh"); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(s.dir); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

// halfRemoved fails to delete folders that hold something.
type halfRemoved struct{ osDisk }

func (d halfRemoved) removeAll(name string) error {
	if _, err := os.Stat(name); err == nil {
		return errors.New("killed")
	}
	return nil
}
