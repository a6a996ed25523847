package index

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
)

func titles(t tester, v *View) string {
	t.Helper()
	pages, _, err := v.Pages(context.Background(), Filter{})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, p := range pages {
		list = append(list, p.Path)
	}
	return strings.Join(list, " ")
}

func publish(t tester, c *Cache) {
	t.Helper()
	if err := c.Publish(context.Background(), wikiID); err != nil {
		t.Fatal(err)
	}
}

func TestPublishedIndexIsWhereOthersBegin(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.save(map[string]string{"A.md": "a"})
	first, _ := w.cache()
	closing(t, first)
	publish(t, first)
	if got := w.shelf.now().Index.Commit; got != w.shelf.now().Head {
		t.Fatalf("published %s, want the head", got)
	}
	wiki := w.save(map[string]string{"B.md": "b"})

	other, log := w.cache()
	closing(t, other)
	if got := titles(t, mustView(t, other, wiki)); got != "A B" {
		t.Errorf("pages %q, want A and, from after the publication, B", got)
	}
	if strings.Contains(log.String(), "built from git") {
		t.Errorf("was built anew although an index is published:\n%s", log)
	}
}

func TestPublishingTwiceDoesNothing(t *testing.T) {
	w := newWorld(t, t.TempDir())
	c, _ := w.cache()
	closing(t, c)
	publish(t, c) // no commit yet: nothing to publish
	w.save(map[string]string{"A.md": "a"})
	publish(t, c)
	publish(t, c)
	if w.shelf.swaps != 1 {
		t.Errorf("the pointer was swapped %d times, want once", w.shelf.swaps)
	}
}

// After a restore the head is moved back to what the files hold. The index that
// the record points to is hardly behind, by its steps, and yet of no use.
func TestRepublishAfterTheHeadWasMovedBack(t *testing.T) {
	for _, c := range []struct {
		why  string
		lose bool // the files do not hold the index either
	}{
		{"the published index is of a later commit", false},
		{"the published index is missing", true},
	} {
		t.Run(c.why, func(t *testing.T) {
			w := newWorld(t, t.TempDir())
			lag := func(d *Deps) { d.MaxLag = 32 }
			back := w.save(map[string]string{"A.md": "a"}).Head
			w.save(map[string]string{"B.md": "b"})
			c1, _ := w.cache(lag)
			closing(t, c1)
			publish(t, c1)
			wiki := w.advance(back)
			if c.lose {
				if err := os.Remove(filepath.Join(w.git.Dir(wikiID), wiki.Index.File)); err != nil {
					t.Fatal(err)
				}
			}
			c2, log := w.cache(lag)
			closing(t, c2)
			for range 2 { // the second time it does nothing
				if err := c2.Republish(t.Context(), wikiID); err != nil {
					t.Fatal(err)
				}
			}
			if n := strings.Count(log.String(), "built from git"); n != 1 || w.shelf.swaps != 2 {
				t.Errorf("was built %d times, the pointer swapped %d times:\n%s", n, w.shelf.swaps, log)
			}
			cold, log := w.cache(lag)
			closing(t, cold)
			if got := titles(t, mustView(t, cold, w.shelf.now())); got != "A" {
				t.Errorf("pages %q, want A", got)
			}
			wiki = w.save(map[string]string{"C.md": "c"})
			if got := titles(t, mustView(t, cold, wiki)); got != "A C" {
				t.Errorf("pages %q, want A C", got)
			}
			if strings.Contains(log.String(), "built from git") {
				t.Errorf("a cold cache built it again:\n%s", log)
			}
			if err := cold.Republish(t.Context(), wikiID); err != nil || w.shelf.swaps != 2 {
				t.Errorf("%v; the pointer was swapped %d times although the index is but a step behind", err, w.shelf.swaps)
			}
		})
	}
}

// Two caches publish at the same time: one pointer wins, both are content, and
// what is published is sound.
func TestPublishRace(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.save(map[string]string{"A.md": "a"})
	a, _ := w.cache()
	b, _ := w.cache()
	closing(t, a)
	closing(t, b)
	var both sync.WaitGroup
	both.Add(2)
	var meet sync.Once
	w.shelf.before = func() {
		// Both have written their files before either swaps.
		both.Done()
		both.Wait()
		meet.Do(func() { w.shelf.before = nil })
	}
	var done sync.WaitGroup
	for _, c := range []*Cache{a, b} {
		done.Go(func() { publish(t, c) })
	}
	done.Wait()
	if w.shelf.swaps != 1 || w.shelf.refused > 1 {
		t.Errorf("%d swaps, %d refused; want 1 and at most 1", w.shelf.swaps, w.shelf.refused)
	}
	fresh, log := w.cache()
	closing(t, fresh)
	if got := titles(t, mustView(t, fresh, w.shelf.now())); got != "A" || log.String() != "" {
		t.Errorf("after the race: pages %q, log %q", got, log)
	}
}

// The loser of a race must not put an older index in place of a newer one.
func TestSlowPublisherDoesNotGoBack(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.save(map[string]string{"A.md": "a"})
	slow, _ := w.cache()
	fast, _ := w.cache()
	closing(t, slow)
	closing(t, fast)
	w.shelf.before = func() {
		w.shelf.before = nil
		w.save(map[string]string{"B.md": "b"})
		publish(t, fast)
	}
	publish(t, slow)
	if now := w.shelf.now(); now.Index.Commit != now.Head {
		t.Errorf("the published index is of %s, the head is %s", now.Index.Commit, now.Head)
	}
}

func TestUnusablePublishedFileIsRebuiltAndReplaced(t *testing.T) {
	rewrite := func(change func([]byte) []byte) func(t *testing.T, file string) {
		return func(t *testing.T, file string) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, change(data), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, damage := range map[string]func(t *testing.T, file string){
		"missing": func(t *testing.T, file string) {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		},
		"empty":             rewrite(func([]byte) []byte { return nil }),
		"truncated":         rewrite(func(b []byte) []byte { return b[:len(b)/2] }),
		"one bit flipped":   rewrite(func(b []byte) []byte { b[len(b)/2] ^= 4; return b }),
		"no database":       rewrite(func(b []byte) []byte { return bytes.Repeat([]byte("x"), len(b)) }),
		"bytes at the end":  rewrite(func(b []byte) []byte { return append(b, 0) }),
		"a folder instead":  func(t *testing.T, file string) { _ = os.Remove(file); _ = os.Mkdir(file, 0o700) },
		"a symlink astray":  func(t *testing.T, file string) { _ = os.Remove(file); _ = os.Symlink("/dev/null", file) },
		"its own temporary": rewrite(func(b []byte) []byte { return b[:4096] }),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, t.TempDir())
			w.save(map[string]string{"A.md": "a"})
			writer, _ := w.cache()
			closing(t, writer)
			publish(t, writer)
			wiki := w.save(map[string]string{"B.md": "b"})
			damage(t, filepath.Join(w.git.Dir(wikiID), wiki.Index.File))

			c, log := w.cache()
			closing(t, c)
			if got := titles(t, mustView(t, c, wiki)); got != "A B" {
				t.Errorf("pages %q, want A B", got)
			}
			if !strings.Contains(log.String(), "rebuilding from git") {
				t.Errorf("the log does not say why it was rebuilt: %q", log)
			}
			publish(t, c)
			again, log := w.cache()
			closing(t, again)
			if got := titles(t, mustView(t, again, w.shelf.now())); got != "A B" || log.String() != "" {
				t.Errorf("after publishing anew: pages %q, log %q", got, log)
			}
		})
	}
}

// The record points to a damaged index of the very head: publishing has to
// notice although the pointer looks right.
func TestDamagedIndexOfTheHeadIsPublishedAgain(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.save(map[string]string{"A.md": "a"})
	c, _ := w.cache()
	publish(t, c)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(w.git.Dir(wikiID), w.shelf.now().Index.File)
	if err := os.WriteFile(file, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	reader, _ := w.cache()
	closing(t, reader)
	mustView(t, reader, w.shelf.now())
	publish(t, reader)
	last, log := w.cache()
	closing(t, last)
	if got := titles(t, mustView(t, last, w.shelf.now())); got != "A" || log.String() != "" {
		t.Errorf("pages %q, log %q", got, log)
	}
}

// A file of another schema, of another wiki or of another history has the right
// digest and is still not to be believed.
func TestForeignPublishedFileIsRebuilt(t *testing.T) {
	for name, change := range map[string]string{
		"an older schema": "PRAGMA user_version = 0",
		"a newer schema":  fmt.Sprintf("PRAGMA user_version = %d", schemaVersion+1),
		"not an index":    "PRAGMA application_id = 7",
		"another wiki":    "UPDATE meta SET wiki = 'other'",
		"another history": "UPDATE meta SET sequence = 99, head = x'0102030405060708090a0b0c0d0e0f1011121314'; DELETE FROM commits",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, t.TempDir())
			w.save(map[string]string{"A.md": "a"})
			writer, _ := w.cache()
			closing(t, writer)
			publish(t, writer)
			wiki := w.shelf.now()
			old := filepath.Join(w.git.Dir(wikiID), wiki.Index.File)
			db, err := sql.Open("sqlite", dsn(old, "rw", "journal_mode(delete)"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.Exec(change); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			digest, err := copyFile(old, filepath.Join(t.TempDir(), "copy"))
			if err != nil {
				t.Fatal(err)
			}
			wiki.Index.File = "index-" + wiki.Index.Commit + "-" + digest + ".db"
			if err := os.Rename(old, filepath.Join(w.git.Dir(wikiID), wiki.Index.File)); err != nil {
				t.Fatal(err)
			}
			w.shelf.wiki.Index = wiki.Index

			c, log := w.cache()
			closing(t, c)
			if got := titles(t, mustView(t, c, wiki)); got != "A" || !strings.Contains(log.String(), "rebuilding from git") {
				t.Errorf("pages %q, log %q", got, log)
			}
		})
	}
}

// A record that names a file outside the wiki's folder opens nothing there.
func TestPublishedNameTraversal(t *testing.T) {
	w := newWorld(t, t.TempDir())
	wiki := w.save(map[string]string{"A.md": "a"})
	wiki.Index = records.Index{Commit: wiki.Head, File: "../../" + wikiID + "/repo.git/HEAD"}
	c, log := w.cache()
	closing(t, c)
	if got := titles(t, mustView(t, c, wiki)); got != "A" || !strings.Contains(log.String(), "not one of ours") {
		t.Errorf("pages %q, log %q", got, log)
	}
}

func TestOldIndexFilesAreDeletedLate(t *testing.T) {
	w := newWorld(t, t.TempDir())
	c, _ := w.cache()
	closing(t, c)
	files := func() (list []string) {
		all, _ := filepath.Glob(filepath.Join(w.git.Dir(wikiID), "index-*"))
		return all
	}
	for i := range 4 {
		w.save(map[string]string{"A.md": fmt.Sprint(i)})
		publish(t, c)
	}
	if got := len(files()); got != 4 {
		t.Fatalf("%d index files, want all 4 while readers may be about", got)
	}
	long := time.Now().Add(-2 * grace)
	for _, file := range files() {
		if err := os.Chtimes(file, long, long); err != nil {
			t.Fatal(err)
		}
	}
	w.save(map[string]string{"A.md": "last"})
	publish(t, c)
	if got := len(files()); got != 2 {
		t.Errorf("%d index files, want the present and the previous one", got)
	}
}

// Two processes publish and read the same wiki while commits arrive in both.
func TestTwoProcesses(t *testing.T) {
	if dir := os.Getenv("INDEX_TEST_WORLD"); dir != "" {
		w := newWorld(t, dir)
		for _, line := range strings.Fields(os.Getenv("INDEX_TEST_HEADS")) {
			w.advance(line)
			c, _ := w.cache()
			publish(t, c)
			fmt.Println("published", w.shelf.now().Index.File, titles(t, mustView(t, c, w.shelf.now())))
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	w := newWorld(t, t.TempDir())
	var heads []string
	for i := range 4 {
		heads = append(heads, w.save(map[string]string{fmt.Sprintf("P%d.md", i): "x"}).Head)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	other := exec.Command(self, "-test.run=^TestTwoProcesses$", "-test.v")
	other.Env = append(os.Environ(), "INDEX_TEST_WORLD="+w.dir, "INDEX_TEST_HEADS="+strings.Join(heads, " "))
	var out bytes.Buffer
	other.Stdout, other.Stderr = &out, &out
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	c, log := w.cache()
	closing(t, c)
	for i := range 4 {
		w.save(map[string]string{fmt.Sprintf("Q%d.md", i): "x"})
		publish(t, c)
	}
	if err := other.Wait(); err != nil {
		t.Fatalf("the other process: %v\n%s", err, out.String())
	}
	if got := titles(t, mustView(t, c, w.shelf.now())); got != "P0 P1 P2 P3 Q0 Q1 Q2 Q3" || strings.Contains(log.String(), "level=WARN") {
		t.Errorf("pages %q, log %s", got, log)
	}
	if !strings.Contains(out.String(), "P0 P1 P2 P3") {
		t.Errorf("the other process did not publish:\n%s", out.String())
	}
	// What the other published serves here too.
	wiki := w.shelf.now()
	for line := range strings.Lines(out.String()) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "published" {
			wiki.Index = records.Index{Commit: fields[1][len("index-"):][:40], File: fields[1]}
		}
	}
	reader, log := w.cache()
	closing(t, reader)
	if got := titles(t, mustView(t, reader, wiki)); got != "P0 P1 P2 P3 Q0 Q1 Q2 Q3" || log.String() != "" {
		t.Errorf("from the other's index: pages %q, log %s", got, log)
	}
}

func TestPublishOfADeletedWiki(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.save(map[string]string{"A.md": "a"})
	c, _ := w.cache()
	closing(t, c)
	w.shelf.gone = true
	if err := c.Publish(context.Background(), wikiID); !fault.Is(err, fault.NotFound) {
		t.Errorf("got %v, want not found", err)
	}
}
