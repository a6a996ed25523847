package upkeep_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/upkeep"
)

// newcomer is the keeper of a process that has just come.
func (s *scene) newcomer() *upkeep.Keeper {
	s.t.Helper()
	git, err := gitstore.Open(filepath.Dir(s.Git.Dir(s.wiki.ID)), gitstore.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.newKeeper(s.Records, git)
}

func TestCheckCounts(t *testing.T) {
	s := set(t)
	s.save(upkeep.Due)
	s.tend(false)
	s.save(3)
	v, err := s.newcomer().Check(t.Context(), s.wiki.ID)
	if err != nil || len(v.Problems) > 0 {
		t.Fatalf("%v, %q", err, v.Problems)
	}
	w := s.Now(t, s.wiki.ID)
	if v.Slug != "ada" || v.Head != w.Head || v.Bases != 1 || v.Loose != 3 || v.Packs != s.files(".pack") || v.Reachable == 0 {
		t.Errorf("%+v", v)
	}
	if _, err := s.keeper.Check(t.Context(), "none"); !fault.Is(err, fault.NotFound) {
		t.Errorf("no wiki: %v", err)
	}
}

func TestCheckSeesWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		why   string
		spoil func(*scene)
		want  string
	}{
		{"the base that the record names is gone", func(s *scene) {
			s.each(s.Now(s.t, s.wiki.ID).BasePacks[0], func(path string) error { return os.Remove(path) })
		}, "pack-"},
		{"a bit of it has turned", func(s *scene) {
			s.each(s.Now(s.t, s.wiki.ID).BasePacks[0]+".pack", func(path string) error {
				b, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				b[len(b)/2] ^= 4
				return os.WriteFile(path, b, 0o644)
			})
		}, "pack-"},
		{"plain git takes another commit for the head", func(s *scene) {
			ref := filepath.Join(s.Git.Dir(s.wiki.ID), "repo.git", "refs", "heads", "main")
			if err := os.WriteFile(ref, []byte(strings.Repeat("1", 40)+"\n"), 0o644); err != nil {
				s.t.Fatal(err)
			}
		}, "refs/heads/main says 1111"},
		{"and none at all", func(s *scene) {
			if err := os.Remove(filepath.Join(s.Git.Dir(s.wiki.ID), "repo.git", "refs", "heads", "main")); err != nil {
				s.t.Fatal(err)
			}
		}, "refs/heads/main says nothing"},
	} {
		t.Run(c.why, func(t *testing.T) {
			s := loneScene(t)
			s.save(upkeep.Due)
			s.tend(false)
			c.spoil(s)
			s.now = s.now.Add(time.Hour)
			v, err := s.newcomer().Check(t.Context(), s.wiki.ID)
			if err != nil {
				t.Fatal(err)
			}
			if all := strings.Join(v.Problems, "\n"); !strings.Contains(all, c.want) {
				t.Errorf("problems %q, want one with %q", v.Problems, c.want)
			}
		})
	}
}

// each calls do for the files of a pack.
func (s *scene) each(name string, do func(path string) error) {
	s.t.Helper()
	found, err := filepath.Glob(filepath.Join(s.Git.Dir(s.wiki.ID), "repo.git", "objects", "pack", name+"*"))
	if err != nil || len(found) == 0 {
		s.t.Fatalf("no files %s: %v", name, err)
	}
	for _, path := range found {
		if err := os.Chmod(path, 0o644); err != nil {
			s.t.Fatal(err)
		}
		if err := do(path); err != nil {
			s.t.Fatal(err)
		}
	}
}

// A wiki that is written to and tended all the while is no wiki with problems.
func TestCheckOfABusyWiki(t *testing.T) {
	s := set(t)
	s.save(2)
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() {
		defer close(done)
		for range 10 {
			s.save(4)
			if _, err := s.keeper.Tend(context.Background(), s.wiki.ID, true); err != nil {
				t.Error(err)
			}
		}
	})
	for busy, looks := true, 0; busy; looks++ {
		select {
		case <-done:
			busy = false
		default:
		}
		v, err := s.newcomer().Check(context.Background(), s.wiki.ID)
		if err != nil || len(v.Problems) > 0 {
			t.Errorf("look %d: %v, %q", looks, err, v.Problems)
		}
	}
	wg.Wait()
}

// A step that was recorded a moment ago and is not mirrored yet is a save under way.
func TestCheckWhileASaveIsUnderWay(t *testing.T) {
	s := loneScene(t)
	s.save(1)
	before := s.Now(t, s.wiki.ID).Head
	s.save(1)
	ref := filepath.Join(s.Git.Dir(s.wiki.ID), "repo.git", "refs", "heads", "main")
	if err := os.WriteFile(ref, []byte(before+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for after, problems := range map[time.Duration]int{time.Second: 0, 2 * time.Minute: 1} {
		s.now = s.Now(t, s.wiki.ID).HeadAt.Add(after)
		v, err := s.newcomer().Check(t.Context(), s.wiki.ID)
		if err != nil || len(v.Problems) != problems {
			t.Errorf("after %s: %v, %q", after, err, v.Problems)
		}
	}
}
