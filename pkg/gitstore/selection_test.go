package gitstore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/gitstore/gitstoretest"
)

// written writes a selection, twice, and returns the pack.
func written(t testing.TB, s *Selection) []byte {
	t.Helper()
	var one, two bytes.Buffer
	for _, b := range []*bytes.Buffer{&one, &two} {
		if err := s.WritePack(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Error("the second time other bytes were sent")
	}
	return one.Bytes()
}

// received lets git take a pack in at a client, and lists what was in it.
func received(t testing.TB, client string, pack []byte, args ...string) map[OID]bool {
	t.Helper()
	cmd := exec.Command("git", append([]string{"index-pack", "--stdin", "--fix-thin"}, args...)...)
	cmd.Dir, cmd.Env, cmd.Stdin = client, gitstoretest.Env(), bytes.NewReader(pack)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git index-pack: %v %s", err, out)
	}
	n := int(binary.BigEndian.Uint32(pack[8:]))
	if n == 0 {
		return map[OID]bool{}
	}
	name := filepath.Join(client, "objects", "pack", "pack-"+strings.Fields(string(out))[1]+".idx")
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	x, err := parseIndex(b)
	if err != nil {
		t.Fatal(err)
	}
	// What index-pack itself added to a thin pack lies behind what was sent.
	end := slices.Sorted(slices.Values(x.offsets))[n-1]
	got := map[OID]bool{}
	for i, id := range x.ids {
		if x.offsets[i] <= end {
			got[id] = true
		}
	}
	if len(got) != n {
		t.Errorf("%d objects were announced, %d different ones sent", n, len(got))
	}
	return got
}

func (w *world) pickSome(n int) (ids []OID) {
	for range n {
		ids = append(ids, w.made[w.rng.IntN(len(w.made))])
	}
	return ids
}

func filters(rng *rand.Rand) (Filter, string) {
	switch rng.IntN(6) {
	case 0:
		return Filter{Kind: NoBlobs}, "blob:none"
	case 1:
		n := int64(rng.IntN(3500))
		return Filter{Kind: SmallBlobs, Limit: n}, fmt.Sprintf("blob:limit=%d", n)
	case 2:
		n := int64(rng.IntN(5))
		return Filter{Kind: TreeDepth, Limit: n}, fmt.Sprintf("tree:%d", n)
	default:
		return Filter{}, ""
	}
}

// Git itself is asked what a client must be sent: that has to be in the answer,
// and nothing else but what the client is known to have.
func TestAnswersAreWhatGitSaysTheClientLacks(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, seed)
			for range 30 {
				w.step()
			}
			for range 10 {
				w.ask()
			}
		})
	}
}

// ask puts one random question and checks the answer.
func (w *world) ask() {
	w.t.Helper()
	head := w.head()
	f := Fetch{Wants: []OID{head}, Haves: w.pickSome(w.rng.IntN(4)), Thin: w.rng.IntN(2) == 0}
	if w.rng.IntN(4) == 0 {
		f.Wants = w.pickSome(1 + w.rng.IntN(2))
	}
	if w.rng.IntN(6) == 0 {
		head = f.Wants[0]
		f.Wants = f.Wants[:1]
	}
	var spec string
	f.Filter, spec = filters(w.rng)
	h := w.history(head)
	common := h.Common(f.Haves)
	f.Haves = append(f.Haves, w.lost...) // of no use, and they change nothing
	what := fmt.Sprintf("head %s, %d bases, %d recent; want %v have %v filter %q thin %v", head, len(h.bases), len(h.recent), f.Wants, common, spec, f.Thin)
	s, err := h.Select(w.t.Context(), f, Boundary{})
	if err != nil {
		w.t.Fatalf("%s: %v", what, err)
	}
	pack := written(w.t, s)
	args := []string{"--strict"}
	if spec != "" {
		args = []string{"--fsck-objects"} // what is filtered out is missing
	}
	w.t.Log(what)
	got := received(w.t, w.client(common, nil), pack, args...)
	has := map[OID]bool{}
	if len(common) > 0 {
		has = w.objects("", common, nil)
	}
	must := w.objects(spec, f.Wants, common)
	for id := range must {
		// Git too sends again what a commit brings back, unless it is at hand.
		if !got[id] && !has[id] {
			w.t.Errorf("%s: %s is not sent", what, id)
		}
	}
	for id := range got {
		if !must[id] && !has[id] {
			w.t.Errorf("%s: %s is sent", what, id)
		}
	}
	if s.Objects() != len(got) {
		w.t.Errorf("%s: %d objects announced, %d sent", what, s.Objects(), len(got))
	}
}

// All may lie in files of their own, as git leaves it that has unpacked what was
// pushed into the folder.
func TestAnswersFromLooseObjects(t *testing.T) {
	for seed := range uint64(2) {
		w := newWorld(t, seed+400)
		for range 15 {
			w.step()
		}
		away := t.TempDir()
		packs, err := filepath.Glob(w.r.packFile("*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range packs {
			if err := os.Rename(name, filepath.Join(away, filepath.Base(name))); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range packs {
			if strings.HasSuffix(name, ".pack") {
				data, err := os.ReadFile(filepath.Join(away, filepath.Base(name)))
				if err != nil {
					t.Fatal(err)
				}
				w.git(string(data), "unpack-objects", "-q")
			}
		}
		w.bases, w.tips = nil, nil
		w.reopen()
		for range 8 {
			w.ask()
		}
	}
}

func TestShallowAnswersAreWhatGitClones(t *testing.T) {
	for seed := range uint64(3) {
		w := newWorld(t, seed+100)
		for range 30 {
			w.step()
		}
		w.mirror()
		for range 3 {
			depth := 1 + w.rng.IntN(6)
			clone := t.TempDir()
			gitstoretest.Git(t, t.TempDir(), "clone", "-q", "--bare", "--no-local", fmt.Sprintf("--depth=%d", depth), "file://"+w.repo, clone)
			want := idsOf(gitstoretest.Git(t, clone, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)"))
			h := w.history(w.head())
			f := Fetch{Wants: []OID{w.head()}, Deepen: Deepen{Depth: depth}, Thin: true}
			b, err := h.Boundary(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			s, err := h.Select(t.Context(), f, b)
			if err != nil {
				t.Fatal(err)
			}
			got := received(t, w.client(nil, b.Shallow), written(t, s), "--strict")
			for _, id := range want {
				if !got[id] {
					t.Errorf("depth %d: %s is not sent", depth, id)
				}
			}
			if len(got) != len(want) {
				t.Errorf("depth %d: %d objects are sent, git sends %d", depth, len(got), len(want))
			}
		}
	}
}

// A partial clone asks for what it turns out to need, thousands at a time.
func TestWantedTreesAndBlobs(t *testing.T) {
	for seed := range uint64(3) {
		w := newWorld(t, seed+200)
		for range 25 {
			w.step()
		}
		h := w.history(w.head())
		var trees, blobs []OID
		all := w.git("", "rev-list", "--objects", "--no-object-names", w.head().String())
		for line := range strings.Lines(w.git(all, "cat-file", "--batch-check=%(objectname) %(objecttype)")) {
			switch id := idsOf(line)[0]; strings.Fields(line)[1] {
			case "tree":
				trees = append(trees, id)
			case "blob":
				blobs = append(blobs, id)
			}
		}
		some := func(ids []OID, n int) (out []OID) {
			for range n {
				out = append(out, ids[w.rng.IntN(len(ids))])
			}
			return out
		}
		for range 8 {
			f := Fetch{Wants: slices.Concat(some(trees, w.rng.IntN(3)), some(blobs, 1+w.rng.IntN(9)))}
			var spec string
			f.Filter, spec = filters(w.rng)
			if none, err := h.Unreachable(t.Context(), f.Wants); err != nil || !none.IsZero() {
				t.Errorf("unreachable: %s %v", none, err)
			}
			s, err := h.Select(t.Context(), f, Boundary{})
			if err != nil {
				t.Fatal(err)
			}
			got := received(t, w.client(nil, nil), written(t, s))
			want := w.objects(spec, f.Wants, nil)
			for _, id := range f.Wants { // git leaves one out that it met in a tree before
				want[id] = true
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("want %v filter %q: %s", f.Wants, spec, d)
			}
		}
	}
}

// Whatever is in the history can be asked for and measured, and nothing else.
func TestUnreachableAndSize(t *testing.T) {
	for seed := range uint64(4) {
		w := newWorld(t, seed+300)
		for range 25 {
			w.step()
		}
		w.lost = append(w.lost, w.commit(w.made[0]))
		for _, head := range []OID{w.head(), w.made[len(w.made)/2]} {
			h := w.history(head)
			in := w.objects("", []OID{head}, nil)
			for line := range strings.Lines(w.git("", "cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objectsize)")) {
				id, size := idsOf(line)[0], strings.Fields(line)[1]
				bad, err := h.Unreachable(t.Context(), []OID{head, id})
				if err != nil {
					t.Fatal(err)
				}
				got, err := h.Size(t.Context(), id)
				if in[id] != bad.IsZero() || in[id] != (err == nil) || in[id] && fmt.Sprint(got) != size {
					t.Errorf("%s in the history: %v; unreachable %s, size %d of %s, %v", id, in[id], bad, got, size, err)
				}
			}
		}
	}
}
