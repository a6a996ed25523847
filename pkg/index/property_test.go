package index

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"wikibot.io/pkg/records"
)

// TestEveryAnswerIsThatOfAFullScan lets random histories grow, with edits,
// renames, deletions, branches and merges made by git, and after each step asks
// everything of four: a cache that has followed every step, one that starts from
// an index published some steps ago, one that builds from nothing, and the
// oracle.
func TestEveryAnswerIsThatOfAFullScan(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "world-")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		g := &growth{world: newWorld(rt, dir), rt: rt, trees: map[string]map[string]string{}, now: 1_700_000_000}
		follower, _ := g.cache()
		defer follower.Close()
		for step := range rapid.IntRange(3, 9).Draw(rt, "steps") {
			wiki := g.step()
			g.compare(follower, wiki)
			if step%3 == 2 || rapid.IntRange(0, 3).Draw(rt, "publish") == 0 {
				if err := follower.Publish(context.Background(), wikiID); err != nil {
					rt.Fatal(err)
				}
			}
		}
	})
}

// growth is a random history in the making.
type growth struct {
	*world
	rt    *rapid.T
	trees map[string]map[string]string // commit to its files
	side  string                       // a branch beside the head
	ever  []string                     // all commits
	now   int64
}

var (
	somePaths = []string{"Home", "home", "Notes/Übung", "Notes/Plan", "Notes/plan b", "Zeta", "A/B/C", "Notes"}
	someLines = []string{"running", "runs", "Über", "mountain", "[[Home]]", "[[notes/plan]]", "[x](/Zeta)", "[y](./Plan)", "[[Nowhere]]",
		"[[nowhere]]", "# Heading", "install-module", "数据库", "naïve", "the", "[[Notes/Übung|label]]", "[f](/a/b.png)"}
)

func (g *growth) text() string {
	var b strings.Builder
	if rapid.IntRange(0, 2).Draw(g.rt, "front") == 0 {
		fmt.Fprintf(&b, "---\ntitle: T%d\ncategory: %s\ntags: [%s]\n---\n", rapid.IntRange(0, 3).Draw(g.rt, "title"),
			rapid.SampledFrom([]string{"Guide", "guide", "Straße"}).Draw(g.rt, "category"), rapid.SampledFrom([]string{"a", "A, b", "b"}).Draw(g.rt, "tags"))
	}
	for range rapid.IntRange(0, 6).Draw(g.rt, "lines") {
		b.WriteString(rapid.SampledFrom(someLines).Draw(g.rt, "word") + "\n\n")
	}
	return b.String()
}

// edit draws a change of a tree.
func (g *growth) edit(tree map[string]string) (set map[string]string, remove []string, ours bool) {
	set = make(map[string]string)
	draw := func(label string) string { return rapid.SampledFrom(somePaths).Draw(g.rt, label) + ".md" }
	for range rapid.IntRange(1, 2).Draw(g.rt, "edits") {
		switch file := draw("path"); rapid.IntRange(0, 5).Draw(g.rt, "kind") {
		case 0: // rename, perhaps with an edit
			to := draw("to")
			if old, ok := tree[file]; ok && to != file {
				set[to] = old + rapid.SampledFrom([]string{"", "", "more\n", g.text()}).Draw(g.rt, "more")
				remove = append(remove, file)
				ours = rapid.Bool().Draw(g.rt, "ours")
			}
		case 1:
			if _, ok := tree[file]; ok {
				remove = append(remove, file)
			}
		case 2:
			set["Notes/"+rapid.SampledFrom([]string{"a.png", "b.txt"}).Draw(g.rt, "file")] = g.text()
		default:
			set[file] = g.text()
		}
	}
	for _, file := range remove {
		delete(set, file)
	}
	return set, remove, ours
}

func (g *growth) commitOn(parent string) string {
	set, remove, ours := g.edit(g.trees[parent])
	tree := make(map[string]string)
	for file, text := range g.trees[parent] {
		tree[file] = text
	}
	for _, file := range remove {
		delete(tree, file)
	}
	for file, text := range set {
		tree[file] = text
	}
	g.now += int64(rapid.IntRange(-90, 120).Draw(g.rt, "seconds"))
	c := commitSpec{set: set, remove: remove, time: g.now, message: fmt.Sprintf("Change %d\n\nBecause.\n\nSigned-off-by: Ann", len(g.ever)), author: "Zoë"}
	if ours {
		c.message += "\nWikibot-Agent: Claude Code\nWikibot-Via: mcp"
	}
	if parent != "" {
		c.parents = []string{parent}
	}
	id := g.commit(c)
	g.trees[id], g.ever = tree, append(g.ever, id)
	return id
}

// step moves the head.
func (g *growth) step() records.Wiki {
	head := g.shelf.now().Head
	switch kind := rapid.IntRange(0, 9).Draw(g.rt, "step"); {
	case head == "" || kind < 4:
		return g.advance(g.commitOn(head))
	case kind < 6 || g.side == "": // work beside, which nobody sees yet, then on
		if g.side == "" {
			g.side = rapid.SampledFrom(g.ever).Draw(g.rt, "fork")
		}
		g.side = g.commitOn(g.side)
		return g.advance(g.commitOn(head))
	case kind < 9:
		a, b := head, g.side
		if kind == 8 { // somebody else's merge, with our line as the second parent
			a, b = b, a
		}
		g.now += int64(rapid.IntRange(-60, 60).Draw(g.rt, "seconds"))
		id := g.merge(a, b, g.now, "Merge")
		g.trees[id] = make(map[string]string)
		for line := range strings.SplitSeq(g.run("", "ls-tree", "-r", "-z", "--format=%(objectname) %(path)", id), "\x00") {
			if blob, file, ok := strings.Cut(line, " "); ok {
				g.trees[id][file] = g.run("", "cat-file", "blob", blob) + "\n"
			}
		}
		g.side, g.ever = "", append(g.ever, id)
		return g.advance(id)
	default: // history is rewritten: the head no longer descends from the old one
		return g.advance(g.commitOn(rapid.SampledFrom(g.ever).Draw(g.rt, "rewrite")))
	}
}

func (g *growth) questions() questions {
	q := questions{
		filters:  []Filter{{}, {Prefix: "notes"}, {Prefix: "Notes/P"}, {Category: "GUIDE"}, {Category: "STRASSE"}, {Tag: "A"}, {Tag: "b", Prefix: "n"}, {UpdatedSince: time.Unix(g.now-60, 5)}},
		paths:    append([]string{"Nowhere", "/notes/PLAN.md", "", "a/b"}, somePaths...),
		prefixes: []string{"", "abc", "xyz1", strings.Repeat("0", 41), "0000"},
		queries: []string{"run", "running home", `"install module"`, "install-mod", "uber", "数据", "据", "nowhere ubung", "", `" *`, "NEAR(a b)", "mount",
			"naive zzzz", "the", `the "the"`, "title:home", "runnin", "head", "no", "pla", "nowh", "zet ru"},
	}
	q.filters = append(q.filters, Filter{Limit: rapid.IntRange(1, 3).Draw(g.rt, "limit"), After: rapid.SampledFrom(q.paths).Draw(g.rt, "after")})
	for range 3 {
		id := rapid.SampledFrom(g.ever).Draw(g.rt, "commit")
		q.commits = append(q.commits, id)
		q.prefixes = append(q.prefixes, id[:rapid.IntRange(4, 40).Draw(g.rt, "digits")], strings.ToUpper(id[:9]))
	}
	q.commits = append(q.commits, strings.Repeat("0", 40), "nonsense")
	return q
}

func (g *growth) compare(follower *Cache, wiki records.Wiki) {
	q := g.questions()
	want := scan(g.rt, g.repoDir(), wiki.Head).answer(q)
	published, _ := g.cache()
	defer published.Close()
	fresh, _ := g.cache()
	defer fresh.Close()
	unpublished := wiki
	unpublished.Index = records.Index{}
	for _, c := range []struct {
		name string
		got  answers
	}{
		{"a cache that followed", ask(g.rt, mustView(g.rt, follower, wiki), q)},
		{"a cache that began with the published index", ask(g.rt, mustView(g.rt, published, wiki), q)},
		{"a rebuilt cache", ask(g.rt, mustView(g.rt, fresh, unpublished), q)},
	} {
		if diff := cmp.Diff(want, c.got); diff != "" {
			g.rt.Fatalf("%s (+) and a full scan (-) differ:\n%s\n%s", c.name, diff, g.run("", "log", "--graph", "--format=%h %ct %s", "--name-status", wiki.Head))
		}
	}
}
