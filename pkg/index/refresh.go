package index

import (
	"context"
	"database/sql"
	"encoding/json"
	"runtime"
	"slices"
	"strings"

	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/markdown"
	"wikibot.io/pkg/pagepath"
)

// maxParsed is the size of a page, in bytes, up to which it is read as Markdown.
// The write path takes no page above 1 MB; larger ones come with imports and are
// listed, but neither linked nor searched.
const maxParsed = 2 << 20

// content is what the index keeps of a page's text.
type content struct {
	title, category string
	tags            []string
	words           int
	links, embeds   []markdown.Link
	search          [4]string // terms of title, path, headings, body
}

// readContent reads a page's text. A text on which the parser panics is listed
// under its name and no more: one page must not take the index, or the process,
// down with it.
func readContent(path string, src []byte) (c content) {
	defer func() {
		if recover() != nil {
			c = unread(path)
		}
	}()
	if len(src) > maxParsed {
		return unread(path)
	}
	return parse(path, src)
}

// unread is what is known of a page without reading it.
func unread(path string) content {
	c := content{title: pagepath.Title(path)}
	c.search = [4]string{terms(c.title), terms(path), "", ""}
	return c
}

// parse is where tests put a parser that panics.
var parse = parseContent

func parseContent(path string, src []byte) content {
	info := markdown.Read(path, src)
	c := content{title: clean(info.Title), category: clean(info.Category), words: info.Words}
	if c.title == "" {
		c.title = pagepath.Title(path)
	}
	for _, tag := range info.Tags {
		if tag = clean(tag); !slices.Contains(c.tags, tag) {
			c.tags = append(c.tags, tag)
		}
	}
	for _, link := range info.Links {
		switch {
		case link.Target == "":
		case link.File:
			c.embeds = append(c.embeds, link)
		default:
			c.links = append(c.links, link)
		}
	}
	headings := make([]string, len(info.Headings))
	for i, h := range info.Headings {
		headings[i] = h.Text
	}
	c.search = [4]string{terms(c.title), terms(path), terms(strings.Join(headings, "\n")), terms(info.Text)}
	return c
}

// fold is how categories and tags are compared.
func fold(s string) string { return pagepath.Key(strings.TrimSpace(s)) }

// refresher writes page rows.
type refresher struct {
	*builder
	bounds, update, insertPage, insertTag, insertLink, insertEmbed, insertSearch *sql.Stmt
	remove                                                                       []*sql.Stmt
}

// refresh brings the rows of all pages that the applied commits affected in line
// with the names as they stand at the head.
func (b *builder) refresh() error {
	r := &refresher{builder: b}
	if err := r.prepare(); err != nil {
		return err
	}
	affected := make(map[*name]bool)
	for _, n := range b.line.names {
		if n.changed {
			affected[n] = true
		}
	}
	for lineage := range b.line.touched {
		n, err := b.line.bearer(lineage)
		if err != nil {
			return err
		}
		if n != nil {
			affected[n] = true
		}
	}
	sorted := make([]*name, 0, len(affected))
	for n := range affected {
		sorted = append(sorted, n)
	}
	slices.SortFunc(sorted, func(a, b *name) int { return int(a.id - b.id) })
	var unread []*name
	for _, n := range sorted {
		switch {
		case !n.blobIn.IsZero() && n.blob != n.blobIn: // gone, or another text
			if err := r.drop(n); err != nil {
				return err
			}
			if n.live {
				unread = append(unread, n)
			}
		case n.live && n.blobIn.IsZero():
			unread = append(unread, n)
		case n.live:
			if err := r.restamp(n); err != nil {
				return err
			}
		}
	}
	return r.readAll(unread)
}

func (r *refresher) prepare() (err error) {
	for _, s := range []struct {
		into **sql.Stmt
		text string
	}{
		{&r.bounds, `SELECT f.first, l.last, c.time FROM
			(SELECT min(seq) AS first FROM changes WHERE lineage = ?1) f,
			(SELECT max(seq) AS last FROM changes WHERE lineage = ?1 AND kind <> 4) l
			JOIN commits c ON c.seq = l.last`},
		{&r.update, `UPDATE pages SET lineage = ?, created = ?, last = ?, updated = ? WHERE id = ?`},
		{&r.insertPage, `INSERT INTO pages (id, path, key, lineage, blob, title, category, category_key, tags, words, created, last, updated)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`},
		{&r.insertTag, `INSERT OR IGNORE INTO tags (tag, page) VALUES (?, ?)`},
		{&r.insertLink, `INSERT OR IGNORE INTO links (page, key, alt_key, target) VALUES (?, ?, ?, ?)`},
		{&r.insertEmbed, `INSERT OR IGNORE INTO embeds (page, file) VALUES (?, ?)`},
		{&r.insertSearch, `INSERT INTO search (rowid, title, path, headings, body) VALUES (?, ?, ?, ?, ?)`},
	} {
		if *s.into, err = r.tx.Prepare(s.text); err != nil {
			return err
		}
	}
	for _, text := range []string{
		`DELETE FROM pages WHERE id = ?`, `DELETE FROM tags WHERE page = ?`,
		`DELETE FROM links WHERE page = ?`, `DELETE FROM embeds WHERE page = ?`, `DELETE FROM search WHERE rowid = ?`,
	} {
		stmt, err := r.tx.Prepare(text)
		if err != nil {
			return err
		}
		r.remove = append(r.remove, stmt)
	}
	return nil
}

func (r *refresher) drop(n *name) error {
	for _, stmt := range r.remove {
		if _, err := stmt.Exec(n.id); err != nil {
			return err
		}
	}
	return nil
}

// restamp renews what a page's row says of its history.
func (r *refresher) restamp(n *name) error {
	var first, last, updated int64
	if err := r.bounds.QueryRow(n.lineage).Scan(&first, &last, &updated); err != nil {
		return err
	}
	_, err := r.update.Exec(n.lineage, first, last, updated, n.id)
	return err
}

// readAll reads and writes the pages, several being read at a time.
func (r *refresher) readAll(pages []*name) error {
	type result struct {
		content
		err error
	}
	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	queue := make(chan chan result, 2*runtime.GOMAXPROCS(0))
	go func() {
		defer close(queue)
		for _, n := range pages {
			done := make(chan result, 1)
			select {
			case queue <- done:
			case <-ctx.Done():
				return
			}
			go func(path string, blob gitstore.OID) {
				src, err := r.repo.Blob(ctx, blob)
				if err != nil {
					done <- result{err: err}
					return
				}
				done <- result{content: readContent(path, src)}
			}(n.path, n.blob)
		}
	}()
	i := 0
	for done := range queue {
		res := <-done
		if res.err != nil {
			return res.err
		}
		if err := r.write(pages[i], res.content); err != nil {
			return err
		}
		i++
	}
	return ctx.Err()
}

func (r *refresher) write(n *name, c content) error {
	var first, last, updated int64
	if err := r.bounds.QueryRow(n.lineage).Scan(&first, &last, &updated); err != nil {
		return err
	}
	tags, err := json.Marshal(c.tags)
	if err != nil {
		return err
	}
	_, err = r.insertPage.Exec(n.id, n.path, pagepath.Key(n.path), n.lineage, n.blob[:], c.title, c.category, fold(c.category),
		string(tags), c.words, first, last, updated)
	if err != nil {
		return err
	}
	for _, tag := range c.tags {
		if _, err := r.insertTag.Exec(fold(tag), n.id); err != nil {
			return err
		}
	}
	for _, link := range c.links {
		if _, err := r.insertLink.Exec(n.id, pagepath.Key(link.Target), pagepath.Key(link.Alt), link.Target); err != nil {
			return err
		}
	}
	for _, link := range c.embeds {
		for _, target := range []string{link.Target, link.Alt} {
			if target == "" {
				continue
			}
			if _, err := r.insertEmbed.Exec(n.id, pagepath.Key(target)); err != nil {
				return err
			}
		}
	}
	_, err = r.insertSearch.Exec(n.id, c.search[0], c.search[1], c.search[2], c.search[3])
	return err
}
