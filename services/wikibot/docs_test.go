package wikibot_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Every command that the README shows is run, in the order in which it stands
// there. The scripts are: this test is part of scripts/test, the browser tests
// start scripts/up, and what scripts/rehearse runs.
func TestREADMECommands(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	repo := filepath.Join(dir, "repo")
	for _, args := range [][]string{{"init", "-q", "-b", "main", repo}, {"-C", repo, "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-q", "--allow-empty", "-m", "begin"}} {
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	ran := 0
	for line := range strings.Lines(string(readme)) {
		command, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "    ")
		if !ok {
			continue
		}
		words := strings.Fields(strings.ReplaceAll(command, "path/to/repository", repo))
		switch words[0] {
		case "scripts/up", "scripts/test", "scripts/rehearse":
			if info, err := os.Stat("../../" + words[0]); err != nil || info.Mode()&0o111 == 0 {
				t.Errorf("%s cannot be run: %v", words[0], err)
			}
		case "bin/wikibot":
			cmd := exec.Command("wikibot", words[1:]...)
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", command, err, out)
			}
		default:
			t.Errorf("README shows %q, which no test runs", command)
		}
		ran++
	}
	if ran < 4 {
		t.Errorf("only %d commands were found in the README", ran)
	}
}
