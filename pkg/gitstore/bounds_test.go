package gitstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"testing"
	"weak"

	"github.com/google/go-cmp/cmp"
)

// Clients that ask for the same with another filter each make the server work out
// a large answer for each of them. These wait for each other; what people fetch day
// by day does not, and who gives up leaves no place taken.
func TestManyFiltersDoNotTakeAllTheMemory(t *testing.T) {
	w := newWorld(t, 2)
	head, prior := OID{}, OID{}
	for i := range 20 {
		prior, head = head, save(t, w.r, head, "m", map[string]string{fmt.Sprintf("folder/%d.md", i): fmt.Sprint(i)})
	}
	h, err := w.r.History(t.Context(), head, nil)
	if err != nil {
		t.Fatal(err)
	}
	all := w.r.store.answers
	all.bulky = 10
	for range cap(all.bulk) {
		all.bulk <- struct{}{}
	}
	large := func(ctx context.Context, limit int64) error {
		_, err := h.Select(ctx, Fetch{Wants: []OID{head}, Filter: Filter{Kind: SmallBlobs, Limit: limit}}, Boundary{})
		return err
	}
	ctx, cancel := context.WithCancel(t.Context())
	waits := make(chan error)
	for i := range 8 {
		go func() { waits <- large(ctx, int64(10+i)) }()
	}
	if _, err := h.Select(t.Context(), Fetch{Wants: []OID{head}, Haves: []OID{prior}, Thin: true}, Boundary{}); err != nil {
		t.Fatal(err)
	}
	if id, err := h.Unreachable(t.Context(), []OID{head, h.recent[3].tree}); err != nil || !id.IsZero() {
		t.Fatal(id, err)
	}
	cancel()
	for range 8 {
		if err := <-waits; !errors.Is(err, context.Canceled) {
			t.Errorf("a large answer did not wait: %v", err)
		}
	}
	for range cap(all.bulk) {
		<-all.bulk
	}
	if err := large(t.Context(), 100); err != nil || len(all.bulk) > 0 {
		t.Errorf("%v, %d places are taken", err, len(all.bulk))
	}
}

// A host that has answered for many wikis keeps the answers for longer than the
// indexes of their packs, which take a thousand times as much.
func TestKeptAnswersHoldNoIndexes(t *testing.T) {
	w := newWorld(t, 2)
	head := OID{}
	for i := range 5 {
		head = save(t, w.r, head, "m", map[string]string{"a.md": fmt.Sprintf("%d %s", i, incompressible(1, 2000))})
	}
	w.made = append(w.made, head)
	w.consolidate(0)
	w.reopen()
	var indexes []weak.Pointer[packIndex]
	func() {
		for _, f := range []Fetch{{}, {Filter: Filter{Kind: SmallBlobs, Limit: 1000}}, {Filter: Filter{Kind: TreeDepth, Limit: 1}}} {
			if err := selected(t, w.r, head, f, w.bases...).WritePack(t.Context(), io.Discard); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.r.unpack(t.Context(), mustLocate(t, w.r, head)); err != nil {
			t.Fatal(err)
		}
		for _, p := range w.r.packs() {
			indexes = append(indexes, weak.Make(p.index))
		}
	}()
	w.r.unload()
	runtime.GC()
	if len(w.r.store.answers.items) < 3 || len(indexes) == 0 {
		t.Fatal("nothing was kept")
	}
	for _, x := range indexes {
		if x.Value() != nil {
			t.Error("an index is still in memory")
		}
	}
}

func mustLocate(t *testing.T, r *Repo, id OID) place {
	t.Helper()
	at, err := r.locate(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// A hundred large wikis do not fit where a hundred small ones do.
func TestTablesAreBoundedInBytes(t *testing.T) {
	s, _ := newTestRepo(t)
	s.room = 5000
	heads := map[string]OID{}
	read := func(wiki string) {
		r, err := s.Repo(t.Context(), wiki)
		if err != nil {
			t.Fatal(err)
		}
		h, err := r.History(t.Context(), heads[wiki], nil)
		if err != nil || len(h.recent) != 3 {
			t.Fatal(err)
		}
		sum := int64(0)
		for e := s.loaded.Front(); e != nil; e = e.Next() {
			sum += e.Value.(*Repo).weighed
		}
		if s.tables != sum || sum > s.room && s.loaded.Len() > 1 || s.loaded.Len() == 0 {
			t.Errorf("%d tables of %d bytes, noted as %d", s.loaded.Len(), sum, s.tables)
		}
	}
	for i := range 8 {
		wiki := fmt.Sprint("wiki", i)
		r, err := s.Create(t.Context(), wiki)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			heads[wiki] = save(t, r, heads[wiki], "m", map[string]string{"a.md": fmt.Sprint(i)})
		}
		read(wiki)
	}
	if n := s.loaded.Len(); n == 8 {
		t.Errorf("%d tables are loaded", n)
	}
	for wiki := range heads {
		r, err := s.Repo(t.Context(), wiki)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.object(t.Context(), heads[wiki]); err != nil {
			t.Fatal(err)
		}
		read(wiki)
	}
	if err := s.Remove(t.Context(), "wiki3"); err != nil {
		t.Fatal(err)
	}
	s.room = 0
	r, err := s.Repo(t.Context(), "wiki5")
	if err != nil {
		t.Fatal(err)
	}
	r.unload()
	if _, err := r.object(t.Context(), heads["wiki5"]); err != nil || s.loaded.Len() != 1 || r.elem == nil {
		t.Errorf("%d tables are loaded besides the one in use: %v", s.loaded.Len(), err)
	}
}

// What a history brought that is in no base may be too much to be kept. A request
// for thousands of objects still finds it out once.
func TestManyWantsAreFoundOutOnce(t *testing.T) {
	w := newWorld(t, 2)
	head := OID{}
	for i := range 12 {
		head = save(t, w.r, head, "m", map[string]string{fmt.Sprintf("folder/%d.md", i): fmt.Sprint(i)})
	}
	ids := []OID{}
	for i := range 12 {
		ids = append(ids, w.r.NewBatch().Blob([]byte(fmt.Sprint(i))))
	}
	reads := func(ids []OID) int64 {
		d := &readingDisk{}
		s := newStore(w.s.dir, Options{CacheBytes: 1}, d)
		s.answers = newAnswers(1)
		r, err := s.Repo(t.Context(), wikiID)
		if err != nil {
			t.Fatal(err)
		}
		h, err := r.History(t.Context(), head, nil)
		if err != nil {
			t.Fatal(err)
		}
		if id, err := h.Unreachable(t.Context(), ids); err != nil || !id.IsZero() {
			t.Fatal(id, err)
		}
		if _, err := h.Select(t.Context(), Fetch{Wants: ids, Filter: Filter{Kind: NoBlobs}}, Boundary{}); err != nil {
			t.Fatal(err)
		}
		return d.reads.Load()
	}
	if one, many := reads(ids[:1]), reads(ids); many > one+int64(2*len(ids)) {
		t.Errorf("%d readings for one object, %d for %d", one, many, len(ids))
	}
}

// A slow clone takes longer than replaced packs stay. What it began to read it
// reads to the end.
func TestPruningDoesNotBreakClonesUnderWay(t *testing.T) {
	w := newWorld(t, 2)
	head := save(t, w.r, OID{}, "m", map[string]string{"large": incompressible(1, 4<<20)})
	bases, err := w.r.Fold(t.Context(), head, nil)
	if err != nil {
		t.Fatal(err)
	}
	head = save(t, w.r, head, "m", map[string]string{"small": incompressible(2, 100<<10)})
	if bases, err = w.r.Fold(t.Context(), head, bases); err != nil || len(bases) != 2 {
		t.Fatal(bases, err)
	}
	w.reopen()
	s := selected(t, w.r, head, Fetch{}, bases...)
	var whole, got bytes.Buffer
	if err := s.WritePack(t.Context(), &whole); err != nil {
		t.Fatal(err)
	}
	w.reopen()
	slow := &cutter{w: &got, at: 1 << 20, cut: func() {
		for _, name := range bases {
			if err := os.Remove(w.r.packFile(name + ".pack")); err != nil {
				t.Error(err)
			}
		}
	}}
	if err := selected(t, w.r, head, Fetch{}, bases...).WritePack(t.Context(), slow); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(whole.Len(), got.Len()); d != "" || !bytes.Equal(whole.Bytes(), got.Bytes()) {
		t.Error(d)
	}
}
