package wikibot_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
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

// binCommand is a command of ours as the other pages show it: in a line of its own
// or within a sentence.
var binCommand = regexp.MustCompile("(?m)^    (?:[A-Z_]+=\\S+ )?bin/wikibot (.+)$|`bin/wikibot ([^`]+)`")

// Every command of ours on the pages about running it works, on a folder that was
// served before.
func TestCommandsOfTheDocs(t *testing.T) {
	pages, err := filepath.Glob("../../docs/operations/*.md")
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(t.TempDir(), "data")
	serve(t, []string{"serve", "--data", data, "--listen", "127.0.0.1:0", "--log", "off"})
	admin := func(args ...string) (string, error) {
		cmd := exec.Command("wikibot", args...)
		cmd.Dir = filepath.Dir(data)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, args := range [][]string{
		{"admin", "create-user", "--data", data, "--email", "ada@example.org", "--username", "ada"},
		{"admin", "create-wiki", "--data", data, "--owner", "ada@example.org", "--slug", "notes", "--name", "Notes"},
	} {
		if out, err := admin(args...); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	ran := map[string]bool{}
	for _, page := range append(pages, "../../docs/self-hosting.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range binCommand.FindAllStringSubmatch(string(text), -1) {
			words := strings.Fields(m[1] + m[2])
			for i, w := range words {
				words[i] = strings.NewReplacer("/srv/wikibot", data, "DATA", data, "SLUG", "notes").Replace(w)
			}
			command := strings.Join(words, " ")
			if ran[command] || len(words) < 2 {
				continue
			}
			ran[command] = true
			if words[0] == "serve" {
				serve(t, append(words, "--listen", "127.0.0.1:0", "--log", "off"))
				continue
			}
			if !strings.Contains(command, "--data") {
				words = append(words, "--data", data)
			}
			if out, err := admin(words...); err != nil {
				t.Errorf("%s: %s: %v\n%s", filepath.Base(page), command, err, out)
			}
		}
	}
	if len(ran) < 5 {
		t.Errorf("only %d commands were found", len(ran))
	}
}

// serve runs a server until it serves.
func serve(t *testing.T, args []string) {
	t.Helper()
	cmd := exec.Command("wikibot", args...)
	cmd.Env = append(os.Environ(), "WIKIBOT_SIGN_IN_SECRET=a-secret")
	var wrong strings.Builder
	cmd.Stderr = &wrong
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n') // an early end shows in the line
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil && line != "" {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, out)
	if err := cmd.Wait(); err != nil || !strings.HasPrefix(line, "wikibot serves at ") {
		t.Errorf("wikibot %s: %q, %v\n%s", strings.Join(args, " "), line, err, &wrong)
	}
}
