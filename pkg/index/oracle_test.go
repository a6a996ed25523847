package index

import (
	"bytes"
	"cmp"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"wikibot.io/pkg/markdown"
	"wikibot.io/pkg/pagepath"
)

// The oracle answers every question by reading the whole history with another
// git implementation and comparing whole trees: slow, and simple enough to be
// seen to be right. It shares with the index the rules that doc.go states and
// none of its code but that which reads one page and cuts text into terms.

type oracleCommit struct {
	*object.Commit
	tree map[string]plumbing.Hash // file to blob
	past map[plumbing.Hash]bool   // its ancestors
}

type oraclePage struct {
	path, key string
	blob      plumbing.Hash
	lineage   int
	info      *markdown.Info
	text      []string // terms of all columns, with a gap between two
	names     int      // how many of these are of title and path
}

type oracleChange struct {
	lineage int
	Change
}

type oracle struct {
	t       tester
	repo    *git.Repository
	commits []*oracleCommit // oldest first
	entries []Entry         // likewise
	changes []oracleChange  // likewise
	pages   []*oraclePage   // by key and path
	last    map[string]int  // path to the lineage it bore last
}

func scan(t tester, dir, head string) *oracle {
	o := &oracle{t: t, last: make(map[string]int)}
	var err error
	if o.repo, err = git.PlainOpen(dir); err != nil {
		t.Fatal(err)
	}
	if head != "" {
		o.collect(plumbing.NewHash(head))
		o.replay()
	}
	return o
}

func (o *oracle) check(err error) {
	if err != nil {
		o.t.Helper()
		o.t.Fatal("oracle: ", err)
	}
}

// collect orders the commits: of those whose parents have come, the one with
// the lowest time, then the lowest id.
func (o *oracle) collect(head plumbing.Hash) {
	waiting := make(map[plumbing.Hash]*oracleCommit)
	var visit func(plumbing.Hash)
	visit = func(id plumbing.Hash) {
		if waiting[id] != nil {
			return
		}
		c, err := o.repo.CommitObject(id)
		o.check(err)
		oc := &oracleCommit{Commit: c, tree: make(map[string]plumbing.Hash), past: make(map[plumbing.Hash]bool)}
		waiting[id] = oc
		files, err := c.Files()
		o.check(err)
		o.check(files.ForEach(func(f *object.File) error { oc.tree[f.Name] = f.Hash; return nil }))
		for _, p := range c.ParentHashes {
			visit(p)
			oc.past[p] = true
			for a := range waiting[p].past {
				oc.past[a] = true
			}
		}
	}
	visit(head)
	for len(waiting) > 0 {
		var next *oracleCommit
		for _, c := range waiting {
			free := !slices.ContainsFunc(c.ParentHashes, func(p plumbing.Hash) bool { return waiting[p] != nil })
			if free && (next == nil || cmp.Or(cmp.Compare(c.Committer.When.Unix(), next.Committer.When.Unix()), bytes.Compare(c.Hash[:], next.Hash[:])) < 0) {
				next = c
			}
		}
		delete(waiting, next.Hash)
		o.commits = append(o.commits, next)
	}
}

func (o *oracle) blob(id plumbing.Hash) []byte {
	b, err := o.repo.BlobObject(id)
	o.check(err)
	r, err := b.Reader()
	o.check(err)
	data, err := io.ReadAll(r)
	o.check(err)
	return data
}

// replay follows the lineages.
func (o *oracle) replay() {
	byID := make(map[plumbing.Hash]*oracleCommit)
	live := make(map[string]int)
	next := 0
	fresh := func() int { next++; return next }
	bears := func(lineage int) bool {
		for _, l := range live {
			if l == lineage {
				return true
			}
		}
		return false
	}
	for n, c := range o.commits {
		byID[c.Hash] = c
		var parents []*oracleCommit
		for _, p := range c.ParentHashes {
			parents = append(parents, byID[p])
		}
		e := Entry{Change: o.describe(c)}
		note := func(path, old, kind string, lineage int) {
			e.Pages = append(e.Pages, Affected{Path: path, OldPath: old, Kind: kind})
			ch := oracleChange{lineage, e.Change}
			ch.Path, ch.OldPath, ch.Kind = path, old, kind
			o.changes = append(o.changes, ch)
		}
		gone, come, edits := o.compare(c, parents, &e)
		pairs := o.pair(c, parents, &gone, &come)
		for _, p := range pairs {
			from, to := p[0], p[1]
			_, fromLive := live[from]
			toLineage, toLive := live[to]
			switch {
			case fromLive:
				live[to] = live[from]
				delete(live, from)
			case toLive:
				live[to] = toLineage
			case !bears(o.last[from]):
				live[to] = o.last[from]
			default:
				live[to] = fresh()
			}
			o.last[to] = live[to]
			note(to, from, "renamed", live[to])
		}
		for _, path := range gone {
			delete(live, path)
			note(path, "", "deleted", o.last[path])
		}
		for _, path := range come {
			if _, ok := live[path]; !ok {
				live[path] = fresh()
			}
			o.last[path] = live[path]
			note(path, "", "created", live[path])
		}
		for _, path := range edits {
			note(path, "", "edited", o.last[path])
		}
		if len(c.past) == n { // all earlier commits are its ancestors
			for path := range live {
				if _, ok := c.tree[pagepath.File(path)]; !ok {
					delete(live, path)
				}
			}
			for _, path := range pagesOf(c.tree) {
				if _, ok := live[path]; ok {
					continue
				}
				if l := o.last[path]; l != 0 && !bears(l) {
					live[path] = l
					continue
				}
				live[path] = fresh()
				o.last[path] = live[path]
				note(path, "", "created", live[path])
			}
		}
		slices.SortStableFunc(e.Pages, func(a, b Affected) int { return strings.Compare(a.Path, b.Path) })
		o.entries = append(o.entries, e)
	}
	o.read(live)
}

func pagesOf(tree map[string]plumbing.Hash) []string {
	var paths []string
	for file := range tree {
		if path, ok := pagepath.OfFile(file); ok {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

func (o *oracle) describe(c *oracleCommit) Change {
	ch := Change{Commit: c.Hash.String(), Author: c.Author.Name, Email: c.Author.Email, When: time.Unix(c.Committer.When.Unix(), 0).UTC()}
	if len(c.ParentHashes) > 0 {
		ch.Parent = c.ParentHashes[0].String()
	}
	var kept []string
	for line := range strings.SplitSeq(strings.TrimSpace(c.Message), "\n") {
		if agent, ok := strings.CutPrefix(line, "Wikibot-Agent: "); ok {
			ch.Agent = agent
		} else if !strings.HasPrefix(line, "Wikibot-") {
			kept = append(kept, line)
		}
	}
	ch.Message = strings.TrimSpace(strings.Join(kept, "\n"))
	ch.Subject, _, _ = strings.Cut(ch.Message, "\n")
	return ch
}

// compare finds what differs from every parent.
func (o *oracle) compare(c *oracleCommit, parents []*oracleCommit, e *Entry) (gone, come, edits []string) {
	files := make(map[string]bool)
	for file := range c.tree {
		files[file] = true
	}
	for _, p := range parents {
		for file := range p.tree {
			files[file] = true
		}
	}
	var sorted []string
	for file := range files {
		sorted = append(sorted, file)
	}
	slices.Sort(sorted)
	for _, file := range sorted {
		differs, inParent := true, false
		for _, p := range parents {
			differs = differs && p.tree[file] != c.tree[file]
			inParent = inParent || !p.tree[file].IsZero()
		}
		path, isPage := pagepath.OfFile(file)
		switch {
		case !differs:
		case !isPage:
			e.Files = append(e.Files, file)
		case c.tree[file].IsZero():
			gone = append(gone, path)
		case !inParent:
			come = append(come, path)
		default:
			edits = append(edits, path)
		}
	}
	return gone, come, edits
}

// pair finds renames, and takes them out of gone and come.
func (o *oracle) pair(c *oracleCommit, parents []*oracleCommit, gone, come *[]string) (pairs [][2]string) {
	before := func(path string) plumbing.Hash {
		for _, p := range parents {
			if id := p.tree[pagepath.File(path)]; !id.IsZero() {
				return id
			}
		}
		return plumbing.ZeroHash
	}
	take := func(from, to string) {
		pairs = append(pairs, [2]string{from, to})
		*gone = slices.DeleteFunc(slices.Clone(*gone), func(s string) bool { return s == from })
		*come = slices.DeleteFunc(slices.Clone(*come), func(s string) bool { return s == to })
	}
	single := len(*gone) == 1 && len(*come) == 1 && strings.Contains(c.Message, "\nWikibot-")
	for _, to := range *come {
		var same []string
		for _, from := range *gone {
			if before(from) == c.tree[pagepath.File(to)] {
				same = append(same, from)
			}
		}
		slices.SortStableFunc(same, func(a, b string) int {
			title := func(s string) int {
				if pagepath.Title(s) == pagepath.Title(to) {
					return 0
				}
				return 1
			}
			return title(a) - title(b)
		})
		if len(same) > 0 {
			take(same[0], to)
		}
	}
	if single && len(*gone) == 1 {
		take((*gone)[0], (*come)[0])
	}
	for {
		best, from, to := 0.0, "", ""
		for _, f := range *gone {
			for _, t := range *come {
				if s := alike(string(o.blob(before(f))), string(o.blob(c.tree[pagepath.File(t)]))); s >= 0.5 && s > best {
					best, from, to = s, f, t
				}
			}
		}
		if best == 0 {
			break
		}
		take(from, to)
	}
	slices.SortFunc(pairs, func(a, b [2]string) int { return strings.Compare(a[1], b[1]) })
	return pairs
}

// alike is the share of common lines.
func alike(a, b string) float64 {
	bag := func(s string) (all []string) {
		for line := range strings.SplitSeq(s, "\n") {
			if line = strings.TrimSpace(line); line != "" {
				all = append(all, line)
			}
		}
		return all
	}
	left, right := bag(a), bag(b)
	most, common := max(len(left), len(right)), 0
	for _, line := range left {
		if i := slices.Index(right, line); i >= 0 {
			right = slices.Delete(right, i, i+1)
			common++
		}
	}
	if most == 0 {
		return 0
	}
	return float64(common) / float64(most)
}

func (o *oracle) read(live map[string]int) {
	head := o.commits[len(o.commits)-1]
	for _, path := range pagesOf(head.tree) {
		p := &oraclePage{path: path, key: pagepath.Key(path), blob: head.tree[pagepath.File(path)], lineage: live[path]}
		p.info = markdown.Read(path, o.blob(p.blob))
		if p.info.Title == "" {
			p.info.Title = pagepath.Title(path)
		}
		headings := ""
		for _, h := range p.info.Headings {
			headings += h.Text + "\n"
		}
		for i, column := range []string{p.info.Title, path, headings, p.info.Text} {
			if p.text = append(append(p.text, strings.Fields(terms(column))...), "\x00"); i == 1 {
				p.names = len(p.text)
			}
		}
		o.pages = append(o.pages, p)
	}
	slices.SortFunc(o.pages, func(a, b *oraclePage) int {
		return cmp.Or(strings.Compare(a.key, b.key), strings.Compare(a.path, b.path))
	})
}
