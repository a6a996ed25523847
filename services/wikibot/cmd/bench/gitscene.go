package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"wikibot.io/services/rehearsal/slowfiles"
)

// scene is a wiki that grows, and git's own servers beside it.
type scene struct {
	*house
	dir    string
	folder string // the wiki's repository, which wikibot and git serve
	copied string // a copy that git has prepared as well as it can
	clones string // what clients have: "behind" by one commit, "even", "partial"
	head   string
	made   int // saves
	state  string
	slow   *slowfiles.Supervisor
}

func newScene(ctx context.Context, bin, dir, corpus string, delay time.Duration) (*scene, error) {
	h, err := furnish(ctx, bin, dir, corpus)
	if err != nil {
		return nil, err
	}
	s := &scene{house: h, dir: dir, copied: filepath.Join(dir, "copied", "repo.git"), clones: filepath.Join(dir, "clones")}
	h.wrap = func(argv []string) []string { return argv }
	if delay > 0 {
		folders := []string{filepath.Join(h.data, "wikis"), filepath.Dir(s.copied)}
		if err := os.MkdirAll(folders[1], 0o755); err != nil {
			return nil, err
		}
		if s.slow, err = slowfiles.New(slowfiles.Options{Folders: folders, Delay: delay}); err != nil {
			return nil, err
		}
		h.wrap = s.slow.Command
	}
	repos, err := filepath.Glob(filepath.Join(h.data, "wikis", "*", "repo.git"))
	if err != nil || len(repos) != 1 {
		return nil, errors.Join(fmt.Errorf("find the repository: %v, %v", repos, err), s.close())
	}
	s.folder = repos[0]
	if err := s.serve(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *scene) close() error {
	if s.cmd != nil {
		s.stop()
	}
	if s.slow != nil {
		return s.slow.Close()
	}
	return nil
}

// advance saves pages through REST, by turns a new page and an edit, and leaves
// behind what clients of these days have.
func (s *scene) advance(ctx context.Context, saves int) error {
	paths, err := s.pagePaths(ctx)
	if err != nil {
		return err
	}
	for i := range saves {
		if i == saves-1 {
			if err := s.clone(ctx, "behind"); err != nil {
				return err
			}
		}
		if s.made++; s.made%2 == 0 {
			err = s.edit(ctx, paths[s.made*7919%len(paths)])
		} else {
			err = s.save(ctx, fmt.Sprintf("Section 1/Part 1/News %d", s.made), "# News\n\nOne thing and another.\n")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// settle names the state as it is now, for what is measured next.
func (s *scene) settle(ctx context.Context, state string) error {
	s.state = state
	out, err := exec.CommandContext(ctx, "git", "-C", s.folder, "rev-parse", "refs/heads/main").Output()
	if err != nil {
		return fmt.Errorf("read the head: %w", err)
	}
	s.head = strings.TrimSpace(string(out))
	if err := s.clone(ctx, "even"); err != nil {
		return err
	}
	if err := s.clone(ctx, "partial", "--filter=blob:none"); err != nil {
		return err
	}
	return s.prepare(ctx)
}

// prepare makes the copy: one pack with a bitmap, deltas searched anew, and a
// commit graph. Packs that wikibot holds back from git's repacking are not.
func (s *scene) prepare(ctx context.Context) error {
	if err := os.RemoveAll(s.copied); err != nil {
		return err
	}
	if err := os.CopyFS(s.copied, os.DirFS(s.folder)); err != nil {
		return err
	}
	keeps, err := filepath.Glob(filepath.Join(s.copied, "objects", "pack", "*.keep"))
	for _, keep := range keeps {
		err = errors.Join(err, os.Remove(keep))
	}
	return errors.Join(err, git(ctx, s.copied, "repack", "-adbfq"), git(ctx, s.copied, "commit-graph", "write", "--reachable"))
}

// clone makes what a client has by now. It knows no remote: each use names one.
func (s *scene) clone(ctx context.Context, name string, options ...string) error {
	dir := filepath.Join(s.clones, name)
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	peer, err := startCGI(name, s.folder, func(argv []string) []string { return argv })
	if err != nil {
		return err
	}
	defer peer.stop()
	args := append([]string{"clone", "-q", "--no-checkout"}, options...)
	if err := git(ctx, ".", append(args, remoteURL(peer), dir)...); err != nil {
		return err
	}
	// Uses are copies by hard links, so nothing may be appended to.
	return errors.Join(git(ctx, dir, "config", "--unset", "remote.origin.url"), git(ctx, dir, "config", "core.logAllRefUpdates", "false"))
}

// edit changes a page.
func (s *scene) edit(ctx context.Context, path string) error {
	var page struct{ Content, Revision string }
	status, body, err := s.request(ctx, http.MethodGet, "/api/v1/pages"+escape(path), nil)
	if err == nil && status == http.StatusOK {
		err = json.Unmarshal(body, &page)
	}
	if err != nil || status != http.StatusOK {
		return fmt.Errorf("read %s: %d %.300s: %w", path, status, body, err)
	}
	change := map[string]string{"content": page.Content + fmt.Sprintf("\nAnd another thing, the %dth.\n", s.made), "revision": page.Revision}
	status, body, err = s.request(ctx, http.MethodPut, "/api/v1/pages"+escape(path), change)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("edit %s: %d %.300s", path, status, body)
	}
	return err
}

// maintain folds the wiki's packs.
func (s *scene) maintain(ctx context.Context) error {
	_, err := s.admin(ctx, "maintain", "--slug", "bench")
	return err
}

// commits counts the history.
func (s *scene) commits(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "git", "-C", s.folder, "rev-list", "--count", "refs/heads/main").Output()
	if err != nil {
		return "", fmt.Errorf("count the commits: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// packs describes the packs of the wiki.
func (s *scene) packs() string {
	kept, count, size := 0, 0, int64(0)
	err := filepath.WalkDir(filepath.Join(s.folder, "objects", "pack"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		switch filepath.Ext(path) {
		case ".keep":
			kept++
		case ".pack":
			info, err := d.Info()
			if err != nil {
				return err
			}
			count, size = count+1, size+info.Size()
		}
		return nil
	})
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d packs, %d of them bases, %.1f MB", count, kept, float64(size)/1e6)
}

func (h *house) title() string   { return "wikibot" }
func (h *house) address() string { return h.addr() }
func (h *house) host() string    { return h.wikiHost }
