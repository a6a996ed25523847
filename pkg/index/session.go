package index

import (
	"context"
	"database/sql"
	"errors"
)

// session is one connection to a working copy with the statements prepared on
// it: preparing takes longer than running most of them. Statements of sql.DB do
// not do, because preparing one needs a second connection while the caller's
// transaction holds the first, and so deadlocks when all are held.
type session struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

// maxStatements bounds the statements of a session; filters make a few dozen
// different texts.
const maxStatements = 64

// begin starts a read transaction: all queries up to end see one state.
func (cp *working) begin(ctx context.Context) (*session, error) {
	select {
	case cp.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s, err := cp.session(ctx)
	if err != nil {
		<-cp.slots
		return nil, err
	}
	if _, err := s.conn.ExecContext(ctx, "BEGIN"); err != nil {
		s.close()
		<-cp.slots
		return nil, err
	}
	return s, nil
}

func (cp *working) session(ctx context.Context) (*session, error) {
	select {
	case s := <-cp.idle:
		return s, nil
	default:
	}
	conn, err := cp.read.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &session{conn: conn, stmts: make(map[string]*sql.Stmt)}, nil
}

// end ends the transaction and keeps the session for the next one.
func (cp *working) end(s *session) {
	defer func() { <-cp.slots }()
	if _, err := s.conn.ExecContext(context.Background(), "ROLLBACK"); err != nil {
		s.close()
		return
	}
	select {
	case cp.idle <- s:
	default:
		s.close()
	}
}

func (s *session) close() {
	for _, stmt := range s.stmts {
		_ = stmt.Close()
	}
	_ = s.conn.Close()
}

func (s *session) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt := s.stmts[query]; stmt != nil {
		return stmt, nil
	}
	stmt, err := s.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if len(s.stmts) >= maxStatements {
		for text, old := range s.stmts {
			_ = old.Close()
			delete(s.stmts, text)
		}
	}
	s.stmts[query] = stmt
	return stmt, nil
}

// reader runs queries in one read transaction.
type reader struct {
	ctx     context.Context
	session *session
}

// each scans all rows of a query.
func (r reader) each(query string, args []any, scan func(*sql.Rows) error) error {
	stmt, err := r.session.prepare(r.ctx, query)
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(r.ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// one scans the first row of a query and reports whether there was one.
func (r reader) one(query string, args []any, into ...any) (bool, error) {
	stmt, err := r.session.prepare(r.ctx, query)
	if err != nil {
		return false, err
	}
	err = stmt.QueryRowContext(r.ctx, args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}
