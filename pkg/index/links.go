package index

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"

	"wikibot.io/pkg/pagepath"
)

// A link is stored with the key of its target, and with that of its second
// reading if it has one: it leads to the page of the first if there is one, else
// of the second if there is one, else to the first, which is then missing. Which
// pages there are is asked when the link is, so a page that comes or goes
// changes no row of links.

// linkRow is a link with the pages that it may lead to.
type linkRow struct {
	source, target, key string
	first, second       sql.NullString
}

const linkColumns = `SELECT s.path, l.target, l.key,
	(SELECT p.path FROM pages p WHERE p.key = l.key ORDER BY p.path <> l.target, p.path LIMIT 1),
	(SELECT p.path FROM pages p WHERE p.key = l.alt_key AND l.alt_key <> '' ORDER BY p.path LIMIT 1)
	FROM links l JOIN pages s ON s.id = l.page `

func scanLink(rows *sql.Rows) (r linkRow, err error) {
	return r, rows.Scan(&r.source, &r.target, &r.key, &r.first, &r.second)
}

func (r linkRow) dangles() bool { return !r.first.Valid && !r.second.Valid }

// leads is the path that the link leads to.
func (r linkRow) leads() string {
	switch {
	case r.first.Valid:
		return r.first.String
	case r.second.Valid:
		return r.second.String
	}
	return r.target
}

// Links returns the targets of the page's links and the pages that link to it,
// as paths, without duplicates, sorted. Targets need not exist; those that do
// are spelled as the page is. A page that is missing can have links to it too.
func (v *View) Links(ctx context.Context, path string) (to, from []string, err error) {
	path = pagepath.Clean(path)
	key := pagepath.Key(path)
	err = v.read(ctx, func(r reader) error {
		page := path
		if _, err := r.one(`SELECT path FROM pages WHERE key = ? ORDER BY path <> ?, path LIMIT 1`, []any{key, path}, &page); err != nil {
			return err
		}
		err := r.each(linkColumns+`WHERE s.path = ? AND s.key = ?`, []any{page, key}, func(rows *sql.Rows) error {
			l, err := scanLink(rows)
			to = append(to, l.leads())
			return err
		})
		if err != nil {
			return err
		}
		return r.each(linkColumns+`WHERE l.key = ?1 OR (l.alt_key = ?1 AND l.alt_key <> '')`, []any{key}, func(rows *sql.Rows) error {
			l, err := scanLink(rows)
			if l.leads() == page || l.key == key && l.dangles() {
				from = append(from, l.source)
			}
			return err
		})
	})
	return unique(to), unique(from), err
}

// Embedding returns the pages that link to a file or show it, sorted. Where a
// link may mean one of two files it counts for both.
func (v *View) Embedding(ctx context.Context, file string) ([]string, error) {
	var pages []string
	err := v.read(ctx, func(r reader) error {
		return r.each(`SELECT p.path FROM embeds e JOIN pages p ON p.id = e.page WHERE e.file = ?`, []any{pagepath.Key(file)}, func(rows *sql.Rows) error {
			var path string
			err := rows.Scan(&path)
			pages = append(pages, path)
			return err
		})
	})
	return unique(pages), err
}

// Edge is a link from one page to another.
type Edge struct{ Source, Target string }

// Graph returns all links; nodes are all pages and the missing targets. A
// missing target that is spelled in several ways is one node.
func (v *View) Graph(ctx context.Context) (nodes []string, edges []Edge, err error) {
	err = v.read(ctx, func(r reader) error {
		pages := make(map[string][]string) // by key
		err := r.each(`SELECT path, key FROM pages ORDER BY path`, nil, func(rows *sql.Rows) error {
			var path, key string
			err := rows.Scan(&path, &key)
			nodes, pages[key] = append(nodes, path), append(pages[key], path)
			return err
		})
		if err != nil {
			return err
		}
		missing := make(map[string]string) // key to the spelling shown
		var links []linkRow
		err = r.each(`SELECT s.path, l.target, l.key, l.alt_key FROM links l JOIN pages s ON s.id = l.page`, nil, func(rows *sql.Rows) error {
			var l linkRow
			var alt string
			err := rows.Scan(&l.source, &l.target, &l.key, &alt)
			l.first, l.second = choose(pages[l.key], l.target), choose(pages[alt], "")
			links = append(links, l)
			if spelling, seen := missing[l.key]; l.dangles() && (!seen || l.target < spelling) {
				missing[l.key] = l.target
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, l := range links {
			target := l.leads()
			if l.dangles() {
				target = missing[l.key]
				nodes = append(nodes, target)
			}
			edges = append(edges, Edge{l.source, target})
		}
		return nil
	})
	nodes = unique(nodes)
	place := make(map[string]int, len(nodes))
	for i, path := range nodes {
		place[path] = i
	}
	slices.SortFunc(edges, func(a, b Edge) int {
		return cmp.Or(cmp.Compare(place[a.Source], place[b.Source]), cmp.Compare(place[a.Target], place[b.Target]))
	})
	return nodes, slices.Compact(edges), err
}

// choose is what the subqueries of linkColumns do: of the pages with one key, in
// order, the one spelled like that, else the first.
func choose(pages []string, like string) sql.NullString {
	switch {
	case len(pages) == 0:
		return sql.NullString{}
	case slices.Contains(pages, like):
		return sql.NullString{String: like, Valid: true}
	}
	return sql.NullString{String: pages[0], Valid: true}
}

// byKey is the order of pages: by key, then by path.
func byKey(a, b string) int {
	return cmp.Or(strings.Compare(pagepath.Key(a), pagepath.Key(b)), strings.Compare(a, b))
}

// unique sorts paths by key and drops duplicates.
func unique(paths []string) []string {
	type keyed struct{ key, path string }
	all := make([]keyed, len(paths))
	for i, path := range paths {
		all[i] = keyed{pagepath.Key(path), path}
	}
	slices.SortFunc(all, func(a, b keyed) int { return cmp.Or(strings.Compare(a.key, b.key), strings.Compare(a.path, b.path)) })
	for i := range all {
		paths[i] = all[i].path
	}
	return slices.Compact(paths)
}
