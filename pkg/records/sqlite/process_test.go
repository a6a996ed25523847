package sqlite_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

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

// Whoever is signed out, disconnected or deleted by another process is out with
// the next request, however warm everything is.
func TestAnotherProcessSignsOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records.db")
	s := open(t, path, sqlite.Options{})
	fill(t, s, 1)
	signIn(t, s)
	look := func() (there []bool) {
		t.Helper()
		u, err := s.User(t.Context(), "ada")
		_, byID := s.UserByIdentity(t.Context(), records.Identity{Provider: "dev", Subject: "ada"})
		_, session := s.Session(t.Context(), "ada", "s")
		_, connection := s.Connection(t.Context(), "ada", "c")
		w, wiki := s.Wiki(t.Context(), "w0")
		for _, err := range []error{err, byID, session, connection, wiki} {
			if err != nil && !fault.Is(err, fault.NotFound) {
				t.Fatal(err)
			}
			there = append(there, err == nil)
		}
		return append(there, len(u.Ended) == 0, !w.Closed)
	}
	for _, c := range []struct {
		task string
		want []bool // user, by identity, session, connection, wiki, nothing ended, open
	}{
		{"", []bool{true, true, true, true, true, true, true}},
		{"leave", []bool{false, false, true, true, true, true, false}},
		{"return", []bool{true, true, true, true, true, true, true}},
		{"sign out s", []bool{true, true, false, true, true, false, true}},
		{"disconnect c", []bool{true, true, false, false, true, false, true}},
	} {
		if c.task != "" {
			finish(t, path, c.task)
		}
		for range 2 { // and from memory
			if got := look(); !slices.Equal(c.want, got) {
				t.Errorf("after %q: %v, want %v", c.task, got, c.want)
			}
		}
	}
}

// kill -9 in the middle of it gives no ticket back that was spent, and no secret
// that was replaced.
func TestKilledSpenderSpendsNothingTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records.db")
	s := open(t, path, sqlite.Options{})
	fill(t, s, 1)
	signIn(t, s)
	for round := range 8 {
		before, err := s.Connection(t.Context(), "ada", "c")
		if err != nil {
			t.Fatal(err)
		}
		acked := killWhileRunning(t, path, "spend", 10+round)
		for hash := range acked {
			k, err := s.SpendTicket(t.Context(), "code", hash, "again", time.Now())
			if !fault.Is(err, fault.Conflict) || k.Note != "spent" {
				t.Errorf("round %d: a ticket spent before the crash: %+v, %v", round, k, err)
			}
			if _, err := s.RotateConnection(t.Context(), "ada", "c", before.RefreshHash, "stolen", time.Now(), time.Now()); !fault.Is(err, fault.Conflict) {
				t.Errorf("round %d: a secret replaced before the crash: %v", round, err)
			}
		}
		after, err := s.Connection(t.Context(), "ada", "c")
		if err != nil || !strings.HasPrefix(after.RefreshHash, after.FormerHash) || len(after.RefreshHash) <= len(before.RefreshHash) {
			t.Errorf("round %d: half a rotation was stored: %q after %q, %v", round, after.RefreshHash, after.FormerHash, err)
		}
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
		acked := killWhileRunning(t, path, "write", 20+round)
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

// killWhileRunning kills a process that writes for ever after n acknowledgements,
// and returns the last number acknowledged of each name.
func killWhileRunning(t *testing.T, path, task string, n int) map[string]int64 {
	cmd := process(t, path, task)
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
		var name string
		var seq int64
		if _, err := fmt.Sscan(lines.Text(), &name, &seq); err == nil {
			acked[name] = max(acked[name], seq)
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
