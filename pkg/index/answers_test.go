package index

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/pagepath"
)

// questions are put to the index and to the oracle alike.
type questions struct {
	filters  []Filter
	paths    []string
	commits  []string
	prefixes []string
	queries  []string
}

// answers are what came back, one line a question.
type answers []string

func (a *answers) add(err error, format string, args ...any) {
	if err != nil {
		*a = append(*a, fmt.Sprintf(format, args...)+" → "+string(fault.KindOf(err)))
		return
	}
	*a = append(*a, fmt.Sprintf(format, args...))
}

func show(v any) string { return fmt.Sprintf("%+v", v) }

// ask puts all questions to a view.
func ask(t tester, v *View, q questions) answers {
	t.Helper()
	ctx := context.Background()
	var a answers
	for _, f := range q.filters {
		pages, total, err := v.Pages(ctx, f)
		a.add(err, "pages %+v: %d of %d %s", f, len(pages), total, show(pages))
	}
	nodes, edges, err := v.Graph(ctx)
	a.add(err, "graph %q %q", nodes, edges)
	for _, path := range q.paths {
		p, err := v.Page(ctx, path)
		a.add(err, "page %q %s", path, show(p))
		to, from, err := v.Links(ctx, path)
		a.add(err, "links %q %q %q", path, to, from)
		h, err := v.History(ctx, path, 0, "")
		a.add(err, "history %q %s", path, show(h))
		for i, commit := range q.commits {
			at, err := v.PathAt(ctx, path, commit)
			a.add(err, "path of %q at %s %q", path, commit, at)
			if i == 0 {
				h, err := v.History(ctx, path, 2, commit)
				a.add(err, "history %q below %s %s", path, commit, show(h))
			}
		}
	}
	entries, total, err := v.Changelog(ctx, 0, "")
	a.add(err, "changelog %d %s", total, show(entries))
	for _, commit := range q.commits {
		entries, total, err := v.Changelog(ctx, 2, commit)
		a.add(err, "changelog below %s %d %s", commit, total, show(entries))
		e, err := v.Entry(ctx, commit)
		a.add(err, "entry %s", show(e))
	}
	for _, prefix := range q.prefixes {
		id, err := v.Resolve(ctx, prefix)
		a.add(err, "resolve %q %s", prefix, id)
	}
	for _, query := range q.queries {
		hits, total, err := v.Search(ctx, query, 0, 0)
		var paths []string
		for i, h := range hits {
			paths = append(paths, h.Path)
			if h.Score < 0 || h.Score > 1 || i > 0 && h.Score > hits[i-1].Score {
				t.Fatalf("search %q: score %v of hit %d is out of order", query, h.Score, i)
			}
		}
		slices.Sort(paths)
		a.add(err, "search %q %d %q", query, total, paths)
	}
	return a
}

var (
	errMissing = fault.New(fault.NotFound, "missing")
	errInvalid = fault.New(fault.Invalid, "invalid")
)

// answer puts the same questions to the oracle.
func (o *oracle) answer(q questions) answers {
	var a answers
	for _, f := range q.filters {
		pages, total := o.list(f)
		a.add(nil, "pages %+v: %d of %d %s", f, len(pages), total, show(pages))
	}
	nodes, edges := o.graph()
	a.add(nil, "graph %q %q", nodes, edges)
	for _, path := range q.paths {
		var page Page
		var err error = errMissing
		if p := o.page(path); p != nil {
			page, err = o.row(p), nil
		}
		a.add(err, "page %q %s", path, show(page))
		to, from := o.links(path)
		a.add(nil, "links %q %q %q", path, to, from)
		h, err := o.history(path, len(o.commits))
		a.add(err, "history %q %s", path, show(h))
		for i, commit := range q.commits {
			at, err := o.pathAt(path, commit)
			a.add(err, "path of %q at %s %q", path, commit, at)
			if i == 0 {
				h, err := o.history(path, o.at(commit))
				if n := o.at(commit); n < 0 && err == nil {
					err = errMissing
				}
				if err != nil {
					h = nil
				}
				a.add(err, "history %q below %s %s", path, commit, show(h[:min(2, len(h))]))
			}
		}
	}
	a.add(nil, "changelog %d %s", len(o.entries), show(newestFirst(o.entries)))
	for _, commit := range q.commits {
		n := o.at(commit)
		if n < 0 {
			var none []Entry
			a.add(errMissing, "changelog below %s %d %s", commit, 0, show(none))
			a.add(errMissing, "entry %s", show(Entry{}))
			continue
		}
		some := newestFirst(o.entries[:n])
		a.add(nil, "changelog below %s %d %s", commit, len(o.entries), show(some[:min(2, len(some))]))
		a.add(nil, "entry %s", show(o.entries[n]))
	}
	for _, prefix := range q.prefixes {
		id, err := o.resolve(prefix)
		a.add(err, "resolve %q %s", prefix, id)
	}
	for _, query := range q.queries {
		paths := o.search(query)
		a.add(nil, "search %q %d %q", query, len(paths), paths)
	}
	return a
}

func newestFirst(entries []Entry) []Entry {
	out := slices.Clone(entries)
	slices.Reverse(out)
	return out
}

// at numbers a commit; -1 if it is unknown.
func (o *oracle) at(commit string) int {
	return slices.IndexFunc(o.entries, func(e Entry) bool { return e.Commit == commit })
}

func (o *oracle) page(path string) *oraclePage {
	path = pagepath.Clean(path)
	var found *oraclePage
	for _, p := range o.pages {
		if p.key == pagepath.Key(path) && (found == nil || p.path == path) {
			found = p
		}
	}
	return found
}

func (o *oracle) row(p *oraclePage) Page {
	row := Page{Path: p.path, Title: p.info.Title, Category: p.info.Category, Words: p.info.Words, Blob: p.blob.String()}
	for _, tag := range p.info.Tags {
		if !slices.Contains(row.Tags, tag) {
			row.Tags = append(row.Tags, tag)
		}
	}
	for _, ch := range o.changes {
		if ch.lineage != p.lineage {
			continue
		}
		plain := ch.Change
		plain.Path, plain.OldPath, plain.Kind = "", "", ""
		if row.Created.Commit == "" {
			row.Created = plain
		}
		if ch.Kind != "deleted" {
			row.Last = plain
		}
	}
	return row
}

func (o *oracle) list(f Filter) (rows []Page, total int) {
	for _, p := range o.pages {
		row := o.row(p)
		same := func(a, b string) bool {
			return pagepath.Key(strings.TrimSpace(a)) == pagepath.Key(strings.TrimSpace(b))
		}
		switch {
		case !strings.HasPrefix(p.key, pagepath.Key(f.Prefix)),
			f.Category != "" && !same(row.Category, f.Category),
			f.Tag != "" && !slices.ContainsFunc(row.Tags, func(tag string) bool { return same(tag, f.Tag) }),
			!f.UpdatedSince.IsZero() && row.Last.When.Before(f.UpdatedSince.Truncate(time.Second)):
			continue
		}
		total++
		after := pagepath.Clean(f.After)
		if f.After != "" && (p.key < pagepath.Key(after) || p.key == pagepath.Key(after) && p.path <= after) {
			continue
		}
		if f.Limit == 0 || len(rows) < f.Limit {
			rows = append(rows, row)
		}
	}
	return rows, total
}

// links follows every link of every page.
func (o *oracle) links(path string) (to, from []string) {
	path = pagepath.Clean(path)
	self := path
	if p := o.page(path); p != nil {
		self = p.path
	}
	for _, p := range o.pages {
		for _, target := range o.targets(p) {
			if p.path == self {
				to = append(to, target.path)
			}
			if target.path == self || !target.there && pagepath.Key(target.path) == pagepath.Key(self) && o.page(self) == nil {
				from = append(from, p.path)
			}
		}
	}
	return unique(to), unique(from)
}

type oracleTarget struct {
	path  string
	there bool
}

func (o *oracle) targets(p *oraclePage) (out []oracleTarget) {
	seen := make(map[string]bool)
	for _, link := range p.info.Links {
		if id := pagepath.Key(link.Target) + "\x00" + pagepath.Key(link.Alt); link.File || link.Target == "" || seen[id] {
			continue
		} else {
			seen[id] = true
		}
		first, second := o.page(link.Target), (*oraclePage)(nil)
		if link.Alt != "" {
			second = o.page(link.Alt)
		}
		switch {
		case first != nil:
			out = append(out, oracleTarget{first.path, true})
		case second != nil:
			out = append(out, oracleTarget{second.path, true})
		default:
			out = append(out, oracleTarget{link.Target, false})
		}
	}
	return out
}

func (o *oracle) graph() (nodes []string, edges []Edge) {
	spelling := make(map[string]string)
	for _, p := range o.pages {
		nodes = append(nodes, p.path)
		for _, target := range o.targets(p) {
			key := pagepath.Key(target.path)
			if old, ok := spelling[key]; !target.there && (!ok || target.path < old) {
				spelling[key] = target.path
			}
		}
	}
	for _, missing := range spelling {
		nodes = append(nodes, missing)
	}
	for _, p := range o.pages {
		var to []string
		for _, target := range o.targets(p) {
			if !target.there {
				target.path = spelling[pagepath.Key(target.path)]
			}
			to = append(to, target.path)
		}
		for _, target := range unique(to) {
			edges = append(edges, Edge{p.path, target})
		}
	}
	return unique(nodes), edges
}

// lineage finds the page at a path, or the one that was there last.
func (o *oracle) lineage(path string) int {
	path = pagepath.Clean(path)
	if p := o.page(path); p != nil {
		return p.lineage
	}
	if l := o.last[path]; l != 0 {
		return l
	}
	lineage, latest, spelled := 0, -1, ""
	for name, l := range o.last {
		if pagepath.Key(name) != pagepath.Key(path) {
			continue
		}
		for n, ch := range o.changes {
			// Changes of one commit are equally late.
			if ch.lineage != l {
				continue
			}
			if n = o.at(ch.Commit); n > latest || n == latest && name < spelled {
				lineage, latest, spelled = l, n, name
			}
		}
	}
	return lineage
}

// history lists the changes of a page in the first n commits.
func (o *oracle) history(path string, n int) (list []Change, err error) {
	lineage := o.lineage(path)
	if lineage == 0 {
		return nil, errMissing
	}
	for i := min(n, len(o.entries)) - 1; i >= 0; i-- {
		var here []Change
		for _, ch := range o.changes {
			if ch.lineage == lineage && ch.Commit == o.entries[i].Commit {
				here = append(here, ch.Change)
			}
		}
		slices.SortFunc(here, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
		list = append(list, here...)
	}
	return list, nil
}

func (o *oracle) pathAt(path, commit string) (string, error) {
	n := o.at(commit)
	list, err := o.history(path, n+1)
	if err != nil || n < 0 || len(list) == 0 {
		return "", errMissing
	}
	for i, ch := range list {
		for _, name := range []string{ch.Path, ch.OldPath} {
			if _, ok := o.commits[n].tree[pagepath.File(name)]; ok && name != "" {
				return name, nil
			}
		}
		if i == 0 && ch.Kind == "deleted" {
			break
		}
	}
	return "", errMissing
}

func (o *oracle) resolve(prefix string) (string, error) {
	if len(prefix) < 4 || len(prefix) > 40 || strings.Trim(strings.ToLower(prefix), "0123456789abcdef") != "" {
		return "", errInvalid
	}
	found := ""
	for _, e := range o.entries {
		if strings.HasPrefix(e.Commit, strings.ToLower(prefix)) {
			if found != "" {
				return "", errInvalid
			}
			found = e.Commit
		}
	}
	if found == "" {
		return "", errMissing
	}
	return found, nil
}

// search looks at the terms of every page.
func (o *oracle) search(query string) []string {
	groups := parseQuery(query)
	has := func(p *oraclePage, g group) bool {
		last := len(g.terms) - 1
		for at := range p.text {
			if at+last >= len(p.text) || !slices.Equal(p.text[at:at+last], g.terms[:last]) {
				continue
			}
			word := p.text[at+last]
			begins := strings.HasPrefix(word, g.words[last]) && (at+last < p.names || !g.short())
			if word == g.terms[last] || g.open && (begins || slices.Contains(g.alternatives(), word)) {
				return true
			}
		}
		return false
	}
	var all, some []string
	for _, p := range o.pages {
		n := 0
		for _, g := range groups {
			if has(p, g) {
				n++
			}
		}
		if n > 0 {
			some = append(some, p.path)
		}
		if n > 0 && n == len(groups) {
			all = append(all, p.path)
		}
	}
	if len(all) == 0 {
		all = some
	}
	slices.Sort(all)
	return all
}
