package wiki_test

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"wikibot.io/pkg/gitstore/gitstoretest"
	"wikibot.io/pkg/index"
	"wikibot.io/pkg/wiki/wikitest"
)

// Several processes write to one wiki, publish its index over each other, and
// read; one of them is killed in the middle. Another reads all the time.
func TestSeveralProcessesOnOneWiki(t *testing.T) {
	h := wikitest.New(t)
	w := h.Make(t, "ada")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	acknowledged := map[string]bool{}
	var hosts sync.WaitGroup
	for _, name := range []string{"one", "two", "killed"} {
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Env = append(os.Environ(), hostEnv+"="+h.Dir+" "+w.ID+" "+name)
		var log bytes.Buffer
		cmd.Stderr = &log
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		hosts.Go(func() {
			saves := 0
			for lines := bufio.NewScanner(out); lines.Scan(); {
				path := lines.Text()
				mu.Lock()
				acknowledged[path] = true
				mu.Unlock()
				if got := read(t, h, h.Now(t, w.ID), path); got != path {
					t.Errorf("another process reads %q in %s", got, path)
				}
				if saves++; name == "killed" && saves == hostSaves/2 {
					cmd.Process.Kill()
				}
			}
			if err := cmd.Wait(); err != nil && name != "killed" {
				t.Errorf("process %s: %v\n%s", name, err, log.String())
			}
		})
	}
	hosts.Wait()
	now := h.Now(t, w.ID)
	if least := 2*hostSaves + hostSaves/2; len(acknowledged) < least {
		t.Errorf("%d saves were acknowledged, not %d", len(acknowledged), least)
	}
	for path := range acknowledged {
		if got := read(t, h, now, path); got != path {
			t.Errorf("%s is %q", path, got)
		}
	}
	view, err := h.Engine.Index(t.Context(), now)
	if err != nil {
		t.Fatal(err)
	}
	if _, total, err := view.Pages(t.Context(), index.Filter{}); err != nil || int64(total) != now.PageCount {
		t.Errorf("the index lists %d pages, %d are counted: %v", total, now.PageCount, err)
	}
	// The last to write may have been killed, or overtaken, before it brought the
	// mirror up: who comes next repairs it.
	next := wikitest.Open(t, h.Dir)
	t.Cleanup(func() { next.Index.Close(); next.Records.Close() })
	read(t, next, now, "Home")
	gitstoretest.Check(t, filepath.Join(h.Dir, "wikis"), w.ID, now.Head, gitstoretest.Crashed)
}
