package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// gitRow is something that people do with a git remote.
type gitRow struct {
	name  string
	has   string // the clone that it is done in; "" for none
	args  []string
	third bool // it is to take a third of git's time
	crowd bool // it is also measured with many at once
}

var gitRows = []gitRow{
	{name: "full clone", args: []string{"clone", "-q", "--no-checkout"}, third: true, crowd: true},
	{name: "`clone --depth 1`", args: []string{"clone", "-q", "--no-checkout", "--depth", "1"}, crowd: true},
	{name: "`clone --filter=blob:none`, before the checkout", args: []string{"clone", "-q", "--no-checkout", "--filter=blob:none"}},
	{name: "the blobs for its checkout", has: "partial", args: []string{"checkout", "-q", "main"}},
	{name: "fetch of one new commit", has: "behind", args: []string{"fetch", "-q", "origin"}},
	{name: "fetch of nothing new", has: "even", args: []string{"fetch", "-q", "origin"}, third: true},
	{name: "`ls-remote`", args: []string{"ls-remote", "-q"}},
}

// run has the real client do it once, and says how long that took.
func (r gitRow) run(ctx context.Context, s *scene, url string) (time.Duration, error) {
	dir, err := os.MkdirTemp(s.dir, "client-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	work := filepath.Join(dir, "clone")
	args := append([]string{}, r.args...)
	switch {
	case r.has != "":
		if err := linkTree(ctx, filepath.Join(s.clones, r.has), work); err != nil {
			return 0, err
		}
		args = append([]string{"-C", work, "-c", "remote.origin.url=" + url}, args...)
	case r.args[0] == "clone":
		args = append(args, url, work)
	default:
		args = append(args, url)
	}
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Env = clientEnv()
	begin := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(begin)
	if warned := bytes.Contains(out, []byte("warning:")); err != nil || warned { // a filter that is not known is one
		return 0, fmt.Errorf("git %s: %w: %.200s", strings.Join(r.args, " "), cmp.Or(err, errors.New("the client warns")), strings.TrimSpace(string(out)))
	}
	return took, r.check(ctx, s, work, out)
}

// check looks whether the client has got the head.
func (r gitRow) check(ctx context.Context, s *scene, work string, printed []byte) error {
	head := string(printed)
	if r.args[0] != "ls-remote" {
		out, err := exec.CommandContext(ctx, "git", "-C", work, "rev-parse", "refs/remotes/origin/main").Output()
		if err != nil {
			return fmt.Errorf("look at what was fetched: %w", err)
		}
		head = string(out)
	}
	if !strings.HasPrefix(head, s.head) {
		return fmt.Errorf("git %s has got %.40q, not the head %s", strings.Join(r.args, " "), head, s.head)
	}
	return nil
}

func linkTree(ctx context.Context, from, to string) error {
	if out, err := exec.CommandContext(ctx, "cp", "-al", from, to).CombinedOutput(); err != nil {
		return fmt.Errorf("copy a clone: %w: %s", err, out)
	}
	return nil
}

// clientEnv is that of somebody who has configured nothing.
func clientEnv() []string {
	return append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C",
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=maintenance.auto", "GIT_CONFIG_VALUE_0=false")
}
