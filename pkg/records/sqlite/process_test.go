package sqlite_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/records"
	"wikibot.io/pkg/records/sqlite"
)

func process(t *testing.T, path, task string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childFile+"="+path, childTask+"="+task)
	cmd.Stderr = os.Stderr
	return cmd
}

func finish(t *testing.T, path, task string) {
	t.Helper()
	if err := process(t, path, task).Run(); err != nil {
		t.Fatalf("another process could not %q: %v", task, err)
	}
}

// The administrator's command line writes while the server has everything warm.
func TestAnotherProcessIsSeenAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records.db")
	s := open(t, path, sqlite.Options{})
	fill(t, s, 1)
	for i := range 5 {
		public := i%2 == 0
		finish(t, path, fmt.Sprint("public ", public))
		w, err := s.Wiki(t.Context(), "w0")
		if err != nil || w.Public != public {
			t.Fatalf("after the other process had made it public=%v: %v, %v", public, w.Public, err)
		}
	}
	if _, err := s.User(t.Context(), "bob"); !fault.Is(err, fault.NotFound) {
		t.Fatal(err) // and "there is none" is cached
	}
	finish(t, path, "user bob")
	if _, err := s.User(t.Context(), "bob"); err != nil {
		t.Error(err)
	}
	finish(t, path, "advance "+strings.Repeat("a", 40))
	_, err := s.AdvanceHead(t.Context(), change("w0", "", strings.Repeat("b", 40)))
	if !fault.Is(err, fault.Conflict) {
		t.Errorf("step from the head before the other process: %v", err)
	}
}

func TestTwoStoresOnOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records.db")
	one, two := open(t, path, sqlite.Options{}), open(t, path, sqlite.Options{})
	fill(t, one, 1)
	stores := []*sqlite.Store{one, two}
	head := ""
	for i := range 50 {
		next := fmt.Sprintf("%040x", i+1)
		if _, err := stores[i%2].AdvanceHead(t.Context(), change("w0", head, next)); err != nil {
			t.Fatal(err)
		}
		head = next
		for j, s := range stores {
			if w, err := s.Wiki(t.Context(), "w0"); err != nil || w.Head != head {
				t.Fatalf("store %d reads head %s after step %d, %v", j, w.Head, i, err)
			}
		}
	}
	if err := one.RevokeToken(t.Context(), "w0", "w0"); err != nil {
		t.Fatal(err)
	}
	if _, err := two.TokenByHash(t.Context(), "w0"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a token revoked elsewhere still opens the wiki: %v", err)
	}
}

// Two processes may create and migrate a new file at the same moment.
func TestManyProcessesOpenANewFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records.db")
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			if err := process(t, path, fmt.Sprint("user u", i)).Run(); err != nil {
				t.Errorf("process %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	s := open(t, path, sqlite.Options{})
	for i := range 6 {
		if _, err := s.User(t.Context(), fmt.Sprint("u", i)); err != nil {
			t.Error(err)
		}
	}
}

// kill -9 in the middle of writing loses nothing that was acknowledged.
func TestKilledWriterLosesNothingAcknowledged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records.db")
	s := open(t, path, sqlite.Options{})
	fill(t, s, writers)
	before := len(outbox(t, path))
	for round := range 15 {
		acked := killWhileWriting(t, path, 20+round)
		total := int64(0)
		for i := range writers {
			w, err := s.Wiki(t.Context(), fmt.Sprint("w", i))
			if err != nil {
				t.Fatal(err)
			}
			if w.Sequence < acked[w.ID] {
				t.Errorf("round %d: wiki %s is at step %d, but %d was acknowledged", round, w.ID, w.Sequence, acked[w.ID])
			}
			head := fmt.Sprintf("%040x", w.Sequence)
			if w.Sequence == 0 { // killed before this writer's first step
				head = ""
			}
			if w.PageCount != w.Sequence || w.Head != head {
				t.Errorf("round %d: half a step was stored: %+v", round, w)
			}
			total += w.Sequence
		}
		if events := len(outbox(t, path)) - before; int64(events) != total {
			t.Errorf("round %d: %d events for %d steps", round, events, total)
		}
		var verdict string
		if err := raw(t, path).QueryRow(`PRAGMA integrity_check`).Scan(&verdict); err != nil || verdict != "ok" {
			t.Fatalf("round %d: integrity check: %s, %v", round, verdict, err)
		}
	}
}

// killWhileWriting kills a writing process after n acknowledgements and returns
// the last step acknowledged of each wiki.
func killWhileWriting(t *testing.T, path string, n int) map[string]int64 {
	cmd := process(t, path, "write")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acked := map[string]int64{}
	count := 0
	for lines := bufio.NewScanner(out); lines.Scan(); count++ {
		var wiki string
		var seq int64
		if _, err := fmt.Sscan(lines.Text(), &wiki, &seq); err == nil {
			acked[wiki] = max(acked[wiki], seq)
		}
		if count == n {
			_ = cmd.Process.Kill() // lines that it has still written are read to the end
		}
	}
	_ = cmd.Wait()
	if count < n {
		t.Fatalf("the writer ended after %d steps", count)
	}
	return acked
}

// Nothing but the records' owner can read them.
func TestFileModes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records.db")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s := open(t, path, sqlite.Options{})
	fill(t, s, 1)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", info.Name(), info.Mode())
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	folder := t.TempDir()
	newer := filepath.Join(folder, "newer.db")
	if err := open(t, newer, sqlite.Options{}).CreateUser(t.Context(), records.User{ID: "u"}, records.Identity{}); err != nil {
		t.Fatal(err)
	}
	if _, err := raw(t, newer).Exec(`PRAGMA user_version = 999`); err != nil {
		t.Fatal(err)
	}
	garbage := filepath.Join(folder, "garbage.db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("not a database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		newer:                                 "newer than this program",
		garbage:                               "not a database",
		filepath.Join(folder, "none", "a.db"): "no such file or directory",
		folder:                                "is a directory",
	} {
		s, err := sqlite.Open(path, sqlite.Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("open %s: %v, want %q", filepath.Base(path), err, want)
		}
		if err == nil {
			_ = s.Close()
		}
	}
}
