package index

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/pagepath"
)

// Filter narrows Pages; zero fields do not narrow. Strings ignore case.
type Filter struct {
	Prefix       string // of the path
	Category     string
	Tag          string
	UpdatedSince time.Time
	After        string // continue after this path
	Limit        int    // 0: all
}

// where returns the conditions of the filter without After, with their values.
func (f Filter) where() (string, []any) {
	conds, args := []string{"1"}, []any{}
	if key := pagepath.Key(strings.TrimLeft(f.Prefix, "/")); key != "" {
		conds = append(conds, "p.key >= ?")
		args = append(args, key)
		if end := afterPrefix(key); end != "" {
			conds = append(conds, "p.key < ?")
			args = append(args, end)
		}
	}
	if f.Category != "" {
		conds = append(conds, "p.category_key = ?")
		args = append(args, fold(f.Category))
	}
	if f.Tag != "" {
		conds = append(conds, "p.id IN (SELECT page FROM tags WHERE tag = ?)")
		args = append(args, fold(f.Tag))
	}
	if !f.UpdatedSince.IsZero() {
		// Commits know whole seconds: one within the asked second counts as since.
		conds = append(conds, "p.updated >= ?")
		args = append(args, f.UpdatedSince.Unix())
	}
	return strings.Join(conds, " AND "), args
}

// afterPrefix is the first string, in the order of bytes, above all that begin
// with prefix; "" if there is none.
func afterPrefix(prefix string) string {
	b := []byte(prefix)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] < 0xFF {
			b[i]++
			return string(b[:i+1])
		}
	}
	return ""
}

const fromPages = ` FROM pages p JOIN commits c ON c.seq = p.created JOIN commits l ON l.seq = p.last WHERE `

var pageColumns = `SELECT p.path, p.title, p.category, p.tags, p.words, p.blob, ` + commitColumns("c") + `, ` + commitColumns("l") + fromPages

func scanPage(rows *sql.Rows) (Page, error) {
	var p Page
	var tags string
	var blob []byte
	var first, last commitRow
	into := append([]any{&p.Path, &p.Title, &p.Category, &tags, &p.Words, &blob}, first.into()...)
	if err := rows.Scan(append(into, last.into()...)...); err != nil {
		return Page{}, err
	}
	if err := json.Unmarshal([]byte(tags), &p.Tags); err != nil {
		return Page{}, err
	}
	p.Blob = hex.EncodeToString(blob)
	p.Created, p.Last = first.change(), last.change()
	return p, nil
}

// Pages lists pages by path (folded order) and says how many there are in all
// that pass the filter.
func (v *View) Pages(ctx context.Context, f Filter) (pages []Page, total int, err error) {
	where, args := f.where()
	err = v.read(ctx, func(r reader) error {
		if _, err := r.one(`SELECT count(*) FROM pages p WHERE `+where, args, &total); err != nil {
			return err
		}
		if f.After != "" {
			after := pagepath.Clean(f.After)
			where += ` AND (p.key, p.path) > (?, ?)`
			args = append(args, pagepath.Key(after), after)
		}
		query := pageColumns + where + ` ORDER BY p.key, p.path LIMIT ?`
		return r.each(query, append(args, rowLimit(f.Limit)), func(rows *sql.Rows) error {
			p, err := scanPage(rows)
			pages = append(pages, p)
			return err
		})
	})
	return pages, total, err
}

// Page returns one row of the page table; fault.NotFound. Where names differ
// only in case, which an import can bring, the exact one comes first.
func (v *View) Page(ctx context.Context, path string) (page Page, err error) {
	path = pagepath.Clean(path)
	err = v.read(ctx, func(r reader) error {
		query := pageColumns + `p.key = ? ORDER BY p.path <> ?, p.path LIMIT 1`
		found := false
		err := r.each(query, []any{pagepath.Key(path), path}, func(rows *sql.Rows) (err error) {
			found = true
			page, err = scanPage(rows)
			return err
		})
		if err == nil && !found {
			return noPage(path)
		}
		return err
	})
	return page, err
}

func noPage(path string) error {
	return fault.New(fault.NotFound, "find page %q: there is none", path)
}
