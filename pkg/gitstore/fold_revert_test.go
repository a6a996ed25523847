package gitstore

import "testing"

// A page goes back to what it was at the very beginning, so that the first and a
// later commit have the same tree. What they have in common with those between
// came with the first one, and must be in the base, although the walk, which
// begins with the newest commit, comes to the first one's tree as one it knows.
func TestFoldKeepsWhatTheFirstCommitBrought(t *testing.T) {
	w := newWorld(t, 0)
	head := OID{}
	for _, files := range []map[string]string{
		{"d/a.md": "1", "d/b.md": "b"}, {"d/a.md": "2"}, {"d/a.md": "1"}, {"d/b.md": gone},
	} {
		head = save(t, w.r, head, "m", files)
	}
	names, err := w.r.Fold(t.Context(), head, nil)
	if err != nil {
		t.Fatal(err)
	}
	bases, err := w.r.bases(t.Context(), names)
	if err != nil || len(bases) != 1 {
		t.Fatal(len(bases), err)
	}
	want := w.objects("", []OID{head}, nil)
	for id := range want {
		if _, ok := bases[0].pack.index.find(id); !ok {
			t.Errorf("%s is not in the base", id)
		}
	}
	if n := len(bases[0].pack.index.ids); n != len(want) {
		t.Errorf("the base has %d objects, the history %d", n, len(want))
	}
}
