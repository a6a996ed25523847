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
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = dir, append(gitstoretest.Env(), env...)
	if in != nil {
		cmd.Stdin = in
	}
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, complaint.String())
	}
	return out
}
