//go:build linux && (amd64 || arm64)

package slowfiles_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"wikibot.io/services/rehearsal/slowfiles"
)

// The test binary is also the program whose files are slow: with this variable it
// runs the steps that its arguments name instead of the tests.
const asChild = "SLOWFILES_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(asChild) != "" {
		os.Exit(child(os.Args[1:]))
	}
	os.Exit(withLauncher(m))
}

// launcher is built once for all tests.
var launcher string

func withLauncher(m *testing.M) int {
	dir, err := os.MkdirTemp("", "slowfiles-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	launcher = filepath.Join(dir, "slowfiles")
	if out, err := exec.Command("go", "build", "-o", launcher, "../cmd/slowfiles").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the launcher: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// bench is a slow and a fast folder and who supervises them.
type bench struct {
	t          *testing.T
	s          *slowfiles.Supervisor
	slow, fast string
}

func newBench(t *testing.T, o slowfiles.Options) *bench {
	t.Helper()
	dir := t.TempDir()
	b := &bench{t: t, slow: filepath.Join(dir, "slow"), fast: filepath.Join(dir, "fast")}
	for _, d := range []string{b.slow, b.fast} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(d, "file"), bytes.Repeat([]byte("x"), 300<<10), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o.Folders, o.Launcher = []string{b.slow}, launcher
	var err error
	if b.s, err = slowfiles.New(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.s.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// command is the child with its steps, behind the launcher.
func (b *bench) command(steps ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		b.t.Fatal(err)
	}
	return b.behind(append([]string{self}, steps...)...)
}

func (b *bench) behind(argv ...string) *exec.Cmd {
	line := b.s.Command(argv)
	cmd := exec.CommandContext(b.t.Context(), line[0], line[1:]...)
	// Race detection makes a program wait a second before it ends.
	cmd.Env = append(os.Environ(), asChild+"=1", "GORACE=atexit_sleep_ms=0")
	cmd.Dir = b.slow
	return cmd
}

// run runs the child and returns what it printed.
func (b *bench) run(steps ...string) string {
	b.t.Helper()
	out, err := b.command(steps...).CombinedOutput()
	if err != nil {
		b.t.Fatalf("%v: %v\n%s", steps, err, out)
	}
	return string(out)
}

func TestOnlySlowFilesAreDelayedAndCounted(t *testing.T) {
	for _, c := range []struct {
		why   string
		steps []string // SLOW and FAST stand for the folders
		want  map[string]int64
	}{
		{"fast files are none of our business", []string{"read FAST/file", "write FAST/new", "rename FAST/new FAST/old", "list FAST", "remove FAST/old", "stat FAST/file"}, map[string]int64{}},
		{"300 KB come in three blocks however small the reads are, and the end costs nothing", []string{"read SLOW/file"}, map[string]int64{"open": 1, "read": 3}},
		{"what the host has read it holds", []string{"read SLOW/file", "read SLOW/file"}, map[string]int64{"open": 2, "read": 3}},
		{"until the file changes", []string{"read SLOW/file", "append SLOW/file", "read SLOW/file"}, map[string]int64{"open": 3, "read": 6, "write": 1}},
		{"a safe save", []string{"write SLOW/new", "sync SLOW/new", "rename SLOW/new SLOW/old", "sync SLOW"}, map[string]int64{"create": 1, "open": 2, "write": 1, "sync": 2, "rename": 1}},
		{"a rename is one operation, whichever side is slow", []string{"write FAST/new", "rename FAST/new FAST/old", "rename SLOW/file SLOW/file2"}, map[string]int64{"rename": 1}},
		{"a missing file is asked for all the same", []string{"stat SLOW/none", "fail open SLOW/none"}, map[string]int64{"stat": 1, "open": 1}},
		{"the other kinds", []string{"mkdir SLOW/d", "list SLOW/d", "symlink x SLOW/l", "stat SLOW/l", "remove SLOW/l", "remove SLOW/d", "chmod SLOW/file", "truncate SLOW/file", "lock SLOW/file", "map SLOW/file"},
			map[string]int64{"mkdir": 1, "open": 3, "list": 1, "link": 1, "stat": 1, "remove": 3, "setattr": 2, "lock": 1, "map": 1}},
		{"a copy inside the kernel reads and writes", []string{"copy SLOW/file SLOW/copy"}, map[string]int64{"open": 1, "create": 1, "read": 1, "write": 1}},
		{"a copy out of the slow folder reads alone", []string{"copy SLOW/file FAST/copy"}, map[string]int64{"open": 1, "read": 1}},
		{"relative paths start at the current folder, which is the slow one", []string{"stat file", "stat ../fast/file"}, map[string]int64{"stat": 1}},
		{"a link elsewhere that leads here", []string{"symlink SLOW FAST/way", "stat FAST/way/file"}, map[string]int64{"stat": 1}},
		{"a link here that leads elsewhere: the link alone lies here", []string{"symlink FAST SLOW/way", "stat SLOW/way/file"}, map[string]int64{"link": 1}},
		{"a link to what is not there yet: it is made at the target", []string{"symlink SLOW/new FAST/way", "write FAST/way"}, map[string]int64{"create": 1, "write": 1}},
		{"a neighbour whose name begins alike", []string{"mkdir ../slower", "list ../slower"}, map[string]int64{}},
		{"a deleted file still lies on the server", []string{"deleted SLOW/file"}, map[string]int64{"open": 1, "remove": 1, "read": 1, "write": 1}},
		{"its own open files by their names in /proc", []string{"proc SLOW/file"}, map[string]int64{"open": 2, "read": 1}},
	} {
		t.Run(c.why, func(t *testing.T) {
			b := newBench(t, slowfiles.Options{})
			var steps []string
			for _, s := range c.steps {
				steps = append(steps, strings.NewReplacer("SLOW", b.slow, "FAST", b.fast).Replace(s))
			}
			b.run(steps...)
			got := b.s.Counts()
			if c.want["remove"] == 3 { // Go tries unlink before rmdir
				c.want["remove"] = got["remove"]
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestProgramsWithACLibrary(t *testing.T) {
	b := newBench(t, slowfiles.Options{})
	for _, argv := range [][]string{
		{"cat", "file"}, {"mv", "file", "moved"}, {"sh", "-c", "cat moved > copy; rm moved"},
	} {
		if out, err := b.behind(argv...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%.200s", argv, err, out)
		}
	}
	got := b.s.Counts()
	for _, kind := range []string{"open", "create", "read", "write", "rename", "remove"} {
		if got[kind] == 0 {
			t.Errorf("no %s was counted: %v", kind, got)
		}
	}
}

// The delay cannot be seen in counts; that it is there at all can be seen in the
// least time that many operations take, however busy the machine is.
func TestEachOperationTakesTheDelay(t *testing.T) {
	const n, delay = 20, 10 * time.Millisecond
	b := newBench(t, slowfiles.Options{Delay: delay})
	took := func(steps ...string) time.Duration {
		start := time.Now()
		b.run(steps...)
		return time.Since(start)
	}
	if got := took("stats " + strconv.Itoa(n) + " " + b.slow + "/file"); got < n*delay {
		t.Errorf("%d operations took %v", n, got)
	}
	// As many at once overlap: not one after the other.
	b.s.SetDelay(500 * time.Millisecond)
	if got := took("together 20 " + b.slow + "/file"); got < 500*time.Millisecond || got > 20*500*time.Millisecond/2 {
		t.Errorf("20 operations at once took %v", got)
	}
}

func TestFailuresArriveAsErrors(t *testing.T) {
	b := newBench(t, slowfiles.Options{FailureRate: 1, Seed: 1})
	seen := map[string]bool{}
	for range 40 {
		for line := range strings.Lines(b.run("errno open "+b.slow+"/file", "errno create "+b.slow+"/new", "errno open "+b.fast+"/file")) {
			seen[strings.TrimSpace(line)] = true
		}
	}
	want := map[string]bool{
		"open: input/output error": true, "open: stale file handle": true,
		"create: input/output error": true, "create: stale file handle": true, "create: no space left on device": true,
		"open: <nil>": true,
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if _, err := os.Stat(filepath.Join(b.slow, "new")); err == nil {
		t.Error("a creation that failed has created")
	}
	if err := b.s.SetFailureRate(0); err != nil {
		t.Fatal(err)
	}
	b.run("read " + b.slow + "/file")
	if err := b.s.SetFailureRate(1.5); err == nil {
		t.Error("a rate above 1 was taken")
	}
}

func TestFoldersThatMayOnlyBeRead(t *testing.T) {
	for _, c := range []struct {
		why   string
		steps []string
		want  map[string]int64
	}{
		{"what only looks is let through", []string{"read file", "list .", "stat file", "lock file", "map file", "sync ."}, map[string]int64{"open": 5, "read": 3, "list": 1, "stat": 1, "lock": 1, "map": 1, "sync": 1}},
		{"each kind of change is refused", []string{
			"refused write new", "refused append file", "refused empty file", "refused truncate file", "refused chmod file", "refused rename file old",
			"refused unlink file", "refused mkdir d", "refused symlink file l", "refused hardlink file l",
		}, map[string]int64{"refused": 10}},
		{"a file that is there is no excuse for creating it", []string{"refused write file"}, map[string]int64{"refused": 1}},
		{"a way round by a link or by /proc", []string{"symlink SLOW FAST/way", "refused write FAST/way/new", "refused append /proc/self/cwd/file"}, map[string]int64{"refused": 2}},
		{"nothing is moved in or out", []string{"write FAST/new", "refused rename FAST/new SLOW/new", "refused rename SLOW/file FAST/gone"}, map[string]int64{"refused": 2}},
		{"other folders are none of our business", []string{"write FAST/new", "rename FAST/new FAST/old", "remove FAST/old"}, map[string]int64{}},
	} {
		t.Run(c.why, func(t *testing.T) {
			b := newBench(t, slowfiles.Options{ReadOnly: true})
			var steps []string
			for _, s := range c.steps {
				steps = append(steps, strings.NewReplacer("SLOW", b.slow, "FAST", b.fast).Replace(s))
			}
			b.run(steps...)
			if diff := cmp.Diff(c.want, b.s.Counts()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			b.unchanged()
		})
	}
	b := newBench(t, slowfiles.Options{ReadOnly: true})
	for _, line := range []string{"echo > new", "echo >> file", "touch file", "mv file x", "rm -f file", "ln file x", "ln -s file x", "mkdir x", "chmod 0 file", "cp file x"} {
		if out, err := b.behind("sh", "-c", line).CombinedOutput(); err == nil || !strings.Contains(string(out), "ead-only file system") {
			t.Errorf("%s: %v, %s", line, err, out)
		}
	}
	b.unchanged()
}

// unchanged checks that the slow folder is as it was at first.
func (b *bench) unchanged() {
	b.t.Helper()
	entries, err := os.ReadDir(b.slow)
	if err != nil || len(entries) != 1 {
		b.t.Fatalf("the folder has %v, %v", entries, err)
	}
	if st, err := entries[0].Info(); err != nil || st.Name() != "file" || st.Size() != 300<<10 || st.Mode() != 0o600 {
		b.t.Errorf("the file is %v, %v", st, err)
	}
}

// A sandbox that is frozen in the middle of what it does goes on later.
func TestStoppedChildGoesOn(t *testing.T) {
	b := newBench(t, slowfiles.Options{Delay: 200 * time.Millisecond})
	cmd := b.command("together 8 "+b.slow+"/file", "stats 1 "+b.slow+"/file")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b.until("stat", 8)
	if err := cmd.Process.Signal(unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	// Whatever others want of the supervisor, they get meanwhile.
	b.s.SetDelay(0)
	b.run("stats 3 " + b.slow + "/file")
	if err := cmd.Process.Signal(unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestKilledChildLeavesNothingHanging(t *testing.T) {
	b := newBench(t, slowfiles.Options{Delay: time.Second})
	cmd := b.command("together 8 " + b.slow + "/file")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b.until("stat", 8)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	// Close, at the test's end, waits for all that is under way.
}

func TestCloseLeavesNoChildHanging(t *testing.T) {
	b := newBench(t, slowfiles.Options{})
	cmd := b.command("forever " + b.slow + "/file")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b.until("stat", 3)
	if err := b.s.Close(); err != nil {
		t.Fatal(err)
	}
	if cmd.Wait(); cmd.ProcessState.ExitCode() != exitNoFiles {
		t.Errorf("the child ended with %v", cmd.ProcessState)
	}
}

func (b *bench) until(kind string, n int64) {
	b.t.Helper()
	for b.s.Counts()[kind] < n {
		if b.t.Context().Err() != nil {
			b.t.Fatal(b.t.Context().Err())
		}
		time.Sleep(time.Millisecond) // the other process has no other way to tell
	}
}

func TestTwoCommandsAreTwoHosts(t *testing.T) {
	b := newBench(t, slowfiles.Options{})
	b.run("read " + b.slow + "/file")
	b.run("read " + b.slow + "/file")
	if diff := cmp.Diff(map[string]int64{"open": 2, "read": 6}, b.s.Counts()); diff != "" {
		t.Errorf("the second began with the first one's pages (-want +got)\n%s", diff)
	}
}

func TestWrongOptionsAllAtOnce(t *testing.T) {
	_, err := slowfiles.New(slowfiles.Options{Folders: []string{"/none/there"}, Delay: -1, FailureRate: 2})
	for _, part := range []string{"/none", "delay", "rate"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not speak of %s", err, part)
		}
	}
}
