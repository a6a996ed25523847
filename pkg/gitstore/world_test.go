package gitstore

import (
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

// world is a wiki with a past of every kind: saves, merges, saves that lost the
// race, objects that plain git wrote, loose and packed, and bases.
type world struct {
	t     testing.TB
	s     *Store
	r     *Repo
	repo  string
	rng   *rand.Rand
	made  []OID // the history, in the order of its making
	lost  []OID // commits that never landed
	bases []string
	tips  []OID // of bases
	hold  int64 // 0: as if packs were large, everything is read while it is sent
}

func newWorld(t *testing.T, seed uint64) *world {
	s, r := newTestRepo(t)
	w := &world{t: t, s: s, r: r, repo: filepath.Join(s.Dir(wikiID), repoFolder), rng: rand.New(rand.NewPCG(seed, 7)), hold: maxHeld}
	if seed%2 == 1 {
		w.hold = 0
	}
	r.store.answers.hold = w.hold
	return w
}

// reopen goes on as another process.
func (w *world) reopen() {
	w.t.Helper()
	w.r = fresh(w.t, w.s)
	w.r.store.answers.hold = w.hold
}

func (w *world) head() OID { return w.made[len(w.made)-1] }

func (w *world) git(stdin string, args ...string) string {
	w.t.Helper()
	return gitFed(w.t, w.repo, stdin, args...)
}

func gitFed(t testing.TB, dir, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env, cmd.Stdin = dir, gitstoretest.Env(), strings.NewReader(stdin)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git %v: %v", args, err)
	}
	return string(out)
}

func idsOf(text string) (ids []OID) {
	for field := range strings.FieldsSeq(text) {
		var id OID
		if parseID(&id, []byte(field)) == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// page is a text of some size that differs little from others of its path, and
// now and then is one that was there before.
func (w *world) page(path string) string {
	var b strings.Builder
	for i := range 20 + len(path)*3 {
		fmt.Fprintf(&b, "%s line %d %d\n", path, i, i*7919%1009)
	}
	return b.String() + fmt.Sprint(w.rng.IntN(12))
}

func (w *world) edits() map[string]string {
	files := map[string]string{}
	for range 1 + w.rng.IntN(3) {
		path := fmt.Sprintf("%d/%d/page %d.md", w.rng.IntN(3), w.rng.IntN(2), w.rng.IntN(3))
		files[path] = w.page(path)
		if w.rng.IntN(8) == 0 {
			files[path+"/below.md"] = w.page("below")
			delete(files, path)
		}
	}
	return files
}

func (w *world) commit(parents ...OID) OID {
	w.t.Helper()
	var tree OID
	if len(parents) > 0 {
		c, err := w.r.Commit(w.t.Context(), parents[0])
		if err != nil {
			w.t.Fatal(err)
		}
		tree = c.Tree
	}
	b := w.r.NewBatch()
	var edits []Edit
	for path, text := range w.edits() {
		edits = append(edits, Edit{Path: path, ID: b.Blob([]byte(text))})
	}
	// A page in the way of a folder is an error; then the commit changes nothing.
	if changed, err := b.Apply(w.t.Context(), tree, edits); err == nil {
		tree = changed
	} else if len(parents) == 0 {
		w.t.Fatal(err)
	}
	who := someone
	who.When = who.When.Add(time.Duration(len(w.made)+w.rng.IntN(3)) * time.Minute)
	id := b.Commit(Commit{Tree: tree, Parents: parents, Author: who, Committer: who, Message: fmt.Sprint(len(w.made), len(w.lost))})
	if err := b.Flush(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	return id
}

func (w *world) step() {
	w.t.Helper()
	switch n := w.rng.IntN(22); {
	case len(w.made) == 0:
		w.made = append(w.made, w.commit())
	case n < 11:
		w.made = append(w.made, w.commit(w.head()))
	case n < 13: // two edits at once
		side := w.commit(w.made[w.rng.IntN(len(w.made))])
		w.made = append(w.made, side, w.commit(w.head(), side))
	case n < 15:
		w.lost = append(w.lost, w.commit(w.made[w.rng.IntN(len(w.made))]))
	case n < 17:
		w.plainGit(w.rng.IntN(2) == 0)
	case n < 18:
		w.repack()
	case n < 20:
		w.consolidate(w.rng.IntN(len(w.bases) + 1))
	default:
		w.fold()
	}
}

// fold makes a base as the product does, on top of whatever bases there are.
func (w *world) fold() {
	w.t.Helper()
	names, err := w.r.Fold(w.t.Context(), w.head(), w.bases)
	if err != nil {
		w.t.Fatal(err)
	}
	bases, err := w.r.bases(w.t.Context(), names)
	if err != nil || len(bases) != len(names) {
		w.t.Fatalf("%d of %d bases: %v", len(bases), len(names), err)
	}
	w.bases, w.tips = names, nil
	held := map[OID]bool{}
	for _, b := range bases {
		w.tips = append(w.tips, b.tip)
		for _, id := range b.pack.index.ids {
			if held[id] {
				w.t.Errorf("%s is in two bases", id)
			}
			held[id] = true
		}
	}
	if d := cmp.Diff(w.objects("", []OID{w.head()}, nil), held); d != "" {
		w.t.Errorf("the bases are not what is reachable: %s", d)
	}
}

// plainGit adds a commit as git itself does, in a pack or as loose objects.
func (w *world) plainGit(loose bool) {
	w.t.Helper()
	w.mirror()
	limit := "fastimport.unpackLimit=1"
	if loose {
		limit = "fastimport.unpackLimit=100"
	}
	text := w.page("plain")
	stream := fmt.Sprintf("commit refs/heads/main\ncommitter Ada <ada@example.org> %d +0000\ndata 5\nplain\nfrom refs/heads/main^0\nM 644 inline plain-%d.md\ndata %d\n%s\n",
		someone.When.Unix()+int64(len(w.made))*60, w.rng.IntN(3), len(text), text)
	w.git(stream, "-c", limit, "fast-import", "--quiet", "--force")
	w.made = append(w.made, idsOf(w.git("", "rev-parse", "main"))...)
	w.reopen()
}

func (w *world) mirror() {
	w.t.Helper()
	w.git("", "update-ref", "refs/heads/main", w.head().String())
}

// repack is what an operator may do. It leaves the bases alone.
func (w *world) repack() {
	w.t.Helper()
	w.mirror()
	w.git("", "-c", fmt.Sprintf("repack.useDeltaBaseOffset=%v", w.rng.IntN(2) == 0), "repack", "-adfq", "--depth=20", "--window=10")
	w.reopen()
	w.lost = nil
}

// consolidate makes a base of what is not in the first keep bases, with deltas
// such as git finds.
func (w *world) consolidate(keep int) {
	w.t.Helper()
	not := ""
	onto := OID{}
	if keep > 0 {
		onto = w.tips[keep-1]
		not = w.git("", "rev-list", "--objects", "--no-object-names", onto.String())
		if onto == w.head() {
			return
		}
	}
	below := map[OID]bool{}
	for _, id := range idsOf(not) {
		below[id] = true
	}
	byKind := map[string][]string{}
	for line := range strings.Lines(w.git(w.git("", "rev-list", "--objects", "--no-object-names", w.head().String()),
		"cat-file", "--batch-check=%(objectname) %(objecttype)")) {
		f := strings.Fields(line)
		if !below[idsOf(f[0])[0]] {
			byKind[f[1]] = append(byKind[f[1]], f[0])
		}
	}
	list := strings.Join(slices.Concat(byKind["commit"], byKind["tree"], byKind["blob"], []string{""}), "\n")
	name := "pack-" + strings.TrimSpace(w.git(list, "pack-objects", "-q", "--delta-base-offset", "--window=10", "--depth=20", "objects/pack/pack"))
	p, err := loadedPack(w.r, name)
	if err != nil {
		w.t.Fatal(err)
	}
	b := &base{pack: p, tip: w.head(), onto: onto}
	spans, err := p.layout()
	if err != nil {
		w.t.Fatal(err)
	}
	n := 0
	for i, kind := range []string{"commit", "tree", "blob"} {
		b.ends[i].objects = len(byKind[kind])
		n += len(byKind[kind])
		b.ends[i].end = packHead
		if n > 0 {
			b.ends[i].end = spans[n-1].end
		}
	}
	if err := os.WriteFile(w.r.packFile(name+".keep"), b.encodeKeep(), 0o644); err != nil {
		w.t.Fatal(err)
	}
	w.bases = append(w.bases[:keep:keep], name)
	w.tips = append(w.tips[:keep:keep], w.head())
	w.reopen()
}

func loadedPack(r *Repo, name string) (*pack, error) {
	b, err := os.ReadFile(r.packFile(name + ".idx"))
	if err != nil {
		return nil, err
	}
	x, err := parseIndex(b)
	if err != nil {
		return nil, err
	}
	return r.newPack(name, x), nil
}

func (w *world) history(head OID) *History {
	w.t.Helper()
	h, err := w.r.History(w.t.Context(), head, w.bases)
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

// objects lists what git says is reachable from wants and not from haves.
func (w *world) objects(filter string, wants, haves []OID) map[OID]bool {
	w.t.Helper()
	args := []string{"rev-list", "--objects", "--no-object-names"}
	if filter != "" {
		args = append(args, "--filter="+filter)
	}
	for _, id := range wants {
		args = append(args, id.String())
	}
	for _, id := range haves {
		args = append(args, "^"+id.String())
	}
	set := map[OID]bool{}
	for _, id := range idsOf(w.git("", args...)) {
		set[id] = true
	}
	return set
}

// client is a repository that has the given commits and no more, but for those
// beyond the shallow ones.
func (w *world) client(haves, shallow []OID) string {
	w.t.Helper()
	dir := w.t.TempDir()
	gitFed(w.t, dir, "", "init", "-q", "--bare", ".")
	if len(haves) > 0 {
		list := ""
		for _, id := range haves {
			list += id.String() + "\n"
		}
		pack := w.git(list, "pack-objects", "-q", "--revs", "--stdout")
		gitFed(w.t, dir, pack, "index-pack", "--stdin")
	}
	if len(shallow) > 0 {
		list := ""
		for _, id := range shallow {
			list += id.String() + "\n"
		}
		if err := os.WriteFile(filepath.Join(dir, "shallow"), []byte(list), 0o644); err != nil {
			w.t.Fatal(err)
		}
	}
	return dir
}
