package githttp_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// visitor is one git client: a folder, the server that it talks to, and what it
// was told.
type visitor struct {
	*fleet
	t        *testing.T
	url      string
	protocol string
	dir      string
	source   string // a full clone, in the wiki's state of now
	exclude  string // names main~3 for the server at excludes
	excludes string
	old      string // main~8, in hex
	said     []string
}

// git runs a command in the clone.
func (c *visitor) git(args ...string) string {
	c.t.Helper()
	out, err := c.run(c.dir, append([]string{"-c", "protocol.version=" + c.protocol, "-c", "gc.auto=0"}, args...)...)
	if err != nil {
		c.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// note keeps what a command says, to be compared.
func (c *visitor) note(args ...string) { c.said = append(c.said, c.git(args...)) }

func (c *visitor) clone(args ...string) {
	c.t.Helper()
	args = append([]string{"-c", "protocol.version=" + c.protocol, "clone", "-q"}, append(args, c.url, c.dir)...)
	if out, err := c.run(".", args...); err != nil {
		c.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// behind begins with a clone that was made some commits ago.
func (c *visitor) behind(rev string) {
	c.t.Helper()
	c.git("init", "-q", "-b", "main")
	c.git("fetch", "-q", "--no-tags", c.source, "refs/heads/"+rev+":refs/remotes/origin/main")
	c.git("remote", "add", "origin", c.url)
	c.git("reset", "-q", "--hard", "origin/main")
	c.git("branch", "-q", "-u", "origin/main")
}

// localCommits adds commits that the wiki has never seen.
func (c *visitor) localCommits(n int) {
	var in strings.Builder
	for i := range n {
		from := ""
		if i == 0 {
			from = "from refs/heads/main^0\n"
		}
		fmt.Fprintf(&in, "commit refs/heads/main\ncommitter Me <me@example.org> %d +0000\ndata 4\nmine\n%sM 100644 inline mine.md\ndata 3\n%03d\n", 1_800_000_000+i, from, i)
	}
	c.feed(c.dir, in.String())
	c.git("reset", "-q", "--hard")
}

// state is what the client has in the end.
func (c *visitor) state() string {
	c.t.Helper()
	lines := slices.Clone(c.said)
	lines = append(lines, c.git("rev-parse", "HEAD"), c.git("for-each-ref"))
	if shallow, err := os.ReadFile(filepath.Join(c.dir, ".git", "shallow")); err == nil {
		edge := strings.Fields(string(shallow))
		slices.Sort(edge)
		lines = append(lines, "shallow "+strings.Join(edge, " "))
	}
	objects := strings.Split(c.git("rev-list", "--objects", "--missing=print", "--no-object-names", "--all", "HEAD"), "\n")
	slices.Sort(objects)
	return strings.Join(append(lines, objects...), "\n")
}

// stories is what people do with a remote.
var stories = []struct {
	name string
	all  bool // told to every kind of wiki, not to the most tangled one alone
	run  func(*visitor)
}{
	{"clone", true, func(c *visitor) { c.clone() }},
	{"fetch of nothing", true, func(c *visitor) { c.clone(); c.git("fetch", "-q"); c.git("fetch", "-q", "origin", "HEAD") }},
	{"fetch of one commit", true, func(c *visitor) { c.behind("one"); c.git("pull", "-q", "--ff-only") }},
	{"fetch of many commits", false, func(c *visitor) { c.behind("many"); c.git("pull", "-q", "--ff-only") }},
	{"pull after 300 local commits", false, func(c *visitor) {
		c.behind("one")
		c.localCommits(300)
		c.git("fetch", "-q")
		c.git("merge", "-q", "--no-edit", "origin/main")
		c.git("reset", "-q", "--hard", "origin/main") // a merge has the time of the machine
	}},
	{"skipping negotiation", false, func(c *visitor) {
		c.behind("many")
		c.localCommits(50)
		c.git("-c", "fetch.negotiationAlgorithm=skipping", "fetch", "-q")
	}},
	{"depth 1", true, func(c *visitor) { c.clone("--depth=1") }},
	{"depth 3, deepened by 2", false, func(c *visitor) { c.clone("--depth=3"); c.git("fetch", "-q", "--deepen=2") }},
	{"depth 2, then 5, then 1", false, func(c *visitor) {
		c.clone("--depth=2")
		c.git("fetch", "-q", "--depth=5")
		c.git("fetch", "-q", "--depth=1")
	}},
	{"fetch into a shallow clone", false, func(c *visitor) {
		c.behind("one")
		c.git("fetch", "-q", "--depth=1")
		c.git("fetch", "-q")
	}},
	{"unshallow", true, func(c *visitor) { c.clone("--depth=1"); c.git("fetch", "-q", "--unshallow") }},
	{"shallow since", false, func(c *visitor) {
		c.clone("--shallow-since=" + strings.TrimSpace(c.must(c.source, "log", "-1", "--format=@%ct", "main~4")))
	}},
	{"shallow without what is old", false, func(c *visitor) {
		c.url = c.excludes
		c.clone("--single-branch", "--shallow-exclude="+c.exclude)
	}},
	{"no blobs", true, func(c *visitor) {
		c.clone("--filter=blob:none")
		c.note("log", "-p", "-6", "--format=%H") // a fetch for each
		c.git("fetch", "-q")
	}},
	{"no blobs, and no checkout", false, func(c *visitor) { c.clone("--filter=blob:none", "--no-checkout") }},
	{"no blobs, then one commit", false, func(c *visitor) {
		c.behind("one")
		c.git("fetch", "-q", "--filter=blob:none")
		c.git("pull", "-q", "--ff-only")
		c.note("log", "-p", "-2", "--format=%H")
	}},
	{"small blobs", false, func(c *visitor) { c.clone("--filter=blob:limit=1k", "--no-checkout") }},
	{"no trees", false, func(c *visitor) {
		c.clone("--filter=tree:0", "--no-checkout")
		c.note("log", "--format=%H %T")
		c.note("show", "HEAD:Home.md")
	}},
	{"one level of trees", false, func(c *visitor) { c.clone("--filter=tree:1", "--no-checkout") }},
	{"shallow and partial", false, func(c *visitor) { c.clone("--depth=2", "--filter=blob:none", "--no-checkout") }},
	{"a commit by its name", false, func(c *visitor) {
		c.git("init", "-q", "-b", "main")
		c.git("fetch", "-q", c.url, c.old)
		c.git("reset", "-q", "--hard", "FETCH_HEAD")
	}},
	{"a commit by its name, shallow", false, func(c *visitor) {
		c.git("init", "-q", "-b", "main")
		c.git("fetch", "-q", "--depth=2", c.url, c.old)
		c.git("reset", "-q", "--hard", "FETCH_HEAD")
	}},
	{"a branch by its name, shallow", false, func(c *visitor) {
		c.git("init", "-q", "-b", "main")
		c.git("fetch", "-q", "--depth=2", c.url, "main")
		c.git("reset", "-q", "--hard", "FETCH_HEAD")
	}},
	{"listing", true, func(c *visitor) {
		c.clone("--single-branch", "--no-tags")
		c.note("ls-remote", "origin")
		c.note("ls-remote", "--heads", "origin")
		c.note("ls-remote", "--symref", "origin", "HEAD")
		c.note("ls-remote", "origin", "main", "refs/tags/*")
	}},
}

// Each story ends with git's own server as it does with this one.
func TestRealGitSeesWhatGitsOwnServerShows(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	tangled := folded(f)
	for _, w := range []*wiki{smallPacks(f), imported(f), importedAndSaved(f), tangled} {
		t.Run(w.Slug, func(t *testing.T) {
			t.Parallel()
			source := w.source(t)
			rev := func(name string) string { return strings.TrimSpace(f.must(source, "rev-parse", name)) }
			reference := visitor{url: backend(f, w.dir) + "/" + w.ID + "/repo.git", protocol: "2", exclude: "exclude", excludes: backend(f, source) + "/.git"}
			for _, s := range stories {
				if !s.all && w != tangled {
					continue
				}
				t.Run(s.name, func(t *testing.T) {
					t.Parallel()
					tell := func(c visitor) string {
						c.fleet, c.t, c.dir, c.source, c.old = f, t, t.TempDir(), source, rev("main~8")
						s.run(&c)
						if out := c.git("fsck", "--strict", "--no-dangling", "--no-progress"); strings.TrimSpace(out) != "" && !strings.HasPrefix(out, "notice: ") {
							t.Errorf("version %s: git fsck says %s", c.protocol, out)
						}
						return c.state()
					}
					want := tell(reference)
					for _, protocol := range []string{"0", "1", "2"} {
						if protocol == "1" && (!s.all || w != tangled) { // differs from 0 in one line
							continue
						}
						if d := cmp.Diff(want, tell(visitor{url: w.url(), protocol: protocol, exclude: rev("exclude"), excludes: w.url()})); d != "" {
							t.Errorf("version %s: %s", protocol, d)
						}
					}
				})
			}
		})
	}
}

// source is a full clone with branches at some older commits, which a wiki never
// has.
func (w *wiki) source(t *testing.T) string {
	dir := t.TempDir()
	repo := filepath.Join(w.dir, w.ID, "repo.git")
	w.must(".", "clone", "-q", "--no-local", repo, dir)
	for name, rev := range map[string]string{"one": "main~1", "many": "main~9", "exclude": "main~3"} {
		w.must(dir, "branch", "-q", name, rev)
	}
	return dir
}

// The kinds of repositories that there are.

func smallPacks(f *fleet) *wiki {
	w := f.wiki(f.owner, "small", true)
	w.saves(40)
	return w
}

func imported(f *fleet) *wiki {
	w := f.wiki(f.owner, "imported", true)
	w.imports(40)
	return w
}

func importedAndSaved(f *fleet) *wiki {
	w := f.wiki(f.owner, "both", true)
	w.imports(30)
	w.saves(12)
	return w
}

// folded has two bases and saves since.
func folded(f *fleet) *wiki {
	f.t.Helper()
	w := f.wiki(f.owner, "folded", true)
	w.imports(40)
	w.saves(12)
	w.folds()
	w.saves(6)
	if len(w.BasePacks) != 2 {
		f.t.Fatalf("%d bases, so the tests would not see a chain", len(w.BasePacks))
	}
	return w
}

// saves makes some saves of pages at several depths.
func (w *wiki) saves(n int) {
	w.t.Helper()
	for i := range n {
		w.save(map[string]string{
			fmt.Sprintf("folder %d/deep/page.md", i%5): strings.Repeat(fmt.Sprintf("text %d\n", i%3), 20+i),
			"Home.md": fmt.Sprintf("save %d\n", i) + strings.Repeat("the same\n", 200),
		})
	}
}
