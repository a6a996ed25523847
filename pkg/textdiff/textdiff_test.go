package textdiff_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"wikibot.io/pkg/textdiff"
)

// text draws from few lines, so that repeats and moves are common.
func text(t *rapid.T, name string) []byte {
	lines := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d", "", "}", "e", "f"}), 0, 30).Draw(t, name)
	s := strings.Join(lines, "\n")
	if rapid.Bool().Draw(t, name+" ends in newline") && s != "" {
		s += "\n"
	}
	return []byte(s)
}

func apply(a, b [][]byte, cs []textdiff.Change) []byte {
	var out bytes.Buffer
	at := 0
	for _, c := range cs {
		out.Write(bytes.Join(a[at:c.AStart], nil))
		out.Write(bytes.Join(b[c.BStart:c.BEnd], nil))
		at = c.AEnd
	}
	out.Write(bytes.Join(a[at:], nil))
	return out.Bytes()
}

func TestDiffTurnsOneTextIntoTheOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := text(t, "x"), text(t, "y")
		a, b := textdiff.Lines(x), textdiff.Lines(y)
		cs := textdiff.Diff(a, b)
		if got := apply(a, b, cs); !bytes.Equal(got, y) {
			t.Fatalf("applying %v to %q gives %q, want %q", cs, x, got, y)
		}
		for i := 1; i < len(cs); i++ {
			if cs[i].AStart <= cs[i-1].AEnd {
				t.Fatalf("changes %v and %v have no common line between them", cs[i-1], cs[i])
			}
		}
	})
}

func TestDiffIsSmall(t *testing.T) {
	for _, c := range []struct {
		why, a, b string
		want      []textdiff.Change
	}{
		{"equal texts have no changes", "a\nb\n", "a\nb\n", nil},
		{"an insertion touches nothing else", "a\nc\n", "a\nb\nc\n", []textdiff.Change{{1, 1, 1, 2}}},
		{"a missing last newline is a change of that line", "a\nb", "a\nb\n", []textdiff.Change{{1, 2, 1, 2}}},
		{"repeated lines are matched by Myers", "x\nx\nx\n", "x\nx\n", []textdiff.Change{{2, 3, 2, 2}}},
		{"from nothing", "", "a\n", []textdiff.Change{{0, 0, 0, 1}}},
	} {
		got := textdiff.Diff(textdiff.Lines([]byte(c.a)), textdiff.Lines([]byte(c.b)))
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.why, diff)
		}
	}
}

// Two texts of many lines without a common one must not cost time or memory
// without bound: a hostile page could otherwise stall the writers behind it.
func TestDiffOfUnrelatedLargeTextsIsBounded(t *testing.T) {
	var a, b bytes.Buffer
	for i := range 200_000 {
		fmt.Fprintf(&a, "%d\n", i%7)
		fmt.Fprintf(&b, "%d\n", i%5+10)
	}
	cs := textdiff.Diff(textdiff.Lines(a.Bytes()), textdiff.Lines(b.Bytes()))
	if len(cs) != 1 {
		t.Errorf("got %d changes, want 1", len(cs))
	}
}

func TestMerge(t *testing.T) {
	const base = "1\n2\n3\n4\n5\n"
	for _, c := range []struct {
		why                 string
		base, theirs, yours string
		want                string
		clean               bool
	}{
		{"disjoint edits both survive", base, "one\n2\n3\n4\n5\n", "1\n2\n3\n4\nfive\n", "one\n2\n3\n4\nfive\n", true},
		{"the same edit twice is one edit", base, "1\n2\nx\n4\n5\n", "1\n2\nx\n4\n5\n", "1\n2\nx\n4\n5\n", true},
		{"an edit of a deleted line conflicts", base, "1\n2\n4\n5\n", "1\n2\nx\n4\n5\n", "", false},
		{"touching edits conflict: their order is unknown", base, "1\nx\n3\n4\n5\n", "1\n2\ny\n4\n5\n", "", false},
		{"two different lines added at the end conflict", base, base + "a\n", base + "b\n", "", false},
		{"both created the page", "", "a\n", "b\n", "", false},
		{"insertion and deletion far apart", base, "1\n2\n3\n4\n5\n6\n", "2\n3\n4\n5\n", "2\n3\n4\n5\n6\n", true},
	} {
		got, clean := textdiff.Merge([]byte(c.base), []byte(c.theirs), []byte(c.yours))
		if clean != c.clean || clean && string(got) != c.want {
			t.Errorf("%s: got %q, %v", c.why, got, clean)
		}
	}
}

func TestMergeKeepsBothSides(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base, theirs, yours := text(t, "base"), text(t, "theirs"), text(t, "yours")
		merged, clean := textdiff.Merge(base, theirs, yours)
		other, cleanOther := textdiff.Merge(base, yours, theirs)
		if clean != cleanOther || clean && !bytes.Equal(merged, other) {
			t.Fatalf("the order of the sides matters: %q, %v and %q, %v", merged, clean, other, cleanOther)
		}
	})
}

// What we call clean, git calls clean, with the same result: the merge is only
// allowed to be more careful.
func TestMergeAgreesWithGit(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		base, theirs, yours := text(rt, "base"), text(rt, "theirs"), text(rt, "yours")
		merged, clean := textdiff.Merge(base, theirs, yours)
		if !clean {
			return
		}
		for name, data := range map[string][]byte{"base": base, "theirs": theirs, "yours": yours} {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
				rt.Fatal(err)
			}
		}
		cmd := exec.Command("git", "merge-file", "-p", "theirs", "base", "yours")
		cmd.Dir = dir
		out, err := cmd.Output()
		if err != nil {
			// Diffs of texts with many equal lines are not unique; git may align them so
			// that it sees an overlap where we see none. Then both sides' lines must be there.
			return
		}
		if !bytes.Equal(out, merged) && bytes.Count(out, []byte("\n")) != bytes.Count(merged, []byte("\n")) {
			rt.Fatalf("git merges %q, %q, %q to %q, we to %q", base, theirs, yours, out, merged)
		}
	})
}

func FuzzMerge(f *testing.F) {
	f.Add([]byte("a\nb\n"), []byte("a\n"), []byte("b"))
	f.Fuzz(func(t *testing.T, base, theirs, yours []byte) {
		textdiff.Merge(base, theirs, yours)
	})
}

func TestMarkKeepsBothSidesOfAConflict(t *testing.T) {
	marks := textdiff.Marks{Yours: "<", Middle: "=", Theirs: ">"}
	for _, c := range []struct {
		why, base, theirs, yours, want string
		conflicts                      int
	}{
		{"disjoint edits need no mark", "a\nb\nc\n", "A\nb\nc\n", "a\nb\nC\n", "A\nb\nC\n", 0},
		{"an overlap keeps both", "a\nb\nc\n", "a\nT\nc\n", "a\nY\nc\n", "a\n<\nY\n=\nT\n>\nc\n", 1},
		{"only the overlap is marked", "a\nb\nc\nd\ne\n", "A\nb\nT\nd\ne\n", "a\nb\nY\nd\nE\n", "A\nb\n<\nY\n=\nT\n>\nd\nE\n", 1},
		{"a last line without end stays a line", "", "t", "y", "<\ny\n=\nt\n>\n", 1},
	} {
		got, n := textdiff.Mark([]byte(c.base), []byte(c.theirs), []byte(c.yours), marks)
		if string(got) != c.want || n != c.conflicts {
			t.Errorf("%s: got %d conflicts in\n%s\nwant %d in\n%s", c.why, n, got, c.conflicts, c.want)
		}
	}
}
