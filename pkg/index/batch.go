package index

import (
	"database/sql"
	"strings"
)

// batch inserts many rows a statement, because most of the time of a small
// insert goes into the call.
type batch struct {
	tx      *sql.Tx
	into    string
	columns int
	full    *sql.Stmt
	args    []any
}

const batchRows = 64

func newBatch(tx *sql.Tx, into string, columns int) *batch {
	return &batch{tx: tx, into: into, columns: columns}
}

func (b *batch) values(rows int) string {
	row := ", (" + strings.Repeat(", ?", b.columns)[2:] + ")"
	return b.into + " VALUES " + strings.Repeat(row, rows)[2:]
}

func (b *batch) add(row ...any) (err error) {
	b.args = append(b.args, row...)
	if len(b.args) < batchRows*b.columns {
		return nil
	}
	if b.full == nil {
		if b.full, err = b.tx.Prepare(b.values(batchRows)); err != nil {
			return err
		}
	}
	_, err = b.full.Exec(b.args...)
	b.args = b.args[:0]
	return err
}

func (b *batch) flush() error {
	if len(b.args) == 0 {
		return nil
	}
	_, err := b.tx.Exec(b.values(len(b.args)/b.columns), b.args...)
	b.args = b.args[:0]
	return err
}
