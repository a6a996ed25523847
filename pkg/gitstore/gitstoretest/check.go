// Package gitstoretest re-reads repositories of a gitstore from their bytes,
// with the real git, and checks every invariant of the store. Tests that wrote
// to a store call it at their end.
package gitstoretest

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// T is what Check needs of a *testing.T; a *rapid.T has it as well.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Option changes what Check accepts.
type Option int

// What Check can be told to accept.
const (
	// Crashed accepts what a killed process was writing: temporary files, and a
	// pack that has no index yet.
	Crashed Option = iota + 1
	// Imported accepts git's warnings about old habits, such as mode 100664, in
	// history that was taken over as it is.
	Imported
	// Unindexed accepts a pack without index: what a save leaves that failed
	// between giving the two their names.
	Unindexed
)

// Check fails the test unless the wiki's repository in the store at dir is
// whole: git fsck --strict finds nothing but dangling objects, every pack
// verifies, refs/heads/main says wantHead (40 hex digits, "" for no commit),
// and there is no file that does not belong.
func Check(t T, dir, wikiID, wantHead string, opts ...Option) {
	t.Helper()
	repo := filepath.Join(dir, wikiID, "repo.git")
	out := meaningful(Git(t, repo, "fsck", "--strict", "--full", "--no-dangling", "--no-progress"), slices.Contains(opts, Imported))
	if out != "" {
		t.Errorf("git fsck of wiki %s: %s", wikiID, out)
	}
	packs, err := filepath.Glob(filepath.Join(repo, "objects", "pack", "*.idx"))
	if err != nil {
		t.Fatalf("check wiki: %v", err)
	}
	if len(packs) > 0 {
		Git(t, repo, append([]string{"verify-pack"}, packs...)...)
	}
	head, err := os.ReadFile(filepath.Join(repo, "refs", "heads", "main"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatalf("check wiki: %v", err)
	}
	if got := strings.TrimSpace(string(head)); got != wantHead {
		t.Errorf("refs/heads/main of wiki %s is %q, want %q", wikiID, got, wantHead)
	}
	checkFiles(t, repo, opts)
}

// meaningful drops what git says about a repository without commits, and
// warnings where they are accepted.
func meaningful(fsck string, imported bool) string {
	var kept []string
	for line := range strings.Lines(fsck) {
		if !strings.HasPrefix(line, "notice: ") && !(imported && strings.HasPrefix(line, "warning ")) {
			kept = append(kept, line)
		}
	}
	return strings.TrimSpace(strings.Join(kept, ""))
}

var belongs = regexp.MustCompile(`^(HEAD|config|refs/heads/main|objects/info/commit-graph|objects/pack/pack-[0-9a-f]{40}\.(pack|idx|keep))$`)

func checkFiles(t T, repo string, opts []Option) {
	t.Helper()
	crashed := slices.Contains(opts, Crashed)
	unindexed := crashed || slices.Contains(opts, Unindexed)
	err := filepath.WalkDir(repo, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(repo, path)
		switch temporary := strings.HasPrefix(d.Name(), "tmp_"); {
		case temporary && crashed:
		case temporary:
			t.Errorf("temporary file %s is left", rel)
		case !d.Type().IsRegular():
			t.Errorf("%s is not a regular file: %v", rel, d.Type())
		case !belongs.MatchString(filepath.ToSlash(rel)):
			t.Errorf("file %s does not belong in a repository of the store", rel)
		}
		if name, ok := strings.CutSuffix(path, ".pack"); ok && !unindexed {
			if _, err := os.Stat(name + ".idx"); err != nil {
				t.Errorf("pack %s has no index", rel)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("check wiki: %v", err)
	}
}

// Git runs the real git in a repository, apart from the configuration of
// whoever runs the test, and returns what it printed. A failure is fatal.
func Git(t T, repo string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = repo
	cmd.Env = Env()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Env is an environment for git that depends on nothing of the machine.
func Env() []string {
	return append(os.Environ(),
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.org",
		"GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.org")
}
