package index

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"strings"

	"wikibot.io/pkg/fault"
	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/pagepath"
)

// lineageOf finds the lineage of the page at a path: the present page, else the
// one that bore the path last.
func lineageOf(r reader, path string) (lineage int64, err error) {
	path = pagepath.Clean(path)
	found, err := r.one(`
		SELECT n.lineage FROM names n LEFT JOIN pages p ON p.id = n.id
		WHERE n.key = ? AND n.lineage <> 0
		ORDER BY p.id IS NULL, n.path <> ?, (SELECT max(seq) FROM changes WHERE lineage = n.lineage) DESC, n.path
		LIMIT 1`, []any{pagepath.Key(path), path}, &lineage)
	if err == nil && !found {
		return 0, fault.New(fault.NotFound, "find page %q: there never was one", path)
	}
	return lineage, err
}

// seqOf numbers a commit of the indexed history.
func seqOf(r reader, commit string) (seq int64, err error) {
	id, err := hex.DecodeString(commit)
	if err == nil && len(id) == 20 {
		if found, err := r.one(`SELECT seq FROM commits WHERE id = ?`, []any{id}, &seq); found || err != nil {
			return seq, err
		}
	}
	return 0, fault.New(fault.NotFound, "find revision %q: it is not in this wiki's history", commit)
}

// below turns a position in a list of commits into a bound for seq.
func below(r reader, before string) (int64, error) {
	if before == "" {
		return 1<<63 - 1, nil
	}
	return seqOf(r, before)
}

// History lists the commits that touched a page, newest first, following
// renames. It also answers for pages that were deleted; where several pages have
// borne the path, for the present one, else for the last. before, if not "",
// continues below that commit, which need not have touched the page. A limit of
// 0 is none. fault.NotFound if no page ever had the path.
func (v *View) History(ctx context.Context, path string, limit int, before string) (changes []Change, err error) {
	err = v.read(ctx, func(r reader) error {
		lineage, err := lineageOf(r, path)
		if err != nil {
			return err
		}
		bound, err := below(r, before)
		if err != nil {
			return err
		}
		query := `SELECT n.path, coalesce(o.path, ''), h.kind, ` + commitColumns("c") + `
			FROM changes h JOIN commits c ON c.seq = h.seq JOIN names n ON n.id = h.name LEFT JOIN names o ON o.id = h.old
			WHERE h.lineage = ? AND h.seq < ? ORDER BY h.seq DESC, n.path LIMIT ?`
		return r.each(query, []any{lineage, bound, rowLimit(limit)}, func(rows *sql.Rows) error {
			var row commitRow
			var path, old string
			var kind int
			if err := rows.Scan(append([]any{&path, &old, &kind}, row.into()...)...); err != nil {
				return err
			}
			c := row.change()
			c.Path, c.OldPath, c.Kind = path, old, kindNames[kind]
			changes = append(changes, c)
			return nil
		})
	})
	return changes, err
}

// Resolve finds the commit reachable from the head whose id begins with prefix
// (4 to 40 hex digits); fault.Invalid if it is malformed or ambiguous,
// fault.NotFound.
func (v *View) Resolve(ctx context.Context, prefix string) (commit string, err error) {
	low := prefix + strings.Repeat("0", max(40-len(prefix), 0))
	high := prefix + strings.Repeat("f", max(40-len(prefix), 0))
	from, err := hex.DecodeString(low)
	if err != nil || len(prefix) < 4 || len(prefix) > 40 {
		return "", fault.Invalidf("revision", "is not 4 to 40 hexadecimal digits")
	}
	to, _ := hex.DecodeString(high) // as good as low
	err = v.read(ctx, func(r reader) error {
		var found [][]byte
		err := r.each(`SELECT id FROM commits WHERE id BETWEEN ? AND ? LIMIT 2`, []any{from, to}, func(rows *sql.Rows) error {
			var id []byte
			err := rows.Scan(&id)
			found = append(found, bytes.Clone(id))
			return err
		})
		switch {
		case err != nil:
			return err
		case len(found) == 0:
			return fault.New(fault.NotFound, "find revision %q: it is not in this wiki's history", prefix)
		case len(found) > 1:
			return fault.Invalidf("revision", "is ambiguous: several begin with %q; give more digits", prefix)
		}
		commit = hex.EncodeToString(found[0])
		return nil
	})
	return commit, err
}

// PathAt returns the path that the page now at path had at the given commit
// (40 hex); fault.NotFound if it did not exist then. For a deleted page it
// answers as History does.
func (v *View) PathAt(ctx context.Context, path, commit string) (string, error) {
	var names []string // in the order in which they are likely
	var gone bool      // the first is what it was deleted as: another page may bear the older ones
	err := v.read(ctx, func(r reader) error {
		lineage, err := lineageOf(r, path)
		if err != nil {
			return err
		}
		seq, err := seqOf(r, commit)
		if err != nil {
			return err
		}
		// Names from the commit backwards; the tree decides. Without branches the
		// first is right, or the page was deleted. A branch that ran in parallel
		// may have renamed the page before, by the order of commits, without this
		// commit knowing: then an older name is.
		query := `SELECT n.path, coalesce(o.path, ''), h.kind FROM changes h JOIN names n ON n.id = h.name LEFT JOIN names o ON o.id = h.old
			WHERE h.lineage = ? AND h.seq <= ? ORDER BY h.seq DESC, n.path`
		return r.each(query, []any{lineage, seq}, func(rows *sql.Rows) error {
			var name, old string
			var kind int
			if err := rows.Scan(&name, &old, &kind); err != nil {
				return err
			}
			gone = gone || kind == deleted && len(names) == 0
			if names = append(names, name); old != "" {
				names = append(names, old)
			}
			return nil
		})
	})
	if err != nil {
		return "", err
	}
	repo, err := v.cache.deps.Git.Repo(ctx, v.wiki.ID)
	if err != nil {
		return "", err
	}
	c, err := repo.Commit(ctx, gitHash(commit))
	if err != nil {
		return "", err
	}
	if gone {
		names = names[:1]
	}
	tried := make(map[string]bool)
	for _, name := range names {
		if tried[name] {
			continue
		}
		tried[name] = true
		if ok, err := hasPage(ctx, repo, c.Tree, name); err != nil || ok {
			return name, err
		}
	}
	return "", fault.New(fault.NotFound, "find page %q at revision %.12s: it did not exist then", path, commit)
}

func hasPage(ctx context.Context, repo *gitstore.Repo, tree gitstore.OID, page string) (bool, error) {
	segments := strings.Split(pagepath.File(page), "/")
	for i, segment := range segments {
		t, err := repo.Tree(ctx, tree)
		if err != nil {
			return false, err
		}
		e, ok := t.Entry(segment)
		switch {
		case !ok:
			return false, nil
		case i == len(segments)-1:
			return regular(e.Mode), nil
		case e.Mode.IsFile():
			return false, nil
		}
		tree = e.ID
	}
	return false, nil
}
