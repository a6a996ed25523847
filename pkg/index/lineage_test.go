package index

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wikibot.io/pkg/fault"
)

const longText = "one\ntwo\nthree\nfour\nfive\nsix\n"

// What becomes of a page's identity, in histories without branches.
func TestHistoryFollowsAPage(t *testing.T) {
	type step struct {
		set     map[string]string
		remove  []string
		trailer bool
	}
	put := func(path, text string) step { return step{set: map[string]string{path + ".md": text}} }
	move := func(from, to, text string) step {
		return step{set: map[string]string{to + ".md": text}, remove: []string{from + ".md"}}
	}
	for _, c := range []struct {
		why   string
		steps []step
		path  string
		want  []string // newest first: step, kind, path
	}{
		{"a rename carries the history over", []step{put("A", longText), move("A", "B", longText)}, "B", []string{"1 renamed B from A", "0 created A"}},
		{"so does one with an edit that leaves most lines", []step{put("A", longText), move("A", "B", longText+"seven\n")}, "B", []string{"1 renamed B from A", "0 created A"}},
		{"but not one that leaves few", []step{put("A", longText), move("A", "B", "other\ntext\n")}, "B", []string{"1 created B"}},
		{"unless it was our engine, which does one thing at a time", []step{put("A", "[[A]]\n"), {set: map[string]string{"B.md": "[[B]]\n"}, remove: []string{"A.md"}, trailer: true}}, "B", []string{"1 renamed B from A", "0 created A"}},
		{"the old name leads to the page that has moved", []step{put("A", longText), move("A", "B", longText), put("B", "x")}, "A", []string{"2 edited B", "1 renamed B from A", "0 created A"}},
		{"a deleted page still has its history", []step{put("A", "x"), {remove: []string{"A.md"}}}, "A", []string{"1 deleted A", "0 created A"}},
		{"a new page at an old path begins anew", []step{put("A", "x"), {remove: []string{"A.md"}}, put("A", "y")}, "A", []string{"2 created A"}},
		{"also where the old page has moved away", []step{put("A", longText), move("A", "B", longText), put("A", "y")}, "B", []string{"1 renamed B from A", "0 created A"}},
		{"a change of case is a rename", []step{put("Home", longText), move("Home", "home", longText)}, "HOME", []string{"1 renamed home from Home", "0 created Home"}},
		{"equal pages: the one that keeps its last segment", []step{
			{set: map[string]string{"X/One.md": "same\n", "X/Two.md": "same\n"}},
			{set: map[string]string{"Y/Two.md": "same\n", "Y/One.md": "same\n"}, remove: []string{"X/One.md", "X/Two.md"}},
		}, "Y/Two", []string{"1 renamed Y/Two from X/Two", "0 created X/Two"}},
		{"two pages swap their texts: each keeps its name", []step{
			{set: map[string]string{"A.md": "a\n", "B.md": "b\n"}}, {set: map[string]string{"A.md": "b\n", "B.md": "a\n"}},
		}, "A", []string{"1 edited A", "0 created A"}},
		{"there and back again", []step{put("A", longText), move("A", "B", longText), move("B", "A", longText)}, "A",
			[]string{"2 renamed A from B", "1 renamed B from A", "0 created A"}},
	} {
		t.Run(c.why, func(t *testing.T) {
			w := newWorld(t, t.TempDir())
			head := ""
			for i, s := range c.steps {
				spec := commitSpec{set: s.set, remove: s.remove, message: fmt.Sprint(i), time: 1_700_000_000 + int64(i)}
				if s.trailer {
					spec.message += "\n\nWikibot-Via: web"
				}
				if head != "" {
					spec.parents = []string{head}
				}
				head = w.commit(spec)
			}
			cache, _ := w.cache()
			closing(t, cache)
			list, err := mustView(t, cache, w.advance(head)).History(context.Background(), c.path, 0, "")
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, ch := range list {
				line := ch.Subject + " " + ch.Kind + " " + ch.Path
				if ch.OldPath != "" {
					line += " from " + ch.OldPath
				}
				got = append(got, line)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A path that another page bears now is not the path the page had then.
func TestPathAtDoesNotTakeANamesakeForThePage(t *testing.T) {
	w := newWorld(t, t.TempDir())
	first := w.save(map[string]string{"X.md": longText})
	w.save(map[string]string{"Y.md": longText}, "X.md")
	w.save(map[string]string{"X.md": "a namesake"})
	fourth := w.save(nil, "Y.md")
	cache, _ := w.cache()
	closing(t, cache)
	v := mustView(t, cache, fourth)
	if got, err := v.PathAt(context.Background(), "Y", first.Head); err != nil || got != "X" {
		t.Errorf("at the first commit: %q, %v; want X", got, err)
	}
	if got, err := v.PathAt(context.Background(), "Y", fourth.Head); !fault.Is(err, fault.NotFound) {
		t.Errorf("after its deletion: %q, %v; want not found", got, err)
	}
}

// A head that does not descend from the indexed commit is rebuilt, not mixed.
func TestForkedHistoryIsRebuilt(t *testing.T) {
	w := newWorld(t, t.TempDir())
	base := w.save(map[string]string{"A.md": "a"})
	cache, log := w.cache()
	closing(t, cache)
	mustView(t, cache, w.save(map[string]string{"B.md": "b"}))
	other := w.advance(w.commit(commitSpec{parents: []string{base.Head}, set: map[string]string{"C.md": "c"}, message: "other", time: 1_800_000_000}))
	if got := titles(t, mustView(t, cache, other)); got != "A C" {
		t.Errorf("pages %q, want A C", got)
	}
	if got := titles(t, mustView(t, cache, w.advance(base.Head))); got != "A" {
		t.Errorf("after going back: pages %q, want A", got)
	}
	if strings.Count(log.String(), "index built from git") != 3 {
		t.Errorf("log: %s", log)
	}
}

// A commit that replaces hundreds of pages by others must not compare all pairs
// without bound.
func TestRenameExplosion(t *testing.T) {
	w := newWorld(t, t.TempDir())
	old, fresh := map[string]string{}, map[string]string{}
	var gone []string
	for i := range 600 {
		old[fmt.Sprintf("Old/%d.md", i)] = fmt.Sprintf("%s%d\n", longText, i)
		gone = append(gone, fmt.Sprintf("Old/%d.md", i))
		fresh[fmt.Sprintf("New/%d.md", i)] = fmt.Sprintf("%s%d and more\n", longText, i)
	}
	w.save(old)
	wiki := w.save(fresh, gone...)
	cache, _ := w.cache()
	closing(t, cache)
	entry, err := mustView(t, cache, wiki).Entry(context.Background(), wiki.Head)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, p := range entry.Pages {
		kinds[p.Kind]++
	}
	if kinds["renamed"] != maxCandidates || kinds["created"] != 600-maxCandidates {
		t.Errorf("kinds %v, want %d renamed", kinds, maxCandidates)
	}
}

func TestSplitMessage(t *testing.T) {
	for _, c := range []struct {
		why, raw, message, agent string
		ours                     bool
	}{
		{"no trailers", "Subject\n\nBody\n", "Subject\n\nBody", "", false},
		{"ours alone", "Subject\n\nWikibot-Agent: Claude Code\nWikibot-Via: mcp\n", "Subject", "Claude Code", true},
		{"others stay", "S\n\nB\n\nSigned-off-by: A <a@x>\nWikibot-Via: web\nCo-authored-by: B <b@x>", "S\n\nB\n\nSigned-off-by: A <a@x>\nCo-authored-by: B <b@x>", "", true},
		{"a subject is no trailer", "Wikibot-Agent: me", "Wikibot-Agent: me", "", false},
		{"nor is what stands before the last paragraph", "S\n\nWikibot-Agent: me\n\nend", "S\n\nWikibot-Agent: me\n\nend", "", false},
		{"line ends of Windows", "S\r\n\r\nWikibot-Agent: X\r\n", "S", "X", true},
		{"bytes that are no text", "S\xff\n\nB\xfe", "S\uFFFD\n\nB\uFFFD", "", false},
		{"nothing at all", "", "", "", false},
	} {
		message, agent, ours := splitMessage(c.raw)
		if message != c.message || agent != c.agent || ours != c.ours {
			t.Errorf("%s: got %q, %q, %v", c.why, message, agent, ours)
		}
	}
}

func TestPack(t *testing.T) {
	for _, list := range [][]string{nil, {""}, {"a", "", "b"}, slices.Repeat([]string{"Some/Path", "Other/Path\xff"}, 2000)} {
		raw, err := pack(list)
		if err != nil {
			t.Fatal(err)
		}
		got, err := unpack(raw)
		if diff := cmp.Diff(list, got); err != nil || diff != "" {
			t.Errorf("%v %s", err, diff)
		}
	}
	for _, raw := range []string{"p", "pabc", "d", "dabc", "p9\x00a\x00\x00"} {
		if got, err := unpackAffected([]byte(raw)); err == nil {
			t.Errorf("unpacked %q from %q", got, raw)
		}
	}
}

// Anybody can write any time into a commit; what is shown must still be a time.
func TestAbsurdTimes(t *testing.T) {
	w := newWorld(t, t.TempDir())
	head := w.commit(commitSpec{set: map[string]string{"A.md": "a"}, message: "m", time: 1 << 44})
	head = w.commit(commitSpec{parents: []string{head}, set: map[string]string{"B.md": "b"}, message: "m", time: 0})
	cache, _ := w.cache()
	closing(t, cache)
	entries, _, err := mustView(t, cache, w.advance(head)).Changelog(context.Background(), 0, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, err := e.When.MarshalJSON(); err != nil {
			t.Error(err)
		}
	}
}
