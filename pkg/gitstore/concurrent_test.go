package gitstore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"wikibot.io/pkg/gitstore/gitstoretest"
)

// crashEnv makes the test binary save in a loop until it is killed, instead of
// running tests.
const crashEnv = "GITSTORE_TEST_SAVES_IN"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashEnv); dir != "" {
		saveForEver(dir)
	}
	os.Exit(m.Run())
}

// saveForEver prints each commit once it is acknowledged.
func saveForEver(dir string) {
	ctx := context.Background()
	s, err := Open(dir, Options{})
	if err != nil {
		panic(err)
	}
	r, err := s.Create(ctx, wikiID)
	if err != nil {
		panic(err)
	}
	head, err := r.MirrorHead(ctx)
	if err != nil {
		panic(err)
	}
	for n := int64(1); ; n++ {
		var base OID
		c := Commit{Author: someone, Committer: someone, Message: fmt.Sprint(n, os.Getpid())}
		if !head.IsZero() {
			p, err := r.Commit(ctx, head)
			if err != nil {
				panic(err)
			}
			base, c.Parents = p.Tree, []OID{head}
		}
		b := r.NewBatch()
		path := fmt.Sprintf("folder-%d/page.md", n%10)
		if c.Tree, err = b.Apply(ctx, base, []Edit{{Path: path, ID: b.Blob([]byte(c.Message))}}); err != nil {
			panic(err)
		}
		head = b.Commit(c)
		if err := errors.Join(b.Flush(ctx), r.Mirror(ctx, head, n)); err != nil {
			panic(err)
		}
		fmt.Println(head)
	}
}

func TestKilledWhileSavingLosesNothingAcknowledged(t *testing.T) {
	dir := t.TempDir()
	var acknowledged []string
	for round := range 20 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), crashEnv+"="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		// Killing after a different number of lines and a different moment each
		// time hits different steps of the save.
		for n := 0; n <= round%4 && lines.Scan(); n++ {
			acknowledged = append(acknowledged, lines.Text())
		}
		timer := time.AfterFunc(time.Duration(round)*700*time.Microsecond, func() { _ = cmd.Process.Kill() })
		for lines.Scan() {
			acknowledged = append(acknowledged, lines.Text())
		}
		timer.Stop()
		_ = cmd.Wait() // it was killed
	}
	if len(acknowledged) < 20 {
		t.Fatalf("only %d saves were acknowledged", len(acknowledged))
	}
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Repo(t.Context(), wikiID)
	if err != nil {
		t.Fatal(err)
	}
	for _, hex := range acknowledged {
		var id OID
		if err := parseID(&id, []byte(strings.TrimSpace(hex))); err != nil {
			t.Fatal(err)
		}
		if len(content(t, r, id)) == 0 {
			t.Errorf("commit %s is empty", hex)
		}
	}
	// The mirror may be one save ahead of what the killed process got to say.
	head, err := r.MirrorHead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	gitstoretest.Check(t, dir, wikiID, head.String(), gitstoretest.Crashed)
	if n := strings.Count(gitstoretest.Git(t, filepath.Join(s.Dir(wikiID), repoFolder), "log", "--format=%H", "main"), "\n"); n < len(acknowledged) {
		t.Errorf("%d saves were acknowledged, %d are in the history", len(acknowledged), n)
	}
}

// The command line's import and other hosts write into a folder that a server
// has open.
func TestReadsWhatAnotherProcessWrote(t *testing.T) {
	s, r := newTestRepo(t)
	one := save(t, r, OID{}, "first", map[string]string{"Home.md": "1"})
	other := fresh(t, s)
	two := save(t, other, one, "second", map[string]string{"Home.md": "2", "folder/new.md": "n"})
	three := save(t, other, two, "third", map[string]string{"Home.md": "3"})
	if got := content(t, r, three); got["Home.md"] != "3" || got["folder/new.md"] != "n" {
		t.Errorf("read %v", got)
	}
	// Plain git writes loose objects, then packs them and drops its packs.
	repo := filepath.Join(s.Dir(wikiID), repoFolder)
	if err := r.Mirror(t.Context(), three, 3); err != nil {
		t.Fatal(err)
	}
	gitCommit := func(message string) OID {
		hex := gitstoretest.Git(t, repo, "commit-tree", "-p", "main", "-m", message, "main^{tree}")
		gitstoretest.Git(t, repo, "update-ref", "refs/heads/main", strings.TrimSpace(hex))
		var id OID
		if err := parseID(&id, []byte(strings.TrimSpace(hex))); err != nil {
			t.Fatal(err)
		}
		return id
	}
	four := gitCommit("loose")
	if got := content(t, r, four); got["Home.md"] != "3" {
		t.Errorf("read %v from a loose commit", got)
	}
	gitstoretest.Git(t, repo, "repack", "-adq")
	r.store.cache.forget(r.key)
	if got := content(t, r, two); got["Home.md"] != "2" {
		t.Errorf("read %v after git repacked", got)
	}
	gitstoretest.Git(t, repo, "pack-refs", "--all")
	if id, err := fresh(t, s).MirrorHead(t.Context()); err != nil || id != four {
		t.Errorf("packed ref: %v %v", id, err)
	}
	five := save(t, r, four, "fifth", map[string]string{"Home.md": "5"})
	if err := r.Mirror(t.Context(), five, 5); err != nil {
		t.Fatal(err)
	}
	if got := gitstoretest.Git(t, repo, "rev-parse", "main"); strings.TrimSpace(got) != five.String() {
		t.Errorf("git sees %s at main", got)
	}
}

func TestManyReadersAndWritersAtOnce(t *testing.T) {
	s, err := Open(t.TempDir(), Options{CacheBytes: 64 << 10}) // so small that much is read from disk
	if err != nil {
		t.Fatal(err)
	}
	s.files.max = 3 // and packs are closed and opened all the time
	r, err := s.Create(t.Context(), wikiID)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	head, sequence := OID{}, int64(0)
	all := map[OID]string{}
	write := func(name string) {
		mu.Lock()
		defer mu.Unlock()
		head = save(t, r, head, name, map[string]string{"shared/" + name + ".md": strings.Repeat(name, 500)})
		sequence++
		all[head] = name
	}
	write("start")
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			reader := r
			if i%4 == 0 {
				reader = fresh(t, s)
			}
			for n := range 8 {
				name := fmt.Sprintf("%d-%d", i, n)
				write(name)
				mu.Lock()
				at, seq := head, sequence
				mu.Unlock()
				if err := r.Mirror(context.Background(), at, seq); err != nil {
					t.Error(err)
				}
				if got := content(t, reader, at)["shared/"+name+".md"]; got != strings.Repeat(name, 500) {
					t.Errorf("page %s has %d bytes", name, len(got))
				}
			}
		})
	}
	wg.Wait()
	if len(all) != 16*8+1 {
		t.Errorf("%d commits", len(all))
	}
	gitstoretest.Check(t, s.dir, wikiID, head.String())
}
