package gitstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/fault"
)

func selected(t testing.TB, r *Repo, head OID, f Fetch, bases ...string) *Selection {
	t.Helper()
	h, err := r.History(t.Context(), head, bases)
	if err != nil {
		t.Fatal(err)
	}
	if f.Wants == nil {
		f.Wants = []OID{head}
	}
	s, err := h.Select(t.Context(), f, Boundary{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sentIDs are the objects of a pack, as git sees them.
func sentIDs(t testing.TB, s *Selection) map[OID]bool {
	t.Helper()
	dir := t.TempDir()
	gitFed(t, dir, "", "init", "-q", "--bare", ".")
	return received(t, dir, written(t, s), "--strict")
}

// A save that lost the race may hold what its author then thought better of. Its
// pack lies among the others, and may even hold objects that the history has too.
func TestPacksOfLostRacesNeverLeak(t *testing.T) {
	w := newWorld(t, 1)
	one := save(t, w.r, OID{}, "one", map[string]string{"a.md": "1", "folder/b.md": "2"})
	lost, lostID := prepare(t, w.r, one, "lost", map[string]string{"secret.md": "secret", "folder/b.md": "3"})
	secret := lost.Blob([]byte("secret"))
	if err := lost.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	two := save(t, w.r, one, "two", map[string]string{"folder/b.md": "3"})
	w.made = append(w.made, one, two)
	for range 2 {
		h := w.history(two)
		for _, id := range []OID{lostID, secret} {
			if got, err := h.Unreachable(t.Context(), []OID{two, id}); err != nil || got != id {
				t.Errorf("%s is reachable: %v", id, err)
			}
			if _, err := h.Select(t.Context(), Fetch{Wants: []OID{id}}, Boundary{}); !fault.Is(err, fault.NotFound) {
				t.Errorf("asked for by its id: %v", err)
			}
			if _, err := h.Size(t.Context(), id); !fault.Is(err, fault.NotFound) {
				t.Errorf("size: %v", err)
			}
		}
		for _, f := range []Fetch{{}, {Haves: []OID{one}}, {Haves: []OID{lostID}}, {Haves: []OID{one, lostID}, Thin: true}} {
			got := sentIDs(t, selected(t, w.r, two, Fetch{Haves: nil, Thin: f.Thin}, w.bases...))
			if len(f.Haves) > 0 {
				f.Wants = []OID{two}
				s, err := h.Select(t.Context(), f, Boundary{})
				if err != nil {
					t.Fatal(err)
				}
				got = received(t, w.client([]OID{one}, nil), written(t, s), "--strict")
			}
			if got[secret] || got[lostID] {
				t.Errorf("%+v: what was never saved is sent", f)
			}
		}
		w.consolidate(0) // the same with a base
	}
}

// Ids of another wiki, which a client may know, are not there.
func TestIdsOfAnotherWikiAreUnknown(t *testing.T) {
	s, r := newTestRepo(t)
	other, err := s.Create(t.Context(), "other")
	if err != nil {
		t.Fatal(err)
	}
	head := save(t, r, OID{}, "ours", map[string]string{"a.md": "1"})
	theirs := save(t, other, OID{}, "theirs", map[string]string{"b.md": "private"})
	blob := raw{plumbing.BlobObject, []byte("private")}.id()
	// Kept answers of the other wiki must not help.
	sentIDs(t, selected(t, other, theirs, Fetch{Wants: []OID{theirs, blob}}))
	h, err := r.History(t.Context(), head, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []OID{theirs, blob} {
		if got, err := h.Unreachable(t.Context(), []OID{id}); err != nil || got != id {
			t.Errorf("%s is reachable: %v", id, err)
		}
		if _, err := h.Select(t.Context(), Fetch{Wants: []OID{id}}, Boundary{}); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// putPack writes a pack of entries as they are, under a name.
func putPack(t testing.TB, r *Repo, name string, entries map[OID][]byte, order ...OID) {
	t.Helper()
	var out bytes.Buffer
	out.Write(packHeader(len(order)))
	x := &packIndex{}
	for _, id := range order {
		x.ids, x.offsets, x.crcs = append(x.ids, id), append(x.offsets, int64(out.Len())), append(x.crcs, 0)
		out.Write(entries[id])
	}
	x.sum = raw{plumbing.BlobObject, out.Bytes()}.id()
	out.Write(x.sum[:])
	x.sort()
	if err := r.writePack(name, out.Bytes(), x.encode()); err != nil {
		t.Fatal(err)
	}
}

// refDelta is an entry that makes an object of another one, byte by byte.
func refDelta(base OID, from, to int, content []byte) []byte {
	delta := []byte{byte(from), byte(to), byte(len(content))}
	delta = append(delta, content...)
	b := bytes.NewBuffer(appendEntryHead(nil, entryHead{kind: plumbing.REFDeltaObject, size: int64(len(delta)), base: base}))
	deflate(b, delta)
	return b.Bytes()
}

func wholeEntry(o raw) []byte {
	b := bytes.NewBuffer(appendEntryHead(nil, entryHead{kind: o.kind, size: int64(len(o.data))}))
	deflate(b, o.data)
	return b.Bytes()
}

// In one pack A is a delta on B, in another B is one on A; either is fine by
// itself. Copied side by side they would be a pack that nobody can unpack.
func TestDeltaCyclesAcrossPacksAreNotSent(t *testing.T) {
	s, r := newTestRepo(t)
	a, b := raw{plumbing.BlobObject, []byte("content a")}, raw{plumbing.BlobObject, []byte("content b")}
	batch, head := prepare(t, r, OID{}, "both", map[string]string{"a.md": "content a", "b.md": "content b"})
	delete(batch.objects, a.id())
	delete(batch.objects, b.id())
	if err := batch.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	onB := refDelta(b.id(), 9, 9, a.data)
	onA := refDelta(a.id(), 9, 9, b.data)
	// The first of the pair alone in its pack, so that the base is taken from elsewhere.
	putPack(t, r, "pack-"+strings.Repeat("1", 40), map[OID][]byte{a.id(): onB}, a.id())
	putPack(t, r, "pack-"+strings.Repeat("2", 40), map[OID][]byte{b.id(): onA, a.id(): wholeEntry(a)}, a.id(), b.id())
	putPack(t, r, "pack-"+strings.Repeat("3", 40), map[OID][]byte{a.id(): onB, b.id(): wholeEntry(b)}, b.id(), a.id())
	for range 8 { // whichever pack is loaded first
		got := sentIDs(t, selected(t, fresh(t, s), head, Fetch{}))
		if !got[a.id()] || !got[b.id()] || len(got) != 4 {
			t.Errorf("%d objects are sent", len(got))
		}
	}
	// A cycle in the very place that objects are read from is damage, not a loop.
	s, r = newTestRepo(t)
	batch, head = prepare(t, r, OID{}, "both", map[string]string{"a.md": "content a", "b.md": "content b"})
	delete(batch.objects, a.id())
	delete(batch.objects, b.id())
	if err := batch.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	putPack(t, r, "pack-"+strings.Repeat("1", 40), map[OID][]byte{a.id(): onB, b.id(): onA}, a.id(), b.id())
	err := selected(t, fresh(t, s), head, Fetch{}).WritePack(t.Context(), io.Discard)
	if !fault.Is(err, fault.Internal) || !errors.Is(err, errDamaged) {
		t.Errorf("a cycle: %v", err)
	}
}

// An object that has to be packed anew is compared with its id before.
func TestDamagedEntryThatIsRebuiltIsNoticed(t *testing.T) {
	s, r := newTestRepo(t)
	a, b := raw{plumbing.BlobObject, []byte("content a")}, raw{plumbing.BlobObject, []byte("content b")}
	batch, head := prepare(t, r, OID{}, "one", map[string]string{"a.md": "content a"})
	delete(batch.objects, a.id())
	if err := batch.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	putPack(t, r, "pack-"+strings.Repeat("1", 40), map[OID][]byte{a.id(): refDelta(b.id(), 9, 9, []byte("content x")), b.id(): wholeEntry(b)}, b.id(), a.id())
	err := selected(t, fresh(t, s), head, Fetch{}).WritePack(t.Context(), io.Discard)
	if !fault.Is(err, fault.Internal) || !errors.Is(err, errDamaged) {
		t.Errorf("err = %v", err)
	}
}

// An index may say anything of its pack.
func TestIndexThatDoesNotMatchItsPack(t *testing.T) {
	s, r := newTestRepo(t)
	head := save(t, r, OID{}, "one", map[string]string{"a.md": "1"})
	idx := r.packFile("pack-" + head.String() + ".idx")
	was, err := os.ReadFile(idx)
	if err != nil {
		t.Fatal(err)
	}
	for shift := int64(-12); shift < 1<<33; shift = shift*2 + 25 {
		x, err := parseIndex(was)
		if err != nil {
			t.Fatal(err)
		}
		for i := range x.offsets {
			x.offsets[i] = max(packHead, x.offsets[i]+shift)
		}
		if err := os.WriteFile(idx, x.encode(), 0o644); err != nil {
			t.Fatal(err)
		}
		h, err := fresh(t, s).History(t.Context(), head, nil)
		if err != nil {
			continue
		}
		selection, err := h.Select(t.Context(), Fetch{Wants: []OID{head}}, Boundary{})
		if err == nil {
			err = selection.WritePack(t.Context(), io.Discard)
		}
		if err == nil && shift != 0 {
			t.Errorf("entries %d off were sent", shift)
		}
	}
}

// Between the plan and the sending, or before a kept plan is used once more, packs
// may be consolidated into a base and pruned.
func TestPacksThatVanishBeforeTheFirstByte(t *testing.T) {
	w := newWorld(t, 2)
	head := OID{}
	for i := range 4 {
		head = save(t, w.r, head, "m", map[string]string{"a.md": fmt.Sprint(i), "large": incompressible(i, smallPick)})
	}
	w.made = append(w.made, head)
	r := w.r
	planned := selected(t, r, head, Fetch{})
	small, err := r.store.disk.names(r.packFile(""))
	if err != nil {
		t.Fatal(err)
	}
	w.consolidate(0)
	for _, p := range r.packs() {
		r.store.files.forget(p.file)
	}
	for _, name := range small {
		if err := os.Remove(r.packFile(name)); err != nil {
			t.Fatal(err)
		}
	}
	want := w.objects("", []OID{head}, nil)
	for what, s := range map[string]*Selection{"planned before": planned, "kept": selected(t, r, head, Fetch{}), "new": selected(t, w.r, head, Fetch{}, w.bases...)} {
		if d := cmp.Diff(want, sentIDs(t, s)); d != "" {
			t.Errorf("%s: %s", what, d)
		}
	}
	// Where there is nothing to plan anew from, nothing is sent.
	for _, name := range w.bases {
		if err := os.Remove(r.packFile(name + ".pack")); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range r.packs() {
		r.store.files.forget(p.file)
	}
	var out bytes.Buffer
	if err := planned.WritePack(t.Context(), &out); err == nil || out.Len() > 0 {
		t.Errorf("%d bytes were sent of packs that are gone: %v", out.Len(), err)
	}
}

// When packs are cut short after the first byte the stream must not end as if whole.
func TestPacksThatAreCutShortWhileTheyAreSent(t *testing.T) {
	for n := range 6 {
		_, r := newTestRepo(t)
		head := OID{}
		for i := range 3 {
			head = save(t, r, head, "m", map[string]string{"large": incompressible(i, 3<<20)})
		}
		s := selected(t, r, head, Fetch{})
		var whole, got bytes.Buffer
		if err := s.WritePack(t.Context(), &whole); err != nil {
			t.Fatal(err)
		}
		w := &cutter{w: &got, at: n << 20, cut: func() {
			for _, p := range r.packs() {
				if err := os.Truncate(r.packFile(p.name+".pack"), 100); err != nil {
					t.Error(err)
				}
			}
		}}
		if err := s.WritePack(t.Context(), w); !fault.Is(err, fault.Unavailable) {
			t.Errorf("cut short after %d MiB: %v", n, err)
		}
		if !bytes.HasPrefix(whole.Bytes(), got.Bytes()) || got.Len() >= whole.Len() {
			t.Errorf("cut short after %d MiB: other bytes were sent", n)
		}
	}
}

// cutter calls cut once so many bytes were written.
type cutter struct {
	w   io.Writer
	at  int
	n   int
	cut func()
}

func (c *cutter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	if c.n += n; c.n >= c.at && c.cut != nil {
		c.cut()
		c.cut = nil
	}
	return n, err
}

func incompressible(seed, n int) string {
	b := make([]byte, n)
	x := uint32(seed)*2654435761 + 1
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = byte(x)
	}
	return string(b)
}

// A client that goes away, or a request that is called off, leaves no goroutine
// and no file in use.
func TestAbortedAnswersLeaveNothingBehind(t *testing.T) {
	s, r := newTestRepo(t)
	head := OID{}
	for i := range 3 {
		head = save(t, r, head, "m", map[string]string{"large": incompressible(i, 2<<20)})
	}
	selection := selected(t, r, head, Fetch{})
	before := runtime.NumGoroutine()
	for n := range 5 {
		if err := selection.WritePack(t.Context(), &leaver{left: n << 20}); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("client gone after %d MiB: %v", n, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		w := &cutter{w: io.Discard, at: n << 20, cut: cancel}
		if err := selection.WritePack(ctx, w); !errors.Is(err, context.Canceled) {
			t.Errorf("called off after %d MiB: %v", n, err)
		}
		cancel()
	}
	if now := runtime.NumGoroutine(); now > before {
		t.Errorf("%d goroutines, %d before", now, before)
	}
	s.files.mu.Lock()
	defer s.files.mu.Unlock()
	for e := s.files.open.Front(); e != nil; e = e.Next() {
		if fl := e.Value.(*file); fl.users != 0 {
			t.Errorf("%s is still in use", fl.name)
		}
	}
}

type leaver struct{ left int }

func (l *leaver) Write(b []byte) (int, error) {
	if l.left -= len(b); l.left < 0 {
		return 0, syscall.EPIPE
	}
	return len(b), nil
}
