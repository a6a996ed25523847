package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"wikibot.io/pkg/gitstore"
)

// errForked says that a head does not continue the history that the index
// holds: the index has to be rebuilt.
var errForked = errors.New("the head does not continue the indexed history")

// builder brings an index from the commit it describes to a later one. Building
// from nothing is the same, from no commit.
type builder struct {
	ctx  context.Context
	repo *gitstore.Repo
	tx   *sql.Tx
	line *lineages

	seq        int64
	base       gitstore.OID          // tree of the last bottleneck
	bottleneck gitstore.OID          // that commit; zero if the last commit applied was none
	tips       map[gitstore.OID]bool // applied commits without an applied child
	insert     *sql.Stmt
}

// catchUp applies all commits up to head in one transaction.
func catchUp(ctx context.Context, db *sql.DB, repo *gitstore.Repo, head gitstore.OID, sequence int64) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	b := &builder{ctx: ctx, repo: repo, tx: tx, tips: make(map[gitstore.OID]bool)}
	var oldHead gitstore.OID
	var raw []byte
	if err := tx.QueryRow(`SELECT head, (SELECT coalesce(max(seq), 0) FROM commits) FROM meta`).Scan(&raw, &b.seq); err != nil {
		return err
	}
	copy(oldHead[:], raw)
	if oldHead != head {
		nodes, err := b.plan(oldHead, head)
		if err != nil {
			return err
		}
		if err := b.applyAll(oldHead, nodes); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(`UPDATE meta SET head = ?, sequence = ?`, head[:], sequence); err != nil {
		return err
	}
	return tx.Commit()
}

// plan lists the commits to apply, in order.
func (b *builder) plan(oldHead, head gitstore.OID) ([]node, error) {
	lookup, err := b.tx.Prepare(`SELECT 1 FROM commits WHERE id = ?`)
	if err != nil {
		return nil, err
	}
	known := func(id gitstore.OID) (bool, error) {
		if oldHead.IsZero() {
			return false, nil
		}
		var one int
		err := lookup.QueryRow(id[:]).Scan(&one)
		if errors.Is(err, sql.ErrNoRows) {
			return false, nil
		}
		return err == nil, err
	}
	if back, err := known(head); back || err != nil {
		return nil, errors.Join(err, errForked)
	}
	nodes, err := ahead(b.ctx, b.repo, head, known)
	if err != nil {
		return nil, err
	}
	if !oldHead.IsZero() {
		ok, err := appends(nodes, oldHead, func() (newest int64, err error) {
			return newest, b.tx.QueryRow(`SELECT max(time) FROM commits`).Scan(&newest)
		})
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, errForked
		}
	}
	return order(nodes), nil
}

func (b *builder) applyAll(oldHead gitstore.OID, nodes []node) (err error) {
	if b.line, err = newLineages(b.tx); err != nil {
		return err
	}
	b.insert, err = b.tx.Prepare(`INSERT INTO commits (seq, id, parent, author, email, agent, time, message, pages, files) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	if !oldHead.IsZero() {
		c, err := b.repo.Commit(b.ctx, oldHead)
		if err != nil {
			return err
		}
		b.base, b.bottleneck = c.Tree, oldHead
		b.tips[oldHead] = true
	}
	for _, n := range nodes {
		if err := b.apply(n); err != nil {
			return fmt.Errorf("index commit %s: %w", n.id, err)
		}
	}
	if err := b.line.store(b.tx); err != nil {
		return err
	}
	return b.refresh()
}

// apply takes in one commit.
func (b *builder) apply(n node) error {
	c, err := b.repo.Commit(b.ctx, n.id)
	if err != nil {
		return err
	}
	trees := make([]gitstore.OID, len(n.parents))
	for i, id := range n.parents {
		p, err := b.repo.Commit(b.ctx, id)
		if err != nil {
			return err
		}
		trees[i] = p.Tree
	}
	pages, files, err := touched(b.ctx, b.repo, c.Tree, trees)
	if err != nil {
		return err
	}
	message, agent, ours := splitMessage(c.Message)
	b.seq++
	changes, err := b.lineage(pages, ours)
	if err != nil {
		return err
	}
	more, err := b.close(n, c)
	if err != nil {
		return err
	}
	return b.store(n, c, message, agent, append(changes, more...), files)
}

func (b *builder) lineage(pages []delta, ours bool) ([]change, error) {
	pairs, rest, err := renames(b.ctx, b.repo, pages, ours)
	if err != nil {
		return nil, err
	}
	var changes []change
	for _, p := range pairs {
		c, err := b.line.rename(b.seq, p)
		if err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	// Deletions before creations before edits: see lineages.
	for _, kind := range []int{deleted, created, edited} {
		for _, d := range rest {
			if kindOf(d) != kind {
				continue
			}
			c, err := b.line.apply(b.seq, d)
			if err != nil {
				return nil, err
			}
			changes = append(changes, c)
		}
	}
	return changes, nil
}

func kindOf(d delta) int {
	switch {
	case d.new.IsZero():
		return deleted
	case d.old.IsZero():
		return created
	}
	return edited
}

// close notes that the commit has been applied and, at a bottleneck, settles the
// lineages. A commit whose only parent is the bottleneck before it left nothing
// to settle.
func (b *builder) close(n node, c *gitstore.Commit) ([]change, error) {
	for _, p := range n.parents {
		delete(b.tips, p)
	}
	b.tips[n.id] = true
	if len(b.tips) > 1 {
		b.bottleneck = gitstore.OID{}
		return nil, nil
	}
	var more []change
	if len(n.parents) == 1 && n.parents[0] == b.bottleneck {
		b.line.rest()
	} else {
		diff, err := b.repo.Diff(b.ctx, b.base, c.Tree)
		if err != nil {
			return nil, err
		}
		if more, err = b.line.settle(b.seq, diff); err != nil {
			return nil, err
		}
	}
	b.base, b.bottleneck = c.Tree, n.id
	return more, nil
}

func (b *builder) store(n node, c *gitstore.Commit, message, agent string, changes []change, files []string) error {
	var parent []byte
	if len(n.parents) > 0 {
		parent = n.parents[0][:]
	}
	pages, err := packAffected(changes)
	if err != nil {
		return err
	}
	packed, err := pack(files)
	if err != nil {
		return err
	}
	_, err = b.insert.Exec(b.seq, n.id[:], parent, clean(c.Author.Name), clean(c.Author.Email), clean(agent), clock(c), message, pages, packed)
	return err
}
