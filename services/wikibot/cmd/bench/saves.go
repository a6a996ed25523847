package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// start measures process start to first answer, and to the first page of the
// wiki, for which its index is brought in, on the data folder as it is.
func (b *pagesBench) start(ctx context.Context, out io.Writer, h *house) error {
	paths, err := h.pagePaths(ctx)
	if err != nil {
		return err
	}
	var took, first []time.Duration
	for range 9 {
		h.stop()
		begin := time.Now()
		if err := h.serve(); err != nil {
			return err
		}
		if err := h.app(ctx); err != nil {
			return err
		}
		first = append(first, time.Since(begin))
		if _, err := h.page(ctx, escape(paths[0])); err != nil {
			return err
		}
		took = append(took, time.Since(begin))
	}
	fmt.Fprintf(out, "\n### Start\n\nImport of the corpus (%d pages): %.1f s. Process start to first answer: median %s, worst %s. To the first page of the wiki after that (its index is brought in): median %s, worst %s.\n",
		len(paths), h.imported.Seconds(), ms(median(first)), ms(quantile(first, 1)), ms(median(took)), ms(quantile(took, 1)))
	return nil
}

// derived measures what must not walk the history.
func (b *pagesBench) derived(ctx context.Context, out io.Writer, h *house) error {
	paths, err := h.pagePaths(ctx)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(3, 4))
	words := []string{"command", "error", "type parameter", "module", "\"is not\"", "pipeline", "lifetime", "string"}
	fmt.Fprintf(out, "\n### Derived answers\n\n%d pages, REST, warm, one after the other.\n\n", len(paths))
	row(out, "question", "median", "p99")
	row(out, "---", "---", "---")
	for _, q := range []struct {
		name string
		path func() string
	}{
		{"history of a page", func() string { return "/api/v1/pages" + escape(paths[rng.IntN(len(paths))]) + "/history" }},
		{"changelog, 50 entries", func() string { return "/api/v1/changelog?limit=50" }},
		{"links of a page", func() string { return "/api/v1/links" + escape(paths[rng.IntN(len(paths))]) }},
		{"full-text search", func() string {
			return "/api/v1/search?q=" + strings.ReplaceAll(strings.ReplaceAll(words[rng.IntN(len(words))], " ", "+"), `"`, "%22")
		}},
	} {
		var took []time.Duration
		for i := range 220 {
			path := q.path()
			begin := time.Now()
			status, body, err := h.request(ctx, http.MethodGet, path, nil)
			if err != nil || status != http.StatusOK {
				return fmt.Errorf("GET %s: %d, %v: %.200s", path, status, err, body)
			}
			if i >= 20 {
				took = append(took, time.Since(begin))
			}
		}
		row(out, q.name, ms(median(took)), ms(quantile(took, 0.99)))
	}
	return nil
}

// saves compares one writer after the other with git commit on the same disk.
func (b *pagesBench) saves(ctx context.Context, out io.Writer, h *house) error {
	clone := filepath.Join(filepath.Dir(h.data), "clone")
	repos, err := filepath.Glob(filepath.Join(h.data, "wikis", "*", "repo.git"))
	if err != nil || len(repos) != 1 {
		return fmt.Errorf("find the repository: %v, %v", repos, err)
	}
	if err := git(ctx, ".", "clone", "-q", "--no-hardlinks", repos[0], clone); err != nil {
		return err
	}
	for k, v := range map[string]string{"core.fsync": "all", "core.fsyncMethod": "fsync", "gc.auto": "0", "user.name": "bench", "user.email": "bench@example.org"} {
		if err := git(ctx, clone, "config", k, v); err != nil {
			return err
		}
	}
	var ours, theirs []time.Duration
	for i := range b.Saves {
		name, text := fmt.Sprintf("bench/dir/Page %d", i), fmt.Sprintf("page %d\n", i)
		file := filepath.Join(clone, name+".md")
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		begin := time.Now()
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return err
		}
		if err := git(ctx, clone, "add", file); err != nil {
			return err
		}
		if err := git(ctx, clone, "commit", "-q", "-m", "save"); err != nil {
			return err
		}
		theirs = append(theirs, time.Since(begin))
		begin = time.Now()
		if err := h.save(ctx, name, text); err != nil {
			return err
		}
		ours = append(ours, time.Since(begin))
	}
	fmt.Fprintf(out, "\n### Save, durable, one after the other\n\n%d new pages in a folder two deep, alternating. git: write, `git add`, `git commit` with `core.fsync=all`. wikibot: REST over HTTP.\n\n", b.Saves)
	row(out, "", "median", "p99")
	row(out, "---", "---", "---")
	row(out, "git commit", ms(median(theirs)), ms(quantile(theirs, 0.99)))
	row(out, "wikibot", ms(median(ours)), ms(quantile(ours, 0.99)))
	row(out, "ratio (git ÷ wikibot)", fmt.Sprintf("%.2f", float64(median(theirs))/float64(median(ours))), "")
	return nil
}

// writers lets many write to one wiki at once.
func (b *pagesBench) writers(ctx context.Context, out io.Writer, h *house) error {
	fmt.Fprintf(out, "\n### Concurrent writers on one wiki\n\n")
	row(out, "writers", "saves asked", "saves landed", "per second")
	row(out, "---", "---", "---", "---")
	for _, n := range []int{1, 8, 32, 64} {
		each := 160 / n
		if n == 64 {
			each = 5
		}
		var landed atomic.Int64
		var all sync.WaitGroup
		begin := time.Now()
		for i := range n {
			all.Go(func() {
				for j := range each {
					if h.save(ctx, fmt.Sprintf("writers/%d/%d-%d", n, i, j), "x\n") == nil {
						landed.Add(1)
					}
				}
			})
		}
		all.Wait()
		took := time.Since(begin)
		there := 0
		for i := range n {
			for j := range each {
				if status, _, err := h.request(ctx, http.MethodGet, fmt.Sprintf("/api/v1/pages/writers/%d/%d-%d", n, i, j), nil); err == nil && status == http.StatusOK {
					there++
				}
			}
		}
		row(out, n, n*each, fmt.Sprintf("%d (%d read back)", landed.Load(), there), fmt.Sprintf("%.0f", float64(landed.Load())/took.Seconds()))
	}
	fmt.Fprintf(out, "\nMemory of the server at the end: %.0f MiB.\n", memory(h.cmd.Process.Pid))
	return nil
}

func (h *house) save(ctx context.Context, path, text string) error {
	status, body, err := h.request(ctx, http.MethodPut, "/api/v1/pages"+escape(path), map[string]string{"content": text})
	if err == nil && status != http.StatusCreated {
		err = fmt.Errorf("save %s: %d %.300s", path, status, body)
	}
	return err
}

func git(ctx context.Context, dir string, args ...string) error {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("git %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}
