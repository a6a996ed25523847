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
	err = v.read(ctx, func(tx *sql.Tx) error {
		page := path
		row := tx.QueryRowContext(ctx, `SELECT path FROM pages WHERE key = ? ORDER BY path <> ?, path LIMIT 1`, key, path)
		if err := row.Scan(&page); err != nil && err != sql.ErrNoRows {
			return err
		}
		err := each(tx, ctx, linkColumns+`WHERE s.path = ? AND s.key = ?`, []any{page, key}, func(rows *sql.Rows) error {
			r, err := scanLink(rows)
			to = append(to, r.leads())
			return err
		})
		if err != nil {
			return err
		}
		return each(tx, ctx, linkColumns+`WHERE l.key = ?1 OR (l.alt_key = ?1 AND l.alt_key <> '')`, []any{key}, func(rows *sql.Rows) error {
			r, err := scanLink(rows)
			if target := r.leads(); target == page || pagepath.Key(target) == key && !r.first.Valid && !r.second.Valid {
				from = append(from, r.source)
			}
			return err
		})
	})
	return unique(to), unique(from), err
}

// Edge is a link from one page to another.
type Edge struct{ Source, Target string }

// Graph returns all links; nodes are all pages and the missing targets. A
// missing target that is spelled in several ways is one node.
func (v *View) Graph(ctx context.Context) (nodes []string, edges []Edge, err error) {
	err = v.read(ctx, func(tx *sql.Tx) error {
		err := each(tx, ctx, `SELECT path FROM pages`, nil, func(rows *sql.Rows) error {
			var path string
			err := rows.Scan(&path)
			nodes = append(nodes, path)
			return err
		})
		if err != nil {
			return err
		}
		missing := make(map[string]string) // key to the spelling shown
		var links []linkRow
		err = each(tx, ctx, linkColumns, nil, func(rows *sql.Rows) error {
			r, err := scanLink(rows)
			links = append(links, r)
			if spelling, seen := missing[r.key]; !r.first.Valid && !r.second.Valid && (!seen || r.target < spelling) {
				missing[r.key] = r.target
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, r := range links {
			target := r.leads()
			if !r.first.Valid && !r.second.Valid {
				target = missing[r.key]
				nodes = append(nodes, target)
			}
			edges = append(edges, Edge{r.source, target})
		}
		return nil
	})
	slices.SortFunc(edges, func(a, b Edge) int {
		return cmp.Or(byKey(a.Source, b.Source), byKey(a.Target, b.Target))
	})
	return unique(nodes), slices.Compact(edges), err
}

// byKey is the order of pages: by key, then by path.
func byKey(a, b string) int {
	return cmp.Or(strings.Compare(pagepath.Key(a), pagepath.Key(b)), strings.Compare(a, b))
}

func unique(paths []string) []string {
	slices.SortFunc(paths, byKey)
	return slices.Compact(paths)
}
