package gitstore

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/gitstore/gitstoretest"
)

// sent writes a selection and lists what git finds in the pack. base is a
// repository that the client has already.
func sent(t *testing.T, s *Selection, base string) []string {
	t.Helper()
	var pack bytes.Buffer
	if err := s.WritePack(t.Context(), &pack); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "sent.pack")
	if err := os.WriteFile(file, pack.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("git", "index-pack", "--strict", file)
	cmd.Dir, cmd.Env = base, gitstoretest.Env()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git index-pack: %v %s", err, out)
	}
	var ids []string
	x, err := os.ReadFile(strings.TrimSuffix(file, ".pack") + ".idx")
	if err != nil {
		t.Fatal(err)
	}
	index, err := parseIndex(x)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range index.ids {
		ids = append(ids, id.String())
	}
	if len(ids) != s.Objects() {
		t.Errorf("%d objects were announced, %d sent", s.Objects(), len(ids))
	}
	return ids
}

// dag commits a random history with merges, and clocks that now and then go
// backwards; it returns the commits in the order of their making.
func dag(t *testing.T, r *Repo, rng *rand.Rand, n int) []OID {
	t.Helper()
	var made []OID
	for i := range n {
		var parents []OID
		if i > 0 {
			parents = append(parents, made[max(0, i-1-rng.IntN(3))])
			if other := made[rng.IntN(i)]; rng.IntN(4) == 0 && other != parents[0] {
				parents = append(parents, other)
			}
		}
		var base OID
		if len(parents) > 0 {
			p, err := r.Commit(t.Context(), parents[0])
			if err != nil {
				t.Fatal(err)
			}
			base = p.Tree
		}
		b := r.NewBatch()
		path := fmt.Sprintf("%d/%d/page.md", rng.IntN(3), rng.IntN(3))
		tree, err := b.Apply(t.Context(), base, []Edit{{Path: path, ID: b.Blob(fmt.Appendf(nil, "page %d\n", i))}})
		if err != nil {
			t.Fatal(err)
		}
		who := someone
		who.When = who.When.Add(time.Duration(i+rng.IntN(3)) * time.Minute)
		made = append(made, b.Commit(Commit{Tree: tree, Parents: parents, Author: who, Committer: who, Message: fmt.Sprint(i)}))
		if err := b.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return made
}

// Whatever a client has, it must get all that git says it lacks, and hardly
// more: git too sends again what a revert brings back.
func TestSelectionsAreWhatGitWouldSend(t *testing.T) {
	s, r := newTestRepo(t)
	repo := filepath.Join(s.Dir(wikiID), repoFolder)
	rng := rand.New(rand.NewPCG(1, 2))
	made := dag(t, r, rng, 40)
	for range 25 {
		want := made[rng.IntN(len(made))]
		var have []OID
		args := []string{"rev-list", "--objects", "--no-object-names", want.String()}
		for range rng.IntN(4) {
			have = append(have, made[rng.IntN(len(made))])
			args = append(args, "^"+have[len(have)-1].String())
		}
		selection, err := r.Select(t.Context(), want, have)
		if err != nil {
			t.Fatal(err)
		}
		lacks := strings.Fields(gitstoretest.Git(t, repo, args...))
		got := sent(t, selection, repo)
		for _, id := range lacks {
			if !slices.Contains(got, id) {
				t.Errorf("want %s, have %v: %s is not sent", want, have, id)
			}
		}
		if len(got) > len(lacks)+8 {
			t.Errorf("want %s, have %v: %d objects are sent, git would send %d", want, have, len(got), len(lacks))
		}
	}
}

// Plain git, run by whoever owns the disk, may have repacked everything under
// other names; then a clone is what the history needs, object by object.
func TestCloneOfARepositoryThatGitRepacked(t *testing.T) {
	s, r := newTestRepo(t)
	repo := filepath.Join(s.Dir(wikiID), repoFolder)
	made := dag(t, r, rand.New(rand.NewPCG(3, 4)), 30)
	head := made[len(made)-1]
	if err := r.Mirror(t.Context(), head, 1); err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(gitstoretest.Git(t, repo, "rev-list", "--objects", "--no-object-names", "main"))
	slices.Sort(want)
	gitstoretest.Git(t, repo, "repack", "-adfq")
	r = fresh(t, s)
	for i, files := range []map[string]string{nil, {"new.md": "n"}} {
		if files != nil {
			head = save(t, r, head, "ours", files)
		}
		selection, err := r.Select(t.Context(), head, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := sent(t, selection, repo); i == 0 {
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		} else if len(got) != len(want)+3 {
			t.Errorf("%d objects, want %d", len(got), len(want)+3)
		}
	}
}

func TestReachesKnowsOnlyTheHistoryOfTheHead(t *testing.T) {
	_, r := newTestRepo(t)
	one := save(t, r, OID{}, "one", map[string]string{"a.md": "1"})
	lost := save(t, r, one, "lost", map[string]string{"a.md": "x"})
	two := save(t, r, one, "two", map[string]string{"a.md": "2"})
	got, err := r.Reaches(t.Context(), two, []OID{one, two, lost, {1}})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[OID]bool{one: true, two: true}, got); d != "" {
		t.Error(d)
	}
	selection, err := r.Select(t.Context(), two, nil)
	if err != nil || selection.Objects() != 6 {
		t.Errorf("a clone has %d objects %v", selection.Objects(), err)
	}
}

// A disk that fails under a running clone must not end in a pack that looks whole.
func TestAFailingReaderOrWriterEndsTheClone(t *testing.T) {
	_, r := newTestRepo(t)
	head := OID{}
	for i := range 5 {
		head = save(t, r, head, "m", map[string]string{"a.md": fmt.Sprint(i)})
	}
	selection, err := r.Select(t.Context(), head, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := selection.WritePack(t.Context(), brokenPipe{}); !errors.Is(err, errFull) {
		t.Errorf("client gone: %v", err)
	}
	if err := os.Truncate(r.packFile("pack-"+head.String()+".pack"), 40); err != nil {
		t.Fatal(err)
	}
	if err := selection.WritePack(t.Context(), &bytes.Buffer{}); err == nil {
		t.Error("a pack cut short was sent as whole")
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errFull }
