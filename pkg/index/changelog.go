package index

import (
	"context"
	"database/sql"
)

// Entry is one commit of the changelog with the pages it affected.
type Entry struct {
	Change
	Pages []Affected
	Files []string // attachments affected
}

// Affected is a page touched by a commit.
type Affected struct {
	Path, OldPath, Kind string
}

var entryColumns = `SELECT ` + commitColumns("c") + `, c.pages, c.files FROM commits c `

func scanEntry(rows *sql.Rows) (Entry, error) {
	var row commitRow
	var pages, files []byte
	if err := rows.Scan(append(row.into(), &pages, &files)...); err != nil {
		return Entry{}, err
	}
	e := Entry{Change: row.change()}
	var err error
	if e.Pages, err = unpackAffected(pages); err != nil {
		return Entry{}, err
	}
	e.Files, err = unpack(files)
	return e, err
}

// Changelog lists all commits, newest first, and says how many there are.
// before, if not "", continues below that commit; fault.NotFound if there is no
// such commit. A limit of 0 is none.
func (v *View) Changelog(ctx context.Context, limit int, before string) (entries []Entry, total int, err error) {
	err = v.read(ctx, func(r reader) error {
		bound, err := below(r, before)
		if err != nil {
			return err
		}
		// Commits are numbered without gaps.
		if _, err := r.one(`SELECT coalesce(max(seq), 0) FROM commits`, nil, &total); err != nil {
			return err
		}
		return r.each(entryColumns+`WHERE c.seq < ? ORDER BY c.seq DESC LIMIT ?`, []any{bound, rowLimit(limit)}, func(rows *sql.Rows) error {
			e, err := scanEntry(rows)
			entries = append(entries, e)
			return err
		})
	})
	return entries, total, err
}

// Entry returns one commit of the changelog; fault.NotFound.
func (v *View) Entry(ctx context.Context, commit string) (entry Entry, err error) {
	err = v.read(ctx, func(r reader) error {
		seq, err := seqOf(r, commit)
		if err != nil {
			return err
		}
		return r.each(entryColumns+`WHERE c.seq = ?`, []any{seq}, func(rows *sql.Rows) error {
			entry, err = scanEntry(rows)
			return err
		})
	})
	return entry, err
}
