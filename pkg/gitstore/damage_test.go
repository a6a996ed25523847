package gitstore

import (
	"bytes"
	"compress/zlib"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/gitstore/gitstoretest"
)

// withDeltas makes a repository of the real git whose pack holds chains of
// deltas, and returns its head.
func withDeltas(t *testing.T, dir, setting string) OID {
	t.Helper()
	gitstoretest.Git(t, ".", "init", "-q", "--bare", "-b", "main", dir)
	work := t.TempDir()
	gitstoretest.Git(t, work, "clone", "-q", dir, ".")
	gitstoretest.Git(t, work, "checkout", "-q", "-b", "main")
	var text strings.Builder
	for i := range 30 {
		text.WriteString(strings.Repeat("line of text\n", 20) + time.Duration(i*i*7919).String() + "\n")
		for _, name := range []string{"Home.md", "folder/Other.md"} {
			path := filepath.Join(work, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(name+text.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		gitstoretest.Git(t, work, "add", "-A")
		gitstoretest.Git(t, work, "commit", "-q", "-m", "step")
	}
	gitstoretest.Git(t, work, "push", "-q", "origin", "main")
	gitstoretest.Git(t, dir, "-c", setting, "repack", "-adfq")
	var head OID
	if err := parseID(&head, []byte(strings.TrimSpace(gitstoretest.Git(t, dir, "rev-parse", "main")))); err != nil {
		t.Fatal(err)
	}
	return head
}

func TestReadsDeltasOfTheRealGit(t *testing.T) {
	s, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(s.Dir(wikiID), repoFolder)
	for _, offsets := range []string{"true", "false"} { // OFS_DELTA, then REF_DELTA
		if err := s.Remove(t.Context(), wikiID); err != nil {
			t.Fatal(err)
		}
		head := withDeltas(t, dir, "repack.useDeltaBaseOffset="+offsets)
		r, err := s.Repo(t.Context(), wikiID)
		if err != nil {
			t.Fatal(err)
		}
		for path, got := range content(t, r, head) {
			if want := gitstoretest.Git(t, dir, "cat-file", "blob", "main:"+path); got != want {
				t.Errorf("%s has %d bytes, not %d", path, len(got), len(want))
			}
		}
		// Sizes come from the heads of entries and deltas.
		cold := fresh(t, s)
		for _, line := range strings.Split(strings.TrimSpace(gitstoretest.Git(t, dir, "ls-tree", "-rl", "main")), "\n") {
			f := strings.Fields(line)
			var id OID
			if err := parseID(&id, []byte(f[2])); err != nil {
				t.Fatal(err)
			}
			size, err := cold.Size(t.Context(), id)
			if err != nil || f[3] != strconv.FormatInt(size, 10) {
				t.Errorf("size of %s: %d %v", line, size, err)
			}
		}
		if _, err := cold.Size(t.Context(), head); !fault.Is(err, fault.NotFound) {
			t.Errorf("size of a commit: %v", err)
		}
	}
}

// Every byte of a pack is flipped in turn: reads must give the right content or
// an error, never anything else.
func TestDamagedPackGivesErrorsAndNeverWrongContent(t *testing.T) {
	s, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(s.Dir(wikiID), repoFolder)
	head := withDeltas(t, dir, "repack.useDeltaBaseOffset=true")
	want := content(t, fresh(t, s), head)
	packs, err := filepath.Glob(filepath.Join(dir, "objects/pack/*.pack"))
	if err != nil || len(packs) != 1 {
		t.Fatal(packs, err)
	}
	good, err := os.ReadFile(packs[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(packs[0], 0o644); err != nil {
		t.Fatal(err)
	}
	for i := packHead; i < len(good); i += 1 + len(good)/100 {
		bad := slices.Clone(good)
		bad[i] ^= 0x41
		if err := os.WriteFile(packs[0], bad, 0o644); err != nil {
			t.Fatal(err)
		}
		r := fresh(t, s)
		c, err := r.Commit(t.Context(), head)
		if err == nil {
			err = r.Walk(t.Context(), c.Tree, func(path string, e Entry) error {
				data, err := r.Blob(t.Context(), e.ID)
				if err == nil && string(data) != want[path] {
					t.Errorf("byte %d: %s came back wrong", i, path)
				}
				return err
			})
		}
		if err != nil && (!fault.Is(err, fault.Internal) || !strings.Contains(err.Error(), wikiID)) {
			t.Errorf("byte %d: %v", i, err)
		}
	}
	if err := os.WriteFile(packs[0], good[:len(good)/2], 0o644); err != nil { // cut short
		t.Fatal(err)
	}
	if _, err := fresh(t, s).Size(t.Context(), head); err == nil {
		t.Error("a commit has the size of a blob")
	}
	idx := strings.TrimSuffix(packs[0], ".pack") + ".idx"
	if err := os.Chmod(idx, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(idx, []byte("\xfftOc nonsense"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := fresh(t, s).Commit(t.Context(), head); err == nil {
		t.Error("a damaged index was not noticed")
	}
}

func TestCommitsKeepTheirMeaning(t *testing.T) {
	for _, c := range []struct{ why, in, author, email, message, when string }{
		{"plain", "author A B <a@b> 1700000000 +0530\n\nhi\n", "A B", "a@b", "hi\n", "2023-11-15T03:43:20+05:30"},
		{"signed: continuation lines are skipped", "author A <a> 1 +0000\ngpgsig -----BEGIN\n parent nonsense\n -----END\n\nhi", "A", "a", "hi", "1970-01-01T00:00:01Z"},
		{"no author", "\nhi", "", "", "hi", "0001-01-01T00:00:00Z"},
		{"no e-mail", "author A B\n\nhi", "A B", "", "hi", "0001-01-01T00:00:00Z"},
		{"time beyond any calendar", "author A <a> 99999999999999999999 +0000\n\n", "A", "a", "", "0001-01-01T00:00:00Z"},
		{"mad zone", "author A <a> 1 +9999\n\n", "A", "a", "", "1970-01-01T00:00:01Z"},
		{"Latin-1", "author J\xf6rg <j> 1 +0000\n\n\xe9", "Jörg", "j", "é", "1970-01-01T00:00:01Z"},
		{"nested brackets", "author A <a <b>> 1 +0000\n\n", "A", "a <b>", "", "1970-01-01T00:00:01Z"},
	} {
		got, err := parseCommit(OID{}, []byte("tree "+strings.Repeat("ab", 20)+"\n"+c.in))
		if err != nil {
			t.Errorf("%s: %v", c.why, err)
			continue
		}
		have := []string{got.Author.Name, got.Author.Email, got.Message, got.Author.When.Format(time.RFC3339)}
		if d := cmp.Diff([]string{c.author, c.email, c.message, c.when}, have); d != "" {
			t.Errorf("%s: %s", c.why, d)
		}
	}
	for _, bad := range []string{"", "tree 12\n", "parent x\n", "tree " + strings.Repeat("g", 40) + "\n"} {
		if _, err := parseCommit(OID{}, []byte(bad)); err == nil {
			t.Errorf("parsed %q", bad)
		}
	}
}

// A name that carries the delimiters of the format must not forge headers.
func TestForgedHeadersInNamesAreDefused(t *testing.T) {
	s, r := newTestRepo(t)
	b := r.NewBatch()
	tree, err := b.Apply(t.Context(), OID{}, []Edit{{Path: "a.md", ID: b.Blob(nil)}})
	if err != nil {
		t.Fatal(err)
	}
	evil := Signature{Name: "x <root@host> 1 +0000\nparent " + strings.Repeat("0", 40), Email: "<>\n\x00", When: time.Time{}}
	head := b.Commit(Commit{Tree: tree, Author: evil, Committer: Signature{}, Message: "a\x00b\xff"})
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	c, err := r.Commit(t.Context(), head)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Parents) != 0 || c.Message != "ab\uFFFD" || c.Author.Email != "" {
		t.Errorf("came back as %+v", c)
	}
	if err := r.Mirror(t.Context(), head, 1); err != nil {
		t.Fatal(err)
	}
	gitstoretest.Check(t, s.dir, wikiID, head.String())
}

func TestWikiIDsNeverLeaveTheStore(t *testing.T) {
	s, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"", ".", "..", "../x", "a/b", "A", "a.b", "a\x00", strings.Repeat("a", 65), "tmp_x"} {
		_, err := s.Create(t.Context(), id)
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("create %q: %v", id, err)
		}
		if err := s.Remove(t.Context(), id); !fault.Is(err, fault.Invalid) {
			t.Errorf("remove %q: %v", id, err)
		}
	}
}

func FuzzPackEntry(f *testing.F) {
	f.Add([]byte("\x3fabc"), []byte("base"))
	var z bytes.Buffer
	deflate(&z, []byte("\x04\x04\x90\x04"))
	for _, e := range []entryHead{{kind: 3, size: 300}, {kind: 6, size: 4, back: 12345}, {kind: 7, size: 4, base: OID{9}}} {
		f.Add(append(appendEntryHead(nil, e), z.Bytes()...), []byte("base"))
	}
	f.Fuzz(func(t *testing.T, entry, base []byte) {
		e, err := parseEntryHead(entry)
		if err != nil {
			return
		}
		again, err := parseEntryHead(appendEntryHead(nil, e))
		e.length, again.length = 0, 0
		if err != nil || again != e {
			t.Fatalf("head %+v became %+v: %v", e, again, err)
		}
		in := &inflater{}
		*in = *inflaters.New().(*inflater)
		in.in.Reset(bytes.NewReader(entry))
		if _, err := readEntryHead(in); err != nil {
			t.Fatal(err)
		}
		data, err := in.inflate(e.size)
		if err != nil {
			data = entry
		}
		out, err := applyDelta(base, data)
		if _, size, _, _ := deltaSizes(data); err == nil && int64(len(out)) != size {
			t.Fatalf("delta promised %d bytes and gave %d", size, len(out))
		}
	})
}

func FuzzTree(f *testing.F) {
	f.Add([]byte("100644 a\x00aaaaaaaaaaaaaaaaaaaa40000 b\x00bbbbbbbbbbbbbbbbbbbb"))
	f.Add([]byte("40000 .git\x00aaaaaaaaaaaaaaaaaaaa"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tree, err := parseTree(OID{}, data)
		if err != nil {
			return
		}
		again, err := parseTree(OID{}, encodeTree(tree.Entries))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(tree.Entries, again.Entries); d != "" {
			t.Fatal(d)
		}
		for _, e := range tree.Entries {
			if got, ok := tree.Entry(e.Name); !ok || got != e {
				t.Fatalf("entry %q is not found", e.Name)
			}
		}
	})
}

func FuzzCommit(f *testing.F) {
	f.Add([]byte("tree " + strings.Repeat("ab", 20) + "\nauthor A <a> 1 +0100\ncommitter A <a> 1 -0130\n\nhi"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parseCommit(OID{}, data)
		if err != nil {
			return
		}
		one := encodeCommit(*c)
		again, err := parseCommit(OID{}, one)
		if err != nil {
			t.Fatal(err)
		}
		if two := encodeCommit(*again); !bytes.Equal(one, two) {
			t.Fatalf("encodes as %q, then as %q", one, two)
		}
	})
}

func FuzzIndexAndLoose(f *testing.F) {
	x := &packIndex{ids: []OID{{2}, {1}}, offsets: []int64{12, 1 << 33}, crcs: []uint32{1, 2}}
	x.sort()
	f.Add(x.encode())
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	_, _ = w.Write([]byte("blob 2\x00hi"))
	_ = w.Close()
	f.Add(z.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		if x, err := parseIndex(data); err == nil {
			if got, err := parseIndex(x.encode()); err != nil || !cmp.Equal(x.offsets, got.offsets) {
				t.Fatal("index does not survive a round trip", err)
			}
		}
		if o, err := parseLoose(data); err == nil && o.kind == plumbing.InvalidObject {
			t.Fatal("object without a kind")
		}
	})
}
