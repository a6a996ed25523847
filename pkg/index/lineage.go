package index

import (
	"database/sql"
	"errors"
	"slices"
	"strings"

	"wikibot.io/pkg/gitstore"
	"wikibot.io/pkg/pagepath"
)

// A lineage is one page through all its names. Commits are applied in their
// order to one set of live names, each bearing a lineage, and every lineage is
// live under one name at most:
//
//   - a created page starts a lineage, unless its name is live already because
//     a parallel branch created it too;
//   - a rename carries the lineage over, unless a parallel branch has done so;
//   - an edit or a deletion belongs to the lineage that the name last bore.
//
// While branches run in parallel the set is an approximation. It becomes exact
// again at every bottleneck, a commit from which all earlier ones can be
// reached: there it is compared with the commit's tree. The head is always a
// bottleneck. All this is a function of the commits and their order, so it comes
// out the same however often one catches up on the way.
type lineages struct {
	names   map[string]*name
	liveAt  map[int64]*name  // nil: known to be live nowhere
	marked  map[string]*name // changed since the last bottleneck
	touched map[int64]bool   // lineages with new changes
	changes []change

	lastName, lastLineage int64

	selectName, selectLive *sql.Stmt
}

// name is a path that has, or had, a page.
type name struct {
	id      int64
	path    string
	lineage int64 // the last one it bore; 0 before the first
	live    bool
	blob    gitstore.OID // while live

	stored    bool         // is in the table names
	lineageIn int64        // the lineage stored there
	blobIn    gitstore.OID // the blob stored in pages; zero if it is not there
	changed   bool

	// What was so at the last bottleneck, if it has changed since.
	wasLive bool
	wasBlob gitstore.OID
}

// change is a page affected by a commit, as one row of the table changes.
type change struct {
	lineage, seq int64
	name, old    *name // old: the former name, if renamed
	kind         int
}

func newLineages(tx *sql.Tx) (*lineages, error) {
	l := &lineages{
		names: make(map[string]*name), liveAt: make(map[int64]*name),
		marked: make(map[string]*name), touched: make(map[int64]bool),
	}
	err := tx.QueryRow(`SELECT coalesce(max(id), 0), coalesce((SELECT max(lineage) FROM changes), 0) FROM names`).
		Scan(&l.lastName, &l.lastLineage)
	if err != nil {
		return nil, err
	}
	l.selectName, err = tx.Prepare(`SELECT n.id, n.lineage, p.blob FROM names n LEFT JOIN pages p ON p.id = n.id WHERE n.path = ?`)
	if err != nil {
		return nil, err
	}
	l.selectLive, err = tx.Prepare(`SELECT path FROM pages WHERE lineage = ?`)
	return l, err
}

// name finds a path, or makes it known.
func (l *lineages) name(path string) (*name, error) {
	if n := l.names[path]; n != nil {
		return n, nil
	}
	n := &name{path: path}
	var blob []byte
	switch err := l.selectName.QueryRow(path).Scan(&n.id, &n.lineage, &blob); {
	case errors.Is(err, sql.ErrNoRows):
		l.lastName++
		n.id = l.lastName
	case err != nil:
		return nil, err
	default:
		n.stored, n.lineageIn = true, n.lineage
		if n.live = blob != nil; n.live {
			copy(n.blob[:], blob)
			n.blobIn = n.blob
		}
	}
	l.names[path] = n
	if _, known := l.liveAt[n.lineage]; n.live && !known {
		l.liveAt[n.lineage] = n
	}
	return n, nil
}

// bearer returns the name under which a lineage is live, or nil.
func (l *lineages) bearer(lineage int64) (*name, error) {
	if n, known := l.liveAt[lineage]; known || lineage == 0 {
		return n, nil
	}
	var path string
	switch err := l.selectLive.QueryRow(lineage).Scan(&path); {
	case errors.Is(err, sql.ErrNoRows):
		l.liveAt[lineage] = nil
		return nil, nil
	case err != nil:
		return nil, err
	}
	return l.name(path)
}

func (l *lineages) mark(n *name) {
	n.changed = true
	if _, ok := l.marked[n.path]; !ok {
		l.marked[n.path] = n
		n.wasLive, n.wasBlob = n.live, n.blob
	}
}

func (l *lineages) kill(n *name) {
	if n.live {
		l.mark(n)
		n.live, n.blob = false, gitstore.OID{}
		l.liveAt[n.lineage] = nil
	}
}

// bear makes n the live name of a lineage; 0 asks for a new one.
func (l *lineages) bear(n *name, lineage int64, blob gitstore.OID) {
	l.mark(n)
	if lineage == 0 {
		l.lastLineage++
		lineage = l.lastLineage
	}
	if n.live && n.lineage != lineage {
		l.liveAt[n.lineage] = nil
	}
	n.live, n.lineage, n.blob = true, lineage, blob
	l.liveAt[lineage] = n
}

func (l *lineages) record(seq int64, kind int, n, old *name) change {
	c := change{lineage: n.lineage, seq: seq, name: n, old: old, kind: kind}
	l.changes = append(l.changes, c)
	l.touched[n.lineage] = true
	return c
}

// rename carries the lineage of the old name over to the new one.
func (l *lineages) rename(seq int64, p pair) (change, error) {
	old, err := l.name(p.from.path)
	if err != nil {
		return change{}, err
	}
	n, err := l.name(p.to.path)
	if err != nil {
		return change{}, err
	}
	switch elsewhere, err := l.bearer(old.lineage); {
	case err != nil:
		return change{}, err
	case old.live:
		lineage := old.lineage
		l.kill(old)
		l.bear(n, lineage, p.to.new)
	case n.live:
		l.bear(n, n.lineage, p.to.new)
	case elsewhere == nil:
		l.bear(n, old.lineage, p.to.new)
	default:
		l.bear(n, 0, p.to.new)
	}
	return l.record(seq, renamed, n, old), nil
}

// apply creates, edits or deletes a page.
func (l *lineages) apply(seq int64, d delta) (change, error) {
	n, err := l.name(d.path)
	if err != nil {
		return change{}, err
	}
	switch {
	case d.new.IsZero():
		l.kill(n)
		return l.record(seq, deleted, n, nil), nil
	case d.old.IsZero():
		if n.live {
			l.bear(n, n.lineage, d.new)
		} else {
			l.bear(n, 0, d.new)
		}
		return l.record(seq, created, n, nil), nil
	default:
		if n.live {
			l.bear(n, n.lineage, d.new)
		}
		return l.record(seq, edited, n, nil), nil
	}
}

// settle makes the live names agree with the tree of a bottleneck, given the
// pages in which that differs from the tree of the bottleneck before it. It
// returns the pages that it has to count as created here, which happens where
// both a renamed page and its former self survived a merge.
func (l *lineages) settle(seq int64, diff []gitstore.Change) ([]change, error) {
	now := make(map[string]gitstore.OID, len(diff)+len(l.marked))
	for path, n := range l.marked {
		now[path] = gitstore.OID{}
		if n.wasLive {
			now[path] = n.wasBlob
		}
	}
	for _, ch := range diff {
		if path, _, blob, ok := asPage(ch); ok {
			now[path] = blob
		}
	}
	paths := make([]string, 0, len(now))
	for path := range now {
		paths = append(paths, path)
	}
	slices.SortFunc(paths, strings.Compare)
	var alive []*name
	for _, path := range paths {
		n, err := l.name(path)
		if err != nil {
			return nil, err
		}
		if now[path].IsZero() {
			l.kill(n)
		} else {
			alive = append(alive, n)
		}
	}
	var made []change
	for _, n := range alive {
		blob := now[n.path]
		elsewhere, err := l.bearer(n.lineage)
		switch {
		case err != nil:
			return nil, err
		case n.live && n.blob == blob:
		case n.live, n.lineage != 0 && elsewhere == nil:
			l.bear(n, n.lineage, blob)
		default:
			l.bear(n, 0, blob)
			made = append(made, l.record(seq, created, n, nil))
		}
	}
	l.rest()
	return made, nil
}

// rest declares the present state that of a bottleneck.
func (l *lineages) rest() { clear(l.marked) }

// store writes the names and the changes.
func (l *lineages) store(tx *sql.Tx) error {
	insert, err := tx.Prepare(`INSERT INTO names (id, path, key, lineage) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET lineage = excluded.lineage`)
	if err != nil {
		return err
	}
	byID := make([]*name, 0, len(l.names))
	for _, n := range l.names {
		if !n.stored || n.lineage != n.lineageIn {
			byID = append(byID, n)
		}
	}
	slices.SortFunc(byID, func(a, b *name) int { return int(a.id - b.id) })
	for _, n := range byID {
		if _, err := insert.Exec(n.id, n.path, pagepath.Key(n.path), n.lineage); err != nil {
			return err
		}
	}
	// In the order of the table: a first build then only ever appends to it.
	slices.SortStableFunc(l.changes, func(a, b change) int { return int(a.lineage - b.lineage) })
	rows := newBatch(tx, "INSERT INTO changes (lineage, seq, name, old, kind)", 5)
	for _, c := range l.changes {
		var old int64
		if c.old != nil {
			old = c.old.id
		}
		if err := rows.add(c.lineage, c.seq, c.name.id, old, c.kind); err != nil {
			return err
		}
	}
	return rows.flush()
}
