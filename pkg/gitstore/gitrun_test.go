package gitstore

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"wikibot.io/pkg/gitstore/gitstoretest"
)

// gitWith runs the real git with something to read and some environment more. It
// returns what it wrote, and fails the test with what it complained of.
func gitWith(t testing.TB, dir string, in *bytes.Buffer, env []string, args ...string) []byte {
	t.Helper()
	out, complaint := gitAnswer(t, dir, in, env, args...)
	if complaint != "" {
		t.Fatalf("git %s: %s", strings.Join(args, " "), complaint)
	}
	return out
}

// gitAnswer is gitWith for a git that may fail; then it complains.
func gitAnswer(t testing.TB, dir string, in *bytes.Buffer, env []string, args ...string) (out []byte, complaint string) {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = dir, append(gitstoretest.Env(), env...)
	if in != nil {
		cmd.Stdin = in
	}
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, err.Error() + ": " + said.String()
	}
	return out, ""
}
